//! Losses on logits `(N, K)`, as means over the batch.

use super::{Matrix, Ops};
use dfdx::prelude::*;

/// A mean loss on the tape.
pub type Loss<D, T> = Tensor<Rank0, f32, D, T>;

/// Cross entropy against target probabilities `(N, K)`: -sum q log softmax(z), the mean over the batch.
///
/// # Errors
/// The device's.
pub fn cross_entropy<D: Ops, T: Tape<f32, D>>(z: Matrix<D, T>, q: Matrix<D>) -> Result<Loss<D, T>, D::Err> {
    let n = z.shape().0 as f32;
    let products = z.try_log_softmax::<Axis<1>>()?.try_mul(q)?;
    products.try_sum::<Rank0, Axes2<0, 1>>()?.try_mul(-1.0 / n)
}

/// T² times the cross entropy of softmax(z / T) against softmax(r / T), r being the teacher's logits (section 5.3).
///
/// # Errors
/// The device's.
pub fn distillation<D: Ops, T: Tape<f32, D>>(
    z: Matrix<D, T>,
    teacher: Matrix<D>,
    temperature: f32,
) -> Result<Loss<D, T>, D::Err> {
    let q = teacher.try_div(temperature)?.try_softmax::<Axis<1>>()?;
    cross_entropy(z.try_div(temperature)?, q)?.try_mul(temperature * temperature)
}
