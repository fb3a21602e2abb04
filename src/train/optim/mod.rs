//! Optimisers: what they keep of every parameter, in slots with names, and how they update it.

mod adamw;
pub mod ema;
mod sgd;

use super::gradients::Gradients;
use crate::nn::{Param, Role};
use crate::ops::{Descent, Ops, Parameter, Real, Updated};
use crate::recipe::Settings;
use crate::recipe::settings::OptimName;
use crate::tricks::decays;
use dfdx::prelude::Gradients as Store;
use std::collections::BTreeMap;

/// All optimisers.
const ALL: [OptimName; 2] = [OptimName::Sgd, OptimName::AdamW];

/// What an optimiser keeps: each slot has as many values as there are trained ones.
pub fn slots(optimiser: OptimName) -> &'static [&'static str] {
    match optimiser {
        OptimName::Sgd => sgd::SLOTS,
        OptimName::AdamW => adamw::SLOTS,
    }
}

/// The optimiser whose slots are all there.
pub(super) fn with_slots(has: impl Fn(&str) -> bool) -> Option<OptimName> {
    ALL.into_iter().find(|optimiser| slots(*optimiser).iter().all(|slot| has(slot)))
}

/// Values by slot and parameter.
type Slots<E, D> = BTreeMap<&'static str, Store<E, D>>;

fn slot<'a, E: Real, D: Ops<E>>(slots: &'a mut Slots<E, D>, name: &'static str) -> &'a mut Store<E, D> {
    slots.entry(name).or_insert_with(Store::leaky)
}

/// A parameter and the factor of its learning rate; none while it is frozen.
pub type Rated<'p, E, D> = (&'p mut Param<E, D>, Option<f64>);

/// Parameters that all have the whole learning rate.
pub fn whole<E: Real, D: Ops<E>>(params: Vec<&mut Param<E, D>>) -> Vec<Rated<'_, E, D>> {
    params.into_iter().map(|p| (p, Some(1.0))).collect()
}

/// An optimiser and its state.
pub struct Optimiser<E: Real, D: Ops<E>> {
    name: OptimName,
    slots: Slots<E, D>,
    updates: u64,
    /// How many of these each of the first trained parameters was left out of, being frozen; the others of none.
    missed: Vec<u64>,
}

impl<E: Real, D: Ops<E>> Default for Optimiser<E, D> {
    fn default() -> Self {
        Optimiser::new(OptimName::Sgd, 0, Vec::new())
    }
}

impl<E: Real, D: Ops<E>> Optimiser<E, D> {
    /// One that has made so many updates, of which the first parameters have missed some; its slots are to be set.
    pub(super) fn new(name: OptimName, updates: u64, missed: Vec<u64>) -> Self {
        Optimiser { name, slots: Slots::new(), updates, missed }
    }

    /// What it keeps.
    pub fn slots(&self) -> &'static [&'static str] {
        slots(self.name)
    }

    /// Updates that it has made.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// How many of them each of the first trained parameters was left out of, where its rule counts them.
    pub fn missed(&self) -> &[u64] {
        &self.missed
    }

    /// Updates those of `params` that are trained, and leaves all that it keeps of the others as it is. When the norm of all
    /// gradients is above `optim.clip_norm`, they are clipped to it first. Does nothing when the loss or a gradient is not
    /// finite. The state begins anew when another optimiser is wanted than before.
    ///
    /// # Errors
    /// The device's.
    pub fn update(
        &mut self,
        params: Vec<Rated<'_, E, D>>,
        gradients: &mut Gradients<E, D>,
        lr: f64,
        s: &Settings,
    ) -> Result<Updated, D::Err> {
        if self.name != s.optim.name {
            *self = Optimiser::new(s.optim.name, 0, Vec::new());
        }
        let rule = match self.name {
            OptimName::Sgd => sgd::rule(&s.optim),
            OptimName::AdamW => adamw::rule(&s.optim, self.updates + 1),
        };
        let (decay, clip_norm) = (s.optim.weight_decay, s.optim.clip_norm);
        let descent = Descent { rule, lr, decay, clip_norm, scale: gradients.scale };
        let (mut trained, mut frozen) = (Vec::new(), Vec::new());
        for (i, (p, rate)) in params.into_iter().filter(|(p, _)| p.role != Role::Statistic).enumerate() {
            let Some(rate) = rate else {
                frozen.push(i);
                continue;
            };
            let (decays, missed) =
                (decays(p.role, s.tricks.no_bias_decay), self.missed.get(i).map_or(0, |n| *n.min(&self.updates)));
            trained.push(Parameter { data: &mut p.data, decays, rate, missed });
        }
        let names = slots(self.name);
        for name in names {
            slot(&mut self.slots, name);
        }
        // The map has them in the order of their names, and so have the optimisers.
        let own = self.slots.iter_mut().filter(|(name, _)| names.contains(name));
        let mut stores: Vec<_> = own.map(|(_, store)| store).collect();
        let done = D::update(&descent, &mut trained, &mut stores, &mut gradients.store, gradients.loss)?;
        if done.updated {
            self.updates += 1;
            // SGD has no means that begin at 0.
            if self.name == OptimName::AdamW {
                let len = frozen.last().map_or(0, |last| last + 1);
                self.missed.resize(len.max(self.missed.len()), 0);
                frozen.iter().for_each(|i| self.missed[*i] += 1);
            }
        }
        Ok(done)
    }

    /// What a slot holds of a trained parameter, in our layout; zeros before the first update.
    ///
    /// # Errors
    /// The device's.
    pub fn slot(&mut self, slot: &'static str, of: &Param<E, D>) -> Result<Vec<E>, D::Err> {
        let store = self::slot(&mut self.slots, slot);
        store.get_or_alloc_mut(&of.data)?;
        Ok(store.get(&of.data).as_vec())
    }

    /// Puts values of a trained parameter into a slot, in our layout.
    ///
    /// # Errors
    /// The device's.
    pub fn set_slot(&mut self, slot: &'static str, of: &Param<E, D>, values: Vec<E>) -> Result<(), D::Err> {
        D::put_gradient(self::slot(&mut self.slots, slot), &of.data, values)
    }
}
