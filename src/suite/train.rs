//! Trains what is left of a suite.

use super::{Control, Results, Run, Store, Suite};
use crate::batch::{Audience, Batch, Outcome};
use crate::recipe::Recipe;
use crate::runs::{self, RunError, Session};
use crate::train::{self, Command, Event, Options, State, Summary};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::channel;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Steps that are timed to know a pace, after as many to warm up.
const TIMED: u64 = 8;

/// The share of a training step that its forward pass takes.
const FORWARD: f64 = 1.0 / 3.0;

/// Time between two looks whether a run was put back.
const POLL: Duration = Duration::from_millis(100);
/// Time between two looks at the queue of a cluster.
const QUEUE_POLL: Duration = Duration::from_secs(5);

/// A run that is to be trained.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its place among the runs of the suite.
    pub place: usize,
    /// The run.
    pub run: Run,
    /// Where a part of it is.
    pub dir: Option<PathBuf>,
    /// Epochs after which it is compared with others; none where it goes to its end.
    pub rest: Option<u64>,
}

/// What is left to train once runs were compared.
pub struct Round {
    /// The runs that go on.
    pub jobs: Vec<Job>,
    /// What there is of all.
    pub results: Results,
}

/// Shows how a suite goes.
pub trait Board: Sync {
    /// Shows what happens in a run.
    fn show(&self, place: usize, event: &Event);
    /// Says something about a run.
    fn say(&self, place: usize, text: &str);
    /// Shows what there is of the runs: which fell out, and what a cluster has of them.
    fn compared(&self, results: Results);
}

/// How what is left of a suite is trained.
pub struct Plan<'a> {
    /// The runs, by their places.
    pub jobs: Vec<Job>,
    /// Directory of the runs.
    pub store: &'a Store,
    /// Runs that are trained at a time.
    pub at_once: usize,
    /// Threads that compute, shared out among them.
    pub threads: usize,
    /// What they share.
    pub batch: Batch<'a>,
    /// Who steers them.
    pub control: &'a Control,
    /// Looks at what there is of the runs now.
    pub look: &'a (dyn Fn() -> Round + Sync),
    /// Whether a cluster has runs of it in its queue, which somebody who sits here wants to see.
    pub queued: bool,
}

impl Plan<'_> {
    /// Trains the runs in their order, and those on that do not fall out. One that fails does not keep the others from
    /// running; one that was stopped waits until it is put back.
    pub fn train(mut self, board: &dyn Board) -> Outcome {
        let mut seen = Seen::default();
        loop {
            let rests = self.jobs.iter().any(|job| job.rest.is_some());
            let begun: Vec<usize> = self.jobs.iter().filter(|job| job.dir.is_none()).map(|job| job.place).collect();
            let outcome = self.round(&mut seen, board);
            let over = if seen.failed.is_empty() { outcome } else { outcome.max(Outcome::Failed) };
            let watched = self.queued && self.control.is_attended();
            if outcome == Outcome::Interrupted || !(rests || watched) {
                return over;
            }
            let Round { jobs, results } = (self.look)();
            self.queued = results.queued.iter().any(Option::is_some);
            board.compared(results);
            // One that failed or is held is tried again by the next start of the suite alone, and so is one that was begun
            // and does not count: it was edited, or has other classes.
            seen.lost.extend(begun);
            let again = |job: &Job| {
                let lost = job.dir.is_none() && seen.lost.contains(&job.place);
                !(lost || seen.failed.contains(&job.place) || seen.held.contains(&job.place))
            };
            self.jobs = jobs.into_iter().filter(again).collect();
            if !self.jobs.is_empty() {
                continue;
            }
            if !(self.queued && self.control.is_attended()) {
                return over;
            }
            let since = Instant::now();
            while since.elapsed() < QUEUE_POLL && self.control.is_attended() {
                if self.batch.interrupt.load(Ordering::Relaxed) {
                    return Outcome::Interrupted;
                }
                std::thread::sleep(POLL);
            }
        }
    }

    /// Trains its jobs as far as they are to go.
    fn round(&mut self, seen: &mut Seen, board: &dyn Board) -> Outcome {
        let queue: BTreeMap<usize, Job> = self.jobs.drain(..).map(|job| (job.place, job)).collect();
        let (queue, seen) = (Mutex::new(queue), Mutex::new(seen));
        let lock = || queue.lock().unwrap_or_else(PoisonError::into_inner);
        let note = || seen.lock().unwrap_or_else(PoisonError::into_inner);
        std::thread::scope(|scope| {
            for _ in 0..self.at_once {
                scope.spawn(|| {
                    while let Some(job) = self.next(lock) {
                        let place = job.place;
                        match self.one(job, board) {
                            Ended::Done => {}
                            Ended::Failed => drop(note().failed.insert(place)),
                            Ended::Held => drop(note().held.insert(place)),
                            Ended::Stopped(job) => drop(lock().insert(place, *job)),
                        }
                    }
                });
            }
        });
        if lock().is_empty() { Outcome::Done } else { Outcome::Interrupted }
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
        let place = job.place;
        let _held = match self.store.lock_run(&job.run.recipe.name) {
            Ok(held) => held,
            Err(e @ RunError::Locked { .. }) => {
                board.say(place, &format!("left out: {e}"));
                return Ended::Held;
            }
            Err(e) => {
                board.show(place, &Event::Ended(Box::new(never_began(job.dir, e.to_string()))));
                return Ended::Failed;
            }
        };
        // Another program may have trained it since it was last looked at.
        let now = (self.look)().jobs.into_iter().find(|job| job.place == place);
        let Some(Job { run, dir, rest, .. }) = now else { return Ended::Done };
        // One that was edited while it trained is none of the suite's, and goes on all the same.
        let dir = dir.or(job.dir);
        let threads = NonZeroUsize::new(self.threads / self.at_once);
        let options = Options { threads, rest, unattended: true, ..Options::default() };
        let begun = match &dir {
            Some(dir) => runs::resume_with(dir, Vec::new(), options),
            None => runs::start_with(run.recipe.clone(), options, self.store.dir(), runs::spawn),
        };
        let session = match begun.map(Session::serve) {
            Ok(session) => session,
            Err(e) => {
                board.show(place, &Event::Ended(Box::new(never_began(dir, e.to_string()))));
                return Ended::Failed;
            }
        };
        self.control.enter(place, session.commands.clone());
        let mut seat = Seat { board, place, control: self.control, rests: false };
        let outcome = self.batch.follow(&session, &mut seat);
        self.control.exit(place);
        match outcome {
            Outcome::Done => Ended::Done,
            Outcome::Failed => Ended::Failed,
            Outcome::Interrupted if seat.rests => Ended::Done,
            Outcome::Interrupted => Ended::Stopped(Box::new(Job { place, run, dir: Some(session.dir.clone()), rest })),
        }
    }
}

/// Runs that are not tried again by the same start of a suite.
#[derive(Default)]
struct Seen {
    failed: BTreeSet<usize>,
    /// Another program holds them.
    held: BTreeSet<usize>,
    /// They were begun here.
    lost: BTreeSet<usize>,
}

/// How a run ended.
enum Ended {
    /// It came as far as it was to.
    Done,
    /// Another program holds it.
    Held,
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
    /// Whether it has come as far as it was to, and waits to be compared.
    rests: bool,
}

impl Audience for Seat<'_> {
    fn save(&mut self, _: &Session) {
        self.control.send_all(&Command::Save);
    }

    fn say(&mut self, text: &str) {
        self.board.say(self.place, text);
    }

    fn show(&mut self, event: &Event) {
        if let Event::Ended(summary) = event
            && summary.state == State::Stopped
        {
            self.rests = summary.early.is_some();
            if !self.rests {
                self.control.stopped(self.place);
            }
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
