//! Files of weights, of this program and of others, and the nets that they are for.

use super::about::{KNOBS, LABELS};
use super::digest::evaluated;
use super::{Checkpoint, CheckpointError, Meta, meta};
use crate::data;
use crate::files::{Foreign, resolved};
use crate::nn::{Design, Fit, Head, Net, NetSpec, Recognised, State, StateError, TensorData, Weights, onnx, recognise};
use crate::ops::Ops;
use crate::recipe::settings::Task;
use crate::recipe::{Recipe, preset};
use crate::train::TrainError;
use crate::train::classes::{Aligned, align};
use crate::train::origin::BUNDLED;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// The teacher inside the program: see `assets/README.md`.
const BUNDLED_TEACHER: &[u8] = include_bytes!("../../../assets/teacher.safetensors");

/// Largest checkpoint that is read, in bytes.
const LARGEST: u64 = 4 << 30;

/// Reads a file with `parse`; one that is something else than a safetensors file is told for what it is.
///
/// # Errors
/// A file that cannot be read, and what `parse` says.
pub(super) fn read<T, E: Display>(path: &Path, parse: impl FnOnce(&[u8]) -> Result<T, E>) -> Result<T, TrainError> {
    let wrong = |problem: String| TrainError::Checkpoint { path: path.to_path_buf(), problem };
    let bytes = regular_file(path).map_err(|e| wrong(e.to_string()))?;
    parse(&bytes).map_err(|why| {
        wrong(match Foreign::of(&bytes) {
            Some(foreign) => format!("not a whole safetensors file: it {}", foreign.told(path, "weights")),
            None => why.to_string(),
        })
    })
}

/// The tensors of a file of weights, of any program, as they are called there; of a checkpoint those that are evaluated.
///
/// # Errors
/// A file that cannot be read or is no safetensors file of real numbers.
pub fn read_weights(path: &Path) -> Result<BTreeMap<String, TensorData>, TrainError> {
    Ok(named(path)?.0)
}

/// The tensors of a file of weights, and the classes that it names.
fn named(path: &Path) -> Result<(BTreeMap<String, TensorData>, Names), TrainError> {
    let state = if path == Path::new(BUNDLED) {
        State::from_bytes(BUNDLED_TEACHER)?
    } else {
        read(&resolved(path)?, State::from_bytes)?
    };
    let classes = classes(&state.metadata);
    Ok((evaluated(&state.tensors), classes))
}

/// The classes that a file names, in label order, if it names any.
pub(in crate::train) type Names = Option<Vec<String>>;

/// The classes that a file of weights names, in label order, if it names any.
///
/// # Errors
/// As [`read_weights`].
pub(in crate::train) fn classes_of(path: &Path) -> Result<Names, TrainError> {
    Ok(named(path)?.1)
}

/// The classes that a file names: a checkpoint, or weights that were exported for other programs.
fn classes(metadata: &BTreeMap<String, String>) -> Names {
    match metadata.get(meta::KEY) {
        Some(text) => Meta::unseal(text).ok()?.signature.map(|signature| signature.classes),
        None => serde_json::from_str(metadata.get(LABELS)?).ok(),
    }
}

/// Weights that fit a net.
pub(in crate::train) struct Found {
    pub weights: Weights,
    /// How far they fill the net.
    pub fit: Fit,
    /// The classes that the file names.
    pub classes: Names,
}

/// The weights of a file as those of a net.
///
/// # Errors
/// As [`read_weights`], and tensors of another net.
pub(in crate::train) fn weights_for(path: &Path, spec: &NetSpec, head: Head) -> Result<Found, TrainError> {
    let (tensors, classes) = named(path)?;
    let fitting = Weights::fitting(tensors, |tensors| spec.fit(tensors, head));
    let (weights, fit) =
        fitting.map_err(|e| TrainError::Checkpoint { path: path.to_path_buf(), problem: e.to_string() })?;
    Ok(Found { weights, fit, classes })
}

/// What a teacher has to teach.
pub struct Pupil<'a> {
    /// What it learns.
    pub task: Task,
    /// Channels of the images.
    pub image_channels: usize,
    /// Names of their classes, in label order.
    pub classes: &'a [String],
    /// Whether the teacher's outputs are taken by their places, whatever its classes are.
    pub by_place: bool,
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
        let design = Design::of(&*self.meta.recipe(&Recipe::default())?);
        let tensors = self.weights().into_iter().map(|(name, t)| (design.outer_name(&name), t)).collect();
        Ok(State { tensors, metadata: self.about()? }.to_bytes()?)
    }

    /// The bytes of an ONNX model of its net, with the same texts.
    ///
    /// # Errors
    /// Knobs that this version does not allow, a net that has no such form, a checkpoint that does not say what
    /// images its net is for.
    pub fn onnx(&self) -> Result<Vec<u8>, TrainError> {
        let recipe = self.meta.recipe(&Recipe::default())?;
        let older =
            "an older version wrote it without what images its net is for; tricktop resume writes one that says it";
        let signature = self.meta.signature.as_ref().ok_or_else(|| TrainError::Export(older.into()))?;
        let image = signature.image;
        let spec = NetSpec::of(&recipe, image[2], signature.classes.len());
        onnx(&spec, &self.weights(), image, &self.about()?).map_err(|e| TrainError::Export(e.to_string()))
    }

    /// The net of a teacher: `Bundled`, or the path of a checkpoint or of another program's weights. Its outputs are in the
    /// order of the pupil's classes.
    ///
    /// # Errors
    /// A file that is missing, damaged, of no net that is known here, or of other images or classes.
    pub fn teacher<D: Ops<f32>>(source: &Path, dev: &D, pupil: &Pupil<'_>) -> Result<Net<f32, D>, TrainError> {
        Ok(Checkpoint::teacher_with_note(source, dev, pupil)?.0)
    }

    /// The net of a teacher, and a sentence about its file when there is something to be told.
    ///
    /// # Errors
    /// As [`Checkpoint::teacher`].
    pub(in crate::train) fn teacher_with_note<D: Ops<f32>>(
        source: &Path,
        dev: &D,
        pupil: &Pupil<'_>,
    ) -> Result<(Net<f32, D>, Option<String>), TrainError> {
        let Pupil { task, image_channels, classes, by_place } = *pupil;
        let wrong = |problem: String| TrainError::Checkpoint { path: source.to_path_buf(), problem };
        let bundled = source == Path::new(BUNDLED);
        let (design, mut weights, named) = if bundled {
            teaching(BUNDLED_TEACHER).map_err(|e| wrong(e.to_string()))?
        } else {
            read(&resolved(source)?, teaching)?
        };
        let named = if bundled { Some(data::bundled_classes()) } else { named };
        let count = classes.len();
        let needed = |e: StateError| {
            wrong(format!("{e} (a teacher for {image_channels}-channel images of {count} classes is needed)"))
        };
        if design.task != task {
            let (has, needs) = (design.task.learns(), task.learns());
            return Err(wrong(format!("is of a net that learns {has}; a teacher of {needs} is needed")));
        }
        let spec = design.spec(image_channels, count);
        // No net is built before the file is known to fill it.
        spec.fit(&weights.tensors, Head::Fits).map_err(needed)?;
        let by_places = "it teaches by the places of its outputs";
        let told = match align(&mut weights.tensors, &spec, classes, named.as_deref()) {
            Aligned::Same => None,
            Aligned::Others(why) if !by_place => {
                let how = "tricks.distill.by_place: true has such a teacher teach by the places of its outputs";
                return Err(wrong(format!("cannot teach here: it {why}; {how}")));
            }
            Aligned::Others(why) => Some(format!("{why}: {by_places}")),
            Aligned::Unnamed => Some(format!("names no classes: {by_places}")),
        };
        let mut net = Net::new(dev, &spec).map_err(TrainError::device)?;
        net.import(&weights.tensors)?;
        let told: Vec<String> = weights.note().into_iter().chain(told).collect();
        Ok((net, (!told.is_empty()).then(|| format!("{} {}", source.display(), told.join("; it ")))))
    }
}

/// The net that a teacher's file is of, its weights, and the classes that it names.
fn teaching(bytes: &[u8]) -> Result<(Design, Weights, Names), CheckpointError> {
    let state = State::from_bytes(bytes)?;
    let classes = classes(&state.metadata);
    if state.metadata.contains_key(meta::KEY) {
        let checkpoint = Checkpoint::from_bytes(bytes)?;
        let (recipe, weights) = (checkpoint.meta.recipe(&Recipe::default())?, checkpoint.weights());
        return Ok((Design::of(&recipe), Weights { tensors: weights, prefixes: Default::default() }, classes));
    }
    let told = told(&state.metadata);
    let found = Weights::fitting(state.tensors, recognise);
    let (weights, Recognised { design, image_channels, classes: count }) =
        found.map_err(|(nearest, why)| CheckpointError::NoNet { nearest, why })?;
    let fits = |told: &Design| told.spec(image_channels, count).fit(&weights.tensors, Head::Fits).is_ok();
    Ok((told.filter(fits).unwrap_or(design), weights, classes))
}

/// The net that exported weights tell of: what is dilated, no tensor does.
fn told(metadata: &BTreeMap<String, String>) -> Option<Design> {
    let sets = metadata.get(KNOBS)?.split(' ').map(preset::parse_set).collect::<Result<Vec<_>, _>>().ok()?;
    Some(Design::of(&*Recipe::default().with(sets).ok()?))
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
