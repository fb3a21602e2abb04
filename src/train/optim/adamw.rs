//! AdamW: steps of one size in every direction, weight decay apart from the gradient (Loshchilov & Hutter 2019).

use crate::ops::Rule;
use crate::recipe::settings::Optim;

/// Running means of the gradients and of their squares, as PyTorch calls them.
pub(super) const SLOTS: &[&str] = &["exp_avg", "exp_avg_sq"];

/// See [`crate::kernels::adamw::AdamW::run`]; the update has this number, from 1.
pub(super) fn rule(optim: &Optim, number: u64) -> Rule {
    Rule::AdamW { betas: [optim.beta1, optim.beta2], epsilon: optim.epsilon, number }
}
