//! The thread that owns everything of dfdx: the tape and the optimiser never leave it.

use super::trainer::Trainer;
use super::{Command, Event, State, Summary, TrainError};
use crate::recipe::Recipe;
use dfdx::prelude::Cpu;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

/// What a run is called and where it writes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Name of the run.
    pub name: String,
    /// Its directory, which exists; without one no checkpoints are written.
    pub dir: Option<PathBuf>,
}

/// Name of the training thread.
pub const THREAD: &str = "trainer";

/// A running trainer. Dropping it stops the run with a checkpoint and waits for the end.
#[derive(Debug)]
pub struct Worker {
    commands: Sender<Command>,
    thread: Option<JoinHandle<()>>,
}

/// Starts a run on a thread of its own; `sink` gets its events there, `Ended` last in every case.
///
/// # Errors
/// The system's, when no thread can be started.
pub fn spawn(recipe: Recipe, options: Options, sink: impl FnMut(Event) + Send + 'static) -> io::Result<Worker> {
    let (commands, orders) = channel();
    let thread = Builder::new().name(THREAD.into()).spawn(move || work(recipe, options, orders, sink))?;
    Ok(Worker { commands, thread: Some(thread) })
}

fn work(recipe: Recipe, options: Options, orders: Receiver<Command>, sink: impl FnMut(Event) + Send + 'static) {
    let begun = Instant::now();
    let dir = options.dir.clone();
    // the trainer drops its half of the sink when it panics; the other half tells of it
    let sink = Arc::new(Mutex::new(sink));
    let last_step = Arc::new(Mutex::new(0));
    let send = {
        let (sink, last_step) = (sink.clone(), last_step.clone());
        move |event: Event| {
            if let Event::Steps(records) = &event
                && let Some(record) = records.last()
            {
                *last_step.lock().unwrap_or_else(PoisonError::into_inner) = record.step;
            }
            (sink.lock().unwrap_or_else(PoisonError::into_inner))(event)
        }
    };
    let run = || Trainer::new(Cpu::default(), recipe, options, orders, send)?.run();
    let result = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Err(TrainError::Panic(text.unwrap_or_else(|| "no message".into())))
    });
    if let Err(e) = result {
        let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
        sink(Event::State(State::Failed));
        sink(Event::Ended(Box::new(Summary {
            state: State::Failed,
            step: *last_step.lock().unwrap_or_else(PoisonError::into_inner),
            best_top1: None,
            seconds: begun.elapsed().as_secs_f64(),
            dir,
            error: Some(e.to_string()),
        })));
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
            // a panic of the trainer has become an event already
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
