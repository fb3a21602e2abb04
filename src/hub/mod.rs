//! Weights of the Hugging Face hub by their names: its cache, which Python's `huggingface_hub` shares, and fetching.
//!
//! ```text
//! $HF_HOME/hub/models--timm--resnet50.a1_in1k/
//!     refs/main                          the commit that the branch was at
//!     blobs/<ETag>                       a file by its SHA-256, a small one by its Git hash
//!     snapshots/<commit>/<file>          a link to its blob
//! ```
//!
//! The crate `hf-hub` does this too, and brings tokio, reqwest, hyper and hf-xet (`docs/dev/architecture.md`).

mod cache;
mod config;
mod get;
mod name;

pub use cache::{Cached, Hub};
pub use config::Config;
pub use get::{Got, Progress};
pub use name::Name;

use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The file of weights that is read.
pub const WEIGHTS: &str = "model.safetensors";
/// The file that says how images come to the net.
pub const CONFIG: &str = "config.json";

/// Why weights of the hub cannot be had.
#[derive(Debug, Error)]
pub enum HubError {
    /// Not in the cache.
    #[error("{name} is not in the cache of the hub ({}), and no file here is called so; this gets it: tricktop weights get {name}", cache.display())]
    NotCached {
        /// The name.
        name: Name,
        /// The cache.
        cache: PathBuf,
    },
    /// Not in the cache, and the hub is not to be asked.
    #[error("{name} is not in the cache of the hub ({}), and {why} keeps from asking the hub", cache.display())]
    Offline {
        /// The name.
        name: Name,
        /// The cache.
        cache: PathBuf,
        /// What keeps from it.
        why: &'static str,
    },
    /// The hub does not answer, or not as a hub does.
    #[error(
        "{url}: {problem}; what has arrived is kept, and the same command goes on; HF_ENDPOINT names another hub, --offline keeps to the cache"
    )]
    Network {
        /// The address.
        url: String,
        /// What went wrong.
        problem: String,
    },
    /// The hub says no.
    #[error("{url}: {problem}")]
    Refused {
        /// The address.
        url: String,
        /// What it says, and what to do.
        problem: String,
    },
    /// What has arrived is not what the hub announced.
    #[error("{url}: {problem}; it was thrown away, and the same command fetches it anew")]
    Other {
        /// The address.
        url: String,
        /// What was found and what was expected.
        problem: String,
    },
    /// A file in the cache is not what its name says.
    #[error("{name}: {} in the cache is damaged: {problem}; this fetches it anew: tricktop weights get {name}", path.display())]
    Damaged {
        /// The name.
        name: Name,
        /// The file.
        path: PathBuf,
        /// What was found and what was expected.
        problem: String,
    },
    /// A configuration that is missing or says too little.
    #[error(
        "{name}: {problem}; set data.size, data.resize and data.normalise, or fetch it anew: tricktop weights get {name}"
    )]
    Config {
        /// The name.
        name: Name,
        /// What is wrong with it.
        problem: String,
    },
    /// A file or directory cannot be read or written.
    #[error("{}: {cause}", path.display())]
    Disk {
        /// The path.
        path: PathBuf,
        /// The system's reason.
        cause: io::Error,
    },
}

impl HubError {
    fn disk(path: &Path) -> impl FnOnce(io::Error) -> HubError {
        let path = path.to_path_buf();
        |cause| HubError::Disk { path, cause }
    }
}
