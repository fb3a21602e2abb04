//! The thread that owns everything of dfdx: the tape and the optimiser never leave it.

use super::checkpoint::Progress;
use super::device::find;
use super::trainer::Trainer;
use super::{AlarmKind, Checkpoint, Chosen, Command, Event, Link, State, Summary, TrainError, Waiting, read_weights};
use crate::data;
use crate::nn::{Head, NetSpec};
use crate::ops::fault;
use crate::recipe::Recipe;
use crate::recipe::settings::Device;
use dfdx::prelude::Cpu;
use rayon::ThreadPoolBuilder;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

/// What a run is called and where it writes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Name of the run.
    pub name: String,
    /// Its directory, which exists; without one no checkpoints are written.
    pub dir: Option<PathBuf>,
    /// The checkpoint from which it goes on.
    pub from: Option<Box<Checkpoint>>,
    /// The last link of its chain.
    pub link: Option<Link>,
    /// Edits that wait for their time; those of the recipe when there are none here.
    pub edits: Option<Vec<Waiting>>,
    /// Number of the last edit in its journal.
    pub last_edit: u64,
    /// Step after which it is done, if it is not before.
    pub until: Option<u64>,
    /// Steps after which the state is hashed.
    pub probes: BTreeSet<u64>,
    /// Whether it makes a recorded run again: then alarms tell, and do no more.
    pub again: bool,
    /// Threads that compute, of its own; without a number those of the program.
    pub threads: Option<NonZeroUsize>,
}

/// A running trainer. Dropping it stops the run with a checkpoint and waits for the end.
#[derive(Debug)]
pub struct Worker {
    commands: Sender<Command>,
    /// Hears when the thread has nothing more to say and stands still for ever.
    still: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

/// Says what a run of `recipe` would lack: its card, its images, the weights it starts from, its teacher.
///
/// # Errors
/// A card that is not there, images that cannot be had or are too small for the net, a teacher that cannot be read or is of other images.
pub fn check(recipe: &Recipe) -> Result<(), TrainError> {
    if let Device::Cuda(number) = recipe.device {
        find(number)?;
    }
    let ([height, width, channels], classes) = data::check(&recipe.data, recipe.train.seed)?;
    let spec = NetSpec::new(&recipe.net, channels, classes);
    if spec.cost(height, width).too_small {
        return Err(TrainError::Small { net: spec.name.clone(), height, width, least: spec.least_edge() });
    }
    if !recipe.net.weights.is_empty() {
        let path = Path::new(&recipe.net.weights);
        let fit = spec.fit(&read_weights(path)?, Head::MayDiffer);
        fit.map_err(|e| TrainError::Checkpoint { path: path.to_path_buf(), problem: e.to_string() })?;
    }
    let distill = &recipe.tricks.distill;
    if distill.on {
        Checkpoint::teacher(&distill.teacher, &Cpu::default(), channels, classes)?;
    }
    Ok(())
}

/// Starts a run on a thread of its own; `sink` gets its events there, `Ended` last in every case.
///
/// # Errors
/// The system's, when no thread can be started.
pub fn spawn(recipe: Recipe, options: Options, sink: impl FnMut(Event) + Send + 'static) -> io::Result<Worker> {
    start(recipe, options, Box::new(sink))
}

/// Where events go. Boxed, so that the trainer is compiled once, not once a caller.
type Sink = Box<dyn FnMut(Event) + Send>;

fn start(recipe: Recipe, options: Options, sink: Sink) -> io::Result<Worker> {
    let ((commands, orders), (stands, still)) = (channel(), channel());
    let pool = options.threads.map(|n| ThreadPoolBuilder::new().num_threads(n.get()).build().map_err(io::Error::other));
    let pool = pool.transpose()?;
    let work = move || work(recipe, options, orders, stands, sink);
    let thread = Builder::new().name("trainer".into()).spawn(move || match pool {
        Some(pool) => pool.install(work),
        None => work(),
    })?;
    Ok(Worker { commands, still, thread: Some(thread) })
}

fn work(recipe: Recipe, options: Options, orders: Receiver<Command>, stands: Sender<()>, sink: Sink) {
    let (dir, sink, begun) = (options.dir.clone(), Rc::new(RefCell::new(sink)), Instant::now());
    let reached =
        Rc::new(Cell::new(options.from.as_ref().map_or(Reached::default(), |from| Reached::at(&from.meta.at))));
    let (last, found) = (Rc::clone(&sink), Rc::clone(&reached));
    let failed = move |error: String| {
        let (state, seconds, error) = (State::Failed, begun.elapsed().as_secs_f64(), Some(error));
        let Reached { step, best_top1, best_epoch } = found.get();
        let summary = Summary { state, step, best_top1, best_epoch, seconds, dir, broken: 0, error };
        // (it is in use when the panic is its own)
        if let Ok(mut sink) = last.try_borrow_mut() {
            sink(Event::State(state));
            sink(Event::Ended(Box::new(summary)));
        }
    };
    let gave_up = |panic: &str| TrainError::Device(fault::meant(panic)).to_string();
    let lost = failed.clone();
    let last = move |panic: String| {
        lost(gave_up(&panic));
        // (nobody may wait any more)
        let _ = stands.send(());
    };
    let run = || {
        let send = |event| {
            reached.set(reached.get().after(&event));
            sink.borrow_mut()(event);
        };
        send(Event::State(State::Starting));
        let data = Arc::new(data::open(&recipe.data, recipe.train.seed)?);
        let (chosen, on, notes) = Chosen::for_run(&recipe, &data)?;
        notes.into_iter().for_each(|message| send(Event::Alarm { step: 0, kind: AlarmKind::Other, message }));
        match chosen {
            Chosen::Cpu => Trainer::new(Cpu::default(), on, data, recipe, options, orders, send).map(Trainer::run),
            #[cfg(feature = "cuda")]
            Chosen::Cuda(card, _) => Trainer::new(card, on, data, recipe, options, orders, send).map(Trainer::run),
        }
    };
    match catch_unwind(AssertUnwindSafe(|| fault::last_words(last, run))) {
        Ok(Ok(())) => {}
        Ok(Err(e)) => failed(e.to_string()),
        // (one that the pool's threads passed on)
        Err(panic) => failed(gave_up(fault::text(&*panic))),
    }
}

/// How far a run has come: what is told of one whose trainer is lost.
#[derive(Clone, Copy, Default)]
struct Reached {
    step: u64,
    best_top1: Option<f64>,
    best_epoch: Option<u64>,
}

impl Reached {
    fn at(at: &Progress) -> Reached {
        Reached { step: at.step, best_top1: at.best_top1, best_epoch: at.best_epoch }
    }

    fn after(self, event: &Event) -> Reached {
        match event {
            Event::Steps(steps) => Reached { step: steps.last().map_or(self.step, |s| s.step), ..self },
            Event::Epoch(end) if end.best => {
                Reached { best_top1: Some(end.evaluation.top1), best_epoch: Some(end.epoch), ..self }
            }
            Event::RolledBack(back) => {
                Reached { step: back.step, best_top1: back.best_top1, best_epoch: back.best_epoch }
            }
            _ => self,
        }
    }
}

impl Worker {
    /// The way to give orders.
    pub fn commands(&self) -> Sender<Command> {
        self.commands.clone()
    }

    /// Waits for the end of the run, without asking for it.
    pub fn join(mut self) {
        self.wait();
    }

    fn wait(&mut self) {
        if let Some(thread) = self.thread.take()
            && self.still.recv().is_err()
        {
            // (a panic has become an event)
            let _ = thread.join();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // (a run that is over takes no orders any more)
        let _ = self.commands.send(Command::Stop { save: true });
        self.wait();
    }
}
