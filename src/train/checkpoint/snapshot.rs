//! A copy of everything that a run needs to go on, made on the trainer's thread: values as they lie, nothing more. The
//! writer brings them into PyTorch's layout.

use super::digest::{Digests, VELOCITY};
use super::meta::{KEY, Meta};
use crate::nn::{Layout, Role, State, StateError, TensorData};
use crate::ops::Ops;
use crate::train::TrainError;
use crate::train::step::Learner;
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
    /// Of a trained parameter.
    velocity: Option<Vec<f32>>,
}

impl Snapshot {
    /// Copies the state of a learner.
    ///
    /// # Errors
    /// The device's.
    pub(in crate::train) fn of<D: Ops<f32>>(learner: &mut Learner<D>, meta: Meta) -> Result<Snapshot, TrainError> {
        let Learner { net, sgd, .. } = learner;
        let part = |p: &crate::nn::Param<f32, D>| {
            let velocity = match p.role {
                Role::Statistic => None,
                _ => Some(sgd.velocity(p).map_err(TrainError::device)?),
            };
            let (name, layout, shape) = (p.name.clone(), p.layout, *dfdx::prelude::HasShape::shape(&p.data));
            Ok(Part { name, layout, shape, values: p.data.as_vec(), velocity })
        };
        Ok(Snapshot { meta, parts: net.params().into_iter().map(part).collect::<Result<_, TrainError>>()? })
    }

    /// Gives the learner that it was made of the state back.
    ///
    /// # Errors
    /// The device's.
    pub(in crate::train) fn restore<D: Ops<f32>>(&self, learner: &mut Learner<D>) -> Result<(), TrainError> {
        let Learner { net, sgd, scaler, .. } = learner;
        for (p, part) in net.params_mut().into_iter().zip(&self.parts) {
            // (in place: its velocity is found by the tensor)
            p.data.copy_from(&part.values);
            if let Some(velocity) = &part.velocity {
                sgd.set_velocity(p, velocity.clone()).map_err(TrainError::device)?;
            }
        }
        *scaler = self.meta.at.scaler;
        Ok(())
    }

    /// Bytes of its values.
    pub(in crate::train) fn bytes(&self) -> u64 {
        let values = |p: &Part| p.values.len() + p.velocity.as_ref().map_or(0, Vec::len);
        self.parts.iter().map(|p| 4 * values(p) as u64).sum()
    }

    /// The first tensor with a value that is not finite: such a state is not kept.
    pub(super) fn fault(&self) -> Option<String> {
        let finite = |values: &[f32]| values.iter().all(|v| v.is_finite());
        self.parts.iter().find_map(|p| match &p.velocity {
            _ if !finite(&p.values) => Some(p.name.clone()),
            Some(velocity) if !finite(velocity) => Some(format!("{VELOCITY}{}", p.name)),
            _ => None,
        })
    }

    /// Weights and statistics under PyTorch's names, with `velocity` the velocities too.
    fn tensors(&self, velocity: bool) -> BTreeMap<String, TensorData> {
        let data = |p: &Part, values: &[f32]| TensorData {
            shape: p.layout.torch_shape(p.shape),
            values: p.layout.torch_order(p.shape).map(|i| values[i]).collect(),
        };
        let mut tensors = BTreeMap::new();
        for p in &self.parts {
            tensors.insert(p.name.clone(), data(p, &p.values));
            if let Some(values) = p.velocity.as_ref().filter(|_| velocity) {
                tensors.insert(format!("{VELOCITY}{}", p.name), data(p, values));
            }
        }
        tensors
    }

    /// Hashes of the whole state.
    pub(in crate::train) fn digests(&self) -> Digests {
        Digests::of(&self.tensors(true))
    }

    /// The bytes of a checkpoint to go on from, and its hashes.
    pub(super) fn whole(&self) -> Result<(Vec<u8>, Digests), TrainError> {
        bytes(self.meta.clone(), self.tensors(true))
    }

    /// The bytes of a file of weights and statistics alone.
    pub(super) fn weights(&self) -> Result<Vec<u8>, TrainError> {
        Ok(bytes(Meta { waiting: Vec::new(), ..self.meta.clone() }, self.tensors(false))?.0)
    }
}

fn bytes(meta: Meta, tensors: BTreeMap<String, TensorData>) -> Result<(Vec<u8>, Digests), TrainError> {
    let digests = Digests::of(&tensors);
    let text = Meta { digests: digests.clone(), ..meta }.seal().map_err(|e| StateError::Format(e.to_string()))?;
    let state = State { tensors, metadata: BTreeMap::from([(KEY.to_string(), text)]) };
    Ok((state.to_bytes()?, digests))
}
