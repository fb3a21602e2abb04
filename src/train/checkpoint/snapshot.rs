//! A copy of everything that a run needs to go on, made on the trainer's thread: values as they lie, nothing more. The
//! writer brings them into PyTorch's layout.

use super::digest::{Digests, evaluated, slot_name};
use super::meta::{KEY, Meta, Progress};
use super::{Trained, restore};
use crate::nn::{Layout, Role, State, StateError, TensorData};
use crate::ops::Ops;
use crate::train::TrainError;
use crate::train::optim::ema;
use std::collections::BTreeMap;

/// A copy of a run's state.
pub(in crate::train) struct Snapshot {
    pub(in crate::train) meta: Meta,
    parts: Vec<Part>,
}

struct Part {
    name: String,
    layout: Layout,
    shape: (usize, usize),
    values: Vec<f32>,
    /// What the optimiser keeps of it, by slot, and its running average.
    slots: Vec<(&'static str, Vec<f32>)>,
}

impl Snapshot {
    /// Copies the state of a net in training.
    ///
    /// # Errors
    /// The device's.
    pub(in crate::train) fn of<D: Ops<f32>>(of: Trained<'_, D>, meta: Meta) -> Result<Snapshot, TrainError> {
        let Trained { net, optimiser, average, .. } = of;
        let averages = average.as_ref().map(|average| average.net.params());
        let part = |(i, p): (usize, &crate::nn::Param<f32, D>)| {
            let kept: &[&str] = if p.role == Role::Statistic { &[] } else { optimiser.slots() };
            let slot = |slot: &&'static str| Ok((*slot, optimiser.slot(slot, p).map_err(TrainError::device)?));
            let mut slots = kept.iter().map(slot).collect::<Result<Vec<_>, TrainError>>()?;
            slots.extend(averages.as_ref().map(|averages| (ema::SLOT, averages[i].data.as_vec())));
            let (name, layout, shape) = (p.name.clone(), p.layout, *dfdx::prelude::HasShape::shape(&p.data));
            Ok(Part { name, layout, shape, values: p.data.as_vec(), slots })
        };
        let parts = net.params().into_iter().enumerate().map(part).collect::<Result<_, TrainError>>()?;
        let averaged = average.as_ref().map(|average| average.steps);
        let at = Progress { averaged, ..meta.at };
        Ok(Snapshot { meta: Meta { at, ..meta }, parts })
    }

    /// Gives the net that it was made of its state back.
    ///
    /// # Errors
    /// The device's.
    pub(in crate::train) fn restore<D: Ops<f32>>(&self, to: Trained<'_, D>) -> Result<(), TrainError> {
        restore(&self.tensors(), &self.meta.at, to)
    }

    /// Bytes of its values.
    pub(in crate::train) fn bytes(&self) -> u64 {
        let values = |p: &Part| p.values.len() + p.slots.iter().map(|(_, values)| values.len()).sum::<usize>();
        self.parts.iter().map(|p| 4 * values(p) as u64).sum()
    }

    /// The first tensor with a value that is not finite: such a state is not kept.
    pub(super) fn fault(&self) -> Option<String> {
        let finite = |values: &[f32]| values.iter().all(|v| v.is_finite());
        self.parts.iter().find_map(|p| {
            let slot = p.slots.iter().find(|(_, values)| !finite(values));
            if finite(&p.values) { slot.map(|(slot, _)| slot_name(slot, &p.name)) } else { Some(p.name.clone()) }
        })
    }

    /// Weights and statistics under PyTorch's names, and what the optimiser and the average keep of them.
    fn tensors(&self) -> BTreeMap<String, TensorData> {
        let data = |p: &Part, values: &[f32]| TensorData {
            shape: p.layout.torch_shape(p.shape),
            values: p.layout.torch_order(p.shape).map(|i| values[i]).collect(),
        };
        let mut tensors = BTreeMap::new();
        for p in &self.parts {
            tensors.insert(p.name.clone(), data(p, &p.values));
            tensors.extend(p.slots.iter().map(|(slot, values)| (slot_name(slot, &p.name), data(p, values))));
        }
        tensors
    }

    /// Hashes of the whole state.
    pub(in crate::train) fn digests(&self) -> Digests {
        Digests::of(&self.tensors())
    }

    /// The bytes of a checkpoint to go on from, and its hashes.
    pub(super) fn whole(&self) -> Result<(Vec<u8>, Digests), TrainError> {
        bytes(self.meta.clone(), self.tensors())
    }

    /// The bytes of a file of weights and statistics alone, as they are evaluated.
    pub(super) fn weights(&self) -> Result<Vec<u8>, TrainError> {
        Ok(bytes(Meta { waiting: Vec::new(), ..self.meta.clone() }, evaluated(&self.tensors()))?.0)
    }
}

fn bytes(meta: Meta, tensors: BTreeMap<String, TensorData>) -> Result<(Vec<u8>, Digests), TrainError> {
    let digests = Digests::of(&tensors);
    let text = Meta { digests: digests.clone(), ..meta }.seal().map_err(|e| StateError::Format(e.to_string()))?;
    let state = State { tensors, metadata: BTreeMap::from([(KEY.to_string(), text)]) };
    Ok((state.to_bytes()?, digests))
}
