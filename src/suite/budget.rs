//! What a suite remembers beside its runs: how long they are, and where more of them are.

use super::{Budget, Suite};
use crate::files::read_text;
use crate::runs::{RunError, lock, sign};
use crate::train::write_whole;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const FILE: &str = "suite.json";
/// Locked while the runs are trained.
const LOCK: &str = "suite.lock";

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct State {
    /// Minutes that the epochs were worked out for.
    #[serde(default)]
    minutes: Option<f64>,
    /// Epochs of a run, from a budget in minutes.
    #[serde(default)]
    epochs: Option<u64>,
    /// Directories with runs from elsewhere.
    #[serde(default)]
    collected: Vec<PathBuf>,
}

/// The directory of a suite's runs.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
    state: State,
}

impl Store {
    /// Reads what is remembered in a directory, which need not be there.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn open(dir: &Path) -> Result<Store, RunError> {
        let path = dir.join(FILE);
        let wrong = |cause| RunError::Read { path: path.clone(), cause };
        let state = match read_text(&path) {
            Ok(text) => serde_json::from_str(&text).map_err(|e| wrong(e.into()))?,
            Err(e) if e.kind() == ErrorKind::NotFound => State::default(),
            Err(e) => return Err(wrong(e)),
        };
        Ok(Store { dir: dir.to_path_buf(), state })
    }

    /// Holds the directory, so that no other program trains the same runs, until the file that is returned is closed.
    ///
    /// # Errors
    /// A directory that another process holds or that cannot be written.
    pub fn lock(&self) -> Result<File, RunError> {
        let path = self.dir.join(LOCK);
        self.hold(&path)
    }

    /// Holds one run, by its name, so that no other program trains it, until the file that is returned is closed.
    ///
    /// # Errors
    /// A run that another process holds, or a directory that cannot be written.
    pub fn lock_run(&self, name: &str) -> Result<File, RunError> {
        let path = self.dir.join(format!("{name}.lock"));
        self.hold(&path)
    }

    fn hold(&self, path: &Path) -> Result<File, RunError> {
        fs::create_dir_all(&self.dir).map_err(|cause| RunError::Write { path: path.to_path_buf(), cause })?;
        let held = lock(path)?;
        sign(&held);
        Ok(held)
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the runs are: first those of this directory.
    pub fn dirs(&self) -> Vec<PathBuf> {
        [self.dir.clone()].into_iter().chain(self.state.collected.iter().cloned()).collect()
    }

    /// Epochs of every run where the suite has a budget: for one in minutes as they were worked out the first time, then
    /// by `pace`, the seconds that one epoch of every run takes together.
    ///
    /// # Errors
    /// Those of `pace`, or a file that cannot be written.
    pub fn epochs<E: From<RunError>>(
        &mut self,
        suite: &Suite,
        pace: impl FnOnce() -> Result<f64, E>,
    ) -> Result<Option<u64>, E> {
        let minutes = match suite.budget {
            None => return Ok(None),
            Some(Budget::Epochs(epochs)) => return Ok(Some(epochs)),
            Some(Budget::Minutes(minutes)) => minutes,
        };
        if self.is_open(suite) {
            let epochs = (minutes * 60.0 / pace()?).floor().max(1.0) as u64;
            (self.state.minutes, self.state.epochs) = (Some(minutes), Some(epochs));
            self.write()?;
        }
        Ok(self.state.epochs)
    }

    /// Whether the epochs of a suite are still to be worked out.
    pub fn is_open(&self, suite: &Suite) -> bool {
        let minutes = |minutes| self.state.minutes != Some(minutes) || self.state.epochs.is_none();
        matches!(suite.budget, Some(Budget::Minutes(m)) if minutes(m))
    }

    /// Remembers directories with runs from elsewhere.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn add(&mut self, dirs: &[PathBuf]) -> Result<(), RunError> {
        if dirs.is_empty() {
            return Ok(());
        }
        let new: Vec<PathBuf> = dirs.iter().map(|dir| fs::canonicalize(dir).unwrap_or_else(|_| dir.clone())).collect();
        self.state.collected.extend(new);
        self.state.collected.sort();
        self.state.collected.dedup();
        self.write()
    }

    fn write(&self) -> Result<(), RunError> {
        let path = self.dir.join(FILE);
        let wrong = |cause| RunError::Write { path: path.clone(), cause };
        fs::create_dir_all(&self.dir).map_err(wrong)?;
        let text = serde_json::to_string_pretty(&self.state).map_err(|e| wrong(e.into()))?;
        write_whole(&path, text.as_bytes()).map_err(wrong)
    }
}
