//! Checkpoints: weights and running statistics under PyTorch's names, velocities, and where the run stands, in one
//! safetensors file that is written whole or not at all, and verified when it is read.

mod digest;
mod meta;
pub(super) mod snapshot;
pub(super) mod writer;

pub use digest::{Digests, Link};
pub use meta::{Meta, Progress, Signature};

use super::TrainError;
use super::step::Learner;
use crate::files::resolved;
use crate::nn::{Head, Net, NetSpec, Role, State, StateError, TensorData, recognise};
use crate::ops::Ops;
use crate::recipe::Recipe;
use atomic_write_file::AtomicWriteFile;
use digest::{Part, VELOCITY};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The teacher inside the program: see `assets/README.md`.
const BUNDLED_TEACHER: &[u8] = include_bytes!("../../../assets/teacher.safetensors");

/// The directory of checkpoints to go on from, in that of their run.
const DIRECTORY: &str = "checkpoints";

/// The weights of the best epoch, in the directory of their run.
pub const BEST: &str = "best.safetensors";

/// The best weights that a rollback has taken back.
const ROLLED_BACK: &str = "best-rolled-back.safetensors";

/// Largest checkpoint that is read, in bytes.
const LARGEST: u64 = 4 << 30;

/// A checkpoint that was read and verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// What it says about itself.
    pub meta: Meta,
    state: State,
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
    if best.is_file() { Some(best) } else { steps(dir).pop().map(|(_, path)| path) }
}

impl Checkpoint {
    /// Reads a checkpoint file and verifies every byte that counts.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged or was not written by tricktop.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let wrong = |problem: String| TrainError::Checkpoint { path: path.to_path_buf(), problem };
        let bytes = regular_file(path).map_err(|e| wrong(e.to_string()))?;
        Checkpoint::from_bytes(&bytes).map_err(wrong)
    }

    /// Reads the bytes of a checkpoint file and verifies them.
    ///
    /// # Errors
    /// Bytes that are damaged or were not written by tricktop, as a sentence.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        Checkpoint::of(State::from_bytes(bytes).map_err(|e| e.to_string())?)
    }

    /// Verifies what a file holds.
    fn of(state: State) -> Result<Self, String> {
        let text = state.metadata.get(meta::KEY);
        let text =
            text.ok_or_else(|| format!("its metadata has no `{}`: it was not written by tricktop", meta::KEY))?;
        let meta = Meta::unseal(text)?;
        let damaged = Digests::of(&state.tensors).differences(&meta.digests);
        if !damaged.is_empty() && !cfg!(fuzzing) {
            return Err(format!("is damaged: the hash of its {} is not the one that was written", damaged.join(", ")));
        }
        Ok(Checkpoint { meta, state })
    }

    /// Whether a run can go on from it: `best.safetensors` holds no velocities.
    pub fn is_whole(&self) -> bool {
        self.state.tensors.keys().any(|name| Part::of(name) == Part::Velocity)
    }

    /// Number of values among the weights.
    pub fn parameters(&self) -> usize {
        let weights = self.state.tensors.iter().filter(|(name, _)| Part::of(name) == Part::Weights);
        weights.map(|(_, t)| t.values.len()).sum()
    }

    /// Gives a learner of the same net weights, statistics and velocities.
    ///
    /// # Errors
    /// A tensor that is missing or of another shape, and then nothing has changed; the device's.
    pub fn restore<D: Ops<f32>>(&self, learner: &mut Learner<D>) -> Result<(), TrainError> {
        let tensors = &self.state.tensors;
        for p in learner.net.params().into_iter().filter(|p| p.role != Role::Statistic) {
            let name = format!("{VELOCITY}{}", p.name);
            let found = tensors
                .get(&name)
                .ok_or_else(|| StateError::Missing { name: name.clone(), nearest: None })?
                .shape
                .clone();
            if found != p.torch_shape() {
                return Err(StateError::Shape { name, found, expected: p.torch_shape() }.into());
            }
        }
        learner.net.import(tensors)?;
        learner.scaler = self.meta.at.scaler;
        let Learner { net, sgd, .. } = learner;
        for p in net.params() {
            if let Some(velocity) = tensors.get(&format!("{VELOCITY}{}", p.name)) {
                sgd.set_velocity(p, p.from_torch(&velocity.values)).map_err(TrainError::device)?;
            }
        }
        Ok(())
    }

    /// Its weights and running statistics under PyTorch's names.
    pub fn weights(&self) -> BTreeMap<String, TensorData> {
        let weights = self.state.tensors.iter().filter(|(name, _)| Part::of(name) != Part::Velocity);
        weights.map(|(name, tensor)| (name.clone(), tensor.clone())).collect()
    }

    /// The net that it is of, with its weights.
    ///
    /// # Errors
    /// Knobs that this version does not allow, tensors that are not those of the net; the device's.
    pub fn net<D: Ops<f32>>(&self, dev: &D) -> Result<Net<f32, D>, TrainError> {
        let recipe = self.meta.recipe(&Recipe::default()).map_err(TrainError::Resume)?;
        // (what the first convolution reads and the linear layer gives does not change the names)
        let any = NetSpec::new(&recipe.net, 1, 1);
        let size = |name: &str, axis: usize| self.state.tensors.get(name)?.shape.get(axis).copied();
        let first = any.params().first().map_or(String::new(), |p| p.name.clone());
        let missing = |name: &str| StateError::Missing { name: name.to_string(), nearest: None };
        let channels = size(&first, 1).ok_or_else(|| missing(&first))?;
        let head = format!("{}.weight", any.head);
        let classes = size(&head, 0).ok_or_else(|| missing(&head))?;
        let spec = NetSpec::new(&recipe.net, channels, classes);
        let weights = self.weights();
        spec.fit(&weights, Head::Fits)?;
        let mut net = Net::new(dev, &spec).map_err(TrainError::device)?;
        net.import(&weights)?;
        Ok(net)
    }

    /// The net of a teacher: `Bundled`, or the path of a checkpoint or of another program's weights.
    ///
    /// # Errors
    /// A file that is missing, damaged, of no net that is known here, or of other images or classes.
    pub fn teacher<D: Ops<f32>>(
        source: &str,
        dev: &D,
        image_channels: usize,
        classes: usize,
    ) -> Result<Net<f32, D>, TrainError> {
        let path = resolved(source)?;
        let wrong = |problem: String| TrainError::Checkpoint { path: path.clone(), problem };
        let bytes = match source {
            "Bundled" => Cow::Borrowed(BUNDLED_TEACHER),
            _ => regular_file(&path).map_err(|e| wrong(e.to_string()))?.into(),
        };
        let needed = |e: StateError| {
            wrong(format!("{e} (a teacher for {image_channels}-channel images of {classes} classes is needed)"))
        };
        let state = State::from_bytes(&bytes).map_err(|e| wrong(e.to_string()))?;
        let (net, tensors) = if state.metadata.contains_key(meta::KEY) {
            let checkpoint = Checkpoint::of(state).map_err(wrong)?;
            (checkpoint.meta.recipe(&Recipe::default()).map_err(wrong)?.net.clone(), checkpoint.weights())
        } else {
            let net = recognise(&state.tensors)
                .map_err(|(name, why)| wrong(format!("is of no net here; it is most like {name}, but {why}")))?;
            (net, state.tensors)
        };
        let spec = NetSpec::new(&net, image_channels, classes);
        // (a net is not built that the file does not fill)
        spec.fit(&tensors, Head::Fits).map_err(needed)?;
        let mut net = Net::new(dev, &spec).map_err(TrainError::device)?;
        net.import(&tensors)?;
        Ok(net)
    }
}

/// The tensors of a file of weights, of any program.
///
/// # Errors
/// A file that cannot be read or is no safetensors file of single precision.
pub fn read_weights(path: &Path) -> Result<BTreeMap<String, TensorData>, TrainError> {
    let path = resolved(path)?;
    let wrong = |problem: String| TrainError::Checkpoint { path: path.clone(), problem };
    let bytes = regular_file(&path).map_err(|e| wrong(e.to_string()))?;
    let state = State::from_bytes(&bytes).map_err(|e| wrong(e.to_string()))?;
    let weights = state.tensors.into_iter().filter(|(name, _)| Part::of(name) != Part::Velocity);
    Ok(weights.collect())
}

/// The bytes of a safetensors file of weights that PyTorch reads.
///
/// # Errors
/// None that is known: the format's own checks.
pub fn weights_file(tensors: BTreeMap<String, TensorData>) -> Result<Vec<u8>, TrainError> {
    let metadata = BTreeMap::from([("format".to_string(), "pt".to_string())]);
    Ok(State { tensors, metadata }.to_bytes()?)
}

/// The bytes of a file that is neither a pipe nor larger than any checkpoint.
fn regular_file(path: &Path) -> io::Result<Vec<u8>> {
    let about = fs::metadata(path)?;
    if !about.is_file() || about.len() > LARGEST {
        return Err(io::Error::other(format!("is no file of at most {} GB", LARGEST >> 30)));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}
