//! What the search for a learning rate may be given.

use super::Threads;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct LrFind {
    /// Preset: a file, or the name of a bundled one
    pub(in crate::cli) preset: PathBuf,
    /// Changes a knob of the preset; may be repeated
    #[arg(long = "set", value_name = "KNOB=VALUE")]
    pub(in crate::cli) sets: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) threads: Threads,
    /// Prints one JSON object
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
