//! What the commands that use a trained net may be given.

use super::{Threads, path};
use clap::Args;
use clap::builder::PossibleValuesParser;
use std::num::NonZeroUsize;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Eval {
    /// Checkpoint file, a run (its best weights), or with --preset a safetensors file of any program
    pub(in crate::cli) checkpoint: PathBuf,
    /// Evaluates all images of this directory or file instead of those that the run validates with; classes go by name
    #[arg(long, value_parser = path(), value_name = "DIR")]
    pub(in crate::cli) data: Option<PathBuf>,
    /// Of those, the images of one split: train, val or test
    #[arg(long, value_name = "SPLIT", requires = "data", value_parser = PossibleValuesParser::new(["train", "val", "test"]))]
    pub(in crate::cli) split: Option<String>,
    /// Takes the classes of the images by their places, for images whose classes have no names or others
    #[arg(long, requires = "data")]
    pub(in crate::cli) by_place: bool,
    /// Preset that names net and images, for weights that do not carry their recipe
    #[arg(long, value_parser = path(), value_name = "PRESET")]
    pub(in crate::cli) preset: Option<PathBuf>,
    /// Changes a knob of the preset, may be repeated; of a run data.path=DIR alone, when its images were moved
    #[arg(long = "set", value_name = "KNOB=VALUE")]
    pub(in crate::cli) sets: Vec<String>,
    /// Segmentation: the mean over scales of 0.5 to 1.75, each with its mirror image
    #[arg(long)]
    pub(in crate::cli) multi_scale: bool,
    /// Writes a line for every image: path, label, predicted class, probability of every class; of masks path, pixels that
    /// count, pixAcc, loss
    #[arg(long, value_parser = path(), value_name = "FILE")]
    pub(in crate::cli) csv: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) threads: Threads,
    /// Prints one JSON object
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Predict {
    /// Checkpoint file, or a run: its best weights, or the newest while it goes on
    pub(in crate::cli) checkpoint: PathBuf,
    /// Image files: JPEG, PNG, WebP, BMP, TIFF, GIF
    #[arg(required = true, value_name = "IMAGE")]
    pub(in crate::cli) images: Vec<PathBuf>,
    /// Classes an image
    #[arg(long, value_name = "N", default_value = "5")]
    pub(in crate::cli) top: NonZeroUsize,
    /// Segmentation: writes the class of every pixel of the one image, a PNG with the colours of PASCAL VOC
    #[arg(long, value_parser = path(), value_name = "FILE")]
    pub(in crate::cli) mask: Option<PathBuf>,
    /// Shows the pictures, on a terminal with true colours; segmentation: under the colours of their classes
    #[arg(long, conflicts_with = "json")]
    pub(in crate::cli) show: bool,
    #[command(flatten)]
    pub(in crate::cli) threads: Threads,
    /// Prints one JSON object an image
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
