//! A new run out of a checkpoint of another one: its past is the same, and it goes on otherwise.

use super::dir::{CHAIN, JOURNAL, LOG, METRICS, RunDir};
use super::record::journal;
use super::resume::Resume;
use super::{Line, Notes, Record, RunError, history, logs};
use crate::data::MANIFEST;
use crate::files::without_mark;
use crate::recipe::Changes;
use crate::train::{BEST, Checkpoint, Event, checkpoint_path, steps, write_whole};
use std::fs;
use std::path::{Path, PathBuf};

/// Makes a run below `runs` that stands where the run in `parent` stood after `step` steps, or at its newest checkpoint,
/// and gives its directory, to be resumed. Recipe, metrics, edits and chain up to there are its own from now on: it can be
/// replayed from the first step. The other run is only read.
///
/// # Errors
/// A run that is none or has no such checkpoint, or one that is damaged; files that cannot be read or written.
pub fn fork(parent: &Path, step: Option<u64>, runs: &Path) -> Result<PathBuf, RunError> {
    let (record, checkpoint, path) = found(parent, step)?;
    copy(parent, &record, &checkpoint, &path, runs)
}

/// As [`fork`], for a run that will be resumed with edits: when they, its images or its device would be refused there,
/// nothing is made.
///
/// # Errors
/// As [`fork`] and as [`resume`](super::resume).
pub fn fork_with(parent: &Path, step: Option<u64>, sets: &Changes, runs: &Path) -> Result<PathBuf, RunError> {
    let (record, checkpoint, path) = found(parent, step)?;
    Resume::new(parent, &record, Some(&checkpoint), sets.clone()).map_err(RunError::stuck(parent))?;
    copy(parent, &record, &checkpoint, &path, runs)
}

/// The record of a run, and its checkpoint after `step` steps or its newest one, with its file.
fn found(parent: &Path, step: Option<u64>) -> Result<(Record, Checkpoint, PathBuf), RunError> {
    let record = Record::read(parent)?;
    let there = steps(parent);
    let found = match step {
        None => there.last(),
        Some(step) => there.iter().find(|(at, _)| *at == step),
    };
    let Some((_, path)) = found else {
        let all: Vec<String> = there.iter().map(|(step, _)| step.to_string()).collect();
        return Err(RunError::stuck(parent)(match (step, all.is_empty()) {
            (Some(step), false) => format!("has no checkpoint of step {step}; it has those of {}", all.join(", ")),
            _ => "has no checkpoint yet".into(),
        }));
    };
    let checkpoint = Checkpoint::read(path).map_err(RunError::stuck(parent))?;
    Ok((record, checkpoint, path.clone()))
}

/// Makes the directory; one that cannot be written whole goes again.
fn copy(
    parent: &Path,
    record: &Record,
    checkpoint: &Checkpoint,
    path: &Path,
    runs: &Path,
) -> Result<PathBuf, RunError> {
    let bytes = fs::read(path).map_err(RunError::read(path))?;
    let run = RunDir::create(&record.recipe, runs)?;
    let filled = fill(&run.path, parent, record, checkpoint, &bytes);
    if filled.is_err() {
        // What cannot be removed either stays for a person to see.
        let _ = fs::remove_dir_all(&run.path);
    }
    filled.map(|()| run.path)
}

/// Writes what a fork has of its parent.
fn fill(dir: &Path, parent: &Path, record: &Record, checkpoint: &Checkpoint, bytes: &[u8]) -> Result<(), RunError> {
    let step = checkpoint.meta.at.step;
    let write = |file: PathBuf, bytes: &[u8]| write_whole(&file, bytes).map_err(RunError::write(&file));
    for log in [METRICS, CHAIN] {
        let (from, to) = (parent.join(log), dir.join(log));
        if from.exists() {
            fs::copy(&from, &to).map_err(RunError::write(&to))?;
            logs::trim(&to, step)?;
        }
    }
    let made = record.made(&checkpoint.meta);
    let place = |line: &Line| match line {
        Line::Edit { edit, .. } => made.iter().position(|number| number == edit),
        _ => None,
    };
    let mut edits: Vec<(usize, Line)> =
        journal(parent)?.into_iter().filter_map(|line| Some((place(&line)?, line))).collect();
    edits.sort_by_key(|(place, _)| *place);
    let edits = edits.into_iter().map(|(_, line)| line).collect();
    let first = Line::Fork { parent: name_from(dir, parent), step };
    for (log, lines) in [(JOURNAL, edits), (LOG, vec![first])] {
        let text = lines.iter().map(|line| Ok(serde_json::to_string(line)? + "\n")).collect::<Result<String, _>>();
        write(dir.join(log), text.map_err(|e: serde_json::Error| RunError::read(parent)(e.into()))?.as_bytes())?;
    }
    let images = parent.join(MANIFEST);
    if images.exists() {
        fs::copy(&images, dir.join(MANIFEST)).map_err(RunError::read(&images))?;
    }
    let best = parent.join(BEST);
    if Checkpoint::read(&best).is_ok_and(|best| best.meta.at.step <= step) {
        fs::copy(&best, dir.join(BEST)).map_err(RunError::read(&best))?;
    }
    let to = checkpoint_path(dir, step);
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(RunError::create(folder))?;
    }
    write(to, bytes)
}

/// How a run calls another one: by a path from its own directory when both are in one, so that they can be moved.
pub(super) fn name_from(run: &Path, other: &Path) -> String {
    let whole = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let (run, other) = (whole(run), whole(other));
    let beside = other.file_name().filter(|_| run.parent() == other.parent()).map(|name| Path::new("..").join(name));
    beside.unwrap_or(other).display().to_string()
}

/// How the run in `dir` calls the one that it was forked from, by a path from its own directory; none when it was not.
pub fn parent(dir: &Path) -> Option<String> {
    if let Some(moved) = Notes::read(dir).ok().and_then(|notes| notes.parent) {
        return Some(moved);
    }
    let mut found = None;
    // A fork says so in its first line.
    let first = |line: &[u8]| {
        if let Ok(Line::Fork { parent, .. }) = serde_json::from_slice(without_mark(line)) {
            found = Some(parent);
        }
        false
    };
    logs::each(&dir.join(LOG), first).ok()?;
    found
}

/// What happened in the run that the one in `dir` was forked from; nothing when it was not, or the other one is gone.
pub fn behind(dir: &Path) -> Vec<Event> {
    parent(dir).and_then(|parent| history(&dir.join(parent)).ok()).unwrap_or_default()
}
