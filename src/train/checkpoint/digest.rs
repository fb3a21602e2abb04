//! What proves that two states are the same to the bit: hashes of weights, statistics and velocity, and a chain of them.

use crate::nn::TensorData;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What stands before the name of a parameter's velocity.
pub(super) const VELOCITY: &str = "velocity/";

/// What a tensor of a checkpoint belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The trained parameters.
    Weights,
    /// The running statistics of the norms.
    Statistics,
    /// The optimiser's velocities.
    Velocity,
}

impl Part {
    /// By the tensor's name.
    pub(super) fn of(name: &str) -> Part {
        match name {
            _ if name.starts_with(VELOCITY) => Part::Velocity,
            _ if name.ends_with(".running_mean") || name.ends_with(".running_var") => Part::Statistics,
            _ => Part::Weights,
        }
    }
}

/// BLAKE3 hashes of a state, in hexadecimal: over names, shapes and little-endian values in PyTorch's layout, in the
/// order of the names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests {
    /// Of the trained parameters.
    pub weights: String,
    /// Of the running statistics of the norms.
    pub statistics: String,
    /// Of the optimiser's velocities; of nothing where they are not kept.
    pub velocity: String,
}

impl Digests {
    /// The hashes of the tensors of a checkpoint.
    pub fn of(tensors: &BTreeMap<String, TensorData>) -> Digests {
        let [mut weights, mut statistics, mut velocity] = [(); 3].map(|()| blake3::Hasher::new());
        for (name, tensor) in tensors {
            let hasher = match Part::of(name) {
                Part::Weights => &mut weights,
                Part::Statistics => &mut statistics,
                Part::Velocity => &mut velocity,
            };
            add(hasher, name, tensor);
        }
        let [weights, statistics, velocity] =
            [weights, statistics, velocity].map(|h| h.finalize().to_hex().to_string());
        Digests { weights, statistics, velocity }
    }

    /// The parts in which `other` differs, as words.
    pub fn differences(&self, other: &Digests) -> Vec<&'static str> {
        let parts = [
            ("weights", self.weights == other.weights),
            ("statistics", self.statistics == other.statistics),
            ("velocity", self.velocity == other.velocity),
        ];
        parts.into_iter().filter(|(_, same)| !same).map(|(word, _)| word).collect()
    }
}

fn add(hasher: &mut blake3::Hasher, name: &str, tensor: &TensorData) {
    hasher.update(name.as_bytes()).update(&[0]);
    for size in &tensor.shape {
        hasher.update(&(*size as u64).to_le_bytes());
    }
    let mut bytes = [0; 4096];
    for values in tensor.values.chunks(bytes.len() / 4) {
        let part = &mut bytes[..values.len() * 4];
        part.chunks_exact_mut(4).zip(values).for_each(|(b, v)| b.copy_from_slice(&v.to_le_bytes()));
        hasher.update(part);
    }
}

/// A link of a run's chain: the state after a step, tied to all links before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Steps done.
    pub step: u64,
    /// The state.
    #[serde(flatten)]
    pub digests: Digests,
    /// BLAKE3 of the link before (nothing for the first), the step and the hashes.
    pub link: String,
}

impl Link {
    /// The link that follows `before`. The same state hashed again makes no new one.
    pub fn after(before: Option<&Link>, step: u64, digests: Digests) -> Link {
        if let Some(last) = before.filter(|last| last.step == step && last.digests == digests) {
            return last.clone();
        }
        let mut hasher = blake3::Hasher::new();
        let Digests { weights, statistics, velocity } = &digests;
        let step_text = step.to_string();
        for part in [before.map_or("", |last| &last.link), &step_text, weights, statistics, velocity] {
            hasher.update(part.as_bytes()).update(b"\n");
        }
        Link { step, digests, link: hasher.finalize().to_hex().to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(value: f32) -> BTreeMap<String, TensorData> {
        let tensor = |value: f32| TensorData { shape: vec![2, 1], values: vec![value, 1.0] };
        let names = ["a.weight", "a.running_mean", "velocity/a.weight"];
        names.into_iter().map(|name| (name.to_string(), tensor(value))).collect()
    }

    #[test]
    fn a_change_of_one_bit_shows_in_its_part_alone() {
        let base = Digests::of(&state(0.5));
        for (name, part) in
            [("a.weight", "weights"), ("a.running_mean", "statistics"), ("velocity/a.weight", "velocity")]
        {
            let mut changed = state(0.5);
            changed.get_mut(name).unwrap().values[1] = 1.0 + f32::EPSILON;
            assert_eq!(base.differences(&Digests::of(&changed)), [part]);
        }
        let mut shape = state(0.5);
        shape.get_mut("a.weight").unwrap().shape = vec![1, 2];
        assert_eq!(base.differences(&Digests::of(&shape)), ["weights"]);
    }

    #[test]
    fn a_link_depends_on_everything_before_it() {
        let digests = Digests::of(&state(0.5));
        let first = Link::after(None, 1, digests.clone());
        let second = Link::after(Some(&first), 2, digests.clone());
        assert_ne!(second.link, Link::after(None, 2, digests.clone()).link);
        assert_ne!(second.link, Link::after(Some(&first), 3, digests.clone()).link);
        assert_eq!(Link::after(Some(&first), 1, digests), first);
    }
}
