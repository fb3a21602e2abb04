//! The trainer through its commands and events, on a small net and a few of the bundled images.

use crate::tiny;
pub use crate::tiny::knob;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tricktop::recipe::{Recipe, Value};
use tricktop::train::{Command, Event, Options, State, StepRecord, When, Worker, spawn};

/// The tiny recipe with a wider net and larger batches, whose numbers say more, and with changes.
pub fn recipe(changes: &[(&str, Value)]) -> Recipe {
    let wider = [
        ("net.width", Value::Float(0.5)),
        ("data.train_images", Value::Int(400)),
        ("train.batch", Value::Int(40)),
        ("schedule.base_lr", Value::Float(0.05)),
    ];
    tiny::recipe(wider.iter().chain(changes))
}

/// A run and what it has reported.
pub struct Run {
    pub worker: Worker,
    pub events: Receiver<Event>,
    pub seen: Vec<Event>,
}

impl Run {
    pub fn start(recipe: Recipe, dir: Option<&Path>) -> Run {
        Run::begin(recipe, Options { name: "test".into(), dir: dir.map(Path::to_path_buf), ..Options::default() })
    }

    pub fn begin(recipe: Recipe, options: Options) -> Run {
        let (sender, events) = channel();
        let worker = spawn(recipe, options, move |event| drop(sender.send(event))).unwrap();
        Run { worker, events, seen: Vec::new() }
    }

    pub fn send(&self, command: Command) {
        self.worker.commands().send(command).unwrap();
    }

    pub fn edit(&self, path: &str, value: Value, when: When) {
        self.send(Command::Edit { id: 7, changes: vec![(knob(path), value)], when });
    }

    /// Waits for the first event from now on that `pick` takes.
    pub fn wait<T>(&mut self, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
        loop {
            let event = self.events.recv_timeout(Duration::from_secs(60)).expect("an event within a minute");
            let picked = pick(&event);
            self.seen.push(event);
            if let Some(picked) = picked {
                return picked;
            }
        }
    }

    pub fn wait_state(&mut self, state: State) {
        self.wait(|e| (*e == Event::State(state)).then_some(()));
    }

    /// Runs to the end; every event.
    pub fn finish(mut self) -> Vec<Event> {
        self.wait(|e| matches!(e, Event::Ended(_)).then_some(()));
        self.worker.join();
        self.seen
    }
}

pub fn steps(events: &[Event]) -> Vec<StepRecord> {
    events.iter().filter_map(|e| if let Event::Steps(s) = e { Some(s.clone()) } else { None }).flatten().collect()
}

/// Steps and losses, to the bit.
pub fn trace(events: &[Event]) -> Vec<(u64, u32, u64)> {
    steps(events).iter().map(|s| (s.step, s.loss.to_bits(), s.lr.to_bits())).collect()
}
