//! The documentation: links lead somewhere, commands and knobs exist, generated pages are those of the program.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod blocks;
mod commands;
mod generated;
mod links;
mod markdown;
mod shell;
mod words;

use std::path::Path;

/// The repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Fails with every mistake that was found.
fn assert_none(mistakes: &[String]) {
    assert!(mistakes.is_empty(), "\n{}\n", mistakes.join("\n"));
}
