//! Checkpoints: weights and running statistics under PyTorch's names, what the optimiser keeps, and where the run stands,
//! in one safetensors file that is written whole or not at all, and verified when it is read.

mod about;
mod digest;
mod error;
mod meta;
pub(super) mod snapshot;
mod weights;
pub(super) mod writer;

pub use digest::{Digests, Link};
pub use error::CheckpointError;
pub use meta::{Meta, Progress, Signature};
pub(super) use weights::{Found, classes_of, weights_for};
pub use weights::{Pupil, read_weights, weights_file};

use super::TrainError;
use super::optim::ema::Average;
use super::optim::{Optimiser, slots, with_slots};
use crate::nn::{Head, Net, NetSpec, Role, State, StateError, TensorData};
use crate::ops::Ops;
use crate::recipe::Recipe;
use crate::recipe::settings::OptimName;
use crate::tricks::scaling::Scaler;
use atomic_write_file::AtomicWriteFile;
use digest::{Part, evaluated, slot_name, todays_name};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The directory of checkpoints to go on from, in that of their run.
pub(super) const DIRECTORY: &str = "checkpoints";

/// The weights of the best epoch, in the directory of their run.
pub const BEST: &str = "best.safetensors";

/// The best weights that a rollback has taken back.
const ROLLED_BACK: &str = "best-rolled-back.safetensors";

/// A checkpoint that was read and verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// What it says about itself.
    pub meta: Meta,
    state: State,
}

/// What a checkpoint is of, and what it is put into.
pub struct Trained<'a, D: Ops<f32>> {
    /// What it computes on.
    pub dev: &'a D,
    /// The net.
    pub net: &'a mut Net<f32, D>,
    /// Its optimiser.
    pub optimiser: &'a mut Optimiser<f32, D>,
    /// The running average of its weights.
    pub average: &'a mut Option<Average<D>>,
    /// The factor of the loss in mixed precision.
    pub scaler: &'a mut Scaler,
}

/// Writes a file whole: a temporary file beside it, fsync, rename, fsync of the directory.
///
/// # Errors
/// The system's; what stood there before stays.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = AtomicWriteFile::open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    file.commit()?;
    match path.parent() {
        Some(dir) if cfg!(unix) => {
            File::open(if dir.as_os_str().is_empty() { Path::new(".") } else { dir })?.sync_all()
        }
        _ => Ok(()),
    }
}

/// The checkpoints of the run in `dir`, by step; none when they cannot be read. Whether they are whole is not looked at.
pub fn steps(dir: &Path) -> Vec<(u64, PathBuf)> {
    let step =
        |path: &Path| path.file_name()?.to_str()?.strip_prefix("step-")?.strip_suffix(".safetensors")?.parse().ok();
    let entries = fs::read_dir(dir.join(DIRECTORY)).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<(u64, PathBuf)> = entries.filter_map(|path| Some((step(&path)?, path))).collect();
    found.sort();
    found
}

/// The checkpoint of a step of the run in `dir`.
pub fn checkpoint_path(dir: &Path, step: u64) -> PathBuf {
    dir.join(DIRECTORY).join(format!("step-{step:06}.safetensors"))
}

/// The best weights of the run in `dir`, or its newest checkpoint when none are the best yet.
pub fn best_weights(dir: &Path) -> Option<PathBuf> {
    let best = dir.join(BEST);
    if best.is_file() { Some(best) } else { newest_weights(dir) }
}

/// The newest checkpoint of the run in `dir`.
pub fn newest_weights(dir: &Path) -> Option<PathBuf> {
    steps(dir).pop().map(|(_, path)| path)
}

impl Checkpoint {
    /// Reads a checkpoint file and verifies every byte that counts.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged or was not written by tricktop.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        weights::read(path, Checkpoint::from_bytes)
    }

    /// Reads the bytes of a checkpoint file and verifies them.
    ///
    /// # Errors
    /// Bytes that are damaged or were not written by tricktop.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointError> {
        Checkpoint::of(State::exact(bytes)?)
    }

    /// Verifies what a file holds.
    fn of(mut state: State) -> Result<Self, CheckpointError> {
        state.tensors = state.tensors.into_iter().map(|(name, tensor)| (todays_name(name), tensor)).collect();
        let meta = Meta::unseal(state.metadata.get(meta::KEY).ok_or(CheckpointError::Foreign)?)?;
        let found = Digests::of(&state.tensors);
        let damaged = found.differences(&meta.digests);
        if !damaged.is_empty() && !cfg!(fuzzing) {
            return Err(CheckpointError::Damaged { parts: damaged.into_iter().map(String::from).collect() });
        }
        Ok(Checkpoint { meta, state })
    }

    /// Whether a run can go on from it: `best.safetensors` holds nothing of the optimiser.
    pub fn is_whole(&self) -> bool {
        self.state.tensors.keys().any(|name| matches!(Part::of(name), Part::Slot(_)))
    }

    /// Number of values among the weights.
    pub fn parameters(&self) -> usize {
        let weights = self.state.tensors.iter().filter(|(name, _)| Part::of(name) == Part::Weights);
        weights.map(|(_, t)| t.values.len()).sum()
    }

    /// Gives a net of the same description and its optimiser their state.
    ///
    /// # Errors
    /// A tensor that is missing or of another shape, and then nothing has changed; the device's.
    pub fn restore<D: Ops<f32>>(&self, to: Trained<'_, D>) -> Result<(), TrainError> {
        restore(&self.state.tensors, &self.meta.at, to)
    }

    /// The weights and running statistics that are evaluated and exported, under PyTorch's names: their average where the
    /// run keeps one.
    pub fn weights(&self) -> BTreeMap<String, TensorData> {
        evaluated(&self.state.tensors)
    }

    /// What is to be told of its weights: that they are an average.
    pub fn note(&self) -> Option<String> {
        let steps = self.meta.at.averaged?;
        Some(format!("the weights are their running average, {steps} steps after it began (optim.ema)"))
    }

    /// The net that it is of, with its weights.
    ///
    /// # Errors
    /// Knobs that this version does not allow, tensors that are not those of the net; the device's.
    pub fn net<D: Ops<f32>>(&self, dev: &D) -> Result<Net<f32, D>, TrainError> {
        let recipe = self.meta.recipe(&Recipe::default())?;
        // The numbers of input channels and of classes do not change the names.
        let any = NetSpec::of(&recipe, 1, 1);
        let size = |name: &str, axis: usize| self.state.tensors.get(name)?.shape.get(axis).copied();
        let first = any.params().first().map_or(String::new(), |p| p.name.clone());
        let missing = |name: &str| StateError::Missing { name: name.to_string(), nearest: None };
        let channels = size(&first, 1).ok_or_else(|| missing(&first))?;
        let head = format!("{}.weight", any.head);
        let classes = size(&head, 0).ok_or_else(|| missing(&head))?;
        let spec = NetSpec::of(&recipe, channels, classes);
        let weights = self.weights();
        spec.fit(&weights, Head::Fits)?;
        let mut net = Net::new(dev, &spec).map_err(TrainError::device)?;
        net.import(&weights)?;
        Ok(net)
    }
}

/// Gives a net weights and statistics, and its optimiser what it keeps, under the names that they have in a checkpoint.
fn restore<D: Ops<f32>>(
    tensors: &BTreeMap<String, TensorData>,
    at: &Progress,
    to: Trained<'_, D>,
) -> Result<(), TrainError> {
    let first = to.net.params().first().map_or(String::new(), |p| p.name.clone());
    // A file without any slot is one of weights alone: the slots of SGD are named as missing.
    let optimiser = with_slots(|slot| tensors.contains_key(&slot_name(slot, &first))).unwrap_or(OptimName::Sgd);
    let mut kept = Vec::new();
    for (i, p) in to.net.params().into_iter().enumerate().filter(|(_, p)| p.role != Role::Statistic) {
        for slot in slots(optimiser) {
            let name = slot_name(slot, &p.name);
            let Some(tensor) = tensors.get(&name) else {
                return Err(StateError::Missing { name, nearest: None }.into());
            };
            if tensor.shape != p.torch_shape() {
                return Err(StateError::Shape { name, found: tensor.shape.clone(), expected: p.torch_shape() }.into());
            }
            kept.push((i, *slot, tensor));
        }
    }
    let average = at.averaged.map(|steps| {
        let mut average = Average::begun(to.dev, to.net)?;
        average.net.import(&evaluated(tensors))?;
        Ok::<_, TrainError>(Average { steps, ..average })
    });
    let average = average.transpose()?;
    to.net.import(tensors)?;
    *to.average = average;
    *to.scaler = at.scaler;
    *to.optimiser = Optimiser::new(optimiser, at.updates, at.missed.clone());
    let params = to.net.params();
    for (i, slot, tensor) in kept {
        let values = params[i].from_torch(&tensor.values);
        to.optimiser.set_slot(slot, params[i], values).map_err(TrainError::device)?;
    }
    Ok(())
}
