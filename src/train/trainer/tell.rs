//! What a run tells of itself.

use super::Trainer;
use crate::kernels::Level;
use crate::ops::memory::Backend;
use crate::ops::{Ops, Precision};
use crate::train::{AlarmKind, Event, Learner, RunInfo, State};
use std::time::Instant;

impl<D: Ops<f32>, S: FnMut(Event)> Trainer<D, S> {
    /// What is trained on what.
    pub(super) fn info(&self) -> RunInfo {
        let spec = self.learner.net.spec();
        let data = self.reader.set();
        let batch = self.recipe.train.batch as usize;
        let cost = spec.cost(data.train.height, data.train.width);
        let average = "the running average of the weights is evaluated and saved as the best (optim.ema)".to_string();
        let own = self.recipe.optim.ema.on.then_some(average).into_iter().chain(self.balance()).chain(self.mixed());
        RunInfo {
            name: self.options.name.clone(),
            dir: self.options.dir.clone(),
            recipe: self.recipe.clone(),
            net: spec.name.clone(),
            parameters: cost.parameters,
            multiply_adds: cost.multiply_adds,
            data: data.name.clone(),
            train_images: data.train.len(),
            test_images: data.test.len(),
            classes: data.classes.clone(),
            notes: data.said().into_iter().chain(self.learner.notes.iter().cloned()).chain(own).collect(),
            device: self.on.name.clone(),
            memory: self.on.training(spec, self.learner.teacher(), data, &self.recipe).memory(batch).total(),
            steps_per_epoch: self.batches(),
            step: self.at.step,
        }
    }

    /// What is told of mixed precision: the format, and whether it costs speed.
    pub(super) fn mixed(&self) -> Option<String> {
        let mixed = &self.recipe.tricks.mixed;
        let (precision, cpu) = (Learner::<D>::precision(mixed), matches!(self.on.backend, Backend::Cpu(_)));
        let how = match precision {
            _ if !mixed.on => return None,
            Precision::Half if cpu => ", emulated on a CPU: slower than single precision, for the numbers alone",
            Precision::BrainHalf if cpu && !Level::best().multiplies_bf16() => {
                ", which this CPU does not multiply: emulated, and slower than single precision"
            }
            _ => "",
        };
        Some(format!("mixed precision: feature maps in {}{how}", precision.name()))
    }

    /// What is told of classes of uneven size.
    pub(super) fn balance(&self) -> Option<String> {
        self.learner.sizes.told(self.recipe.data.balance, &self.learner.classes)
    }

    /// Something that needs a person's eye and that no knob is about.
    pub(super) fn alarm(&mut self, message: String) {
        self.send(Event::Alarm { step: self.at.step, kind: AlarmKind::Other, message });
    }

    /// Changes the state.
    pub(super) fn enter(&mut self, state: State) {
        if self.state != state {
            self.state = state;
            self.send(Event::State(state));
        }
        if state == State::Paused {
            self.steps_left = None;
        }
    }

    /// Sends the steps gathered so far.
    pub(super) fn report(&mut self) {
        self.reported = Instant::now();
        if !self.records.is_empty() {
            let records = std::mem::take(&mut self.records);
            (self.sink)(Event::Steps(records));
        }
    }

    /// Sends an event, the steps before it first.
    pub(super) fn send(&mut self, event: Event) {
        self.report();
        (self.sink)(event);
    }
}
