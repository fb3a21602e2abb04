//! The screens without a terminal: keys in, effects out, and pictures of text.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod browse;
mod finder;
mod keys;
mod look;
mod panes;
mod pictures;
mod presets;
mod run;
mod run_dirs;
mod suite;

#[path = "../common/script.rs"]
mod script;
