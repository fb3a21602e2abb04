//! The loop: trains, evaluates, and reports; between steps it takes commands and writes checkpoints.

mod alarms;
mod broken;
mod finder;
mod looking;
mod mistakes;
mod orders;
mod predict;
mod rollback;
mod save;
mod tell;

use super::checkpoint::Progress;
use super::device::On;
use super::edits::{Pending, ScheduledEdit};
use super::inside::sample;
use super::learner::Learner;
use super::options::Options;
use super::origin::Opened;
use super::{AlarmKind, Command, EpochEnd, Event, State, StepRecord, Summary, TrainError};
use crate::data::{self, Pass, Reader};
use crate::ops::{Ops, remarks};
use crate::recipe::Recipe;
use crate::recipe::settings::Freeze;
use crate::tricks::scaling::scales;
use crate::tricks::schedule::Position;
use alarms::{Unanswered, Watched};
use broken::Broken;
use looking::Looking;
use mistakes::Mistakes;
use rollback::Ring;
use save::Saver;
use std::collections::VecDeque;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// Shortest time between two reports of steps.
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// Whether a run goes on.
enum Flow {
    On,
    /// It goes on somewhere else: where it stands is to be looked at anew.
    Again,
    /// It has come to its planned end, or is done before it for this reason.
    End(Option<String>),
    Stop {
        save: bool,
    },
    /// It stops after the epochs that it was to have.
    Rest,
    /// It cannot go on, and nobody is there to do something about it.
    Fail(String),
}

/// A run in progress.
pub(super) struct Trainer<D: Ops<f32>, S: FnMut(Event)> {
    on: On,
    recipe: Recipe,
    options: Options,
    reader: Reader,
    broken: Broken,
    /// What the last evaluation got wrong.
    mistakes: Option<Mistakes>,
    learner: Learner<D>,
    commands: Receiver<Command>,
    /// Commands that came while a rate was searched for.
    held: VecDeque<Command>,
    sink: S,
    state: State,
    pending: Pending,
    at: Progress,
    /// Number of the last edit that was asked for.
    last_edit: u64,
    /// Steps left before a pause, when `Steps` asked for some.
    steps_left: Option<u64>,
    saver: Saver,
    /// States before the last edits.
    ring: Ring,
    /// The numbers of the edits that were made since this start.
    made: Vec<u64>,
    watched: Watched,
    unanswered: Unanswered,
    looking: Looking,
    records: Vec<StepRecord>,
    reported: Instant,
    started: Instant,
}

impl<D: Ops<f32>, S: FnMut(Event)> Trainer<D, S> {
    /// Builds the net on a device, or takes it up where a checkpoint left it.
    pub(super) fn new(
        dev: D,
        on: On,
        images: Opened,
        recipe: Recipe,
        mut options: Options,
        commands: Receiver<Command>,
        mut sink: S,
    ) -> Result<Self, TrainError> {
        let started = Instant::now();
        let Opened { set: data, origin } = images;
        let mut learner = Learner::begun(dev, &recipe, &data, origin)?;
        let from = options.from.take();
        let mut at = Progress::default();
        if from.is_none()
            && !recipe.net.weights.is_empty()
            && let Some(message) = learner.start_from(&recipe)?
        {
            sink(Event::Alarm { step: 0, kind: AlarmKind::Other, message });
        }
        if from.is_none() && recipe.net.weights.is_empty() && recipe.finetune.freeze != Freeze::None {
            learner.notes.push("net.weights is empty: what finetune.freeze freezes has random weights".into());
        }
        if let Some(checkpoint) = &from {
            let kernels = &checkpoint.meta.kernels;
            if *kernels != on.kernels {
                let message = format!(
                    "its checkpoint was computed by the kernels `{kernels}`, which round differently from those here"
                );
                sink(Event::Alarm { step: checkpoint.meta.at.step, kind: AlarmKind::Other, message });
            }
            checkpoint.restore(learner.trained())?;
            at = checkpoint.meta.at.clone();
            let batches = data::steps_per_epoch(data.train.len(), recipe.train.batch as usize) as u64;
            if at.batch >= batches {
                let batch = at.batch;
                return Err(TrainError::Resume(format!(
                    "the checkpoint stands after batch {batch} of an epoch, and an epoch of these images has {batches}"
                )));
            }
        }
        learner.ready_average(&recipe.optim.ema)?;
        if let Some(message) = learner.teacher_note() {
            sink(Event::Alarm { step: at.step, kind: AlarmKind::Other, message });
        }
        let edits = options.edits.take().unwrap_or_else(|| ScheduledEdit::all(recipe.edits()));
        let last_edit = edits.iter().map(|e| e.edit).fold(options.last_edit, u64::max);
        let saver = Saver::new(&options, at.step)?;
        let reader = Reader::new(data, rayon::current_num_threads())?;
        Ok(Trainer {
            on,
            recipe,
            options,
            reader,
            broken: Broken::default(),
            mistakes: None,
            learner,
            commands,
            held: VecDeque::new(),
            sink,
            state: State::Starting,
            pending: Pending::from(edits),
            at,
            last_edit,
            steps_left: None,
            saver,
            ring: Ring::default(),
            made: Vec::new(),
            watched: Watched::default(),
            unanswered: Unanswered::default(),
            looking: Looking::default(),
            records: Vec::new(),
            reported: started,
            started,
        })
    }

    /// Trains to the end. The last event is `Ended`.
    pub(super) fn run(mut self) {
        self.send(Event::Started(Box::new(self.info())));
        self.enter(State::Running);
        // The edits that a journal has at this very step come before any new order.
        self.apply_due(self.at.batch == 0);
        let ended = self.epochs();
        let (mut state, mut error) = match &ended {
            Ok(Flow::Stop { .. } | Flow::Rest) => (State::Stopped, None),
            Ok(Flow::Fail(why)) => (State::Failed, Some(why.clone())),
            Ok(_) => (State::Done, None),
            Err(e) => (State::Failed, Some(e.to_string())),
        };
        let early = match &ended {
            Ok(Flow::End(why)) => why.clone(),
            Ok(Flow::Rest) => Some(format!("compared with others after {} epochs", self.at.epoch)),
            _ => None,
        };
        let unsaved = match ended {
            Ok(Flow::Stop { save: false } | Flow::Fail(_)) | Err(_) => None,
            Ok(Flow::Stop { save: true }) => self.save_last(),
            Ok(_) if self.saved() => None,
            Ok(_) => self.save_last(),
        };
        if let Some(why) = unsaved {
            (state, error) = (State::Failed, Some(format!("the last state is not saved: {why}")));
        }
        self.enter(state);
        let summary = Summary {
            state,
            step: self.at.step,
            best: self.at.best,
            best_epoch: self.at.best_epoch,
            seconds: self.started.elapsed().as_secs_f64(),
            dir: self.options.dir.clone(),
            broken: self.broken.count(),
            early,
            error,
        };
        self.send(Event::Ended(Box::new(summary)));
    }

    /// Batches of the present epoch.
    fn batches(&self) -> u64 {
        data::steps_per_epoch(self.reader.set().train.len(), self.recipe.train.batch as usize) as u64
    }

    /// Epochs done, e.g. 3.25.
    fn epochs_done(&self) -> f64 {
        match self.at.batch {
            0 => self.at.epoch as f64,
            batch => Position { epoch: self.at.epoch, batch, batches: self.batches() }.epochs(),
        }
    }

    fn epochs(&mut self) -> Result<Flow, TrainError> {
        loop {
            // Commands that came during the last evaluation, and edits due at this epoch, may change its number of
            // steps, and whether there is one.
            match self.boundary(self.at.batch == 0) {
                Flow::On => {}
                Flow::Again => continue,
                end => return Ok(end),
            }
            if self.at.epoch >= self.recipe.train.epochs {
                return Ok(Flow::End(None));
            }
            if let why @ Some(_) = self.at.out_of_patience(self.recipe.train.patience) {
                return Ok(Flow::End(why));
            }
            if self.options.rest.is_some_and(|rest| self.at.epoch >= rest) {
                return Ok(Flow::Rest);
            }
            match self.epoch()? {
                Flow::On | Flow::Again => {}
                end => return Ok(end),
            }
        }
    }

    /// Trains the rest of an epoch.
    fn epoch(&mut self) -> Result<Flow, TrainError> {
        let batches = self.batches();
        let (mut images_done, mut train_time) = (0, Duration::ZERO);
        while self.at.batch < batches {
            match self.boundary(false) {
                Flow::On => {}
                end => return Ok(end),
            }
            let begun = Instant::now();
            let images = self.reader.batch(&self.pass(self.at.epoch), self.at.batch as usize)?;
            let waited = begun.elapsed();
            self.skip(&images.skipped)?;
            let at = Position { epoch: self.at.epoch, batch: self.at.batch + 1, batches };
            let (n, sample) = (images.n, self.dead_are_due(at).then(|| sample(&images)));
            let (outcome, inside) = self.step(images, at)?;
            remarks().into_iter().for_each(|message| self.alarm(message));
            if !outcome.updated && !outcome.overflow {
                let (what, step) = (outcome.fault(), self.at.step + 1);
                let what = format!("{what} at step {step}, which is left out: lower the rate and go on, or stop");
                match self.raise(AlarmKind::NonFinite, what) {
                    Flow::On => continue,
                    again => return Ok(again),
                }
            }
            let took = begun.elapsed();
            train_time += took;
            images_done += n;
            (self.at.step, self.at.batch, self.at.score) = (self.at.step + 1, at.batch, None);
            self.at.loss_sum += outcome.loss as f64;
            self.records.push(StepRecord {
                step: self.at.step,
                epoch: at.epochs(),
                loss: outcome.loss,
                lr: outcome.lr,
                img_s: n as f64 / took.as_secs_f64(),
                wait: (waited.as_secs_f64() / took.as_secs_f64()) as f32,
                scaling: scales(Learner::<D>::precision(&self.recipe.tricks.mixed)).then(|| self.learner.scaler.into()),
            });
            if self.reported.elapsed() >= REPORT_EVERY {
                self.report();
            }
            if let Some(inside) = inside {
                self.send(Event::Layers(inside));
            }
            self.show_step();
            if let Some(left) = &mut self.steps_left {
                *left -= 1;
                if *left == 0 {
                    self.enter(State::Paused);
                }
            }
            match self.watch(sample, at, &outcome, (waited, took))? {
                Flow::On => {}
                again => return Ok(again),
            }
        }
        self.epoch_end(images_done as f64 / train_time.as_secs_f64())?;
        Ok(Flow::On)
    }

    /// The batches of an epoch.
    fn pass(&self, epoch: u64) -> Pass {
        let (seed, batch) = (self.recipe.train.seed, self.recipe.train.batch as usize);
        let (augment, balance) = (self.recipe.augment.clone(), self.recipe.data.balance);
        Pass::Train { seed, epoch, batch, augment, balance }
    }

    /// Evaluates and saves at the end of an epoch.
    fn epoch_end(&mut self, img_s: f64) -> Result<(), TrainError> {
        let evaluation = self.evaluate()?;
        let score = evaluation.loss.is_finite().then_some(evaluation.figures.score());
        let best = score.is_some_and(|score| score.beats(self.at.best));
        let train_loss = self.at.loss_sum / self.batches() as f64;
        let epoch = self.at.epoch + 1;
        (self.at.epoch, self.at.batch, self.at.loss_sum, self.at.score) = (epoch, 0, 0.0, score);
        if best {
            (self.at.best, self.at.best_epoch) = (score, Some(epoch));
        }
        self.send(Event::Epoch(Box::new(EpochEnd { epoch, train_loss, img_s, evaluation, best })));
        if score.is_none() {
            let what = format!("validation loss is not finite after step {}: go on, or stop", self.at.step);
            self.raise(AlarmKind::NonFinite, what);
            return Ok(());
        }
        let settings = &self.recipe.train;
        let state = epoch.is_multiple_of(settings.checkpoint_epochs) || (best && settings.keep_best > 0);
        self.save(state, best);
        Ok(())
    }
}
