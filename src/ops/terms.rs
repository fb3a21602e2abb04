//! What the operations of a net work with.

use super::{Matrix, Ops};
use crate::kernels::geometry::Conv;
use dfdx::prelude::Dtype;

/// A number format that nets compute in.
pub trait Real: Dtype {
    /// The nearest number to `v`.
    fn of(v: f64) -> Self;
    /// The number as f64.
    fn value(self) -> f64;
}

impl Real for f32 {
    fn of(v: f64) -> Self {
        v as f32
    }
    fn value(self) -> f64 {
        self as f64
    }
}

impl Real for f64 {
    fn of(v: f64) -> Self {
        v
    }
    fn value(self) -> f64 {
        self
    }
}

/// What a batch norm works with.
pub struct Norm<'a, E: Real, D: Ops<E>> {
    /// Factor, `(1, C)`.
    pub gamma: &'a Matrix<E, D>,
    /// Summand, `(1, C)`.
    pub beta: &'a Matrix<E, D>,
    /// Running mean, `(1, C)`.
    pub mean: &'a mut Matrix<E, D>,
    /// Running variance (unbiased, as PyTorch keeps it), `(1, C)`.
    pub var: &'a mut Matrix<E, D>,
    /// Whose statistics are used.
    pub mode: Mode,
    /// Added to the variance.
    pub eps: f64,
}

impl<E: Real, D: Ops<E>> Norm<'_, E, D> {
    /// Share of the batch's statistics in the new running ones.
    pub const MOMENTUM: f64 = 0.1;
}

/// What a convolution works with.
pub struct Filter<'a, E: Real, D: Ops<E>> {
    /// Weights, `(KH*KW*C/groups, O)`.
    pub weight: &'a Matrix<E, D>,
    /// The convolution.
    pub conv: &'a Conv,
    /// Whether the gradient of the input is wanted.
    pub input_grad: bool,
}

/// How a net runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Norms use the batch's statistics and update the running ones.
    Train,
    /// Norms use the running statistics.
    Eval,
}

/// What follows the bias of a linear layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// max(v, 0).
    Relu,
    /// 1 / (1 + exp(-v)).
    Sigmoid,
}
