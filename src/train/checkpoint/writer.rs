//! The thread that writes checkpoints from snapshots, so that the trainer goes on meanwhile.

use super::snapshot::Snapshot;
use super::{BEST, Checkpoint, DIRECTORY, Link, ROLLED_BACK, checkpoint_path, steps, write_whole};
use crate::train::{Score, TrainError};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

/// What is to be written of a snapshot, and what may stay of older ones.
pub(in crate::train) struct Job {
    pub(in crate::train) snapshot: Snapshot,
    /// Whether a checkpoint to go on from is written.
    pub(in crate::train) state: bool,
    /// Whether `best.safetensors` is written.
    pub(in crate::train) best: bool,
    /// Newest checkpoints that stay.
    pub(in crate::train) keep_last: usize,
    /// Best checkpoints that stay.
    pub(in crate::train) keep_best: usize,
    /// Milliseconds that the trainer spent on the snapshot.
    pub(in crate::train) ms: f64,
}

/// What the writer is asked for.
enum Order {
    Write(Box<Job>),
    /// The run has gone back to this step.
    RollBack(u64),
}

/// What became of an order; the last word of each is `Done`.
pub(in crate::train) enum Report {
    /// A file was written; `best.safetensors` has no link.
    Saved { step: u64, path: PathBuf, bytes: u64, ms: f64, score: Option<Score>, link: Option<Box<Link>> },
    /// A file was not written, or an old one not removed.
    Failed(String),
    /// The job is done.
    Done,
}

/// A checkpoint that stays on disk until it is neither among the newest nor among the best.
#[derive(Clone, Debug, PartialEq)]
struct Kept {
    step: u64,
    path: PathBuf,
    score: Option<Score>,
}

/// The writer's thread. Dropping it waits until everything is written.
pub(in crate::train) struct Writer {
    orders: Option<Sender<Order>>,
    reports: Receiver<Report>,
    thread: Option<JoinHandle<()>>,
    /// Orders that are not done.
    open: usize,
}

impl Writer {
    /// For the run in `dir`, whose chain ends with `link`.
    ///
    /// # Errors
    /// The system's, when no thread can be started.
    pub(in crate::train) fn start(dir: PathBuf, link: Option<Link>) -> io::Result<Writer> {
        let (sender, orders) = channel::<Order>();
        let (report, reports) = channel();
        let work = move || {
            let mut shelf = Shelf::open(dir, link);
            for order in orders {
                let mut report = |r| drop(report.send(r));
                let done = match order {
                    Order::Write(job) => shelf.put(&job, &mut report),
                    Order::RollBack(step) => shelf.roll_back(step),
                };
                if let Err(e) = done {
                    report(Report::Failed(e));
                }
                report(Report::Done);
            }
        };
        let thread = Builder::new().name("checkpoints".into()).spawn(work)?;
        Ok(Writer { orders: Some(sender), reports, thread: Some(thread), open: 0 })
    }

    /// Whether two orders are open already: a disk that is slower than the run must not fill the memory.
    pub(in crate::train) fn busy(&self) -> bool {
        self.open >= 2
    }

    /// Hands a job over.
    pub(in crate::train) fn send(&mut self, job: Job) {
        self.order(Order::Write(Box::new(job)));
    }

    /// Takes away what belongs to steps after this one: the run has gone back to it.
    pub(in crate::train) fn roll_back(&mut self, step: u64) {
        self.order(Order::RollBack(step));
    }

    fn order(&mut self, order: Order) {
        self.open += usize::from(self.orders.as_ref().is_some_and(|orders| orders.send(order).is_ok()));
    }

    /// What has been reported since the last call; with `all`, everything up to the last open order.
    pub(in crate::train) fn reports(&mut self, all: bool) -> Vec<Report> {
        let mut found: Vec<Report> = self.reports.try_iter().collect();
        let done = |found: &[Report]| found.iter().filter(|r| matches!(r, Report::Done)).count();
        while all && done(&found) < self.open {
            let Ok(report) = self.reports.recv() else { break };
            found.push(report);
        }
        self.open -= done(&found).min(self.open);
        found
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // Nobody waits for the result of a thread that panicked.
            drop(thread.join());
        }
    }
}

/// The checkpoints of a run directory.
struct Shelf {
    dir: PathBuf,
    /// The chain since this start.
    links: Vec<Link>,
    kept: Vec<Kept>,
}

impl Shelf {
    /// With the checkpoints that are there: those of a run that goes on. What a killed writer left half done goes.
    fn open(dir: PathBuf, link: Option<Link>) -> Shelf {
        for dir in [&dir, &dir.join(DIRECTORY)] {
            for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.starts_with('.') && name.contains(".safetensors.") {
                    // A file that cannot be removed does no harm.
                    drop(fs::remove_file(entry.path()));
                }
            }
        }
        let kept = |(step, path): (u64, PathBuf)| {
            let score = Checkpoint::read(&path).ok()?.meta.at.score;
            Some(Kept { step, path, score })
        };
        let kept = steps(&dir).into_iter().filter_map(kept).collect();
        Shelf { dir, links: link.into_iter().collect(), kept }
    }

    /// Writes what a job asks for, then takes away what need not stay.
    fn put(&mut self, job: &Job, report: &mut impl FnMut(Report)) -> Result<(), String> {
        let at = &job.snapshot.meta.at;
        if let Some(tensor) = job.snapshot.fault() {
            return Err(format!("no checkpoint of step {}: {tensor} holds a value that is not finite", at.step));
        }
        let mut saved = |path: &Path, bytes: &[u8], link| {
            write_whole(path, bytes).map_err(|e| TrainError::write(path)(e).to_string())?;
            let (step, path, bytes) = (at.step, path.to_path_buf(), bytes.len() as u64);
            report(Report::Saved { step, path, bytes, ms: job.ms, score: at.score, link });
            Ok::<_, String>(())
        };
        if job.best {
            let bytes = job.snapshot.weights().map_err(|e| e.to_string())?;
            saved(&self.dir.join(BEST), &bytes, None)?;
        }
        if job.state {
            let dir = self.dir.join(DIRECTORY);
            fs::create_dir_all(&dir).map_err(|e| TrainError::write(&dir)(e).to_string())?;
            let path = checkpoint_path(&self.dir, at.step);
            let (bytes, digests) = job.snapshot.whole().map_err(|e| e.to_string())?;
            let link = Link::after(self.links.last(), at.step, digests);
            saved(&path, &bytes, Some(Box::new(link.clone())))?;
            self.links.push(link);
            self.kept.retain(|k| k.step != at.step);
            self.kept.push(Kept { step: at.step, path, score: at.score });
            return self.clear(job.keep_last, job.keep_best);
        }
        Ok(())
    }

    /// Removes the checkpoints that are neither among the newest nor among the best.
    fn clear(&mut self, last: usize, best: usize) -> Result<(), String> {
        let (stay, go) = sort_out(std::mem::take(&mut self.kept), last, best);
        self.kept = stay;
        remove(go)
    }

    /// Removes the checkpoints of steps after this one. The best weights, when they are of a later step, get another name.
    fn roll_back(&mut self, step: u64) -> Result<(), String> {
        self.links.retain(|link| link.step <= step);
        let (stay, go) = std::mem::take(&mut self.kept).into_iter().partition(|k| k.step <= step);
        self.kept = stay;
        remove(go)?;
        let best = self.dir.join(BEST);
        if Checkpoint::read(&best).is_ok_and(|best| best.meta.at.step > step) {
            let aside = self.dir.join(ROLLED_BACK);
            fs::rename(&best, &aside).map_err(|e| format!("{}: cannot be renamed: {e}", best.display()))?;
        }
        Ok(())
    }
}

fn remove(kept: Vec<Kept>) -> Result<(), String> {
    let mut result = Ok(());
    for Kept { path, .. } in kept {
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                result = Err(format!("{}: cannot be removed: {e}", path.display()));
            }
            _ => {}
        }
    }
    result
}

/// The checkpoints that stay, by step, and those that go: the `last` newest stay, and the `best` of those that ended an
/// epoch, the earlier of two equals.
fn sort_out(mut kept: Vec<Kept>, last: usize, best: usize) -> (Vec<Kept>, Vec<Kept>) {
    kept.sort_by_key(|k| k.step);
    let newest = kept.len().saturating_sub(last);
    let mut ranked: Vec<(f64, u64)> = kept.iter().filter_map(|k| Some((k.score?.value, k.step))).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let best: Vec<u64> = ranked.into_iter().take(best).map(|(_, step)| step).collect();
    let newest: Vec<u64> = kept[newest..].iter().map(|k| k.step).collect();
    kept.into_iter().partition(|k| newest.contains(&k.step) || best.contains(&k.step))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Synthetic;
    use crate::recipe::knobs::find;
    use crate::recipe::{Recipe, Value};
    use crate::train::Figure;
    use crate::train::learner::Learner;
    use crate::train::{Meta, Progress};
    use dfdx::prelude::Cpu;

    #[test]
    fn a_state_that_is_not_finite_is_never_kept() {
        let recipe = Recipe::default().with([(find("net.depth").unwrap(), Value::Int(8))]).unwrap();
        let data = Synthetic { height: 8, width: 8, channels: 1, classes: 2, train: 4, test: 4 }.build(0);
        let mut learner = Learner::new(Cpu::default(), &recipe, &data).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let write = |learner: &mut Learner<Cpu>, step| {
            let meta = Meta::new("plain", &recipe, Progress { step, ..Progress::default() }, Vec::new());
            let snapshot = Snapshot::of(learner.trained(), meta).unwrap();
            let mut writer = Writer::start(dir.path().to_path_buf(), None).unwrap();
            writer.send(Job { snapshot, state: true, best: true, keep_last: 9, keep_best: 0, ms: 0.0 });
            let reports = writer.reports(true);
            let failed = |r: &Report| if let Report::Failed(why) = r { Some(why.clone()) } else { None };
            reports.iter().find_map(failed)
        };
        assert_eq!(write(&mut learner, 1), None);
        let velocity = vec![f32::INFINITY; learner.net.params()[0].len()];
        let Learner { net, optimiser, .. } = &mut learner;
        optimiser.set_slot("velocity", net.params()[0], velocity).unwrap();
        let why = write(&mut learner, 2).unwrap();
        assert!(why.contains("step 2: optim/velocity/conv1") && why.contains("not finite"), "{why}");
        assert_eq!(steps(dir.path()).len(), 1);
        assert_eq!(Checkpoint::read(&dir.path().join(BEST)).unwrap().meta.at.step, 1);
    }

    #[test]
    fn the_newest_and_the_best_stay() {
        let top1 = |value| Score { figure: Figure::Top1, value };
        let scores = [None, Some(0.5), Some(0.9), Some(0.9), Some(0.7), None, Some(0.1)].map(|value| value.map(top1));
        let kept: Vec<Kept> =
            scores.iter().zip(1..).map(|(score, step)| Kept { step, path: PathBuf::new(), score: *score }).collect();
        let stay = |last, best| -> Vec<u64> { sort_out(kept.clone(), last, best).0.iter().map(|k| k.step).collect() };
        assert_eq!(stay(1, 0), [7]);
        assert_eq!(stay(2, 1), [3, 6, 7]);
        assert_eq!(stay(1, 3), [3, 4, 5, 7]);
        assert_eq!(stay(9, 0).len(), 7);
    }
}
