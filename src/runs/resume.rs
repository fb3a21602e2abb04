//! Takes a run up where its newest checkpoint left it.

use super::dir::{CHAIN, JOURNAL, LOG, METRICS, RunDir};
use super::record::best;
use super::recorder::Recorder;
use super::{Line, Record, RunError, Session, begin, history, logs, spawn};
use crate::data::{DataSet, MANIFEST};
use crate::recipe::{Changes, Edit, EditError, InvalidChanges, Recipe};
use crate::train::{
    Checkpoint, Link, Options, ScheduledEdit, TrainError, When, already, check_begun, effective, steps,
};
use crate::tricks::finetune::without_effect;
use std::collections::BTreeSet;
use std::path::Path;
use thiserror::Error;

/// Goes on with the run in `dir`: from its newest checkpoint that verifies, or from its start when it has none. The edits
/// that the journal has for later steps are made again at those; `sets` are edits for the next step or epoch. The device
/// may be another one.
///
/// # Errors
/// A run that another process holds, that is done and has nothing to do, or whose files cannot be read.
pub fn resume(dir: &Path, sets: Changes) -> Result<Session, RunError> {
    resume_with(dir, sets, Options::default())
}

/// As [`resume`], with an end or threads of its own in `options`. What its files know is filled in here.
///
/// # Errors
/// As [`resume`].
pub fn resume_with(dir: &Path, sets: Changes, options: Options) -> Result<Session, RunError> {
    let run = RunDir::open(dir)?;
    let record = Record::read(dir)?;
    let (mut from, mut notes) = newest(dir).map_err(RunError::stuck(dir))?;
    // Checkpoints of earlier versions do not name the best epoch.
    if let Some(at) = from.as_mut().map(|from| &mut from.meta.at).filter(|at| at.best_epoch.is_none()) {
        at.best_epoch = best(&history(dir)?, at.step).map(|(_, epoch)| epoch);
    }
    let Resume { recipe, step, waiting, known, images_at, same } =
        Resume::new(dir, &record, from.as_ref(), sets).map_err(RunError::stuck(dir))?;
    notes.extend((!same.is_empty()).then(|| already(&same)));

    run.touch()?;
    for (file, last) in [(METRICS, step), (CHAIN, step), (JOURNAL, u64::MAX), (LOG, u64::MAX)] {
        logs::trim(&dir.join(file), last)?;
    }
    let name = run.name.clone();
    let first = Line::run_resume(&name, dir, &recipe, step);
    let mut recorder = Recorder::open(run, &recipe, &first, known)?;
    // A run that was killed between a checkpoint and its link lacks the link.
    let digests = from.as_ref().map(|c| c.meta.digests.clone());
    let link = digests.map(|digests| Link::after(recorder.last_link(), step, digests));
    if let Some(link) = &link {
        recorder.link(link)?;
    }
    let (manifest, edits, last_edit) = (Some(dir.join(MANIFEST)), Some(waiting), record.last_edit);
    let (dir, from) = (Some(dir.to_path_buf()), from.map(Box::new));
    let options = Options { name, dir, manifest, images_at, from, link, edits, last_edit, ..options };
    begin(recipe, options, first, recorder, notes, spawn)
}

/// Why a run cannot go on.
#[derive(Debug, Error)]
pub(super) enum ResumeError {
    /// Its checkpoint has knobs that this version does not allow, or a knob that is set cannot have the value.
    #[error(transparent)]
    Recipe(#[from] InvalidChanges),
    /// What is set cannot change in a run.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// What is set would change nothing any more.
    #[error("{0}")]
    Late(String),
    /// Its images or its device cannot be had.
    #[error(transparent)]
    Begun(#[from] TrainError),
    /// Nothing is left to be done.
    #[error("its {epochs} epochs are done; --set train.epochs=N with a larger N trains on")]
    Done {
        /// Its epochs.
        epochs: u64,
    },
    /// It has stopped because its figure got no better.
    #[error("{why} (train.patience {patience}); --set train.patience=N with a larger N, or 0, trains on")]
    Patience {
        /// What it ended with.
        why: String,
        /// Epochs that it waits.
        patience: u64,
    },
    /// There are other images than those of its older version; both pairs are numbers of training and of test images.
    #[error(
        "it was begun by an older version, which did not list its {} + {} images, and now there are {} + {}: split anew, \
         images that were validated with would be trained on (this version reads bmp, gif, tiff and jfif too, and passes \
         over @eaDir and the like); put them back, or start a new run",
        then.0, then.1, now.0, now.1
    )]
    Images {
        /// Those that it began with.
        then: (usize, usize),
        /// Those that there are.
        now: (usize, usize),
    },
    /// It has checkpoints and none verifies.
    #[error("{}", found.join("; "))]
    Damaged {
        /// What is wrong with each, the newest first.
        found: Vec<String>,
    },
}

/// How a run goes on. Whatever is refused is refused here, before anything is written.
pub(super) struct Resume {
    recipe: Recipe,
    step: u64,
    waiting: Vec<ScheduledEdit>,
    /// The edits that its journal has.
    known: BTreeSet<u64>,
    /// Where its images are now, when they were moved.
    images_at: Option<String>,
    /// What was to be set and is so already.
    same: Changes,
}

impl Resume {
    /// For the run in `dir` of this record, from a checkpoint or else from its start, with edits for the next step or epoch.
    /// Its device may be another one now, and the place of its images.
    ///
    /// # Errors
    /// Why it cannot.
    pub(super) fn new(
        dir: &Path,
        record: &Record,
        from: Option<&Checkpoint>,
        sets: Changes,
    ) -> Result<Resume, ResumeError> {
        let (recipe, step, made, waits) = match from {
            Some(Checkpoint { meta, .. }) => {
                (meta.recipe(&record.recipe)?, meta.at.step, record.made(meta), meta.waiting.clone())
            }
            None => (record.recipe.clone(), 0, Vec::new(), ScheduledEdit::all(record.recipe.edits())),
        };
        let (device, sets): (Changes, Changes) = sets.into_iter().partition(|(knob, _)| knob.path == "device");
        let (paths, sets): (Changes, Changes) = sets.into_iter().partition(|(knob, _)| knob.path == "data.path");
        let images_at = paths.into_iter().next_back().map(|(_, path)| path.to_string());
        let recipe = recipe.with(device)?;
        let known: BTreeSet<u64> = record.edits.iter().map(|(number, _)| *number).collect();
        let mut waiting = record.waiting(0);
        waiting.retain(|edit| !made.contains(&edit.edit));
        waiting.extend(waits.into_iter().filter(|w| !known.contains(&w.edit)));
        let asked = sets.clone();
        let sets = effective(&recipe, &waiting, sets, When::Now);
        let same: Changes = asked.into_iter().filter(|set| !sets.contains(set)).collect();
        let mut then = recipe.clone();
        if !sets.is_empty() {
            let edit = Edit { after: step, changes: sets.clone() };
            recipe.with_edits(vec![edit.clone()]).map_err(|(_, e)| e)?;
            then = recipe.with(sets.clone())?;
            let epoch = from.map_or(0, |checkpoint| checkpoint.meta.at.epoch);
            if let Some(why) = without_effect(&sets, &then, epoch) {
                return Err(ResumeError::Late(why));
            }
            // Numbers of edits that were rolled back are not used again.
            let last = waiting.iter().map(|w| w.edit).fold(record.last_edit, u64::max);
            waiting.push(ScheduledEdit::of(last + 1, edit));
        } else if from.is_some_and(|c| c.meta.at.epoch >= recipe.train.epochs) {
            return Err(ResumeError::Done { epochs: recipe.train.epochs });
        } else if let Some(why) = from.and_then(|c| c.meta.at.out_of_patience(recipe.train.patience))
            // An edit that comes first may have given it more.
            && !waiting.iter().any(|w| w.changes.iter().any(|(knob, _)| knob.path == "train.patience"))
        {
            return Err(ResumeError::Patience { why, patience: recipe.train.patience });
        }
        let manifest = dir.join(MANIFEST);
        let set = check_begun(&then, from, &manifest, images_at.as_deref())?;
        as_begun(&manifest, record, &set)?;
        Ok(Resume { recipe, step, waiting, known, images_at, same })
    }
}

/// Looks for the images of a run that is made again, before it begins.
///
/// # Errors
/// Images that cannot be had, or others than it began with.
pub fn find_images(dir: &Path, record: &Record, recipe: &Recipe, images_at: Option<&str>) -> Result<(), RunError> {
    let manifest = dir.join(MANIFEST);
    // A run with a list of images compares them when it starts.
    if manifest.exists() {
        return Ok(());
    }
    let set = check_begun(recipe, None, &manifest, images_at).map_err(RunError::stuck(dir))?;
    as_begun(&manifest, record, &set).map_err(RunError::stuck(dir))
}

/// Whether a run of an older version, which lists no images in `manifest`, finds as many as it began with: else they would
/// be split anew.
///
/// # Errors
/// Others.
fn as_begun(manifest: &Path, record: &Record, set: &DataSet) -> Result<(), ResumeError> {
    if manifest.exists() {
        return Ok(());
    }
    let counts = |line: &Line| match line {
        Line::Ready { train_images, test_images, .. } => Some((*train_images, *test_images)),
        _ => None,
    };
    let now = (set.train.len(), set.test.len());
    match record.log.iter().find_map(counts).filter(|then| *then != now) {
        None => Ok(()),
        Some(then) => Err(ResumeError::Images { then, now }),
    }
}

/// The newest checkpoint that verifies, if there is any at all, and what is wrong with newer ones.
///
/// # Errors
/// When there are checkpoints and none verifies.
fn newest(dir: &Path) -> Result<(Option<Checkpoint>, Vec<String>), ResumeError> {
    let mut damaged = Vec::new();
    for (_, path) in steps(dir).into_iter().rev() {
        match Checkpoint::read(&path) {
            Ok(checkpoint) => return Ok((Some(checkpoint), damaged)),
            Err(e) => damaged.push(format!("passed over: {e}")),
        }
    }
    if damaged.is_empty() { Ok((None, damaged)) } else { Err(ResumeError::Damaged { found: damaged }) }
}
