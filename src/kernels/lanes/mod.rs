//! What convolutions and passes read and write, a vector of channels of one pixel at a time.
//!
//! A [`Source`] gives the values of a feature map `(N*H*W, C)` and applies what comes before the convolution as it
//! reads: a batch norm with its ReLU, a residual sum, the gradient of a norm. A [`Sink`] takes the values and does what
//! comes behind the convolution as it writes: sums for the statistics of a norm, the norm itself in an evaluation, the
//! residual sum, ReLU. So the forward pass of a norm takes no pass over a map.
//!
//! Both are compiled into the kernels that use them: nothing is called by pointer for a value. Arithmetic is in f32.

mod affine;
mod pass;
mod sinks;
mod sources;
mod writing;

pub use affine::{Affine, MapInput, Neutral};
pub use pass::{collect, pass};
pub use sinks::{Finished, Grad, Moments, NormSums, Sink, Statistics};
pub use sources::{Dense, NormGrad, Normed, Source, Summed, Where};
pub use writing::{Sums, Writing};
