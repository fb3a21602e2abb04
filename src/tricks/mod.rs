//! The paper's tricks as pure functions.

pub mod balance;
pub mod finder;
pub mod finetune;
pub mod mix;
pub mod scaling;
pub mod schedule;
pub mod targets;

use crate::nn::Role;

/// Whether weight decay acts on a parameter: with the no-bias-decay trick on weights alone (section 3.1).
pub fn decays(role: Role, no_bias_decay: bool) -> bool {
    role == Role::Weight || !no_bias_decay
}
