//! Why a run cannot start or go on.

use crate::data::DataError;
use crate::nn::StateError;
use std::path::PathBuf;
use thiserror::Error;

/// Why a run cannot start or go on.
#[derive(Debug, Error)]
pub enum TrainError {
    /// The images cannot be had.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The device gave up, mostly for want of memory.
    #[error("the device refused: {0}; a smaller batch or net needs less memory")]
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
    /// A checkpoint cannot be put together.
    #[error("the checkpoint cannot be put together: {0}")]
    Encode(#[from] StateError),
}

impl TrainError {
    /// Wraps a device's own error.
    pub fn device(e: impl std::fmt::Debug) -> Self {
        TrainError::Device(format!("{e:?}"))
    }
}
