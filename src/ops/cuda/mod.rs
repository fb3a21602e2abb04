//! NVIDIA GPUs: the program's own kernels, cuDNN for convolutions, and memory that is used again, under dfdx's tape.

pub mod memory;

#[cfg(feature = "cuda")]
mod context;
#[cfg(feature = "cuda")]
mod conv;
#[cfg(feature = "cuda")]
mod cudnn;
#[cfg(feature = "cuda")]
mod device;
#[cfg(feature = "cuda")]
mod driver;
#[cfg(feature = "cuda")]
mod gpus;
#[cfg(feature = "cuda")]
mod held;
#[cfg(feature = "cuda")]
mod kernels;
#[cfg(feature = "cuda")]
mod parts;
#[cfg(feature = "cuda")]
mod pinned;
#[cfg(feature = "cuda")]
mod pool;
#[cfg(feature = "cuda")]
mod train;
#[cfg(feature = "cuda")]
mod unit;
#[cfg(feature = "cuda")]
mod weights;

#[cfg(feature = "cuda")]
pub use cudnn::found as cudnn;
#[cfg(feature = "cuda")]
pub use gpus::{convolutions, free_memory, gpus, most_memory, open, reason, remarks, toolkit};
