//! What the commands on suites may be given.

use super::{Look, Threads, path};
use crate::suite::Format;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::num::NonZeroUsize;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Suite {
    #[command(flatten)]
    pub(in crate::cli) of: Of,
    /// Runs trained at once, the threads shared out among them [default: 1; on a cluster as many as it has room for]
    #[arg(long, value_name = "N")]
    pub(in crate::cli) jobs: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(in crate::cli) threads: Threads,
    #[command(flatten)]
    pub(in crate::cli) look: Look,
    /// Lines of progress instead of the screen, as without a terminal
    #[arg(long, conflicts_with_all = ["theme", "ascii", "kitty"])]
    pub(in crate::cli) plain: bool,
    /// Prints the command of every run instead, for machines elsewhere; those that are done as comments
    #[arg(long, conflicts_with_all = ["jobs", "plain"])]
    pub(in crate::cli) list: bool,
    /// Trains this run alone, by its place in the list from 0 on; does nothing where it is done, and goes on with it where it
    /// was begun
    #[arg(long, value_name = "N", conflicts_with_all = ["jobs", "list", "theme", "ascii", "kitty"])]
    pub(in crate::cli) run: Option<usize>,
    /// Has Slurm train what is left, as an array of jobs; options of sbatch come behind `--`
    #[arg(long, conflicts_with_all = ["plain", "list", "run", "theme", "ascii", "kitty"])]
    pub(in crate::cli) slurm: bool,
    /// Prints the script of the array instead
    #[arg(long, requires = "slurm")]
    pub(in crate::cli) dry_run: bool,
    /// Prints a Job of Kubernetes that trains it with this image of the program, and with the volume claim `work`
    #[arg(long, value_name = "IMAGE", conflicts_with_all = ["plain", "list", "run", "slurm", "theme", "ascii", "kitty"])]
    pub(in crate::cli) kubernetes: Option<String>,
    /// Options of sbatch, such as --time=4:00:00 --gpus=1
    #[arg(last = true, requires = "slurm", value_name = "OPTIONS")]
    pub(in crate::cli) options: Vec<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Table {
    #[command(flatten)]
    pub(in crate::cli) of: Of,
    /// How it is written
    #[arg(long, default_value = "text", value_parser = format())]
    pub(in crate::cli) format: Format,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Report {
    /// Run directories, or their names in `runs/`; or one suite, a file or the name of a bundled one
    #[arg(required = true, value_name = "RUN|SUITE")]
    pub(in crate::cli) targets: Vec<PathBuf>,
    /// File of the page; `-` prints it
    #[arg(short, long, value_parser = path(), value_name = "FILE", default_value = "report.html")]
    pub(in crate::cli) output: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) at: At,
    #[command(flatten)]
    pub(in crate::cli) threads: Threads,
}

/// A suite and its runs.
#[derive(Debug, Args)]
pub(in crate::cli) struct Of {
    /// Suite: a file, or the name of a bundled one (`tricktop presets` lists them)
    #[arg(value_name = "SUITE")]
    pub(in crate::cli) file: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) at: At,
}

/// Which runs of a suite, and where they are.
#[derive(Debug, Args)]
pub(in crate::cli) struct At {
    /// Runs of every row, each with another seed [default: as the suite says]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(in crate::cli) seeds: Option<u64>,
    /// Directory of the suite's runs [default: the suite's name in runs/]
    #[arg(long, value_parser = path(), value_name = "DIR")]
    pub(in crate::cli) runs: Option<PathBuf>,
    /// Looks for runs in these directories too, now and from now on
    #[arg(long, value_parser = path(), value_name = "DIR", num_args = 1..)]
    pub(in crate::cli) collect: Vec<PathBuf>,
}

fn format() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::WORDS.map(|(word, _)| word))
        .map(|word| Format::WORDS.into_iter().find(|(w, _)| *w == word).map(|(_, format)| format).unwrap_or_default())
}
