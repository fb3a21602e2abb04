//! What a run directory says of its run, read back.

use super::dir::{CHAIN, JOURNAL, LOG, METRICS, RECIPE, name};
use super::status::{RunStatus, end};
use super::{Line, RunError, logs};
use crate::recipe::{Edit, EditError, Recipe, preset};
use crate::train::{
    Confusion, EpochEnd, Evaluation, Event, Figures, Link, Meta, RunInfo, ScheduledEdit, Score, StepRecord, Summary,
};
use std::path::Path;
use thiserror::Error;

/// The recipe, the edits and the chain of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The recipe as started, with the schedule of edits that it may have.
    pub recipe: Recipe,
    /// The edits that were made, with their numbers, by the steps after which they were.
    pub edits: Vec<(u64, Edit)>,
    /// The highest number that an edit has had, one that was taken back too.
    pub last_edit: u64,
    /// The chain of its checkpoints.
    pub chain: Vec<Link>,
    /// Starts, checkpoints, alarms, ends.
    pub log: Vec<Line>,
}

/// An edit of a journal that cannot be made.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("edit {edit} of the journal cannot be made: {problem}")]
pub struct JournalError {
    /// Its place in the journal, from 1.
    pub edit: usize,
    /// Why it cannot be made.
    pub problem: EditError,
}

impl Record {
    /// Reads the files of a run directory.
    ///
    /// # Errors
    /// A directory that is none of a run, a recipe that is no preset, a file that cannot be read.
    pub fn read(dir: &Path) -> Result<Record, RunError> {
        let recipe = recipe(dir)?;
        let edit = |line| match line {
            Line::Edit { step, edit, changes, .. } => {
                Some((edit, Edit { after: step, changes: changes.into_iter().map(|c| (c.knob, c.to)).collect() }))
            }
            _ => None,
        };
        let lines: Vec<Line> = logs::read(&dir.join(JOURNAL))?;
        let number = |line: &Line| if let Line::Edit { edit, .. } = line { Some(*edit) } else { None };
        let last_edit = lines.iter().filter_map(number).max().unwrap_or(0);
        let mut edits: Vec<_> = standing(lines).into_iter().filter_map(edit).collect();
        // A run that was taken up again may have edits between those that it still had before it.
        edits.sort_by_key(|(_, edit)| edit.after);
        Ok(Record { recipe, edits, last_edit, chain: logs::read(&dir.join(CHAIN))?, log: logs::read(&dir.join(LOG))? })
    }

    /// The recipe as started, and instead of its schedule the edits that were made.
    ///
    /// # Errors
    /// An edit that cannot be made.
    pub fn as_recipe(&self) -> Result<Recipe, JournalError> {
        let edits = self.edits.iter().map(|(_, edit)| edit.clone()).collect();
        self.recipe.with_edits(edits).map_err(|(i, problem)| JournalError { edit: i + 1, problem })
    }

    /// The edits from the `skip`-th on, as a trainer waits for them.
    pub fn waiting(&self, skip: usize) -> Vec<ScheduledEdit> {
        self.edits.iter().skip(skip).map(|(number, edit)| ScheduledEdit::of(*number, edit.clone())).collect()
    }

    /// The numbers of the edits that a checkpoint has made, in the order in which it made them. In a run that was taken up
    /// again the journal may have older edits behind later ones, and at its very step such that wait.
    pub(super) fn made(&self, meta: &Meta) -> Vec<u64> {
        let waits = |number: &u64| meta.waiting.iter().any(|waiting| waiting.edit == *number);
        let made =
            |(number, edit): &&(u64, Edit)| edit.after < meta.at.step || (edit.after == meta.at.step && !waits(number));
        self.edits.iter().filter(made).map(|(number, _)| *number).take(meta.at.edits as usize).collect()
    }
}

/// The edits of the journal that stand, in its order: those that were taken back are left out.
///
/// # Errors
/// A journal that cannot be read.
pub(super) fn journal(dir: &Path) -> Result<Vec<Line>, RunError> {
    Ok(standing(logs::read(&dir.join(JOURNAL))?))
}

fn standing(lines: Vec<Line>) -> Vec<Line> {
    let mut stand: Vec<Line> = Vec::new();
    for line in lines {
        match line {
            Line::Rollback { edits, .. } => {
                stand.retain(|line| !matches!(line, Line::Edit { edit, .. } if edits.contains(edit)));
            }
            line => stand.push(line),
        }
    }
    stand
}

/// Steps that one event holds at most: a list that grows without end is copied again and again.
const TOGETHER: usize = 1024;

/// What has happened in the run in `dir`, as its trainer told it: steps at the log intervals, epochs, edits. A long run
/// takes little more memory than its steps.
///
/// # Errors
/// A file that cannot be read.
pub fn history(dir: &Path) -> Result<Vec<Event>, RunError> {
    let mut edits: Vec<(u64, Event)> = journal(dir)?.into_iter().filter_map(applied).collect();
    edits.sort_by_key(|(step, _)| *step);
    let mut edits = edits.into_iter().peekable();
    let mut events: Vec<Event> = Vec::new();
    logs::visit(&dir.join(METRICS), |line| {
        let (step, event) = match line {
            Line::Step { epoch, step, loss, lr, scaling, .. } => {
                let record = StepRecord { step, epoch, loss, lr, img_s: f64::NAN, wait: 0.0, scaling };
                (step, Event::Steps(vec![record]))
            }
            Line::EpochEnd { epoch, step, train_loss, val_loss, figures, best, .. } => {
                let evaluation = evaluation(step, epoch as f64, val_loss, figures);
                let end = EpochEnd { epoch, train_loss, img_s: f64::NAN, evaluation, best };
                (step, Event::Epoch(Box::new(end)))
            }
            Line::Evaluation { epoch, step, val_loss, figures } => {
                let evaluation = evaluation(step, epoch, val_loss, figures);
                (step, Event::Evaluated(Box::new(evaluation)))
            }
            // The line of the epoch follows that of its evaluation.
            Line::Confusion { confusion, .. } => {
                match events.last_mut() {
                    Some(Event::Epoch(end)) => end.evaluation.confusion = confusion,
                    Some(Event::Evaluated(evaluation)) => evaluation.confusion = confusion,
                    _ => {}
                }
                return;
            }
            _ => return,
        };
        while let Some((_, edit)) = edits.next_if(|(at, _)| *at < step) {
            events.push(edit);
        }
        match (events.last_mut(), event) {
            (Some(Event::Steps(steps)), Event::Steps(more)) if steps.len() < TOGETHER => steps.extend(more),
            (_, event) => events.push(event),
        }
    })?;
    events.extend(edits.map(|(_, edit)| edit));
    Ok(events)
}

fn applied(line: Line) -> Option<(u64, Event)> {
    let Line::Edit { step, edit, changes, by } = line else { return None };
    Some((step, Event::Applied { id: 0, edit, step, changes, by }))
}

/// The whole life of the run in `dir`, at which nobody is at work: its start, its history, its end.
///
/// # Errors
/// A directory that is none of a run, a recipe that is no preset, a file that cannot be read.
pub fn life(dir: &Path) -> Result<Vec<Event>, RunError> {
    let recipe = recipe(dir)?;
    let mut log: Vec<Line> = Vec::new();
    logs::visit(&dir.join(LOG), |line| {
        // Of the speeds between two other lines, the first and the last tell how long it took.
        if let ([.., Line::Speed { .. }, Line::Speed { .. }], Line::Speed { .. }) = (&log[..], &line) {
            log.pop();
        }
        log.push(line);
    })?;
    let history = history(dir)?;
    let end = Event::Ended(Box::new(summary(dir, &log, &history)));
    let started = info(dir, recipe, &log).map(|info| Event::Started(Box::new(info)));
    Ok(started.into_iter().chain(history).chain([end]).collect())
}

/// The recipe of the run in `dir`, as started.
fn recipe(dir: &Path) -> Result<Recipe, RunError> {
    let file = dir.join(RECIPE);
    if !file.is_file() {
        return Err(RunError::NoRun { path: dir.to_path_buf() });
    }
    Ok(preset::load(&file).map_err(RunError::Recipe)?.recipe)
}

/// What was trained on what; nothing when the run never came to its first step.
fn info(dir: &Path, recipe: Recipe, log: &[Line]) -> Option<RunInfo> {
    log.iter().rev().find_map(|line| match line {
        Line::Ready {
            net,
            parameters,
            multiply_adds,
            data,
            train_images,
            test_images,
            classes,
            notes,
            device,
            steps_per_epoch,
        } => Some(RunInfo {
            name: name(dir),
            dir: Some(dir.to_path_buf()),
            recipe: recipe.clone(),
            net: net.clone(),
            parameters: *parameters,
            multiply_adds: *multiply_adds,
            data: data.clone(),
            train_images: *train_images,
            test_images: *test_images,
            classes: classes.clone(),
            notes: notes.clone(),
            device: device.clone(),
            memory: 0,
            steps_per_epoch: *steps_per_epoch,
            step: 0,
        }),
        _ => None,
    })
}

/// How the last start of a run ended.
fn summary(dir: &Path, log: &[Line], history: &[Event]) -> Summary {
    let start = |line: &Line| matches!(line, Line::RunStart { .. } | Line::RunResume { .. });
    let last = &log[log.iter().rposition(start).unwrap_or(0)..];
    let times: Vec<f64> =
        last.iter().filter_map(|line| if let Line::Speed { time, .. } = line { Some(*time) } else { None }).collect();
    let step = |event: &Event| match event {
        Event::Steps(steps) => steps.last().map(|step| step.step),
        Event::Epoch(end) => Some(end.evaluation.step),
        _ => None,
    };
    let best = best(history, u64::MAX);
    let mut summary = Summary {
        state: RunStatus::of(false, log).0.state(),
        step: history.iter().filter_map(step).max().unwrap_or(0),
        best: best.map(|(score, _)| score),
        best_epoch: best.map(|(_, epoch)| epoch),
        // For a killed run, as far as its log goes.
        seconds: times.first().zip(times.last()).map_or(0.0, |(first, last)| last - first),
        dir: Some(dir.to_path_buf()),
        broken: 0,
        early: None,
        error: None,
    };
    if let Some(Line::RunEnd { step, best, best_epoch, seconds, broken, early, error, .. }) = end(log) {
        summary.best = best.or(summary.best);
        summary.best_epoch = best_epoch.or(summary.best_epoch);
        (summary.step, summary.seconds, summary.broken) = (*step, *seconds, *broken);
        summary.early.clone_from(early);
        summary.error.clone_from(error);
    }
    summary
}

/// Score of the best epoch of a history up to a step, and its number.
pub(super) fn best(history: &[Event], last: u64) -> Option<(Score, u64)> {
    history.iter().rev().find_map(|event| match event {
        Event::Epoch(end) if end.best && end.evaluation.step <= last => {
            Some((end.evaluation.figures.score(), end.epoch))
        }
        _ => None,
    })
}

/// The last confusion matrix of the run in `dir`, and the steps after which it was counted.
///
/// # Errors
/// A file that cannot be read.
pub fn last_confusion(dir: &Path) -> Result<Option<(u64, Confusion)>, RunError> {
    let matrix = |line| if let Line::Confusion { step, confusion } = line { Some((step, confusion)) } else { None };
    Ok(logs::read(&dir.join(METRICS))?.into_iter().rev().find_map(matrix))
}

fn evaluation(step: u64, epoch: f64, loss: f64, figures: Figures) -> Evaluation {
    Evaluation { step, epoch, loss, figures, confusion: Confusion::default() }
}
