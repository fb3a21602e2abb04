//! The thread that owns everything of dfdx: the tape and the optimiser never leave it.

use super::checkpoint::{Progress, Pupil};
use super::device::find;
use super::options::Options;
use super::origin::{Opened, Origin};
use super::pretrained::{self, Start};
use super::trainer::Trainer;
use super::{AlarmKind, Checkpoint, Chosen, Command, Event, Score, State, Summary, TrainError};
use crate::data::{self, DataError, DataSet, Found};
use crate::nn::NetSpec;
use crate::ops::fault;
use crate::recipe::Recipe;
use crate::recipe::settings::Device;
use dfdx::prelude::Cpu;
use rayon::ThreadPoolBuilder;
use std::cell::{Cell, RefCell};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

/// A running trainer. Dropping it stops the run with a checkpoint and waits for the end.
#[derive(Debug)]
pub struct Worker {
    commands: Sender<Command>,
    /// Hears when the thread has nothing more to say and stands still for ever.
    still: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

/// Finds the images of a run of `recipe`, which may be among those that were `found` for others, and says what else it would
/// lack: its GPU, the weights it starts from, its teacher.
///
/// # Errors
/// A GPU that is not there, images that cannot be had or are too small for the net, a teacher that cannot be read or is of
/// other images.
pub fn check<'f>(recipe: &Recipe, found: impl IntoIterator<Item = &'f Found>) -> Result<Found, TrainError> {
    let same = found.into_iter().find(|found| found.is_of(&recipe.data, recipe.task, recipe.train.seed)).cloned();
    let found = same.map_or_else(|| data::find(&recipe.data, recipe.task, recipe.train.seed), Ok)?;
    check_net(recipe, None, &Origin::default(), found.shape(), found.classes())?;
    Ok(found)
}

/// Opens the images of a run that goes on from a checkpoint, if there is one, and says what would keep it from that.
///
/// # Errors
/// As [`check`]; images or classes that are not those that it began with.
pub fn check_begun(
    recipe: &Recipe,
    from: Option<&Checkpoint>,
    manifest: &Path,
    images_at: Option<&str>,
) -> Result<DataSet, TrainError> {
    let origin = Origin::read(Some(manifest), images_at)?;
    let set = origin.open(recipe)?;
    if let Some(signature) = from.and_then(|from| from.meta.signature.as_ref()) {
        signature.same_classes(&set)?;
    }
    if set.train.is_empty() {
        let problem = "none to train on is there any more".to_string();
        return Err(DataError::OtherImages { set: set.name, problem }.into());
    }
    check_net(recipe, from, &origin, set.train.shape(), &set.classes)?;
    Ok(set)
}

fn check_net(
    recipe: &Recipe,
    from: Option<&Checkpoint>,
    origin: &Origin,
    [height, width, channels]: [usize; 3],
    classes: &[String],
) -> Result<(), TrainError> {
    if let Device::Cuda(number) = recipe.device {
        find(number)?;
    }
    let spec = NetSpec::of(recipe, channels, classes.len());
    if spec.cost(height, width).too_small {
        return Err(TrainError::Small { net: spec.name.clone(), height, width, least: spec.least_edge() });
    }
    if from.is_none() && !recipe.net.weights.is_empty() {
        let start = Start::find(origin, &recipe.net.weights)?;
        start.weights(&spec, recipe)?;
        start.check_images(recipe)?;
    }
    let distill = &recipe.tricks.distill;
    if distill.on {
        let pupil = Pupil { task: recipe.task, image_channels: channels, classes, by_place: distill.by_place };
        Checkpoint::teacher(&origin.weights(&distill.teacher), &Cpu::default(), &pupil)?;
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

fn work(recipe: Recipe, mut options: Options, orders: Receiver<Command>, stands: Sender<()>, sink: Sink) {
    let (dir, sink, begun) = (options.dir.clone(), Rc::new(RefCell::new(sink)), Instant::now());
    let reached =
        Rc::new(Cell::new(options.from.as_ref().map_or(Reached::default(), |from| Reached::at(&from.meta.at))));
    let (last, found) = (Rc::clone(&sink), Rc::clone(&reached));
    let failed = move |error: String| {
        let (state, seconds, error) = (State::Failed, begun.elapsed().as_secs_f64(), Some(error));
        let Reached { step, best, best_epoch } = found.get();
        let summary = Summary { state, step, best, best_epoch, seconds, dir, broken: 0, early: None, error };
        // The sink is borrowed when it is the one that panicked.
        if let Ok(mut sink) = last.try_borrow_mut() {
            sink(Event::State(state));
            sink(Event::Ended(Box::new(summary)));
        }
    };
    let gave_up = |panic: &str| TrainError::Device(fault::meant(panic)).to_string();
    let lost = failed.clone();
    let last = move |panic: String| {
        lost(gave_up(&panic));
        // The other end may be gone.
        let _ = stands.send(());
    };
    let run = || {
        let send = |event| {
            reached.set(reached.get().after(&event));
            sink.borrow_mut()(event);
        };
        send(Event::State(State::Starting));
        let origin = options.origin()?;
        let found = options.found.take().filter(|found| found.is_of(&recipe.data, recipe.task, recipe.train.seed));
        let mut data = match found {
            Some(found) if origin.is_here() => found.open(),
            _ => origin.open(&recipe)?,
        };
        match options.from.as_ref().and_then(|from| from.meta.signature.as_ref()) {
            Some(signature) => {
                signature.same_classes(&data)?;
                // Statistics of fewer images would differ.
                data.normalise(&signature.mean, &signature.std);
            }
            None => pretrained::normalise(&origin, &recipe, &mut data)?,
        }
        if let Some(manifest) = options.manifest.as_ref().filter(|_| options.dir.is_some()) {
            origin.write(manifest, &data, &recipe)?;
        }
        let images = Opened { set: Arc::new(data), origin: origin.without_images() };
        let (chosen, on, notes) = Chosen::for_run(&recipe, &images)?;
        notes.into_iter().for_each(|message| send(Event::Alarm { step: 0, kind: AlarmKind::Other, message }));
        match chosen {
            Chosen::Cpu => Trainer::new(Cpu::default(), on, images, recipe, options, orders, send).map(Trainer::run),
            #[cfg(feature = "cuda")]
            Chosen::Cuda(gpu, _) => Trainer::new(gpu, on, images, recipe, options, orders, send).map(Trainer::run),
        }
    };
    match catch_unwind(AssertUnwindSafe(|| fault::last_words(last, run))) {
        Ok(Ok(())) => {}
        Ok(Err(e)) => failed(e.to_string()),
        // The pool's threads pass a panic on.
        Err(panic) => failed(gave_up(fault::text(&*panic))),
    }
}

/// How far a run has come: what is told of one whose trainer is lost.
#[derive(Clone, Copy, Default)]
struct Reached {
    step: u64,
    best: Option<Score>,
    best_epoch: Option<u64>,
}

impl Reached {
    fn at(at: &Progress) -> Reached {
        Reached { step: at.step, best: at.best, best_epoch: at.best_epoch }
    }

    fn after(self, event: &Event) -> Reached {
        match event {
            Event::Steps(steps) => Reached { step: steps.last().map_or(self.step, |s| s.step), ..self },
            Event::Epoch(end) if end.best => {
                Reached { best: Some(end.evaluation.figures.score()), best_epoch: Some(end.epoch), ..self }
            }
            Event::RolledBack(back) => Reached { step: back.step, best: back.best, best_epoch: back.best_epoch },
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
            // A panic was told as an event.
            let _ = thread.join();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // A run that is over takes no commands.
        let _ = self.commands.send(Command::Stop { save: true });
        self.wait();
    }
}
