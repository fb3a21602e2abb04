//! The bridge to the tape of dfdx: [`Ops`] composes every operation of a net out of public dfdx operations, so that
//! it runs on any device, and `Cpu` replaces them by the kernels.

pub mod composed;
mod cpu;
pub mod loss;
mod map;

pub use map::{Map, Matrix};

use crate::kernels::geometry::{Conv, Pool};
use dfdx::prelude::{Device, Tape};

/// What a batch norm works with.
pub struct Norm<'a, D: Ops> {
    /// Factor, `(1, C)`.
    pub gamma: &'a Matrix<D>,
    /// Summand, `(1, C)`.
    pub beta: &'a Matrix<D>,
    /// Running mean, `(1, C)`.
    pub mean: &'a mut Matrix<D>,
    /// Running variance (unbiased, as PyTorch keeps it), `(1, C)`.
    pub var: &'a mut Matrix<D>,
    /// Whose statistics are used.
    pub mode: Mode,
}

impl<D: Ops> Norm<'_, D> {
    /// Added to the variance.
    pub const EPS: f32 = 1e-5;
    /// Share of the batch's statistics in the new running ones.
    pub const MOMENTUM: f32 = 0.1;
}

/// How a net runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Norms use the batch's statistics and update the running ones.
    Train,
    /// Norms use the running statistics.
    Eval,
}

/// The operations of a net on a device of dfdx.
pub trait Ops: Device<f32> {
    /// Convolution of `x` with weights `(KH*KW*C/groups, O)`; without `input_grad` no gradient of `x` is made.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn conv2d<T: Tape<f32, Self>>(
        x: Map<Self, T>,
        w: &Matrix<Self>,
        conv: &Conv,
        input_grad: bool,
    ) -> Result<Map<Self, T>, Self::Err> {
        let _ = input_grad; // a saving that the composed form does without
        composed::conv2d(x, w, conv)
    }

    /// Batch norm, then the sum with `residual`, then ReLU when `relu`.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn norm_act<T: Tape<f32, Self>>(
        x: Map<Self, T>,
        norm: Norm<Self>,
        residual: Option<Map<Self>>,
        relu: bool,
    ) -> Result<Map<Self, T>, Self::Err> {
        composed::norm_act(x, norm, residual, relu)
    }

    /// Max-pool; padding never wins.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn max_pool<T: Tape<f32, Self>>(x: Map<Self, T>, pool: &Pool) -> Result<Map<Self, T>, Self::Err> {
        composed::max_pool(x, pool)
    }

    /// Average pool.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn average_pool<T: Tape<f32, Self>>(x: Map<Self, T>, pool: &Pool) -> Result<Map<Self, T>, Self::Err> {
        composed::average_pool(x, pool)
    }

    /// Mean over all pixels: `(N, C)`.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn global_average<T: Tape<f32, Self>>(x: Map<Self, T>) -> Result<Matrix<Self, T>, Self::Err> {
        composed::global_average(x)
    }

    /// x w + b, with x `(N, C)`, w `(C, K)`, b `(1, K)`.
    ///
    /// # Errors
    /// The device's, when memory runs out.
    fn linear<T: Tape<f32, Self>>(
        x: Matrix<Self, T>,
        w: &Matrix<Self>,
        b: &Matrix<Self>,
    ) -> Result<Matrix<Self, T>, Self::Err> {
        composed::linear(x, w, b)
    }
}
