//! Odd places and ends: a long path, a kill, a signal that leaves nothing to save.

#![cfg(unix)]
use crate::pty::Terminal;
use crate::run::{SMALL, open, stop};
use portable_pty::CommandBuilder;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn a_run_with_a_long_path_is_attached_to_through_a_socket_elsewhere() {
    let (dir, runtime) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let runs = dir.path().join("a_project_with_a_long_name_on_a_cluster/".repeat(4)).join("runs");
    let mut run = Command::new(env!("CARGO_BIN_EXE_tricktop"));
    run.args(["--batch", "quick", "--set", "train.epochs=2000", "--runs"]).arg(&runs).args(SMALL);
    run.current_dir(dir.path()).env("XDG_RUNTIME_DIR", runtime.path());
    let mut run = run.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(run.stderr.take().unwrap());
    let mut first = String::new();
    said.read_line(&mut first).unwrap();
    assert!(first.contains("screens attach through") && first.contains(&*runtime.path().to_string_lossy()), "{first}");

    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_tricktop"));
    command.args(["attach".as_ref(), runs.join("quick").as_os_str()]);
    let mut terminal = Terminal::open(command, 100, 30);
    terminal.wait_for("RUN");
    stop(terminal);
    assert_eq!(run.wait().unwrap().code(), Some(130));
    assert_eq!(std::fs::read_dir(runtime.path()).unwrap().count(), 0, "it leaves nothing there");
    assert!(!runs.join("quick/socket.path").exists());
}

#[test]
fn a_run_that_was_killed_is_killed_on_its_screen() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = Command::new(env!("CARGO_BIN_EXE_tricktop"));
    run.args(["--batch", "quick", "--json", "--set", "train.epochs=2000", "--set", "train.log_every=1"]).args(SMALL);
    let mut run = run.current_dir(dir.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(run.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|line| line.contains("\"step\"")).unwrap();
    run.kill().unwrap();
    run.wait().unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_tricktop"));
    command.args(["attach", "quick"]);
    command.cwd(dir.path());
    let mut terminal = Terminal::open(command, 100, 30);
    terminal.wait_for("KILLED");
    terminal.press("q");
    assert!(terminal.ends().contains("killed at step"));
}

#[test]
fn sigquit_gives_the_terminal_back_before_the_program_dies_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = open(dir.path(), &["train.epochs=2000"], 100, 30);
    terminal.wait_for("RUN");
    let found = terminal.found.clone();
    terminal.signal("-QUIT");
    let since = Instant::now();
    while terminal.modes() != found {
        assert!(since.elapsed() < Duration::from_secs(60), "the terminal stays raw");
        std::thread::sleep(Duration::from_millis(20));
    }
    terminal.ends();
}
