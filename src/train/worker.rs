//! SEAM: stands in for the trainer's thread until it is merged, with its interface; take the trainer's file instead.

use super::{Command, Event, State, Summary};
use crate::recipe::Recipe;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};

/// Name and place of a run.
pub struct Options {
    /// Name of the run.
    pub name: String,
    /// Its directory, which exists already.
    pub dir: Option<PathBuf>,
}

/// The trainer's thread.
pub struct Worker(Sender<Command>);

/// Starts the trainer's thread.
pub fn spawn(_: Recipe, options: Options, mut sink: impl FnMut(Event) + Send + 'static) -> Worker {
    sink(Event::Ended(Box::new(Summary {
        state: State::Failed,
        step: 0,
        best_top1: None,
        seconds: 0.0,
        dir: options.dir,
        error: Some("there is no trainer yet".to_string()),
    })));
    Worker(channel().0)
}

impl Worker {
    /// The way to command it.
    pub fn commands(&self) -> Sender<Command> {
        self.0.clone()
    }
}
