//! CPU kernels on plain slices: of f32, or feature maps and their gradients of a narrower [number format](Value).
//!
//! Feature maps are `(N*H*W, C)`: NHWC, the channels of a pixel side by side. Weights of convolutions are
//! `(KH*KW*C_in/groups, C_out)`: HWIO. Pixels of a map are counted over all images; sizes are in values, not bytes,
//! where no unit is named.
//!
//! Results depend on shapes and on the [`Level`] alone, never on the number of threads. `docs/dev/kernels.md` explains
//! the ways through a convolution, the layouts, and how to add an instruction set or a number format.

pub mod adamw;
pub mod buffer;
pub mod concat;
pub mod conv;
mod depthwise;
mod direct;
mod face;
mod gemm;
pub mod geometry;
pub mod lanes;
pub mod moments;
pub mod norm;
mod padded;
pub mod parallel;
pub mod pixel_loss;
pub mod pool;
mod products;
pub mod profile;
pub mod reference;
pub mod sgd;
mod simd;
pub mod upsample;
mod value;

pub use face::Kernels;
pub use gemm::Operand;
pub use simd::{Level, UnknownLevel};
pub use value::{Read, Value};

#[cfg(test)]
mod tests;
