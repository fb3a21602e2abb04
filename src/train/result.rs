//! Evaluation of trained nets.

use super::checkpoint::{Checkpoint, DIRECTORY, Signature, classes_of, weights_for};
use super::classes::{Aligned, align, listed, places};
use super::evaluate::{Seen, evaluate};
use super::learner::Learner;
use super::origin::Origin;
use super::pretrained;
use super::{Evaluation, TrainError, Views};
use crate::data::{self, DataError, DataSet, MANIFEST, Reader, Role, Skipped};
use crate::nn::{Head, Net, NetSpec};
use crate::recipe::settings::{Data, DataKind, Mixed, Task};
use crate::recipe::{Recipe, Settings};
use dfdx::prelude::Cpu;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a net makes of test images.
pub struct Tested {
    /// The figures.
    pub evaluation: Evaluation,
    /// Class names in label order.
    pub classes: Vec<String>,
    /// What was evaluated: name of the set, images that are there, and their classes.
    pub of: Of,
    /// Images that were evaluated.
    pub images: usize,
    /// Images that could not be used.
    pub skipped: Vec<Skipped>,
}

/// What was evaluated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Of {
    /// Name of the set.
    pub set: String,
    /// Images that are there.
    pub images: usize,
    /// Classes that they are of.
    pub classes: usize,
    /// What a person should know of them.
    pub notes: Vec<String>,
}

/// Images to evaluate on.
#[derive(Clone, Copy, Debug)]
pub enum Images<'a> {
    /// Those that the run validates with, where they are now when they were moved.
    Own(Option<&'a str>),
    /// All that are at a place, or those of a split.
    At {
        /// The place.
        path: &'a Path,
        /// `train`, `val` or `test`.
        split: Option<&'a str>,
        /// Whether classes are taken by their places.
        by_place: bool,
    },
}

/// Evaluates a checkpoint; `look` sees each image.
///
/// # Errors
/// A checkpoint or images that cannot be had, or that do not fit each other.
pub fn evaluate_checkpoint(
    path: &Path,
    images: Images<'_>,
    views: Views,
    look: impl FnMut(&DataSet, Seen<'_>),
) -> Result<Tested, TrainError> {
    measure(checkpoint(path, images)?, views, look)
}

/// Evaluates a checkpoint on at most `most` of the test images of its recipe, spread over all of them; `look` sees each.
///
/// # Errors
/// A checkpoint or images that cannot be had, or that do not fit each other.
pub fn show_checkpoint(path: &Path, most: usize, look: impl FnMut(&DataSet, Seen<'_>)) -> Result<Tested, TrainError> {
    let mut trained = checkpoint(path, Images::Own(None))?;
    trained.set.spread_test(most);
    measure(trained, Views::One, look)
}

/// A net, the images that it is for, and the steps and epochs that it has seen.
struct Trained {
    net: Net<f32, Cpu>,
    set: DataSet,
    /// In which format the feature maps were.
    mixed: Mixed,
    at: (u64, f64),
}

/// What a checkpoint holds.
fn checkpoint(path: &Path, images: Images<'_>) -> Result<Trained, TrainError> {
    let wrong = |problem: String| TrainError::Checkpoint { path: path.to_path_buf(), problem };
    let checkpoint = Checkpoint::read(path)?;
    let recipe = checkpoint.meta.recipe(&Recipe::default()).map_err(|e| wrong(e.to_string()))?;
    let signature = checkpoint.meta.signature.as_ref();
    let mut set = match images {
        Images::Own(at) => {
            let set = Origin::read(manifest(path).as_deref(), at)?.open(&recipe)?;
            signature.map_or(Ok(()), |signature| signature.same_classes(&set))?;
            set
        }
        Images::At { path, split, by_place } => {
            let classes = signature.map(|signature| &signature.classes[..]);
            elsewhere(&as_trained(&recipe.data, signature), recipe.task, path, split, classes, by_place)?
        }
    };
    if let Some(signature) = signature {
        set.normalise(&signature.mean, &signature.std);
        if set.preprocessor.shape != signature.image {
            let ([a, b, c], [h, w, channels]) = (signature.image, set.preprocessor.shape);
            return Err(wrong(format!(
                "is for images of {a} x {b} x {c}; those of {} are {h} x {w} x {channels}",
                set.name
            )));
        }
    }
    set.notes.extend(checkpoint.note());
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
    Ok(Trained { net, set, mixed: recipe.tricks.mixed.clone(), at })
}

/// The manifest of the run that a checkpoint lies in, in its directory or in that of its checkpoints.
fn manifest(checkpoint: &Path) -> Option<PathBuf> {
    let dir = checkpoint.parent()?;
    let dirs = [Some(dir), dir.parent().filter(|_| dir.file_name().is_some_and(|name| name == DIRECTORY))];
    dirs.into_iter().flatten().map(|dir| dir.join(MANIFEST)).find(|file| file.is_file())
}

/// The settings with which a net sees images of another place as it saw those that it was trained on.
fn as_trained(data: &Data, signature: Option<&Signature>) -> Data {
    match signature {
        Some(Signature { image: [height, width, _], edge, .. }) if height == width => {
            Data { size: *height as u64, resize: *edge as u64, ..data.clone() }
        }
        _ => data.clone(),
    }
}

/// All images at a place, labelled as a net of these classes labels them: by name, or by place. Of a net that does not name
/// its classes they are those of the images, which is said.
fn elsewhere(
    data: &Data,
    task: Task,
    path: &Path,
    split: Option<&str>,
    classes: Option<&[String]>,
    by_place: bool,
) -> Result<DataSet, TrainError> {
    let kind = DataKind::Auto;
    let data = Data { path: path.display().to_string(), kind, train_images: 0, test_images: 0, ..data.clone() };
    let all = data::everything(&data, task, split.and_then(Role::named))?;
    let in_order = (0..all.classes.len()).collect();
    let Some(classes) = classes else {
        let names = all.classes.clone();
        let mut set = all.ready(&data, in_order, names);
        set.notes.push("the weights name no classes: they are those of the images, by their places".into());
        return Ok(set);
    };
    if by_place {
        let (count, known) = (all.classes.len(), classes.len());
        if count > known {
            let problem = format!("has {count} classes, which cannot be the {known} of the net by their places");
            return Err(DataError::OtherClasses { set: path.display().to_string(), problem }.into());
        }
        return Ok(all.ready(&data, in_order, classes.to_vec()));
    }
    match places(&all.classes, classes) {
        Ok(places) => Ok(all.ready(&data, places, classes.to_vec())),
        Err(unknown) => {
            let problem = format!(
                "has the classes {}, which the net does not know: it knows {}; --by-place takes them by their places",
                listed(&unknown),
                listed(classes)
            );
            Err(DataError::OtherClasses { set: path.display().to_string(), problem }.into())
        }
    }
}

/// Evaluates a file of weights of any program, or weights of the hub, as the net of a preset; `look` sees each image.
///
/// # Errors
/// Weights or images that cannot be had, or that do not fit the recipe.
pub fn evaluate_weights(
    file: &Path,
    recipe: &Recipe,
    images: Images<'_>,
    views: Views,
    look: impl FnMut(&DataSet, Seen<'_>),
) -> Result<Tested, TrainError> {
    let file = &pretrained::located(file)?;
    let own = || data::open(&recipe.data, recipe.task, recipe.train.seed);
    let mut set = match images {
        Images::Own(_) => own()?,
        Images::At { path, split, by_place } => {
            // Those that the file names, else those of the preset's own images, where it has some.
            let classes = match classes_of(file)? {
                None if !recipe.data.path.is_empty() => Some(own()?.classes),
                named => named,
            };
            elsewhere(&recipe.data, recipe.task, path, split, classes.as_deref(), by_place)?
        }
    };
    pretrained::normalise(&Origin::default(), recipe, &mut set)?;
    let by_place = matches!(images, Images::At { by_place: true, .. });
    let (net, told) = load(file, recipe, &set, by_place)?;
    let mut tested = measure(Trained { net, set, mixed: recipe.tricks.mixed.clone(), at: (0, 0.0) }, views, look)?;
    tested.of.notes.extend(told);
    Ok(tested)
}

fn measure(trained: Trained, views: Views, mut look: impl FnMut(&DataSet, Seen<'_>)) -> Result<Tested, TrainError> {
    let Trained { net, set, mixed, at } = trained;
    if views == Views::Many && set.task != Task::Segment {
        let problem = "several scales are for nets that give every pixel a class; this one gives an image a class";
        return Err(TrainError::Resume(problem.into()));
    }
    let set = Arc::new(set);
    let mut reader = Reader::new(set.clone(), rayon::current_num_threads())?;
    let mut learner = Learner::holding(Cpu::default(), net);
    learner.evaluate_as(&mixed);
    let mut skipped = Vec::new();
    let evaluation = evaluate(&mut learner, &mut reader, views, &mut skipped, at, |seen| look(&set, seen))?;
    if skipped.len() == set.test.len() {
        let first = skipped.first().map(|s| format!("; {} {}", s.image, s.problem)).unwrap_or_default();
        return Err(DataError::AllBroken { set: set.name.clone(), first }.into());
    }
    let with_images = evaluation.confusion.tallies().iter().filter(|tally| tally.images > 0).count();
    let of = Of { set: set.name.clone(), images: set.tests_there, classes: with_images, notes: set.said() };
    let images = set.test.len() - skipped.len();
    Ok(Tested { evaluation, images, classes: set.classes.clone(), of, skipped })
}

/// A net with the weights of a file that is of it alone, and what is to be told of that.
fn load(path: &Path, s: &Settings, set: &DataSet, by_place: bool) -> Result<(Net<f32, Cpu>, Vec<String>), TrainError> {
    let spec = NetSpec::of(s, set.train.channels, set.classes.len());
    let mut found = weights_for(path, &spec, Head::Fits)?;
    let named = match align(&mut found.weights.tensors, &spec, &set.classes, found.classes.as_deref()) {
        Aligned::Others(why) if !by_place => {
            let problem = format!("{why}; --by-place takes them by their places");
            return Err(TrainError::Checkpoint { path: path.to_path_buf(), problem });
        }
        Aligned::Unnamed => Some("names no classes: its outputs are taken by their places".to_string()),
        _ => None,
    };
    let mut net = Net::new(&Cpu::default(), &spec).map_err(TrainError::device)?;
    net.import(&found.weights.tensors)?;
    let told = found.weights.note().into_iter().chain(named);
    Ok((net, told.map(|told| format!("{} {told}", path.display())).collect()))
}
