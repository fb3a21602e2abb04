//! What proves that two states are the same to the bit: hashes of weights, statistics and the optimiser's slots, and a chain of them.

use crate::nn::TensorData;
use crate::train::optim::ema::SLOT;
use blake3::Hasher;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What stands before the name of an optimiser's slot and of the parameter.
const OPTIMISER: &str = "optim/";

/// What stood there in earlier versions, which knew one optimiser.
const VELOCITY: &str = "velocity/";

/// The name of what a slot of the optimiser holds of a parameter.
pub(super) fn slot_name(slot: &str, parameter: &str) -> String {
    format!("{OPTIMISER}{slot}/{parameter}")
}

/// Today's name of a tensor that may be an earlier version's.
pub(super) fn todays_name(name: String) -> String {
    if name.starts_with(VELOCITY) { OPTIMISER.to_string() + &name } else { name }
}

/// The weights and statistics among the tensors of a file, as they are evaluated: their running average where it has one.
pub(super) fn evaluated(tensors: &BTreeMap<String, TensorData>) -> BTreeMap<String, TensorData> {
    let average = slot_name(SLOT, "");
    let averaged = tensors.keys().any(|name| name.starts_with(&average));
    let own = |name: &str| match averaged {
        true => name.strip_prefix(&average).map(String::from),
        false => (!matches!(Part::of(name), Part::Slot(_))).then(|| name.to_string()),
    };
    tensors.iter().filter_map(|(name, tensor)| Some((own(name)?, tensor.clone()))).collect()
}

/// What a tensor of a checkpoint belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// The trained parameters.
    Weights,
    /// The running statistics of the norms.
    Statistics,
    /// A slot of the optimiser.
    Slot(&'a str),
}

impl Part<'_> {
    /// By the tensor's name, today's or an earlier version's.
    pub(super) fn of(name: &str) -> Part<'_> {
        let slot = name.strip_prefix(OPTIMISER).or_else(|| name.starts_with(VELOCITY).then_some(name));
        match slot.and_then(|rest| rest.split_once('/')) {
            Some((slot, _)) => Part::Slot(slot),
            None if name.ends_with(".running_mean") || name.ends_with(".running_var") => Part::Statistics,
            None => Part::Weights,
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
    /// Of every slot of the optimiser; none where they are not kept.
    #[serde(flatten)]
    pub slots: BTreeMap<String, String>,
}

impl Digests {
    /// The hashes of the tensors of a checkpoint.
    pub fn of(tensors: &BTreeMap<String, TensorData>) -> Digests {
        let (mut weights, mut statistics, mut slots) = (Hasher::new(), Hasher::new(), BTreeMap::new());
        for (name, tensor) in tensors {
            let hasher = match Part::of(name) {
                Part::Weights => &mut weights,
                Part::Statistics => &mut statistics,
                Part::Slot(slot) => slots.entry(slot.to_string()).or_default(),
            };
            // Without `optim/`, so that the hashes are those of earlier versions.
            add(hasher, name.strip_prefix(OPTIMISER).unwrap_or(name), tensor);
        }
        let text = |hasher: Hasher| hasher.finalize().to_hex().to_string();
        Digests {
            weights: text(weights),
            statistics: text(statistics),
            slots: slots.into_iter().map(|(slot, hasher)| (slot, text(hasher))).collect(),
        }
    }

    /// The hash of every part, by its name.
    pub fn parts(&self) -> Vec<(&str, &str)> {
        let slots = self.slots.iter().map(|(slot, hash)| (slot.as_str(), hash.as_str()));
        [("weights", self.weights.as_str()), ("statistics", &self.statistics)].into_iter().chain(slots).collect()
    }

    /// The parts in which `other` differs, by their names.
    pub fn differences<'a>(&'a self, other: &'a Digests) -> Vec<&'a str> {
        let mut names: Vec<&str> = self.parts().into_iter().chain(other.parts()).map(|(name, _)| name).collect();
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(*name) && self.part(name) != other.part(name));
        names
    }

    /// The hash of a part; of nothing where it is not kept, as earlier versions have it for files of weights alone.
    fn part(&self, name: &str) -> String {
        let found = self.parts().into_iter().find(|(part, _)| *part == name);
        found.map_or_else(|| Hasher::new().finalize().to_hex().to_string(), |(_, hash)| hash.to_string())
    }
}

fn add(hasher: &mut Hasher, name: &str, tensor: &TensorData) {
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
        let mut hasher = Hasher::new();
        let step_text = step.to_string();
        let parts = digests.parts().into_iter().map(|(_, hash)| hash);
        for part in [before.map_or("", |last| &last.link), &step_text].into_iter().chain(parts) {
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
        let names = ["a.weight", "a.running_mean", "optim/velocity/a.weight"];
        names.into_iter().map(|name| (name.to_string(), tensor(value))).collect()
    }

    #[test]
    fn a_change_of_one_bit_shows_in_its_part_alone() {
        let base = Digests::of(&state(0.5));
        for (name, part) in
            [("a.weight", "weights"), ("a.running_mean", "statistics"), ("optim/velocity/a.weight", "velocity")]
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
    fn hashes_are_read_as_earlier_versions_wrote_them() {
        let digests = Digests::of(&state(0.5));
        let text = serde_json::to_string(&digests).unwrap();
        let [weights, statistics, velocity] = ["weights", "statistics", "velocity"].map(|name| digests.part(name));
        let written = format!(r#"{{"weights":"{weights}","statistics":"{statistics}","velocity":"{velocity}"}}"#);
        assert_eq!(text, written);
        // They hashed the velocities under `velocity/`.
        let mut hasher = Hasher::new();
        add(&mut hasher, "velocity/a.weight", &state(0.5)["a.weight"]);
        assert_eq!(velocity, hasher.finalize().to_hex().to_string());
        // A file of weights had the hash of no velocity.
        let nothing = Hasher::new().finalize().to_hex();
        let old = text.replace(&velocity, &nothing);
        let weights = Digests { slots: BTreeMap::new(), ..digests };
        assert!(weights.differences(&serde_json::from_str(&old).unwrap()).is_empty());
        let link = Link::after(None, 7, serde_json::from_str(&text).unwrap());
        assert_eq!(serde_json::from_str::<Link>(&serde_json::to_string(&link).unwrap()).unwrap(), link);
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
