//! Runs in short: what a list of them shows, without reading what they recorded step by step where that can be avoided.

use super::course::edits;
use super::dir::{JOURNAL, LOG, METRICS, RECIPE, at_work};
use super::notes::NOTES;
use super::record::journal;
use super::{Edits, Line, Notes, RunError, RunStatus, fork, logs};
use crate::recipe::{Recipe, preset};
use crate::train::Score;
use rayon::prelude::*;
use std::collections::HashMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// A run in short.
#[derive(Clone, Debug)]
pub struct Brief {
    /// Its directory.
    pub dir: PathBuf,
    /// The recipe as started, without the edits that it may have planned.
    pub recipe: Recipe,
    /// Where it stands.
    pub status: RunStatus,
    /// What went wrong, when it failed.
    pub error: Option<String>,
    /// Steps done.
    pub step: u64,
    /// Epochs done, where it is not done.
    pub epoch: Option<f64>,
    /// Best score on the test set.
    pub best: Option<Score>,
    /// The epoch that ended with it.
    pub best_epoch: Option<u64>,
    /// Seconds since 1970 of its first logged step.
    pub begun: f64,
    /// Seconds that its last start took.
    pub seconds: f64,
    /// Edits that were made.
    pub edits: Edits,
    /// The directory of the run that it was forked from.
    pub parent: Option<PathBuf>,
    /// What a person says of it.
    pub notes: Notes,
    stamp: Stamp,
}

/// Times and sizes of the files that a brief is made from, and which files they are: one that is written anew within a
/// tick of the clock, as long as before, is another.
type Stamp = [Option<(SystemTime, u64, u64)>; 3];

fn stamp(dir: &Path) -> Stamp {
    [LOG, JOURNAL, NOTES].map(|file| {
        let file = fs::metadata(dir.join(file)).ok()?;
        Some((file.modified().ok()?, file.len(), file.ino()))
    })
}

/// What was found in a directory of runs.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// The runs, in no order.
    pub runs: Vec<Arc<Brief>>,
    /// What was left out or is wrong, a sentence each.
    pub left_out: Vec<String>,
}

/// Looks through a directory of runs, and remembers those that do not change.
#[derive(Debug)]
pub struct RunIndex {
    root: PathBuf,
    known: HashMap<PathBuf, Arc<Brief>>,
}

impl RunIndex {
    /// For the runs in `root`, and in the directories in it that are no runs themselves, as suites make them.
    pub fn new(root: &Path) -> RunIndex {
        RunIndex { root: root.to_path_buf(), known: HashMap::new() }
    }

    /// Reads what has changed since the last time.
    ///
    /// # Errors
    /// A directory that cannot be read. One that is not there has no runs.
    pub fn look(&mut self) -> Result<Survey, RunError> {
        let dirs = candidates(&self.root)?;
        let whole = fs::canonicalize(&self.root).unwrap_or_else(|_| self.root.clone());
        let read = |dir: &PathBuf| {
            let known = self.known.get(dir).filter(|b| b.status != RunStatus::AtWork && b.stamp == stamp(dir));
            known.map_or_else(|| Brief::read(dir, &self.root, &whole).map(Arc::new), |brief| Ok(Arc::clone(brief)))
        };
        let found: Vec<Result<Arc<Brief>, RunError>> = dirs.par_iter().map(read).collect();
        let mut survey = Survey::default();
        for run in found {
            match run {
                Ok(run) => survey.runs.push(run),
                Err(RunError::Recipe(mistakes)) => {
                    let first = mistakes.list().first().map(ToString::to_string).unwrap_or_default();
                    survey.left_out.push(first);
                }
                Err(e) => survey.left_out.push(e.to_string()),
            }
        }
        self.known = survey.runs.iter().map(|run| (run.dir.clone(), Arc::clone(run))).collect();
        Ok(survey)
    }
}

/// Run directories in `root`, and in its other directories that are not hidden.
fn candidates(root: &Path) -> Result<Vec<PathBuf>, RunError> {
    let (runs, others) = runs_in(root).map_err(RunError::read(root))?;
    // A directory that cannot be read was never known to hold runs.
    let deeper = others.iter().filter_map(|dir| runs_in(dir).ok()).flat_map(|(runs, _)| runs);
    let mut all: Vec<PathBuf> = runs.into_iter().chain(deeper).collect();
    all.sort();
    Ok(all)
}

/// The runs directly in `dir`, and the directories that are none.
fn runs_in(dir: &Path) -> io::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let entries = match fs::read_dir(dir) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Default::default()),
        entries => entries?,
    };
    let (mut runs, mut others) = (Vec::new(), Vec::new());
    for entry in entries.flatten().filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b".")) {
        let path = entry.path();
        if path.join(RECIPE).is_file() {
            runs.push(path);
        } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            others.push(path);
        }
    }
    Ok((runs, others))
}

impl Brief {
    /// Reads a run directory below `root`, whose whole path is `whole`.
    fn read(dir: &Path, root: &Path, whole: &Path) -> Result<Brief, RunError> {
        let stamp = stamp(dir);
        // This is asked before the log is read: a run that ends in between counts as running until the next look.
        let works = at_work(dir);
        let (begun, recipe) = beginning(dir)?;
        let recipe = match recipe {
            Some(recipe) => recipe,
            None => preset::load(&dir.join(RECIPE)).map_err(RunError::Recipe)?.recipe,
        };
        let edits = if stamp[1].is_some_and(|(_, len, _)| len > 0) { edits(journal(dir)?) } else { Edits::new() };
        let parent = fork::parent(dir).map(|parent| resolved(dir, &parent, root, whole));
        let notes = Notes::read(dir)?;
        let last: Option<Line> = logs::last(&dir.join(LOG))?;
        let (status, error) = RunStatus::of(works, last.as_slice());
        let mut brief = Brief {
            dir: dir.to_path_buf(),
            recipe,
            status,
            error,
            step: 0,
            epoch: None,
            best: None,
            best_epoch: None,
            begun,
            seconds: 0.0,
            edits,
            parent,
            notes,
            stamp,
        };
        match last {
            Some(Line::RunEnd { step, best, best_epoch, seconds, .. }) if !works => {
                (brief.best, brief.best_epoch) = (best, best_epoch);
                (brief.step, brief.seconds) = (step, seconds);
            }
            _ => brief.seconds = seconds_told(dir)?,
        }
        if brief.status != RunStatus::Done || brief.best_epoch.is_none() {
            brief.metrics()?;
        }
        Ok(brief)
    }

    /// Takes from the metrics what the log does not tell of a run that is not done.
    fn metrics(&mut self) -> Result<(), RunError> {
        let (mut last, mut best) = (Vec::new(), None);
        logs::each(&self.dir.join(METRICS), |line| {
            if line.starts_with(br#"{"event":"epoch_end""#)
                && let Ok(Line::EpochEnd { epoch, figures, best: true, .. }) = serde_json::from_slice(line)
            {
                best = Some((figures.score(), epoch));
            } else if line.starts_with(br#"{"event":"step""#) {
                last.clear();
                last.extend_from_slice(line);
            }
            true
        })?;
        if let Some((score, epoch)) = best.filter(|_| self.best_epoch.is_none()) {
            (self.best, self.best_epoch) = (Some(score), Some(epoch));
        }
        if let Ok(Line::Step { step, epoch, .. }) = serde_json::from_slice(&last) {
            self.step = self.step.max(step);
            self.epoch = Some(epoch);
        }
        Ok(())
    }
}

/// When the run in `dir` logged its first step, else when its recipe was written; and the recipe as its first line has
/// it, which is the one in its file and read in a fifth of the time. (A fork has none: its log begins otherwise.)
fn beginning(dir: &Path) -> Result<(f64, Option<Recipe>), RunError> {
    let (mut begun, mut recipe) = (None, None);
    logs::each(&dir.join(LOG), |line| {
        if line.starts_with(br#"{"event":"run_start""#)
            && let Ok(Line::RunStart { recipe: values, .. }) = serde_json::from_slice(line)
        {
            recipe = Recipe::try_from(values).ok();
        }
        begun = time(line);
        begun.is_none()
    })?;
    let written = || fs::metadata(dir.join(RECIPE)).and_then(|file| file.modified()).unwrap_or(UNIX_EPOCH);
    let begun = begun.unwrap_or_else(|| written().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64());
    Ok((begun, recipe))
}

/// The time of a line that tells the speed.
fn time(line: &[u8]) -> Option<f64> {
    let speed = line.starts_with(br#"{"event":"speed""#);
    match speed.then(|| serde_json::from_slice(line)) {
        Some(Ok(Line::Speed { time, .. })) => Some(time),
        _ => None,
    }
}

/// Seconds between the first and the last time that the last start in the log told.
fn seconds_told(dir: &Path) -> Result<f64, RunError> {
    let mut told: Option<(f64, f64)> = None;
    logs::each(&dir.join(LOG), |line| {
        if line.starts_with(br#"{"event":"run_"#) {
            told = None;
        } else if let Some(time) = time(line) {
            told = Some((told.map_or(time, |(first, _)| first), time));
        }
        true
    })?;
    Ok(told.map_or(0.0, |(first, last)| last - first))
}

/// Where the parent is that a run calls by a path from its own directory, or by a whole one: below `root` when it is
/// there, so that it can be found among the others.
fn resolved(dir: &Path, parent: &str, root: &Path, whole: &Path) -> PathBuf {
    let parent = Path::new(parent);
    match (parent.strip_prefix(".."), parent.strip_prefix(whole), dir.parent()) {
        (Ok(beside), _, Some(folder)) => folder.join(beside),
        (_, Ok(below), _) => root.join(below),
        _ => dir.join(parent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::fake::{self, epoch};
    use crate::train::State;

    /// The brief of the only run.
    fn look(root: &Path) -> Arc<Brief> {
        let survey = RunIndex::new(root).look().unwrap();
        assert_eq!((survey.runs.len(), survey.left_out.len()), (1, 0), "{:?}", survey.left_out);
        Arc::clone(&survey.runs[0])
    }

    #[test]
    fn a_brief_says_what_the_logs_say() {
        for (state, status) in
            [(State::Done, RunStatus::Done), (State::Stopped, RunStatus::Stopped), (State::Failed, RunStatus::Failed)]
        {
            let runs = tempfile::tempdir().unwrap();
            let session = fake::session(Recipe::default(), runs.path(), move |mut stage| {
                stage.started();
                stage.steps(1..=40);
                stage.send(epoch(1, 0.75));
                stage.steps(41..=60);
                stage.ended(state);
            });
            let dir = session.dir.clone();
            session.events.iter().for_each(drop);
            drop(session);
            let brief = look(runs.path());
            assert_eq!((brief.status, brief.best.map(|best| best.value), brief.seconds), (status, Some(0.75), 1.5));
            assert_eq!(brief.best_epoch, Some(1));
            assert_eq!(brief.error.is_some(), state == State::Failed);
            assert!(brief.begun > 1e9, "{}", brief.begun);

            // As an older version wrote its log: the metrics tell which epoch it was.
            let log = fs::read_to_string(dir.join(LOG)).unwrap();
            assert!(log.contains(",\"best_epoch\":1"), "{log}");
            fs::write(dir.join(LOG), log.replace(",\"best_epoch\":1", "")).unwrap();
            assert_eq!(
                (look(runs.path()).best.map(|best| best.value), look(runs.path()).best_epoch),
                (Some(0.75), Some(1))
            );

            // As if it had been killed: what the metrics say is all that is known.
            let log = fs::read_to_string(dir.join(LOG)).unwrap();
            let killed = log.lines().filter(|line| !line.contains("run_end")).map(|line| format!("{line}\n"));
            fs::write(dir.join(LOG), killed.collect::<String>()).unwrap();
            let brief = look(runs.path());
            assert_eq!(
                (brief.status, brief.best.map(|best| best.value), brief.step),
                (RunStatus::Killed, Some(0.75), 60)
            );
            assert_eq!(brief.best_epoch, Some(1));
            assert_eq!(brief.epoch, Some(20.0));
        }
    }

    #[test]
    fn a_run_is_read_again_only_when_it_has_changed() {
        let runs = tempfile::tempdir().unwrap();
        let session = fake::session(Recipe::default(), runs.path(), |mut stage| stage.ended(State::Done));
        session.events.iter().for_each(drop);
        let dir = session.dir.clone();
        drop(session);
        let mut surveyor = RunIndex::new(runs.path());
        let mut look = || Arc::clone(&surveyor.look().unwrap().runs[0]);
        let first = look();
        assert!(Arc::ptr_eq(&first, &look()));
        Notes::change(&dir, |notes| notes.note = "new".into()).unwrap();
        let then = look();
        assert_eq!(then.notes.note, "new");
        assert!(!Arc::ptr_eq(&first, &then));
    }
}
