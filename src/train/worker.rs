//! The thread that owns everything of dfdx: the tape and the optimiser never leave it.

use super::trainer::Trainer;
use super::{Command, Event, State, Summary};
use crate::recipe::Recipe;
use dfdx::prelude::Cpu;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

/// What a run is called and where it writes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Name of the run.
    pub name: String,
    /// Its directory, which exists; without one no checkpoints are written.
    pub dir: Option<PathBuf>,
}

/// A running trainer. Dropping it stops the run with a checkpoint and waits for the end.
#[derive(Debug)]
pub struct Worker {
    commands: Sender<Command>,
    thread: Option<JoinHandle<()>>,
}

/// Starts a run on a thread of its own; `sink` gets its events there, `Ended` last. When the thread panics the sink
/// is dropped without one.
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
    match Trainer::new(Cpu::default(), recipe, options, orders, &mut sink) {
        Ok(trainer) => trainer.run(),
        Err(e) => {
            let (state, error) = (State::Failed, Some(e.to_string()));
            sink(Event::State(state));
            sink(Event::Ended(Box::new(Summary { state, step: 0, best_top1: None, seconds: 0.0, dir, error })));
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
        if let Some(thread) = self.thread.take() {
            // (whoever holds the sink has seen a panic as an end without `Ended`)
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
