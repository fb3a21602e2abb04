//! What the commands that read images may be given.

use super::{Threads, path};
use crate::data::PUBLISHED;
use crate::recipe::settings::Task;
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Bench {
    /// Times the reading of images, augmented as in the paper
    Input(BenchInput),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct BenchInput {
    /// Folder of images, or any other set that `data.path` can name
    pub(in crate::cli) path: PathBuf,
    /// Images a batch
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u64).range(1..))]
    pub(in crate::cli) batch: u64,
    /// Prints one JSON object
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) threads: Threads,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Data {
    /// Says what is in a set: counts, sizes, classes, mean and deviation, broken images
    Info {
        /// Folder of images, of images and masks, IDX files, CIFAR files, or a packed file [default: the embedded set]
        path: Option<PathBuf>,
        /// What would be learned of it: the class of an image or of every pixel [default: Segment where images have masks]
        #[arg(long, value_name = "TASK", value_parser = PossibleValuesParser::new(Task::WORDS.iter().copied()))]
        task: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
        /// Seed that splits a folder without a `val` directory
        #[arg(long, value_name = "N", default_value_t = 0)]
        seed: u64,
    },
    /// Packs a set into one file that is mapped into memory
    Pack {
        /// Folder of images, or any other set
        path: PathBuf,
        /// The file to write
        out: PathBuf,
        /// Makes larger images smaller, to this shorter edge [default: every image as it is]
        #[arg(long, value_name = "PX", value_parser = clap::value_parser!(u64).range(1..=4096))]
        edge: Option<u64>,
        /// Seed that splits a folder without a `val` directory
        #[arg(long, value_name = "N", default_value_t = 0)]
        seed: u64,
    },
    /// Fetches a published set; run it again to go on after a break
    Get {
        /// The set
        #[arg(value_parser = PossibleValuesParser::new(PUBLISHED.iter().map(|set| set.name)))]
        name: String,
        /// Directory for it
        #[arg(long, value_parser = path(), value_name = "DIR", default_value = "datasets")]
        dir: PathBuf,
        /// Another address that has its files
        #[arg(long, value_name = "URL")]
        mirror: Option<String>,
    },
    /// Makes the bundled subset again from the four IDX files of Fashion-MNIST
    Subset {
        /// Directory of the IDX files
        idx_dir: PathBuf,
        /// Directory for the files of the subset
        out_dir: PathBuf,
    },
}
