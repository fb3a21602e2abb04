//! The screen of a suite on a pseudo-terminal, training for real; and runs that are opened when they are over.

#![cfg(unix)]
use crate::pty::Terminal;
use crate::tiny;
use portable_pty::CommandBuilder;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Two rows with two seeds each, on a net and a set that are small enough to watch.
const LADDER: &str = r#"(
    title: "A tiny ladder",
    base: (name: "base", recipe: RECIPE),
    cells: [(name: "mixup", recipe: (tricks: (mixup: (on: true))))],
    seeds: 2,
)"#;

fn open(dir: &Path, args: &[&str]) -> Terminal {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_tricktop"));
    command.args(args);
    command.cwd(dir);
    Terminal::open(command, 100, 30)
}

/// A directory with the suite, whose runs have so many epochs.
fn with_epochs(epochs: u64) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let recipe = tiny::with(&[("epochs: 2", &format!("epochs: {epochs}"))]);
    fs::write(dir.path().join("tiny.ron"), LADDER.replace("RECIPE", &recipe)).unwrap();
    dir
}

#[test]
fn a_suite_is_steered_left_and_goes_on() {
    let dir = with_epochs(3000);
    let mut terminal = open(dir.path(), &["suite", "tiny.ron"]);
    terminal.wait_for("A tiny ladder");
    terminal.wait_for("▸ epoch");

    // The run at work on the full screen, and back; the suite goes on.
    terminal.press("\r");
    terminal.wait_for("Learning rate");
    terminal.wait_for("00-base-s0");
    terminal.press("qd");
    terminal.wait_for("A tiny ladder");
    terminal.wait_for("▸ epoch");

    terminal.press("p");
    terminal.wait_for("‖ paused");
    terminal.press("p");
    terminal.wait_for("▸ epoch");

    // Its run stops with a checkpoint, and the other row is trained meanwhile.
    terminal.press("x");
    terminal.wait_for("■ skipped");
    terminal.wait_until("the other row", |text| text.contains("▸ epoch") && text.contains("■ skipped"));
    let checkpoints = dir.path().join("runs/tiny/00-base-s0/checkpoints");
    assert!(checkpoints.read_dir().unwrap().next().is_some(), "no checkpoint");
    terminal.press("x");
    terminal.wait_for("· waits");

    terminal.press("q");
    terminal.wait_for("Stop the suite?");
    terminal.press("s");
    let after = terminal.ends_with(Some(130));
    assert!(after.contains("4 runs are not done yet") && after.contains("the same command goes on"), "{after}");
    assert!(dir.path().join("runs/tiny/01-mixup-s0/checkpoints").read_dir().unwrap().next().is_some());
}

#[test]
fn a_suite_ends_with_its_table_and_its_runs_can_be_looked_at() {
    let dir = with_epochs(4);
    let mut terminal = open(dir.path(), &["suite", "tiny.ron"]);
    terminal.wait_for("▸ epoch");
    terminal.signal("-TERM");
    terminal.ends();
    let mut terminal = open(dir.path(), &["suite", "tiny.ron"]);
    terminal.wait_long("✓ DONE");
    terminal.press("G\r");
    terminal.wait_for("Learning rate");
    terminal.wait_for("01-mixup-s");
    // The suite begins its runs itself.
    terminal.press("r");
    terminal.wait_for("a suite trains this run");
    terminal.press("q");
    terminal.wait_for("A tiny ladder");
    terminal.press("q");
    let after = terminal.ends_with(Some(0));
    assert!(after.contains("mixup") && after.contains("Δ base"), "{after}");

    // A done run, its lines without a screen, and one that was killed.
    let mut terminal = open(dir.path(), &["attach", "runs/tiny/00-base-s0"]);
    terminal.wait_for("DONE");
    terminal.wait_for("epoch 4/4");
    terminal.press("q");
    assert!(terminal.ends_with(Some(0)).contains("tricktop replay runs/tiny/00-base-s0"));
    let log = dir.path().join("runs/tiny/00-base-s0/log.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    let killed: String = text.lines().filter(|l| !l.contains("run_end")).map(|line| format!("{line}\n")).collect();
    fs::write(&log, killed).unwrap();
    let mut terminal = open(dir.path(), &["attach", "runs/tiny/00-base-s0"]);
    terminal.wait_for("KILLED");
    terminal.press("q");
    terminal.ends_with(Some(0));
    fs::write(&log, "nonsense\n").unwrap();
    assert!(open(dir.path(), &["attach", "runs/tiny/00-base-s0"]).ends_with(Some(1)).contains("line 1 cannot be read"));

    let plain = open(dir.path(), &["suite", "tiny.ron", "--plain"]).ends();
    assert!(plain.contains("Δ base"), "{plain}");
}

#[test]
fn a_suite_goes_on_when_its_window_is_shut() {
    let dir = with_epochs(4);
    let mut terminal = open(dir.path(), &["suite", "tiny.ron"]);
    terminal.wait_for("▸ epoch");
    let mut program = terminal.hang_up();
    assert!(program.wait().unwrap().success());
    let table =
        Command::new(env!("CARGO_BIN_EXE_tricktop")).args(["table", "tiny.ron"]).current_dir(dir.path()).output();
    let table = String::from_utf8(table.unwrap().stdout).unwrap();
    assert!(!table.contains("not done yet"), "{table}");
}
