//! CPU kernels on plain slices. Activations are `(N*H*W, C)`, convolution weights `(KH*KW*C_in/groups, C_out)`.

pub mod adamw;
pub mod buffer;
pub mod concat;
pub mod conv;
mod depthwise;
mod direct;
pub mod geometry;
pub mod lanes;
mod micro;
pub mod moments;
pub mod norm;
mod padded;
pub mod parallel;
pub mod pool;
mod products;
pub mod profile;
pub mod reference;
pub mod sgd;
mod simd;

pub use simd::Level;

#[cfg(test)]
mod tests;
