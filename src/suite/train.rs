//! Trains what is left of a suite.

use super::{Run, Suite};
use crate::batch::{Audience, Batch, Outcome};
use crate::recipe::Recipe;
use crate::runs::{self, RunError, Session};
use crate::train::{self, Event, Options};
use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};

/// Steps that are timed to know a pace, after as many to warm up.
const TIMED: u64 = 8;

/// What a pass forward takes of a training step.
const FORWARD: f64 = 1.0 / 3.0;

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

/// Trains runs in their order, some at once, with the threads that compute shared out among them. One that fails does
/// not keep the others from running.
pub fn train(jobs: Vec<Job>, dir: &Path, at_once: usize, threads: usize, batch: &Batch, board: &dyn Board) -> Outcome {
    let (queue, worst) = (Mutex::new(VecDeque::from(jobs)), Mutex::new(Outcome::Done));
    let share = NonZeroUsize::new(threads / at_once);
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(job) = next() {
                    let stopped = batch.interrupt.load(Ordering::Relaxed);
                    let outcome = if stopped { Outcome::Interrupted } else { one(job, dir, share, batch, board) };
                    let mut worst = worst.lock().unwrap_or_else(PoisonError::into_inner);
                    *worst = outcome.max(*worst);
                }
            });
        }
    });
    worst.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn one(job: Job, dir: &Path, threads: Option<NonZeroUsize>, batch: &Batch, board: &dyn Board) -> Outcome {
    let options = Options { threads, ..Options::default() };
    let begun = match &job.dir {
        Some(dir) => runs::resume_with(dir, Vec::new(), options),
        None => runs::start_with(job.run.recipe, options, dir, runs::spawn),
    };
    let mut seat = Seat { board, place: job.place };
    match begun.map(Session::serve) {
        Ok(session) => batch.follow(&session, &mut seat),
        Err(e) => {
            seat.say(&format!("error: {e}"));
            Outcome::Failed
        }
    }
}

/// A run's place at a board.
struct Seat<'a> {
    board: &'a dyn Board,
    place: usize,
}

impl Audience for Seat<'_> {
    fn say(&mut self, text: &str) {
        self.board.say(self.place, text);
    }

    fn show(&mut self, event: &Event) {
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
    let options = Options { until: Some(2 * TIMED), ..Options::default() };
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
