//! A run on disk, and the session that trains it.
//!
//! ```text
//! runs/<name>/   recipe.ron      as started
//!                journal.jsonl   run_start, ready, edit, checkpoint, alarm, run_end
//!                metrics.jsonl   step at each log interval; epoch_end, evaluation, confusion
//!                checkpoints/    written by the trainer, as best.safetensors
//!                lock            locked while the run lives
//! ```

mod dir;
#[cfg(test)]
pub(crate) mod fake;
mod line;
mod recorder;
mod tap;
#[cfg(test)]
mod tests;

pub use line::{Line, Lines};

use crate::recipe::Recipe;
use crate::train::{self, Command, Event};
use dir::RunDir;
use recorder::Recorder;
use std::any::Any;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use tap::Tap;
use thiserror::Error;

/// Why a run could not be begun.
#[derive(Debug, Error)]
pub enum RunError {
    /// A directory or file could not be made.
    #[error("{} cannot be created: {cause}; --runs DIR names another place for runs", path.display())]
    Create {
        /// The directory or file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A file could not be written.
    #[error("{} cannot be written: {cause}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The trainer's thread could not be started.
    #[error("the trainer's thread cannot be started: {0}")]
    Thread(io::Error),
    /// Another process holds the run.
    #[error("{} is locked: another tricktop holds this run", path.display())]
    Locked {
        /// The lock.
        path: PathBuf,
    },
}

impl RunError {
    fn create(path: &Path) -> impl FnOnce(io::Error) -> RunError {
        let path = path.to_path_buf();
        |cause| RunError::Create { path, cause }
    }

    fn write(path: &Path) -> impl FnOnce(io::Error) -> RunError {
        let path = path.to_path_buf();
        |cause| RunError::Write { path, cause }
    }
}

/// Where a trainer sends its events.
pub type Sink = Box<dyn FnMut(Event) + Send>;

/// A trainer at work, if it could be started: the way to command it, and what stops and joins its thread when dropped.
pub type Running = io::Result<(Sender<Command>, Box<dyn Any + Send>)>;

/// A run at work. Dropping it stops the trainer.
pub struct Session {
    /// Name of the run.
    pub name: String,
    /// Its directory.
    pub dir: PathBuf,
    /// Takes commands to the trainer.
    pub commands: Sender<Command>,
    /// Every event of the run; `Ended` is always the last, also when the trainer's thread dies.
    pub events: Receiver<Event>,
    /// What stops and joins the trainer's thread when it is dropped.
    pub worker: Box<dyn Any + Send>,
}

/// Makes the run's directory below `runs` and starts its trainer.
///
/// # Errors
/// When the directory cannot be made or written.
pub fn start(recipe: Recipe, runs: &Path) -> Result<Session, RunError> {
    start_with(recipe, runs, |recipe, options, sink| {
        let worker = train::spawn(recipe, options, sink)?;
        Ok((worker.commands(), Box::new(worker)))
    })
}

/// As [`start`], with another way to spawn the trainer.
///
/// # Errors
/// When the directory cannot be made or written.
pub fn start_with(
    recipe: Recipe,
    runs: &Path,
    spawn: impl FnOnce(Recipe, train::Options, Sink) -> Running,
) -> Result<Session, RunError> {
    let run = RunDir::create(&recipe, runs)?;
    let (name, dir) = (run.name.clone(), run.path.clone());
    let (forward, events) = channel();
    let mut tap = Tap::new(Recorder::create(run, &recipe)?, forward, dir.clone());
    let options = train::Options { name: name.clone(), dir: Some(dir.clone()) };
    let (commands, worker) =
        spawn(recipe, options, Box::new(move |event| tap.take(event))).map_err(RunError::Thread)?;
    Ok(Session { name, dir, commands, events, worker })
}
