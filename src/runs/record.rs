//! What a run directory says of its run, read back.

use super::dir::{CHAIN, JOURNAL, LOG, METRICS, RECIPE};
use super::{Line, RunError, logs};
use crate::recipe::{Edit, Recipe, preset};
use crate::train::{Confusion, EpochEnd, Evaluation, Event, Link, StepRecord, Waiting};
use std::path::Path;

/// The recipe, the edits and the chain of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The recipe as started, with the schedule of edits that it may have.
    pub recipe: Recipe,
    /// The edits that were made, with their numbers, by the steps after which they were.
    pub edits: Vec<(u64, Edit)>,
    /// The chain of its checkpoints.
    pub chain: Vec<Link>,
    /// Starts, checkpoints, alarms, ends.
    pub log: Vec<Line>,
}

impl Record {
    /// Reads the files of a run directory.
    ///
    /// # Errors
    /// A directory that is none of a run, a recipe that is no preset, a file that cannot be read.
    pub fn read(dir: &Path) -> Result<Record, RunError> {
        let file = dir.join(RECIPE);
        if !file.is_file() {
            return Err(RunError::NoRun { path: dir.to_path_buf() });
        }
        let recipe = preset::load(&file).map_err(RunError::Recipe)?.recipe;
        let edit = |line| match line {
            Line::Edit { step, edit, changes } => {
                Some((edit, Edit { after: step, changes: changes.into_iter().map(|c| (c.knob, c.to)).collect() }))
            }
            _ => None,
        };
        let mut edits: Vec<_> = logs::read(&dir.join(JOURNAL))?.into_iter().filter_map(edit).collect();
        // (a run that was taken up again may have edits between those that it still had before it)
        edits.sort_by_key(|(_, edit)| edit.after);
        Ok(Record { recipe, edits, chain: logs::read(&dir.join(CHAIN))?, log: logs::read(&dir.join(LOG))? })
    }

    /// The recipe as started, and instead of its schedule the edits that were made.
    ///
    /// # Errors
    /// An edit that cannot be made, as a sentence.
    pub fn as_recipe(&self) -> Result<Recipe, String> {
        let edits = self.edits.iter().map(|(_, edit)| edit.clone()).collect();
        self.recipe.with_edits(edits).map_err(|(i, why)| format!("edit {} of the journal cannot be made: {why}", i + 1))
    }

    /// The edits from the `skip`-th on, as a trainer waits for them.
    pub fn waiting(&self, skip: usize) -> Vec<Waiting> {
        self.edits.iter().skip(skip).map(|(number, edit)| Waiting::scheduled(*number, edit.clone())).collect()
    }
}

/// What has happened in the run in `dir`, as its trainer told it: steps at the log intervals, epochs, edits.
///
/// # Errors
/// A file that cannot be read.
pub fn history(dir: &Path) -> Result<Vec<Event>, RunError> {
    let mut events: Vec<(u64, Event)> = Vec::new();
    for line in logs::read(&dir.join(METRICS))? {
        match line {
            Line::Step { epoch, step, loss, lr, scaling, .. } => {
                let record = StepRecord { step, epoch, loss, lr, img_s: f64::NAN, wait: 0.0, scaling };
                events.push((step, Event::Steps(vec![record])));
            }
            Line::EpochEnd { epoch, step, train_loss, val_loss, val_top1, val_top5, best, .. } => {
                let evaluation = evaluation(step, epoch as f64, val_loss, val_top1, val_top5);
                let end = EpochEnd { epoch, train_loss, img_s: f64::NAN, evaluation, best };
                events.push((step, Event::Epoch(Box::new(end))));
            }
            Line::Evaluation { epoch, step, val_loss, val_top1, val_top5 } => {
                let evaluation = evaluation(step, epoch, val_loss, val_top1, val_top5);
                events.push((step, Event::Evaluated(Box::new(evaluation))));
            }
            _ => {}
        }
    }
    for line in logs::read(&dir.join(JOURNAL))? {
        if let Line::Edit { step, edit, changes } = line {
            events.push((step, Event::Applied { id: 0, edit, step, changes }));
        }
    }
    events.sort_by_key(|(step, _)| *step);
    Ok(events.into_iter().map(|(_, event)| event).collect())
}

/// The last confusion matrix of the run in `dir`, and the steps after which it was counted.
///
/// # Errors
/// A file that cannot be read.
pub fn last_confusion(dir: &Path) -> Result<Option<(u64, Confusion)>, RunError> {
    let matrix = |line| if let Line::Confusion { step, confusion } = line { Some((step, confusion)) } else { None };
    Ok(logs::read(&dir.join(METRICS))?.into_iter().rev().find_map(matrix))
}

fn evaluation(step: u64, epoch: f64, loss: f64, top1: f64, top5: f64) -> Evaluation {
    Evaluation { step, epoch, loss, top1, top5, confusion: Confusion::default() }
}
