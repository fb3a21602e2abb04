//! Makes the pictures of the README from real runs.

#![cfg(unix)]
use crate::pty::Terminal;
use portable_pty::CommandBuilder;
use ratatui::buffer::Buffer;
use std::path::Path;
use std::time::Instant;
use tricktop::view::svg;

fn assets() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/assets"))
}

/// `assets/recording.svg`: `cargo test --release --test terminal recording -- --ignored`.
#[test]
#[ignore = "trains for a minute, to make assets/recording.svg"]
fn recording() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_tricktop"));
    command.args(["quick", "--runs", "runs"]);
    command.cwd(dir.path());
    let mut terminal = Terminal::open(command, 110, 32);
    terminal.wait_for("RUN");
    let (begun, mut frames): (_, Vec<(f64, Buffer)>) = (Instant::now(), Vec::new());
    // Keys, and the seconds that a person looks at what they did.
    let script = [
        ("", 5.0),
        // A rate is typed; its future is drawn before it is sent.
        ("\r", 1.0),
        ("0", 0.5),
        (".", 0.5),
        ("3", 2.0),
        ("\r", 4.0),
        // That was too much: back to the moment before.
        ("U", 4.0),
        // A trick is switched on.
        ("2jjjjjj", 1.0),
        (" ", 4.0),
        // The curves are read.
        ("3\x1b[D", 0.7),
        ("\x1b[D\x1b[D\x1b[D\x1b[D", 0.7),
        ("\x1b[D\x1b[D\x1b[D\x1b[D", 0.7),
        ("\x1b[D\x1b[D\x1b[D\x1b[D", 2.0),
        ("\x1b", 1.0),
        // What the net sees, and what is inside it.
        ("8", 4.0),
        ("9", 4.0),
        ("1", 1.0),
        // How to stop.
        ("q", 3.0),
    ];
    for (keys, seconds) in script {
        terminal.press(keys);
        terminal.film(begun, seconds, &mut frames);
    }
    std::fs::write(assets().join("recording.svg"), svg::film(&frames, begun.elapsed().as_secs_f64())).unwrap();
    terminal.press("n");
    terminal.wait_for("STOPPED");
    terminal.press("q");
    terminal.ends();
}

/// `assets/screenshot.svg` and `.txt`: `cargo test --release --test terminal screenshot -- --ignored`.
#[test]
#[ignore = "trains for minutes, to make assets/screenshot.svg and assets/screenshot.txt"]
fn screenshot() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_tricktop"));
    command.args(["quick", "--runs", "runs"]);
    command.cwd(dir.path());
    let mut terminal = Terminal::open(command, 120, 36);
    terminal.wait_long("epoch  4/");
    terminal.press("2jjjjjj");
    terminal.wait_for("▸ [ ] mixup");
    terminal.press(" ");
    terminal.wait_for("▸ [x] mixup");
    terminal.wait_long("epoch  6/");
    terminal.press("\r0.35");
    terminal.wait_for("0.35");
    std::fs::write(assets().join("screenshot.svg"), svg::svg(&terminal.cells())).unwrap();
    std::fs::write(assets().join("screenshot.txt"), terminal.contents() + "\n").unwrap();
    terminal.press("\x1bqn");
    terminal.wait_for("STOPPED");
    terminal.press("q");
    terminal.ends();
}
