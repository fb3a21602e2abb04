//! An update of all parameters of a net.

use super::{Matrix, Ops, Real};
use crate::kernels::adamw::AdamW;
use crate::kernels::sgd::Step;
use dfdx::prelude::Gradients;

/// What an update does, the same for all parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Descent {
    /// The optimiser's rule.
    pub rule: Rule,
    /// Learning rate, of the parameters that have all of it.
    pub lr: f64,
    /// Weight decay, of the parameters that have it.
    pub decay: f64,
    /// Norm to which the gradients of all parameters together are clipped; 0: never.
    pub clip_norm: f64,
    /// How many times too large the gradients are.
    pub scale: f64,
}

/// The rule of an optimiser.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// See [`Step::run`].
    Sgd {
        /// Momentum.
        momentum: f64,
        /// Whether it is Nesterov's.
        nesterov: bool,
    },
    /// See [`AdamW::run`].
    AdamW {
        /// Shares that the running means keep.
        betas: [f64; 2],
        /// Added to the root of the mean square.
        epsilon: f64,
        /// Number of this update, from 1.
        number: u64,
    },
}

/// A parameter that is updated.
pub struct Parameter<'a, E: Real, D: Ops<E>> {
    /// Its values.
    pub data: &'a mut Matrix<E, D>,
    /// Whether it has weight decay.
    pub decays: bool,
    /// Factor of the learning rate.
    pub rate: f64,
    /// Updates that it was left out of since the optimiser began: they do not count for its means.
    pub missed: u64,
}

/// What became of an update.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Updated {
    /// The loss of the step.
    pub loss: f32,
    /// Whether the parameters were updated: loss and gradients were finite.
    pub updated: bool,
}

/// Composed update; see [`Ops::update`].
///
/// # Errors
/// The device's.
pub(super) fn composed<E: Real, D: Ops<E>>(
    descent: &Descent,
    params: &mut [Parameter<E, D>],
    slots: &mut [&mut Gradients<E, D>],
    grads: &mut Gradients<E, D>,
    loss: Option<f32>,
) -> Result<Updated, D::Err> {
    let Descent { rule, lr, decay, clip_norm, scale } = *descent;
    let loss = loss.unwrap_or_default();
    let all: Vec<_> = params.iter().map(|p| &*p.data).collect();
    let norm = D::gradient_square(grads, &all)?.sqrt() / scale;
    if !norm.is_finite() || !loss.is_finite() {
        return Ok(Updated { loss, updated: false });
    }
    let clip = if clip_norm > 0.0 && norm > clip_norm { clip_norm / norm } else { 1.0 };
    let factor = clip / scale;
    for Parameter { data, decays, rate, missed } in params {
        let (decay, lr) = (if *decays { decay } else { 0.0 }, lr * *rate);
        match (rule, &mut *slots) {
            (Rule::Sgd { momentum, nesterov }, [velocities, ..]) => {
                let (lr, momentum, decay, factor) = (lr as f32, momentum as f32, decay as f32, factor as f32);
                D::sgd(Step { lr, momentum, nesterov, decay, factor }, data, velocities, grads)?;
            }
            (Rule::AdamW { betas, epsilon, number }, [means, squares, ..]) => {
                let step = AdamW { lr, betas, epsilon, decay, factor, update: number - *missed };
                D::adamw(step, data, [means, squares], grads)?;
            }
            _ => unreachable!("an optimiser comes with its slots"),
        }
    }
    Ok(Updated { loss, updated: true })
}

/// See [`Ops::average`].
pub fn averaged<E: Real, D: Ops<E>>(
    averages: &mut [&mut Matrix<E, D>],
    of: &[&Matrix<E, D>],
    share: f64,
) -> Result<(), D::Err> {
    averages.iter_mut().zip(of).try_for_each(|(average, w)| {
        let mut away = (*w).clone();
        away.try_axpy(1.0, &**average, -1.0)?;
        average.try_axpy(1.0, &away, 1.0 - share)
    })
}
