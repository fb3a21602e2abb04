//! A trainer that plays a script, for the tests of everything that watches one.

use super::{Running, Session, Sink, start_with};
use crate::recipe::Recipe;
use crate::train::*;
use std::any::Any;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

/// What the script sees: the run, the commands that arrive, and where events go.
pub(crate) struct Stage {
    pub(crate) recipe: Recipe,
    pub(crate) options: Options,
    pub(crate) commands: Receiver<Command>,
    pub(crate) sink: Sink,
}

impl Stage {
    pub(crate) fn send(&mut self, event: Event) {
        (self.sink)(event);
    }

    pub(crate) fn started(&mut self) {
        self.send(Event::Started(Box::new(RunInfo {
            name: self.options.name.clone(),
            dir: self.options.dir.clone(),
            recipe: self.recipe.clone(),
            net: "resnet20-D".into(),
            parameters: 271_000,
            multiply_adds: 31_000_000,
            data: "fashion-12k".into(),
            train_images: 12_000,
            test_images: 2_000,
            classes: vec!["shirt".into(), "bag".into()],
            notes: Vec::new(),
            device: "cpu".into(),
            memory: 0,
            steps_per_epoch: 4,
            step: 0,
        })));
        self.send(Event::State(State::Running));
    }

    pub(crate) fn steps(&mut self, steps: std::ops::RangeInclusive<u64>) {
        self.send(Event::Steps(steps.map(step).collect()));
    }

    pub(crate) fn ended(&mut self, state: State) {
        let dir = self.options.dir.clone();
        let error = (state == State::Failed).then(|| "out of memory".to_string());
        self.send(Event::Ended(Box::new(Summary {
            state,
            step: 8,
            best: Some(Score { figure: Figure::Top1, value: 0.75 }),
            best_epoch: Some(1),
            seconds: 1.5,
            dir,
            broken: 0,
            early: None,
            error,
        })));
    }
}

/// A step with numbers that are hard to write: none is short in decimal.
pub(crate) fn step(n: u64) -> StepRecord {
    StepRecord {
        step: n,
        epoch: n as f64 / 3.0,
        loss: 1.0 / (n as f32 + 0.1),
        lr: 0.1 / n as f64,
        img_s: 1000.0 / 7.0,
        wait: 0.0,
        scaling: None,
    }
}

pub(crate) fn epoch(n: u64, top1: f64) -> Event {
    let evaluation = Evaluation {
        step: n * 4,
        epoch: n as f64,
        loss: 0.5,
        figures: Figures::Classes { top1, top5: 0.99 },
        confusion: Confusion { classes: 2, counts: vec![[0, 0, 3], [0, 1, 1], [1, 1, 4]] },
    };
    Event::Epoch(Box::new(EpochEnd { epoch: n, train_loss: 0.7, img_s: 1000.0, evaluation, best: true }))
}

struct Joined(Option<JoinHandle<()>>);

impl Drop for Joined {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            let _ = thread.join();
        }
    }
}

/// Spawns a thread that plays `script`.
pub(crate) fn play(script: impl FnOnce(Stage) + Send + 'static) -> impl FnOnce(Recipe, Options, Sink) -> Running {
    |recipe, options, sink| {
        let (sender, commands) = channel();
        let thread = std::thread::spawn(move || script(Stage { recipe, options, commands, sink }));
        let guard: Box<dyn Any + Send> = Box::new(Joined(Some(thread)));
        Ok((sender, guard))
    }
}

/// A session whose trainer plays `script`.
pub(crate) fn session(recipe: Recipe, runs: &Path, script: impl FnOnce(Stage) + Send + 'static) -> Session {
    start_with(recipe, Options::default(), runs, play(script)).unwrap()
}
