//! Takes a run up where its newest checkpoint left it.

use super::dir::{CHAIN, JOURNAL, LOG, METRICS, RunDir};
use super::record::best;
use super::recorder::Recorder;
use super::{Line, Record, RunError, Session, begin, history, logs, spawn};
use crate::recipe::{Changes, Edit, reasons};
use crate::train::{Checkpoint, Link, Options, Waiting, When, already, effective, steps};
use std::collections::BTreeSet;
use std::path::Path;

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
    let stuck = |why: String| RunError::Stuck { path: dir.to_path_buf(), why };
    let record = Record::read(dir)?;
    let (mut from, mut notes) = newest(dir).map_err(stuck)?;
    // (a checkpoint of an older version does not tell which epoch was the best)
    if let Some(at) = from.as_mut().map(|from| &mut from.meta.at).filter(|at| at.best_epoch.is_none()) {
        at.best_epoch = best(&history(dir)?, at.step).map(|(_, epoch)| epoch);
    }
    let (recipe, step, edits, waits) = match &from {
        Some(Checkpoint { meta, .. }) => {
            (meta.recipe(&record.recipe).map_err(stuck)?, meta.at.step, meta.at.edits, meta.waiting.clone())
        }
        None => (record.recipe.clone(), 0, 0, Waiting::all(record.recipe.edits())),
    };
    let (device, sets): (Changes, Changes) = sets.into_iter().partition(|(knob, _)| knob.path == "device");
    let recipe = recipe.with(device).map_err(|invalid| stuck(reasons(&invalid)))?;
    let known: BTreeSet<u64> = record.edits.iter().map(|(number, _)| *number).collect();
    // (numbers that were taken back are not given anew)
    let last_edit = record.last_edit;
    let mut waiting = record.waiting(edits as usize);
    waiting.extend(waits.into_iter().filter(|w| !known.contains(&w.edit)));
    let asked = sets.clone();
    let sets = effective(&recipe, &waiting, sets, When::Now);
    let same: Changes = asked.into_iter().filter(|set| !sets.contains(set)).collect();
    notes.extend((!same.is_empty()).then(|| already(&same)));
    if !sets.is_empty() {
        let edit = Edit { after: step, changes: sets };
        recipe.with_edits(vec![edit.clone()]).map_err(|(_, why)| stuck(why))?;
        let last = waiting.iter().map(|w| w.edit).fold(last_edit, u64::max);
        waiting.push(Waiting::scheduled(last + 1, edit));
    } else if from.as_ref().is_some_and(|c| c.meta.at.epoch >= recipe.train.epochs) {
        let epochs = recipe.train.epochs;
        return Err(stuck(format!("its {epochs} epochs are done; --set train.epochs=N with a larger N trains on")));
    }

    for (file, last) in [(METRICS, step), (CHAIN, step), (JOURNAL, u64::MAX), (LOG, u64::MAX)] {
        logs::trim(&dir.join(file), last)?;
    }
    let first = Line::run_resume(&run.name, dir, &recipe, step);
    let name = run.name.clone();
    let mut recorder = Recorder::open(run, &recipe, &first, known)?;
    // (a run that was killed between a checkpoint and its link lacks the link)
    let digests = from.as_ref().map(|c| c.meta.digests.clone());
    let link = digests.map(|digests| Link::after(recorder.last_link(), step, digests));
    if let Some(link) = &link {
        recorder.link(link)?;
    }
    let (dir, from) = (Some(dir.to_path_buf()), from.map(Box::new));
    let options = Options { name, dir, from, link, edits: Some(waiting), last_edit, ..options };
    begin(recipe, options, first, recorder, notes, spawn)
}

/// The newest checkpoint that verifies, if there is any at all, and what is wrong with newer ones.
///
/// # Errors
/// When there are checkpoints and none verifies.
fn newest(dir: &Path) -> Result<(Option<Checkpoint>, Vec<String>), String> {
    let mut damaged = Vec::new();
    for (_, path) in steps(dir).into_iter().rev() {
        match Checkpoint::read(&path) {
            Ok(checkpoint) => return Ok((Some(checkpoint), damaged)),
            Err(e) => damaged.push(format!("passed over: {e}")),
        }
    }
    if damaged.is_empty() { Ok((None, damaged)) } else { Err(damaged.join("; ")) }
}
