//! Makes the pictures of the documentation from real runs, which takes minutes:
//! `cargo bench --bench readme -- recording`, `cargo bench --bench readme -- screenshot`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../tests/terminal/pty.rs"]
#[allow(dead_code)]
mod pty;

use portable_pty::CommandBuilder;
use pty::Terminal;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use std::path::Path;
use std::time::{Duration, Instant};
use tricktop::view::svg;

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let wants = |name: &str| asked.iter().any(|word| word == name);
    if wants("recording") {
        recording();
    }
    if wants("screenshot") {
        screenshot();
    }
}

fn assets() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/assets"))
}

/// The screen's cells, as the program coloured them.
fn cells(screen: &vt100::Screen) -> Buffer {
    let color = |c: vt100::Color| match c {
        vt100::Color::Default => Color::Reset,
        vt100::Color::Idx(i) => Color::Indexed(i),
        vt100::Color::Rgb(r, g, b) => Color::Rgb(r, g, b),
    };
    let (rows, cols) = screen.size();
    let mut buffer = Buffer::empty(Rect::new(0, 0, cols, rows));
    for (x, y) in (0..rows).flat_map(|y| (0..cols).map(move |x| (x, y))) {
        let Some(cell) = screen.cell(y, x).filter(|cell| cell.has_contents()) else { continue };
        let mut style = Style::new().fg(color(cell.fgcolor())).bg(color(cell.bgcolor()));
        for (on, modifier) in
            [(cell.bold(), Modifier::BOLD), (cell.dim(), Modifier::DIM), (cell.inverse(), Modifier::REVERSED)]
        {
            style = if on { style.add_modifier(modifier) } else { style };
        }
        buffer[(x, y)].set_symbol(cell.contents()).set_style(style);
    }
    buffer
}

/// Watches the screen for a time and keeps what is seen, three times a second, with the time since `begun`.
fn film(terminal: &mut Terminal, begun: Instant, seconds: f64, frames: &mut Vec<(f64, Buffer)>) {
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    while Instant::now() < until {
        std::thread::sleep(Duration::from_millis(333));
        let cells = cells(terminal.look());
        if frames.last().is_none_or(|(_, last)| *last != cells) {
            frames.push((begun.elapsed().as_secs_f64(), cells));
        }
    }
}

/// Makes `assets/recording.svg`.
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
        film(&mut terminal, begun, seconds, &mut frames);
    }
    std::fs::write(assets().join("recording.svg"), svg::film(&frames, begun.elapsed().as_secs_f64())).unwrap();
    terminal.press("n");
    terminal.wait_for("STOPPED");
    terminal.press("q");
    terminal.ends();
}

/// Makes `assets/screenshot.svg` and `assets/screenshot.txt`.
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
    std::fs::write(assets().join("screenshot.svg"), svg::svg(&cells(terminal.look()))).unwrap();
    std::fs::write(assets().join("screenshot.txt"), terminal.contents() + "\n").unwrap();
    terminal.press("\x1bqn");
    terminal.wait_for("STOPPED");
    terminal.press("q");
    terminal.ends();
}
