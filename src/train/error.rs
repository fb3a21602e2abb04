//! Why a run cannot start or go on.

use crate::data::DataError;
use crate::files::PathError;
use crate::hub::HubError;
use crate::nn::StateError;
use crate::ops::reason;
use crate::recipe::InvalidChanges;
use crate::recipe::settings::Device;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a run cannot start or go on.
#[derive(Debug, Error)]
pub enum TrainError {
    /// The images cannot be had.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A path that cannot be resolved.
    #[error(transparent)]
    Path(#[from] PathError),
    /// Weights of the hub cannot be had.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// Images that some window of the net is larger than.
    #[error("images of {height} x {width} are too small for {net}: set data.size to {least} or more")]
    Small {
        /// The net.
        net: String,
        /// Height of an image.
        height: usize,
        /// Width of an image.
        width: usize,
        /// The smallest edge that it can see.
        least: usize,
    },
    /// A GPU cannot be used.
    #[error("device: {device:?} cannot be used: {why}; Auto or Cpu trains on the CPU")]
    Gpu {
        /// The GPU.
        device: Device,
        /// Why not.
        why: String,
    },
    /// Training takes more memory than there is.
    #[error(
        "training {net} on batches of {batch} takes about {:.0} MB and {:.0} MB are free on {device}: {}{}",
        *needed as f64 / 1e6, *free as f64 / 1e6, advice(*largest), other(device)
    )]
    Memory {
        /// The net.
        net: String,
        /// Images a step.
        batch: usize,
        /// Bytes.
        needed: u64,
        /// Bytes.
        free: u64,
        /// What computes.
        device: String,
        /// The largest batch for which there is room.
        largest: Option<usize>,
    },
    /// Masks of which nothing counts.
    #[error("no pixel of the test images counts: their masks are nothing but pixels to ignore; see data.ignore")]
    NoPixel,
    /// More values than a GPU's operations can count.
    #[error("batches of {batch} make more than 2^32 values, and operations on a GPU count up to that: {}, or device to Cpu", advice(*largest))]
    Count {
        /// Images a step.
        batch: usize,
        /// The largest batch for which there is room.
        largest: Option<usize>,
    },
    /// The device failed.
    #[error("the device failed: {why}{hint}", why = .0, hint = hint(.0))]
    Device(String),
    /// A checkpoint cannot be read.
    #[error("{path}: {problem}", path = path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A checkpoint cannot be written.
    #[error("{path}: cannot be written: {source}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A checkpoint cannot be put together, or does not fit the net.
    #[error("checkpoint: {0}")]
    State(#[from] StateError),
    /// A checkpoint has knobs that this version does not allow.
    #[error(transparent)]
    Recipe(#[from] InvalidChanges),
    /// A checkpoint cannot be gone on from.
    #[error("{0}")]
    Resume(String),
    /// A net cannot be written for other programs.
    #[error("cannot be exported: {0}")]
    Export(String),
    /// A thread could not be started.
    #[error("a thread cannot be started: {0}")]
    Thread(std::io::Error),
}

/// What to do for want of memory.
fn advice(largest: Option<usize>) -> String {
    match largest {
        Some(batch) => format!("set train.batch to {batch} or less"),
        None => "not one image fits; set net.width or data.size to less".to_string(),
    }
}

/// What else to do where a GPU has no room.
fn other(device: &str) -> &'static str {
    if device.starts_with("cuda") { ", or device to Cpu" } else { "" }
}

/// What to do when a device failed.
fn hint(why: &str) -> &'static str {
    let memory = why.contains("memory is full") || why.contains("OutOfMemory");
    if memory { "; a smaller batch or net needs less" } else { "" }
}

impl TrainError {
    /// Wraps the system's reason why `path` was not written.
    pub(super) fn write(path: &Path) -> impl FnOnce(std::io::Error) -> TrainError {
        let path = path.to_path_buf();
        |source| TrainError::Write { path, source }
    }

    /// Wraps a device's own error.
    pub fn device(e: impl std::fmt::Debug + 'static) -> Self {
        TrainError::Device(reason(&e))
    }
}
