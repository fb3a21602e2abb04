//! Losses on logits `(N, K)`, as means over the batch.

use super::{Matrix, Ops, Real};
use dfdx::prelude::*;

/// A mean loss on the tape.
pub type Loss<E, D, T> = Tensor<Rank0, E, D, T>;

/// Cross entropy against target probabilities `(N, K)`: -sum q log softmax(z), the mean over the batch.
///
/// # Errors
/// The device's.
pub fn cross_entropy<E: Real, D: Ops<E>, T: Tape<E, D>>(
    z: Matrix<E, D, T>,
    q: Matrix<E, D>,
) -> Result<Loss<E, D, T>, D::Err> {
    let n = z.shape().0 as f64;
    let products = z.try_log_softmax::<Axis<1>>()?.try_mul(q)?;
    products.try_sum::<Rank0, Axes2<0, 1>>()?.try_mul(E::of(-1.0 / n))
}

/// T² times the cross entropy of softmax(z / T) against softmax(r / T), r being the teacher's logits (section 5.3).
///
/// # Errors
/// The device's.
pub fn distillation<E: Real, D: Ops<E>, T: Tape<E, D>>(
    z: Matrix<E, D, T>,
    teacher: Matrix<E, D>,
    temperature: f64,
) -> Result<Loss<E, D, T>, D::Err> {
    let q = teacher.try_div(E::of(temperature))?.try_softmax::<Axis<1>>()?;
    cross_entropy(z.try_div(E::of(temperature))?, q)?.try_mul(E::of(temperature * temperature))
}

/// A loss and 0.4 times that of an auxiliary classifier, as in torchvision's and TF-Slim's training of Inception-V3.
///
/// # Errors
/// The device's.
pub fn with_auxiliary<E: Real, D: Ops<E>, T: Tape<E, D>>(
    first: Loss<E, D, T>,
    second: Loss<E, D, NoneTape>,
) -> Result<Loss<E, D, T>, D::Err> {
    first.try_add(second.put_tape(T::default()).try_mul(E::of(0.4))?)
}
