//! Trains what is left of a suite.

use super::{Control, Run, Suite};
use crate::batch::{Audience, Batch, Outcome};
use crate::recipe::Recipe;
use crate::runs::{self, RunError, Session};
use crate::train::{self, Command, Event, Options, State, Summary};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Steps that are timed to know a pace, after as many to warm up.
const TIMED: u64 = 8;

/// The share of a training step that its forward pass takes.
const FORWARD: f64 = 1.0 / 3.0;

/// Time between two looks whether a run was put back.
const POLL: Duration = Duration::from_millis(100);

/// A run that is to be trained.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its place among the runs of the suite.
    pub place: usize,
    /// The run.
    pub run: Run,
    /// Where a part of it is.
    pub dir: Option<PathBuf>,
}

/// Shows how a suite goes.
pub trait Board: Sync {
    /// Shows what happens in a run.
    fn show(&self, place: usize, event: &Event);
    /// Says something about a run.
    fn say(&self, place: usize, text: &str);
}

/// How what is left of a suite is trained.
pub struct Plan<'a> {
    /// The runs, by their places.
    pub jobs: Vec<Job>,
    /// Directory of the runs.
    pub dir: &'a Path,
    /// Runs that are trained at a time.
    pub at_once: usize,
    /// Threads that compute, shared out among them.
    pub threads: usize,
    /// What they share.
    pub batch: Batch<'a>,
    /// Who steers them.
    pub control: &'a Control,
}

impl Plan<'_> {
    /// Trains the runs in their order. One that fails does not keep the others from running; one that was stopped waits
    /// until it is put back.
    pub fn train(mut self, board: &dyn Board) -> Outcome {
        let queue: BTreeMap<usize, Job> = self.jobs.drain(..).map(|job| (job.place, job)).collect();
        let (queue, failed) = (Mutex::new(queue), AtomicBool::new(false));
        let lock = || queue.lock().unwrap_or_else(PoisonError::into_inner);
        std::thread::scope(|scope| {
            for _ in 0..self.at_once {
                scope.spawn(|| {
                    while let Some(job) = self.next(lock) {
                        let place = job.place;
                        match self.one(job, board) {
                            Ended::Done => {}
                            Ended::Failed => failed.store(true, Ordering::Relaxed),
                            Ended::Stopped(job) => drop(lock().insert(place, *job)),
                        }
                    }
                });
            }
        });
        match (failed.into_inner(), lock().is_empty()) {
            (true, _) => Outcome::Failed,
            (false, true) => Outcome::Done,
            (false, false) => Outcome::Interrupted,
        }
    }

    /// The next run that is not left out; waits for one that may be put back.
    fn next<'q>(&self, lock: impl Fn() -> MutexGuard<'q, BTreeMap<usize, Job>>) -> Option<Job> {
        loop {
            let mut queue = lock();
            if self.batch.interrupt.load(Ordering::Relaxed) || queue.is_empty() {
                return None;
            }
            let wanted = queue.keys().copied().find(|place| !self.control.is_away(*place));
            if let Some(job) = wanted.and_then(|place| queue.remove(&place)) {
                return Some(job);
            }
            drop(queue);
            if !self.control.is_attended() {
                return None;
            }
            std::thread::sleep(POLL);
        }
    }

    fn one(&self, job: Job, board: &dyn Board) -> Ended {
        let Job { place, run, dir } = job;
        let options =
            Options { threads: NonZeroUsize::new(self.threads / self.at_once), unattended: true, ..Options::default() };
        let begun = match &dir {
            Some(dir) => runs::resume_with(dir, Vec::new(), options),
            None => runs::start_with(run.recipe.clone(), options, self.dir, runs::spawn),
        };
        let session = match begun.map(Session::serve) {
            Ok(session) => session,
            Err(e) => {
                board.show(place, &Event::Ended(Box::new(never_began(dir, e.to_string()))));
                return Ended::Failed;
            }
        };
        self.control.enter(place, session.commands.clone());
        let outcome = self.batch.follow(&session, &mut Seat { board, place, control: self.control });
        self.control.exit(place);
        match outcome {
            Outcome::Done => Ended::Done,
            Outcome::Failed => Ended::Failed,
            Outcome::Interrupted => Ended::Stopped(Box::new(Job { place, run, dir: Some(session.dir.clone()) })),
        }
    }
}

/// How a run ended.
enum Ended {
    Done,
    Failed,
    /// With a checkpoint, from which it may go on.
    Stopped(Box<Job>),
}

/// The end of a run that could not be begun.
fn never_began(dir: Option<PathBuf>, why: String) -> Summary {
    let (state, error) = (State::Failed, Some(why));
    Summary { state, step: 0, best: None, best_epoch: None, seconds: 0.0, dir, broken: 0, early: None, error }
}

/// A run's place at a board.
struct Seat<'a> {
    board: &'a dyn Board,
    place: usize,
    control: &'a Control,
}

impl Audience for Seat<'_> {
    fn save(&mut self, _: &Session) {
        self.control.send_all(&Command::Save);
    }

    fn say(&mut self, text: &str) {
        self.board.say(self.place, text);
    }

    fn show(&mut self, event: &Event) {
        if matches!(event, Event::Ended(summary) if summary.state == State::Stopped) {
            self.control.stopped(self.place);
        }
        self.board.show(self.place, event);
    }
}

/// Seconds that one epoch of every run of a suite takes together, timed by some steps of every cell.
///
/// # Errors
/// A cell that cannot be trained.
pub fn pace(suite: &Suite) -> Result<f64, RunError> {
    let cells = suite.cells.iter().map(|cell| Ok(suite.seeds as f64 * epoch_seconds(&cell.recipe)?));
    cells.sum()
}

fn epoch_seconds(recipe: &Recipe) -> Result<f64, RunError> {
    let options = Options { until: Some(2 * TIMED), unattended: true, ..Options::default() };
    let (sender, events) = channel();
    let worker = train::spawn(recipe.clone(), options, move |event| drop(sender.send(event)));
    let _worker = worker.map_err(RunError::Thread)?;
    let (mut images, mut times) = ((0, 0), Vec::new());
    for event in events {
        match event {
            Event::Started(info) => images = (info.train_images, info.test_images),
            Event::Steps(steps) => times.extend(steps.iter().map(|step| step.img_s.recip())),
            Event::Ended(summary) => {
                if let Some(why) = summary.error {
                    return Err(RunError::Pace(why));
                }
                break;
            }
            _ => {}
        }
    }
    let mut timed: Vec<f64> = times.into_iter().skip(TIMED as usize).filter(|t| t.is_finite()).collect();
    timed.sort_by(f64::total_cmp);
    let Some(image) = timed.get(timed.len() / 2) else { return Err(RunError::Pace("no step was made".into())) };
    Ok(image * (images.0 as f64 + FORWARD * images.1 as f64))
}
