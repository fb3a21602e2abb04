//! Files of weights, of this program and of others, and the nets that they are for.

use super::digest::Part;
use super::{Checkpoint, meta};
use crate::files::{Foreign, resolved};
use crate::nn::{Head, Net, NetSpec, Recognised, State, StateError, TensorData, Weights, recognise};
use crate::ops::Ops;
use crate::recipe::Recipe;
use crate::recipe::settings::Net as Settings;
use crate::train::TrainError;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The teacher inside the program: see `assets/README.md`.
const BUNDLED_TEACHER: &[u8] = include_bytes!("../../../assets/teacher.safetensors");

/// Largest checkpoint that is read, in bytes.
const LARGEST: u64 = 4 << 30;

/// Reads a file with `parse`; one that is something else than a safetensors file is told for what it is.
///
/// # Errors
/// A file that cannot be read, and what `parse` says.
pub(super) fn read<T>(path: &Path, parse: impl FnOnce(&[u8]) -> Result<T, String>) -> Result<T, TrainError> {
    let wrong = |problem: String| TrainError::Checkpoint { path: path.to_path_buf(), problem };
    let bytes = regular_file(path).map_err(|e| wrong(e.to_string()))?;
    parse(&bytes).map_err(|why| {
        wrong(match Foreign::of(&bytes) {
            Some(foreign) => format!("not a whole safetensors file: it {}", foreign.told(path, "weights")),
            None => why,
        })
    })
}

/// The tensors of a file of weights, of any program, as they are called there.
///
/// # Errors
/// A file that cannot be read or is no safetensors file of real numbers.
pub fn read_weights(path: &Path) -> Result<BTreeMap<String, TensorData>, TrainError> {
    let path = resolved(path)?;
    let state = read(&path, |bytes| State::from_bytes(bytes).map_err(|e| e.to_string()))?;
    let weights = state.tensors.into_iter().filter(|(name, _)| Part::of(name) != Part::Velocity);
    Ok(weights.collect())
}

/// The weights of a file as those of a net, and whether its linear layer is among those that fit.
///
/// # Errors
/// As [`read_weights`], and tensors of another net.
pub(in crate::train) fn weights_for(path: &Path, spec: &NetSpec, head: Head) -> Result<(Weights, bool), TrainError> {
    let fitting = Weights::fitting(read_weights(path)?, |tensors| spec.fit(tensors, head));
    fitting.map_err(|e| TrainError::Checkpoint { path: path.to_path_buf(), problem: e.to_string() })
}

/// The bytes of a safetensors file of weights that PyTorch reads.
///
/// # Errors
/// None that is known: the format's own checks.
pub fn weights_file(tensors: BTreeMap<String, TensorData>) -> Result<Vec<u8>, TrainError> {
    let metadata = BTreeMap::from([("format".to_string(), "pt".to_string())]);
    Ok(State { tensors, metadata }.to_bytes()?)
}

impl Checkpoint {
    /// The bytes of a safetensors file of its weights that PyTorch reads, with what it has to know of them.
    ///
    /// # Errors
    /// Knobs that this version does not allow.
    pub fn export(&self) -> Result<Vec<u8>, TrainError> {
        let metadata = self.about().map_err(TrainError::Resume)?;
        Ok(State { tensors: self.weights(), metadata }.to_bytes()?)
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
        Ok(Checkpoint::teacher_with_note(source, dev, image_channels, classes)?.0)
    }

    /// The net of a teacher, and a sentence about its file when there is something to be told.
    ///
    /// # Errors
    /// As [`Checkpoint::teacher`].
    pub(in crate::train) fn teacher_with_note<D: Ops<f32>>(
        source: &str,
        dev: &D,
        image_channels: usize,
        classes: usize,
    ) -> Result<(Net<f32, D>, Option<String>), TrainError> {
        let path = PathBuf::from(source);
        let wrong = |problem: String| TrainError::Checkpoint { path: path.clone(), problem };
        let (settings, weights) = match source {
            "Bundled" => teaching(BUNDLED_TEACHER).map_err(wrong)?,
            _ => read(&resolved(source)?, teaching)?,
        };
        let needed = |e: StateError| {
            wrong(format!("{e} (a teacher for {image_channels}-channel images of {classes} classes is needed)"))
        };
        let spec = NetSpec::new(&settings, image_channels, classes);
        // (a net is not built that the file does not fill)
        spec.fit(&weights.tensors, Head::Fits).map_err(needed)?;
        let mut net = Net::new(dev, &spec).map_err(TrainError::device)?;
        net.import(&weights.tensors)?;
        Ok((net, weights.note().map(|note| format!("{source} {note}"))))
    }
}

/// The net that a teacher's file is of, and its weights.
fn teaching(bytes: &[u8]) -> Result<(Settings, Weights), String> {
    let state = State::from_bytes(bytes).map_err(|e| e.to_string())?;
    if state.metadata.contains_key(meta::KEY) {
        let checkpoint = Checkpoint::from_bytes(bytes)?;
        let (tensors, prefixes) = (checkpoint.weights(), Default::default());
        return Ok((checkpoint.meta.recipe(&Recipe::default())?.net.clone(), Weights { tensors, prefixes }));
    }
    let found = Weights::fitting(state.tensors, recognise);
    let (weights, Recognised { net, .. }) =
        found.map_err(|(name, why)| format!("is of no net here; it is most like {name}, but {why}"))?;
    Ok((net, weights))
}

/// The bytes of a file that is neither a pipe nor larger than any checkpoint.
fn regular_file(path: &Path) -> io::Result<Vec<u8>> {
    let about = fs::metadata(path)?;
    if about.is_dir() {
        return Err(io::Error::other("is a directory; a safetensors file is read"));
    }
    if !about.is_file() || about.len() > LARGEST {
        return Err(io::Error::other(format!("is no file of at most {} GB", LARGEST >> 30)));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}
