//! A run on disk, and the session that trains it.
//!
//! ```text
//! runs/<name>/   recipe.ron      as started
//!                journal.jsonl   edit
//!                metrics.jsonl   step at each log interval; epoch_end, evaluation, confusion
//!                chain.jsonl     a link for every checkpoint
//!                log.jsonl       run_start, run_resume, ready, speed, skipped, checkpoint, alarm, run_end
//!                events.out.tfevents.*   the metrics and edits for TensorBoard, one file a start
//!                checkpoints/    written by the trainer, as best.safetensors
//!                socket          where screens attach, while the run lives
//!                socket.path     where the socket is instead, when the directory can hold none
//!                lock            locked while the run lives
//!                images.tsv.gz   which images it is of, and where they were
//!                notes.json      what a person says of it, where one does
//! runs/.trash/   runs that were deleted
//! ```

mod attach;
mod brief;
mod course;
mod dir;
mod export;
#[cfg(test)]
pub(crate) mod fake;
mod fork;
mod hook;
mod line;
mod lines;
mod logs;
mod notes;
mod record;
mod recorder;
mod resume;
mod shelf;
mod status;
mod tap;
mod tensorboard;
#[cfg(test)]
mod tests;
mod verify;

pub use attach::{Attached, attach, next as next_message};
pub use brief::{Brief, RunIndex, Survey};
pub use course::{Course, Edits};
pub use dir::{RECIPE, at_work, newest_at_work};
pub(crate) use dir::{lock, sign};
pub use export::{csv, json};
pub use fork::{behind, fork, fork_with, parent};
pub use hook::set_hook;
pub use line::Line;
pub use lines::Lines;
pub use notes::Notes;
pub use record::{JournalError, Record, history, last_confusion, life};
pub use resume::{find_images, resume, resume_with};
pub use shelf::{Move, TRASH, misnamed};
pub use status::RunStatus;
pub use tensorboard::tensorboard;
pub use verify::{ON_A_GPU, Verdict, verify, verify_at};

use crate::data::MANIFEST;
use crate::files::shell_word;
use crate::recipe::{Mistakes, Recipe};
use crate::train::{self, AlarmKind, Command, Event};
use attach::{Hub, Server};
use dir::RunDir;
use recorder::Recorder;
use std::any::Any;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
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
    #[error(
        "{} is locked: another tricktop is at work on this run{}; stop that one first",
        path.display(),
        if by.is_empty() { String::new() } else { format!(" ({by})") }
    )]
    Locked {
        /// The lock.
        path: PathBuf,
        /// Who holds it, where that is known.
        by: String,
    },
    /// The file system has no locks.
    #[error(
        "{} cannot be locked ({cause}): without locks two programs could train the same run; --runs names a directory on \
         another file system",
        path.display()
    )]
    NoLocks {
        /// The lock.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A directory that is none of a run.
    #[error("{}: is no run directory: it has no recipe.ron", path.display())]
    NoRun {
        /// The directory.
        path: PathBuf,
    },
    /// A file of the run could not be read.
    #[error("{}: cannot be read: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The recipe of the run is no valid preset.
    #[error("{0}")]
    Recipe(Mistakes),
    /// A run whose process cannot be talked to.
    #[error("{}: no screen can be opened on this run: {cause}; tricktop resume takes up a run that nobody trains", path.display())]
    Attach {
        /// The run directory.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Runs whose pace cannot be timed.
    #[error("the pace of the runs cannot be timed: {0}")]
    Pace(String),
    /// A run that cannot go on, or be replayed.
    #[error("{}: {why}", path.display())]
    Stuck {
        /// The run directory.
        path: PathBuf,
        /// What is in the way, and what to do.
        why: String,
    },
}

impl RunError {
    fn create(path: &Path) -> impl FnOnce(io::Error) -> RunError {
        let path = path.to_path_buf();
        |cause| RunError::Create { path, cause }
    }

    fn read(path: &Path) -> impl FnOnce(io::Error) -> RunError {
        let path = path.to_path_buf();
        |cause| RunError::Read { path, cause }
    }

    fn write(path: &Path) -> impl FnOnce(io::Error) -> RunError {
        let path = path.to_path_buf();
        |cause| RunError::Write { path, cause }
    }

    /// Says what is in the way of the run in `path`.
    pub(crate) fn stuck<E: ToString>(path: &Path) -> impl FnOnce(E) -> RunError {
        let path = path.to_path_buf();
        move |why| RunError::Stuck { path, why: why.to_string() }
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
    /// The recipe that it starts or goes on with.
    pub recipe: Recipe,
    /// The line that tells of its start: [`Line::RunStart`] or [`Line::RunResume`].
    pub first: Line,
    /// Takes commands to the trainer.
    pub commands: Sender<Command>,
    /// Every event of the run; `Ended` is always the last, also when the trainer's thread dies.
    pub events: Receiver<Event>,
    /// What stops and joins the trainer's thread when it is dropped.
    pub worker: Box<dyn Any + Send>,
    /// What there is to say of its start beside that line.
    pub notes: Vec<String>,
    /// Where screens from outside get their events.
    hub: Hub,
}

/// Whether the program has said already that sockets are a matter here: a suite has many runs.
static SAID: AtomicBool = AtomicBool::new(false);

/// Makes the run's directory below `runs` and starts its trainer.
///
/// # Errors
/// When the directory cannot be made or written.
pub fn start(recipe: Recipe, runs: &Path) -> Result<Session, RunError> {
    start_with(recipe, train::Options::default(), runs, spawn)
}

/// As [`start`], with edits or an end of its own in `options`, and another way to spawn the trainer. Name and directory
/// are filled in here.
///
/// # Errors
/// When the directory cannot be made or written.
pub fn start_with(
    recipe: Recipe,
    options: train::Options,
    runs: &Path,
    spawn: impl FnOnce(Recipe, train::Options, Sink) -> Running,
) -> Result<Session, RunError> {
    // The run's recipe says all, so that it goes on where the hub's cache is not.
    let recipe = recipe.settled();
    let run = RunDir::create(&recipe, runs)?;
    let first = Line::run_start(&run.name, &run.path, &recipe);
    let manifest = run.path.join(MANIFEST);
    // A run that is made again keeps to the images of the first.
    if let Some(first) = options.manifest.as_ref().filter(|first| first.exists()) {
        std::fs::copy(first, &manifest).map_err(RunError::write(&manifest))?;
    }
    let (name, dir, manifest) = (run.name.clone(), Some(run.path.clone()), Some(manifest));
    let options = train::Options { name, dir, manifest, ..options };
    let recorder = Recorder::open(run, &recipe, &first, BTreeSet::new())?;
    begin(recipe, options, first, recorder, Vec::new(), spawn)
}

/// Starts the trainer of a run whose directory stands; `notes` are alarms that come before all.
fn begin(
    recipe: Recipe,
    options: train::Options,
    first: Line,
    recorder: Recorder,
    notes: Vec<String>,
    spawn: impl FnOnce(Recipe, train::Options, Sink) -> Running,
) -> Result<Session, RunError> {
    let (name, dir) = (options.name.clone(), options.dir.clone().unwrap_or_default());
    let step = options.from.as_ref().map_or(0, |c| c.meta.at.step);
    let (forward, events) = channel();
    let hub = Hub::default();
    let mut tap = Tap::new(recorder, forward, hub.clone(), dir.clone());
    notes.into_iter().for_each(|message| tap.take(Event::Alarm { step, kind: AlarmKind::Other, message }));
    let (commands, worker) =
        spawn(recipe.clone(), options, Box::new(move |event| tap.take(event))).map_err(RunError::Thread)?;
    Ok(Session { name, dir, recipe, first, commands, events, worker, notes: Vec::new(), hub })
}

impl Session {
    /// Lets screens attach to the run. Where there can be no socket there are no screens from outside, and that is said; the
    /// run does not depend on them.
    pub fn serve(mut self) -> Session {
        let (server, note) = match Server::listen(&self.dir, self.hub.clone(), self.commands.clone()) {
            Ok(server) => (Some(server), None),
            Err(e) => (None, Some(format!("no screen can be attached to it: {e}"))),
        };
        let note = note.or_else(|| server.as_ref().and_then(Server::elsewhere));
        self.notes.extend(note.filter(|_| !SAID.swap(true, Ordering::Relaxed)));
        // Dropped in this order: the trainer ends, then every screen is told.
        self.worker = Box::new((self.worker, server));
        self
    }

    /// Who had the run pause last; none when that was no attached screen.
    pub fn paused_by(&self) -> Option<String> {
        self.hub.paused_by()
    }
}

/// Starts the trainer's thread.
///
/// # Errors
/// The system's.
pub fn spawn(recipe: Recipe, options: train::Options, sink: Sink) -> Running {
    let worker = train::spawn(recipe, options, sink)?;
    Ok((worker.commands(), Box::new(worker)))
}

/// The command that makes the run in `dir` again: its recipe with its edits at their steps.
pub fn reproduce(dir: &Path) -> String {
    format!("tricktop replay {}", shell_word(dir))
}

/// The command that opens a screen on the run in `dir` while it is trained.
pub fn attach_command(dir: &Path) -> String {
    format!("tricktop attach {}", shell_word(dir))
}

/// The commands that may follow the end of a run.
pub fn again(dir: &Path, state: train::State) -> Vec<String> {
    let mut commands = vec![reproduce(dir)];
    if state != train::State::Done {
        commands.push(format!("tricktop resume {}", shell_word(dir)));
    }
    commands
}
