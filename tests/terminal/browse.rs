//! The browser of runs on a pseudo-terminal: a run is taken up, watched while another program trains it, and renamed.

#![cfg(unix)]
use crate::pty::Terminal;
use crate::tiny;
use portable_pty::CommandBuilder;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// A run that lasts until it is stopped.
fn endless() -> String {
    tiny::with(&[("(\n    data", "(\n    name: \"tiny\", data"), ("epochs: 2", "epochs: 3000")])
}

fn program(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tricktop"));
    command.current_dir(dir).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
fn a_run_is_opened_and_the_browser_is_there_again() {
    let dir = tempfile::tempdir().unwrap();
    // A run that was killed before its first checkpoint.
    let run = dir.path().join("runs/tiny");
    fs::create_dir_all(&run).unwrap();
    fs::write(run.join("recipe.ron"), endless()).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_tricktop"));
    command.arg("runs");
    command.cwd(dir.path());
    let mut terminal = Terminal::open(command, 100, 30);
    terminal.wait_for("✗ killed 0/3000");

    // It is taken up, stopped on its screen, and the browser knows.
    terminal.press("r");
    terminal.wait_for("Learning rate");
    terminal.wait_for("RUN");
    terminal.press("qs");
    terminal.wait_for("STOPPED");
    terminal.press("q");
    terminal.wait_for("1 run");
    terminal.wait_for("■ stopped");

    // Another program trains it: its screen opens, and is left.
    let mut other = program(dir.path()).args(["resume", "tiny", "--batch"]).spawn().unwrap();
    terminal.wait_for("▸ running");
    terminal.press("\r");
    terminal.wait_for("Learning rate");
    terminal.wait_for("RUN");
    terminal.press("qd");
    terminal.wait_for("1 run");
    terminal.press("x");
    terminal.wait_for("is being trained");
    let stop = Command::new("kill").arg(other.id().to_string()).status().unwrap();
    assert!(stop.success());
    other.wait().unwrap();
    terminal.wait_for("■ stopped");

    terminal.press("R\u{15}other\r");
    terminal
        .wait_until("the new name", |text| text.contains("renamed") && text.contains("▸ ") && text.contains("other"));
    assert!(dir.path().join("runs/other/recipe.ron").is_file());
    terminal.press("q");
    terminal.ends_with(Some(0));

    let lines = program(dir.path()).args(["runs", "epochs=3000"]).stdout(Stdio::piped()).output().unwrap();
    let lines = String::from_utf8(lines.stdout).unwrap();
    assert!(lines.lines().any(|line| line.starts_with("other ") && line.contains("stopped")), "{lines}");
    let json = program(dir.path()).args(["runs", "--json"]).stdout(Stdio::piped()).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["run"], &json["recipe"]["train.epochs"]), (&"other".into(), &3000.into()));
}
