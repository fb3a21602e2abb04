//! The thread that owns everything of dfdx: the tape and the optimiser never leave it.

use super::device::find;
use super::trainer::Trainer;
use super::{Checkpoint, Chosen, Command, Event, Link, State, Summary, TrainError, Waiting, read_weights};
use crate::data;
use crate::nn::{Head, NetSpec};
use crate::recipe::Recipe;
use crate::recipe::settings::Device;
use dfdx::prelude::Cpu;
use std::collections::BTreeSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

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
}

/// A running trainer. Dropping it stops the run with a checkpoint and waits for the end.
#[derive(Debug)]
pub struct Worker {
    commands: Sender<Command>,
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
    let (commands, orders) = channel();
    let thread = Builder::new().name("trainer".into()).spawn(move || work(recipe, options, orders, sink))?;
    Ok(Worker { commands, thread: Some(thread) })
}

fn work(recipe: Recipe, options: Options, orders: Receiver<Command>, mut sink: impl FnMut(Event)) {
    let dir = options.dir.clone();
    let run = AssertUnwindSafe(|| {
        let (chosen, note) = Chosen::open(recipe.device)?;
        if let Some(message) = note {
            sink(Event::Alarm { step: 0, message });
        }
        let on = chosen.on(recipe.tricks.mixed.on);
        match chosen {
            Chosen::Cpu => Trainer::new(Cpu::default(), on, recipe, options, orders, &mut sink).map(Trainer::run),
            #[cfg(feature = "cuda")]
            Chosen::Cuda(card, _) => Trainer::new(card, on, recipe, options, orders, &mut sink).map(Trainer::run),
        }
    });
    let error = match catch_unwind(run) {
        Ok(Ok(())) => return,
        Ok(Err(e)) => e.to_string(),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            format!("a fault of the program: {}", text.unwrap_or("no message"))
        }
    };
    let (state, error) = (State::Failed, Some(error));
    sink(Event::State(state));
    sink(Event::Ended(Box::new(Summary { state, step: 0, best_top1: None, seconds: 0.0, dir, broken: 0, error })));
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
        if let Some(thread) = self.thread.take() {
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
