//! The loop: trains, evaluates, and reports; between steps it takes commands and writes checkpoints.

mod orders;
mod save;

use super::edits::Pending;
use super::evaluate::evaluate;
use super::step::Learner;
use super::worker::Options;
use super::{Command, EpochEnd, Evaluation, Event, RunInfo, State, StepRecord, Summary, TrainError};
use crate::data::{self, DataSet};
use crate::kernels::Level;
use crate::ops::Ops;
use crate::recipe::Recipe;
use crate::tricks::schedule::Position;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// Shortest time between two reports of steps.
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// Whether a run goes on.
enum Flow {
    On,
    Stop { save: bool },
}

/// A run in progress.
pub(super) struct Trainer<D: Ops<f32>, S: FnMut(Event)> {
    recipe: Recipe,
    options: Options,
    data: DataSet,
    learner: Learner<D>,
    commands: Receiver<Command>,
    sink: S,
    state: State,
    pending: Pending,
    /// Steps done.
    step: u64,
    /// Where the last step stood.
    at: Position,
    /// Steps left before a pause, when `Steps` asked for some.
    steps_left: Option<u64>,
    best_top1: Option<f64>,
    last_checkpoint: Option<PathBuf>,
    /// Step of the last checkpoint.
    saved_at: Option<u64>,
    records: Vec<StepRecord>,
    reported: Instant,
    started: Instant,
}

impl<D: Ops<f32>, S: FnMut(Event)> Trainer<D, S> {
    /// Loads the data and builds the net.
    pub(super) fn new(
        dev: D,
        recipe: Recipe,
        options: Options,
        commands: Receiver<Command>,
        mut sink: S,
    ) -> Result<Self, TrainError> {
        let started = Instant::now();
        sink(Event::State(State::Starting));
        let data = data::open(&recipe.data, recipe.train.seed)?;
        let learner = Learner::new(dev, &recipe, &data)?;
        let batches = data::steps_per_epoch(data.train.len(), recipe.train.batch as usize) as u64;
        let at = Position { epoch: 0, batch: 0, batches };
        Ok(Trainer {
            recipe,
            options,
            data,
            learner,
            commands,
            sink,
            state: State::Starting,
            pending: Pending::default(),
            step: 0,
            at,
            steps_left: None,
            best_top1: None,
            last_checkpoint: None,
            saved_at: None,
            records: Vec::new(),
            reported: started,
            started,
        })
    }

    /// Trains to the end. The last event is `Ended`.
    pub(super) fn run(mut self) {
        self.send(Event::Started(Box::new(self.info())));
        self.enter(State::Running);
        let (state, error) = match self.epochs() {
            Ok(Flow::On) => {
                if self.saved_at != Some(self.step) {
                    self.checkpoint(false);
                }
                (State::Done, None)
            }
            Ok(Flow::Stop { save }) => {
                if save {
                    self.checkpoint(false);
                }
                (State::Stopped, None)
            }
            Err(e) => (State::Failed, Some(e.to_string())),
        };
        self.enter(state);
        let summary = Summary {
            state,
            step: self.step,
            best_top1: self.best_top1,
            seconds: self.started.elapsed().as_secs_f64(),
            dir: self.options.dir.clone(),
            error,
        };
        self.send(Event::Ended(Box::new(summary)));
    }

    fn info(&self) -> RunInfo {
        let spec = self.learner.net.spec();
        let cost = spec.cost(self.data.train.height, self.data.train.width);
        RunInfo {
            name: self.options.name.clone(),
            dir: self.options.dir.clone(),
            recipe: self.recipe.clone(),
            net: spec.name.clone(),
            parameters: cost.parameters,
            multiply_adds: cost.multiply_adds,
            data: self.data.name.clone(),
            train_images: self.data.train.len(),
            test_images: self.data.test.len(),
            classes: self.data.classes.clone(),
            device: format!("cpu {} x{}", Level::best().word(), rayon::current_num_threads()),
            steps_per_epoch: self.at.batches,
        }
    }

    fn epochs(&mut self) -> Result<Flow, TrainError> {
        let mut epoch = 0;
        loop {
            // (commands that came during the last evaluation, and edits due at this epoch, may change its number of
            // steps, and whether there is one)
            if let stop @ Flow::Stop { .. } = self.boundary() {
                return Ok(stop);
            }
            self.apply_due(true);
            if epoch >= self.recipe.train.epochs {
                return Ok(Flow::On);
            }
            if let stop @ Flow::Stop { .. } = self.epoch(epoch)? {
                return Ok(stop);
            }
            epoch += 1;
        }
    }

    fn epoch(&mut self, epoch: u64) -> Result<Flow, TrainError> {
        let (seed, batch) = (self.recipe.train.seed, self.recipe.train.batch as usize);
        let order = data::epoch_order(self.data.train.len(), seed, epoch);
        let batches = data::steps_per_epoch(order.len(), batch);
        let (mut loss_sum, mut train_time) = (0f64, Duration::ZERO);
        let mut index = 0;
        while index < batches {
            if let stop @ Flow::Stop { .. } = self.boundary() {
                return Ok(stop);
            }
            let begun = Instant::now();
            let indices = data::batch_indices(&order, batch, index);
            let images = data::train_batch(&self.data, indices, seed, epoch, &self.recipe.augment);
            let waited = begun.elapsed();
            let at = Position { epoch, batch: index as u64 + 1, batches: batches as u64 };
            let outcome = self.learner.step(&images, at, &self.recipe).map_err(TrainError::device)?;
            if !outcome.updated {
                let (what, step) = (outcome.fault(), self.step + 1);
                self.alarm(format!(
                    "{what} at step {step}: paused, all is as before the step; lower the rate and go on, or stop"
                ));
                self.enter(State::Paused);
                continue;
            }
            let took = begun.elapsed();
            train_time += took;
            loss_sum += outcome.loss as f64;
            self.step += 1;
            self.at = at;
            self.records.push(StepRecord {
                step: self.step,
                epoch: at.epochs(),
                loss: outcome.loss,
                lr: outcome.lr,
                img_s: images.n as f64 / took.as_secs_f64(),
                wait: (waited.as_secs_f64() / took.as_secs_f64()) as f32,
            });
            if self.reported.elapsed() >= REPORT_EVERY {
                self.report();
            }
            index += 1;
            if let Some(left) = &mut self.steps_left {
                *left -= 1;
                if *left == 0 {
                    self.enter(State::Paused);
                }
            }
        }
        let evaluation = self.evaluate()?;
        let finite = evaluation.loss.is_finite();
        let best = finite && self.best_top1.is_none_or(|best| evaluation.top1 > best);
        if best {
            self.best_top1 = Some(evaluation.top1);
        }
        let end = EpochEnd {
            epoch: epoch + 1,
            train_loss: loss_sum / batches as f64,
            img_s: (batches * batch.min(order.len())) as f64 / train_time.as_secs_f64(),
            evaluation,
            best,
        };
        self.send(Event::Epoch(Box::new(end)));
        if !finite {
            self.alarm(format!("validation loss is not finite after step {}: paused; go on, or stop", self.step));
            self.enter(State::Paused);
            return Ok(Flow::On);
        }
        if best {
            self.checkpoint(true);
        }
        if (epoch + 1).is_multiple_of(self.recipe.train.checkpoint_epochs) {
            self.checkpoint(false);
        }
        Ok(Flow::On)
    }

    fn evaluate(&mut self) -> Result<Evaluation, TrainError> {
        let before = self.state;
        self.enter(State::Evaluating);
        let epochs = if self.step == 0 { 0.0 } else { self.at.epochs() };
        let evaluation = evaluate(&mut self.learner, &self.data, self.step, epochs);
        self.enter(before);
        evaluation
    }

    fn alarm(&mut self, message: String) {
        self.send(Event::Alarm { step: self.step, message });
    }

    fn enter(&mut self, state: State) {
        if self.state != state {
            self.state = state;
            self.send(Event::State(state));
        }
        if state == State::Paused {
            self.steps_left = None;
        }
    }

    /// Sends the steps gathered so far.
    fn report(&mut self) {
        self.reported = Instant::now();
        if !self.records.is_empty() {
            let records = std::mem::take(&mut self.records);
            (self.sink)(Event::Steps(records));
        }
    }

    fn send(&mut self, event: Event) {
        self.report();
        (self.sink)(event);
    }
}
