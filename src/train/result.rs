//! What a trained net is used for: evaluation, and classes of single images.

use super::checkpoint::{Checkpoint, Signature, weights_for};
use super::evaluate::{Seen, evaluate};
use super::step::Learner;
use super::{Evaluation, TrainError};
use crate::data::{self, Batch, DataSet, Input, Picture, Reader, Skipped};
use crate::nn::{Head, Net, NetSpec};
use crate::recipe::knobs::find;
use crate::recipe::settings::{DataKind, Net as NetSettings};
use crate::recipe::{Recipe, Value, reasons};
use dfdx::prelude::Cpu;
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;

/// What a net makes of test images.
pub struct Tested {
    /// The figures.
    pub evaluation: Evaluation,
    /// Class names in label order.
    pub classes: Vec<String>,
    /// Images that could not be used.
    pub skipped: Vec<Skipped>,
    /// What is to be told of the file of weights, as a predicate.
    pub note: Option<String>,
}

/// Evaluates a checkpoint on the test images of its recipe, or on those of a directory.
///
/// # Errors
/// A checkpoint or images that cannot be had, or that do not fit each other.
pub fn evaluate_checkpoint(path: &Path, data: Option<&Path>) -> Result<Tested, TrainError> {
    measure(checkpoint(path, data)?, |_, _| {})
}

/// Evaluates a checkpoint on at most `most` of the test images of its recipe, spread over all of them; `look` sees each.
///
/// # Errors
/// A checkpoint or images that cannot be had, or that do not fit each other.
pub fn show_checkpoint(path: &Path, most: usize, look: impl FnMut(&DataSet, Seen<'_>)) -> Result<Tested, TrainError> {
    let mut trained = checkpoint(path, None)?;
    trained.set.spread_test(most);
    measure(trained, look)
}

/// A net, the images that it is for, and the steps and epochs that it has seen.
struct Trained {
    net: Net<f32, Cpu>,
    set: DataSet,
    at: (u64, f64),
}

/// What a checkpoint holds.
fn checkpoint(path: &Path, data: Option<&Path>) -> Result<Trained, TrainError> {
    let wrong = |problem: String| TrainError::Checkpoint { path: path.to_path_buf(), problem };
    let checkpoint = Checkpoint::read(path)?;
    let recipe = checkpoint.meta.recipe(&Recipe::default()).map_err(wrong)?;
    let mut set = open(&recipe, data)?;
    if let Some(signature) = &checkpoint.meta.signature {
        set.normalise(&signature.mean, &signature.std);
    }
    let at = (checkpoint.meta.at.step, checkpoint.meta.at.epoch as f64);
    let net = checkpoint.net(&Cpu::default())?;
    let expected = (net.spec().image_channels, net.spec().classes);
    let found = (set.train.channels, set.classes.len());
    if found != expected {
        return Err(wrong(format!(
            "is for {}-channel images of {} classes; {} has {}-channel images of {} classes",
            expected.0, expected.1, set.name, found.0, found.1
        )));
    }
    Ok(Trained { net, set, at })
}

/// Evaluates a file of weights of any program as the net of a recipe, on its images or on those of a directory.
///
/// # Errors
/// Weights or images that cannot be had, or that do not fit the recipe.
pub fn evaluate_weights(path: &Path, recipe: &Recipe, data: Option<&Path>) -> Result<Tested, TrainError> {
    let set = open(recipe, data)?;
    let (net, note) = load(path, &recipe.net, set.train.channels, set.classes.len())?;
    Ok(Tested { note, ..measure(Trained { net, set, at: (0, 0.0) }, |_, _| {})? })
}

fn measure(trained: Trained, mut look: impl FnMut(&DataSet, Seen<'_>)) -> Result<Tested, TrainError> {
    let Trained { net, set, at } = trained;
    let set = Arc::new(set);
    let mut reader = Reader::new(set.clone(), rayon::current_num_threads())?;
    let mut learner = Learner::holding(Cpu::default(), net);
    let mut skipped = Vec::new();
    let evaluation = evaluate(&mut learner, &mut reader, &mut skipped, at, |seen| look(&set, seen))?;
    Ok(Tested { evaluation, classes: set.classes.clone(), skipped, note: None })
}

/// A net with the weights of a file that is of it alone, and what is to be told of that, as a predicate.
fn load(
    path: &Path,
    net: &NetSettings,
    channels: usize,
    classes: usize,
) -> Result<(Net<f32, Cpu>, Option<String>), TrainError> {
    let spec = NetSpec::new(net, channels, classes);
    let (weights, _) = weights_for(path, &spec, Head::Fits)?;
    let mut net = Net::new(&Cpu::default(), &spec).map_err(TrainError::device)?;
    net.import(&weights.tensors)?;
    Ok((net, weights.note()))
}

/// The images of a recipe, or those at a path.
fn open(recipe: &Recipe, data: Option<&Path>) -> Result<DataSet, TrainError> {
    let mut recipe = recipe.clone();
    if let Some(path) = data {
        let path = Value::Word(path.to_string_lossy().into_owned());
        let changes = [("data.path", path), ("data.kind", Value::Word(DataKind::Auto.word().into()))]
            .into_iter()
            .filter_map(|(knob, value)| Some((find(knob)?, value)));
        recipe = recipe.with(changes).map_err(|invalid| TrainError::Resume(reasons(&invalid)))?;
    }
    Ok(data::open(&recipe.data, recipe.train.seed)?)
}

/// Probabilities of logits.
pub fn softmax(logits: &[f32]) -> Vec<f64> {
    let most = logits.iter().fold(f64::NEG_INFINITY, |m, v| m.max(f64::from(*v)));
    let powers: Vec<f64> = logits.iter().map(|v| (f64::from(*v) - most).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

/// A class that an image may be of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Guess {
    /// Name of the class.
    pub class: String,
    /// Its label.
    pub label: usize,
    /// Its probability: softmax of the logits.
    pub probability: f64,
}

/// A trained net that names the classes of images.
pub struct Classifier {
    learner: Learner<Cpu>,
    signature: Signature,
}

impl Classifier {
    /// The net of a checkpoint.
    ///
    /// # Errors
    /// A checkpoint that cannot be read, or that does not say what its net sees.
    pub fn read(path: &Path) -> Result<Classifier, TrainError> {
        let checkpoint = Checkpoint::read(path)?;
        let net = checkpoint.net(&Cpu::default())?;
        let signature = checkpoint.meta.signature.ok_or_else(|| TrainError::Checkpoint {
            path: path.to_path_buf(),
            problem:
                "does not say what images its net is for: it was written by an older version; `tricktop resume` of \
                      its run writes one that does"
                    .into(),
        })?;
        Ok(Classifier { learner: Learner::holding(Cpu::default(), net), signature })
    }

    /// The `count` most probable classes of a picture; of two equal ones the lower label first.
    ///
    /// # Errors
    /// The device's.
    pub fn classify(&mut self, picture: &Picture, count: usize) -> Result<Vec<Guess>, TrainError> {
        let Signature { classes, image, edge, mean, std } = &self.signature;
        let pixels = Input::new(*image, *edge, mean, std).picture(picture).map_err(TrainError::Resume)?;
        let [height, width, channels] = *image;
        let batch = Batch { pixels, labels: vec![0], n: 1, height, width, channels, skipped: Vec::new() };
        let logits = self.learner.logits(&batch).map_err(TrainError::device)?;
        let mut guesses: Vec<Guess> = (0..)
            .zip(classes)
            .zip(softmax(&logits))
            .map(|((label, class), probability)| Guess { class: class.clone(), label, probability })
            .collect();
        guesses.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        guesses.truncate(count);
        Ok(guesses)
    }
}
