//! A screen that is left: the shell gets its terminal, and the run goes on.

#![cfg(unix)]
use crate::pty::Terminal;
use crate::run::SMALL;
use portable_pty::CommandBuilder;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A run that lasts until it is stopped.
fn endless() -> String {
    format!("quick --runs runs {} --set train.epochs=5000 --set train.log_every=1", SMALL.join(" "))
}

const TRICKTOP: &str = env!("CARGO_BIN_EXE_tricktop");

fn steps(dir: &Path) -> usize {
    std::fs::read_to_string(dir.join("runs/quick/metrics.jsonl")).map_or(0, |text| text.lines().count())
}

fn wait(what: &str, done: impl Fn() -> bool) {
    let since = Instant::now();
    while !done() {
        assert!(since.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Attaches to the run, and stops it with a checkpoint.
fn stop_from_elsewhere(dir: &Path) {
    let mut command = CommandBuilder::new(TRICKTOP);
    command.args(["attach", "quick"]);
    command.cwd(dir);
    let mut screen = Terminal::open(command, 80, 24);
    screen.wait_for("RUN");
    screen.press("qs");
    screen.wait_for("STOPPED");
    screen.press("q");
    screen.ends();
}

fn end(dir: &Path) -> String {
    let log = std::fs::read_to_string(dir.join("runs/quick/log.jsonl")).unwrap();
    log.lines().last().unwrap().to_string()
}

/// Opens a shell with job control, as the person's own, and starts a run there.
fn shell(dir: &Path) -> Terminal {
    let mut command = CommandBuilder::new("sh");
    command.args(["-i"]);
    command.env("PS1", "ready> ");
    command.env_remove("ENV");
    command.cwd(dir);
    let mut shell = Terminal::open(command, 100, 30);
    shell.wait_for("ready> ");
    shell.press(&format!("'{TRICKTOP}' {}\r", endless()));
    shell.wait_until("the screen", |text| text.contains("RUN") && text.contains("img/s"));
    shell
}

#[test]
fn the_shell_is_free_after_a_detach_and_the_run_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut shell = shell(dir.path());
    shell.press("qd");
    shell.wait_for("the run goes on; tricktop attach runs/quick opens the screen again");
    // The shell takes orders, and is what reads the keys.
    shell.press("echo the answer is $((6 * 7))\r");
    shell.wait_for("the answer is 42");
    let before = steps(dir.path());
    wait("the run stands still", || steps(dir.path()) > before + 5);
    // The shell drops what is typed ahead of it.
    shell.press("\x03");
    std::thread::sleep(Duration::from_millis(300));
    shell.press("echo and now $((7 * 7))\r");
    shell.wait_for("and now 49");
    let before = steps(dir.path());
    wait("ctrl-c of the shell has reached the run", || steps(dir.path()) > before + 5);
    // It is a job of the shell as any other: brought back, suspended and sent off again.
    shell.press("fg\r");
    std::thread::sleep(Duration::from_millis(300));
    shell.press("\x1a");
    std::thread::sleep(Duration::from_millis(300));
    shell.press("echo again $((8 * 8))\r");
    shell.wait_for("again 64");
    std::thread::sleep(Duration::from_millis(300));
    let still = steps(dir.path());
    std::thread::sleep(Duration::from_millis(300));
    assert!(steps(dir.path()) <= still + 1, "it is suspended");
    shell.press("bg\r");
    wait("bg has not sent it on", || steps(dir.path()) > still + 5);
    stop_from_elsewhere(dir.path());
    wait("it has not ended", || end(dir.path()).contains("run_end"));
    assert!(end(dir.path()).contains("\"stopped\""), "{}", end(dir.path()));
    shell.press("exit\r");
    shell.ends();
}

/// A terminal that has no shell to give back, as in a window of its own.
#[test]
fn without_a_shell_the_run_goes_on_in_its_terminal_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = CommandBuilder::new(TRICKTOP);
    command.args(endless().split_whitespace());
    command.cwd(dir.path());
    let mut terminal = Terminal::open(command, 100, 30);
    terminal.wait_until("the screen", |text| text.contains("RUN") && text.contains("img/s"));
    let found = terminal.found.clone();
    terminal.press("qd");
    terminal.wait_for("no shell has taken the terminal");
    assert_eq!(terminal.modes(), found);
    let before = steps(dir.path());
    wait("the run stands still", || steps(dir.path()) > before + 5);
    // Ctrl-C is what it says.
    terminal.press("\x03");
    let after = terminal.ends();
    assert!(after.contains("stopped at step"), "{after}");
    assert!(end(dir.path()).contains("\"stopped\""), "{}", end(dir.path()));
}

/// A script that waits for the program is no shell with jobs: both are stopped for a moment, and both go on.
#[test]
fn a_script_goes_on_with_its_run() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = CommandBuilder::new("sh");
    command.args(["-c", &format!("'{TRICKTOP}' {}; echo after it", endless())]);
    command.cwd(dir.path());
    let mut terminal = Terminal::open(command, 100, 30);
    terminal.wait_until("the screen", |text| text.contains("RUN") && text.contains("img/s"));
    terminal.press("qd");
    terminal.wait_for("no shell has taken the terminal");
    let before = steps(dir.path());
    wait("the run stands still", || steps(dir.path()) > before + 5);
    stop_from_elsewhere(dir.path());
    terminal.wait_for("after it");
    terminal.ends();
}

#[test]
fn nobody_is_woken_who_is_not_there() {
    for group in ["0", "-1", "x", "999999999", ""] {
        let output = Command::new(TRICKTOP).args(["--wake-process-group", group]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{group}");
    }
}
