//! Optimisers: what they keep of every parameter, in slots with names, and how they update it.

mod sgd;

use super::gradients::Gradients;
use crate::nn::{Param, Role};
use crate::ops::{Ops, Real};
use crate::recipe::Settings;
use crate::tricks::decays;
use dfdx::prelude::Gradients as Store;
use std::collections::BTreeMap;

/// The slots that the optimiser of a recipe keeps: each has as many values as there are trained ones.
pub const SLOTS: &[&str] = sgd::SLOTS;

/// What is the same for the update of every parameter.
#[derive(Clone, Copy, Debug)]
struct Update {
    /// Learning rate.
    lr: f64,
    /// Factor on the gradient: takes the scale of the loss off, and clips.
    factor: f64,
    /// Weight decay of this parameter.
    decay: f64,
}

/// An optimiser and its state.
pub struct Optimiser<E: Real, D: Ops<E>> {
    slots: BTreeMap<&'static str, Store<E, D>>,
}

impl<E: Real, D: Ops<E>> Default for Optimiser<E, D> {
    fn default() -> Self {
        Optimiser { slots: SLOTS.iter().map(|slot| (*slot, Store::leaky())).collect() }
    }
}

impl<E: Real, D: Ops<E>> Optimiser<E, D> {
    /// Updates the trained ones of `params`. When the norm of all gradients is above `optim.clip_norm`, they are clipped to
    /// it first. Does nothing and gives false when a gradient is not finite.
    ///
    /// # Errors
    /// The device's.
    pub fn update(
        &mut self,
        mut params: Vec<&mut Param<E, D>>,
        gradients: &mut Gradients<E, D>,
        lr: f64,
        s: &Settings,
    ) -> Result<bool, D::Err> {
        let norm = gradients.norm(params.iter().map(|p| &**p))?;
        if !norm.is_finite() {
            return Ok(false);
        }
        let clip = if s.optim.clip_norm > 0.0 && norm > s.optim.clip_norm { s.optim.clip_norm / norm } else { 1.0 };
        for p in params.iter_mut().filter(|p| p.role != Role::Statistic) {
            let decay = if decays(p.role, s.tricks.no_bias_decay) { s.optim.weight_decay } else { 0.0 };
            let update = Update { lr, factor: clip / gradients.scale, decay };
            sgd::update(p, &mut self.slots, &mut gradients.store, update, &s.optim)?;
        }
        Ok(true)
    }

    /// What a slot holds of a trained parameter, in our layout; zeros before the first update.
    ///
    /// # Errors
    /// The device's.
    pub fn slot(&mut self, slot: &'static str, of: &Param<E, D>) -> Result<Vec<E>, D::Err> {
        let store = self.slots.entry(slot).or_insert_with(Store::leaky);
        store.get_or_alloc_mut(&of.data)?;
        Ok(store.get(&of.data).as_vec())
    }

    /// Puts values of a trained parameter into a slot, in our layout.
    ///
    /// # Errors
    /// The device's.
    pub fn set_slot(&mut self, slot: &'static str, of: &Param<E, D>, values: Vec<E>) -> Result<(), D::Err> {
        D::put_gradient(self.slots.entry(slot).or_insert_with(Store::leaky), &of.data, values)
    }
}
