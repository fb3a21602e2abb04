//! AdamW: steps of one size in every direction, weight decay apart from the gradient (Loshchilov & Hutter 2019).

use super::{Slots, Update, slot};
use crate::kernels::adamw::AdamW;
use crate::nn::Param;
use crate::ops::{Ops, Real};
use crate::recipe::settings::Optim;
use dfdx::prelude::Gradients as Store;

/// Running means of the gradients and of their squares, as PyTorch calls them.
pub(super) const SLOTS: &[&str] = &["exp_avg", "exp_avg_sq"];

/// See [`AdamW::run`].
///
/// # Errors
/// The device's.
pub(super) fn update<E: Real, D: Ops<E>>(
    p: &mut Param<E, D>,
    slots: &mut Slots<E, D>,
    gradients: &mut Store<E, D>,
    Update { lr, factor, decay, number }: Update,
    optim: &Optim,
) -> Result<(), D::Err> {
    let (betas, epsilon) = ([optim.beta1, optim.beta2], optim.epsilon);
    let step = AdamW { lr, betas, epsilon, decay, factor, update: number };
    // Both are taken out for a moment: one map lends one of its values at a time.
    let [mut mean, mut square] = [SLOTS[0], SLOTS[1]].map(|name| std::mem::replace(slot(slots, name), Store::leaky()));
    let done = D::adamw(step, &mut p.data, [&mut mean, &mut square], gradients);
    (*slot(slots, SLOTS[0]), *slot(slots, SLOTS[1])) = (mean, square);
    done
}
