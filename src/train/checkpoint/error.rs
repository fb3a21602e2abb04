//! Why bytes are no checkpoint.

use super::meta;
use crate::nn::StateError;
use crate::recipe::InvalidChanges;
use thiserror::Error;

/// Why bytes are no checkpoint, or none that can be used.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// They are no safetensors file.
    #[error(transparent)]
    State(#[from] StateError),
    /// Another program wrote them.
    #[error(
        "its metadata has no `{}`: it was not written by tricktop; `tricktop eval FILE --preset PRESET` takes weights of \
         other programs",
        meta::KEY
    )]
    Foreign,
    /// What it says about itself cannot be read.
    #[error("its metadata cannot be read: {0}")]
    Metadata(#[from] serde_json::Error),
    /// What it says about itself was changed.
    #[error("its metadata is damaged: BLAKE3 {found}, and {written} was written")]
    Seal {
        /// The hash of what it says.
        found: String,
        /// The hash that stands beside it.
        written: String,
    },
    /// Tensors were changed.
    #[error("is damaged: the hash of its {} is not the one that was written", .parts.join(", "))]
    Damaged {
        /// The parts whose hashes differ, e.g. `weights`.
        parts: Vec<String>,
    },
    /// It has knobs that this version does not allow.
    #[error(transparent)]
    Recipe(#[from] InvalidChanges),
    /// Its tensors are those of no net.
    #[error("is of no net here; it is most like {nearest}, but {why}")]
    NoNet {
        /// The net that shares most names with it.
        nearest: String,
        /// Where it differs.
        why: StateError,
    },
}
