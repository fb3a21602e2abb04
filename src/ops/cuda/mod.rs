//! NVIDIA GPUs through dfdx's CUDA device.

#[cfg(feature = "cuda")]
mod device;
#[cfg(feature = "cuda")]
mod gpus;
#[cfg(feature = "cuda")]
mod half;
pub(super) mod memory;

#[cfg(feature = "cuda")]
pub use gpus::{free_memory, gpus, open, reason, toolkit};
