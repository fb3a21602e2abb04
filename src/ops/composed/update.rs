//! What is done with gradients, out of public dfdx operations: sums of squares, and the steps of the optimisers.

use super::backward;
use crate::kernels::adamw::AdamW;
use crate::kernels::sgd::Step;
use crate::ops::{Matrix, Ops, Real};
use dfdx::prelude::*;
use dfdx::tensor_ops::{AdamConfig, Momentum, SgdConfig, WeightDecay};

/// Composed sum of squares; see [`Ops::gradient_square`].
///
/// # Errors
/// The device's.
pub fn gradient_square<E: Real, D: Ops<E>>(grads: &mut Gradients<E, D>, of: &[&Matrix<E, D>]) -> Result<f64, D::Err> {
    let sums = of.iter().map(|m| {
        grads.try_alloc_for(*m)?;
        grads.get(*m).try_square()?.try_sum::<Rank0, Axes2<0, 1>>()
    });
    // The device is waited for once, not for every tensor.
    let sums = sums.collect::<Result<Vec<_>, _>>()?.try_stack()?;
    Ok(sums.as_vec().into_iter().map(E::value).sum())
}

/// Composed step of SGD; see [`Ops::sgd`].
///
/// # Errors
/// The device's.
pub fn sgd<E: Real, D: Ops<E>>(
    step: Step,
    w: &mut Matrix<E, D>,
    velocities: &mut Gradients<E, D>,
    grads: &mut Gradients<E, D>,
) -> Result<(), D::Err> {
    let (lr, momentum) = (step.lr as f64, step.momentum as f64);
    let momentum = match step.nesterov {
        _ if momentum == 0.0 => None,
        true => Some(Momentum::Nesterov(momentum)),
        false => Some(Momentum::Classic(momentum)),
    };
    let weight_decay = (step.decay > 0.0).then_some(WeightDecay::L2(step.decay as f64));
    let config = SgdConfig { lr, momentum, weight_decay };
    if step.factor == 1.0 {
        let at = w.ghost();
        return config.try_update(w, velocities.get_or_alloc_mut(&at)?, grads.get_or_alloc_mut(&at)?);
    }
    let (at, mut grads) = (w.ghost(), scaled(w, step.factor as f64, grads)?);
    config.try_update(w, velocities.get_or_alloc_mut(&at)?, grads.get_or_alloc_mut(&at)?)
}

/// Composed step of AdamW; see [`Ops::adamw`].
///
/// # Errors
/// The device's.
pub fn adamw<E: Real, D: Ops<E>>(
    step: AdamW,
    w: &mut Matrix<E, D>,
    [means, squares]: [&mut Gradients<E, D>; 2],
    grads: &mut Gradients<E, D>,
) -> Result<(), D::Err> {
    let AdamW { lr, betas, epsilon: eps, decay, factor, update } = step;
    let weight_decay = (decay > 0.0).then_some(WeightDecay::Decoupled(decay));
    let config = AdamConfig { lr, betas, eps, weight_decay };
    let (at, t) = (w.ghost(), i32::try_from(update).unwrap_or(i32::MAX));
    let mut grads = scaled(w, factor, grads)?;
    let (mean, square) = (means.get_or_alloc_mut(&at)?, squares.get_or_alloc_mut(&at)?);
    config.try_update(t, w, mean, square, grads.get_or_alloc_mut(&at)?)
}

/// The gradient of a tensor times a factor, in a store of its own: it can only be scaled on a tape.
fn scaled<E: Real, D: Ops<E>>(
    of: &Matrix<E, D>,
    factor: f64,
    grads: &mut Gradients<E, D>,
) -> Result<Gradients<E, D>, D::Err> {
    grads.try_alloc_for(of)?;
    backward(of.leaky_trace(), grads.get(of).try_mul(E::of(factor))?)
}

/// Composed way to put values in the place of a gradient. A negative zero becomes a positive one.
///
/// # Errors
/// The device's.
pub fn put_gradient<E: Real, D: Ops<E>>(
    grads: &mut Gradients<E, D>,
    of: &Matrix<E, D>,
    values: Vec<E>,
) -> Result<(), D::Err> {
    let values = of.device().try_tensor_from_vec(values, *of.shape())?;
    let mut made = backward(of.leaky_trace(), values)?;
    std::mem::swap(grads.get_or_alloc_mut(of)?, made.get_or_alloc_mut(of)?);
    Ok(())
}
