//! What keeps convolutions from going through cuDNN, in sentences for whoever trains.

use super::offers::Refused;
use std::path::PathBuf;

/// Why cuDNN does not do something.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CudnnError {
    /// There is no library.
    #[error(
        "cuDNN 9 is not there ({tried}); install it (as Python's package nvidia-cudnn-cu12 or -cu13, by the CUDA version), \
         or name its libcudnn.so.9 in TRICKTOP_CUDNN"
    )]
    NotFound {
        /// Each place where it was looked for, and what was found there.
        tried: String,
    },
    /// The library of this place is none, or is broken.
    #[error("{} cannot be loaded ({why})", place.display())]
    Unusable {
        /// Path, or name for the loader.
        place: PathBuf,
        /// The loader's words.
        why: String,
    },
    /// The library that the user named is none, or is broken.
    #[error(
        "TRICKTOP_CUDNN names {}, which cannot be loaded ({why}); it must be the libcudnn.so.9 of a cuDNN 9, or the folder \
         that it is in",
        place.display()
    )]
    Named {
        /// Path.
        place: PathBuf,
        /// The loader's words.
        why: String,
    },
    /// The library has another major version.
    #[error("{path} is cuDNN {found}, where a cuDNN 9 is wanted (9.0.0 or later)")]
    Version {
        /// Path.
        path: String,
        /// Its version.
        found: String,
    },
    /// A call failed.
    #[error("cuDNN cannot {doing}: {name} ({status}{}{words})", if words.is_empty() { "" } else { ": " })]
    Status {
        /// What was being done.
        doing: &'static str,
        /// cuDNN's number.
        status: i32,
        /// The number's name.
        name: String,
        /// What cuDNN says besides, which may be nothing.
        words: String,
    },
    /// No engine does this convolution as it has to be done.
    #[error("cuDNN has no plan for {what}: {refused}")]
    NoPlan {
        /// The convolution.
        what: String,
        /// What became of those that it offers.
        refused: Refused,
    },
    /// Memory is not where cuDNN's kernels read it.
    #[error("cuDNN reads memory at multiples of {alignment} bytes, and was given {address:#x}")]
    Misaligned {
        /// What was promised.
        alignment: u64,
        /// What was given.
        address: u64,
    },
}
