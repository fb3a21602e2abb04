//! The terminal front end: the edge between terminal, clock and threads, and the pure core.
//!
//! A screen is a `Screen` (`screen.rs`), and one loop shows any of them. One channel brings keys and what happens; the loop
//! sleeps on it. Slow sources (hardware, presets, signals) are looked at whenever the loop wakes, which it does five
//! times a second at least.

pub mod background;
pub mod browse;
mod edge;
mod environment;
mod input;
mod kitty;
mod pace;
mod panics;
mod paths;
mod run;
mod screen;
mod signals;
pub mod suite;
mod terminal;
mod visit;

pub use environment::{ascii_from_env, color_from_env, truecolor_from_env};
pub use run::{ExitInfo, Session, run};
pub use visit::Visit;

use crate::text::printed;
use std::io;
use thiserror::Error;

/// Why the screen could not go on.
#[derive(Debug, Error)]
pub enum TuiError {
    /// The terminal refused.
    #[error("the terminal cannot be used: {0}; is this a terminal? --batch runs without one")]
    Terminal(#[from] io::Error),
    /// The first run did not start.
    #[error("{0}")]
    Start(String),
}

/// Prints lines below what the shell shows.
fn say(lines: &[String]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    lines.iter().try_for_each(|line| io::Write::write_all(&mut out, format!("{}\n", printed(line)).as_bytes()))
}
