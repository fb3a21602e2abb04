//! CPU kernels on plain slices. Activations are `(N*H*W, C)`, convolution weights `(KH*KW*C_in/groups, C_out)`.

pub mod conv;
pub mod geometry;
mod grouped;
mod micro;
pub mod norm;
mod patches;
pub mod pool;
pub mod reference;

pub use micro::Level;

#[cfg(test)]
mod tests;
