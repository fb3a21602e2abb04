//! Checkpoints of a run in progress: when they are due, and what becomes of them.

use super::Trainer;
use crate::ops::Ops;
use crate::train::checkpoint::snapshot::Snapshot;
use crate::train::checkpoint::writer::{Job, Report, Writer};
use crate::train::checkpoint::{Meta, Progress, Signature};
use crate::train::learner::Learner;
use crate::train::{Event, Options, TrainError};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The writer's thread, and what is known of its work. Without a run directory there is none.
pub(super) struct Saver {
    writer: Option<Writer>,
    /// Step of the last state that was handed to the writer, and when.
    asked: (u64, Instant),
    /// Step of the last checkpoint on disk.
    saved: Option<u64>,
    /// A checkpoint was due while the writer had too much to do.
    missed: bool,
    /// What went wrong last.
    fault: Option<String>,
}

impl Saver {
    /// For a run that stands after `step` steps.
    pub(super) fn new(options: &Options, step: u64) -> Result<Saver, TrainError> {
        let start = |dir: PathBuf| Writer::start(dir, options.link.clone());
        let writer = options.dir.clone().map(start).transpose().map_err(TrainError::Thread)?;
        Ok(Saver { writer, asked: (step, Instant::now()), saved: None, missed: false, fault: None })
    }
}

impl<D: Ops<f32>, S: FnMut(Event)> Trainer<D, S> {
    /// Whether the present step is on disk.
    pub(super) fn saved(&mut self) -> bool {
        self.settle();
        self.saver.writer.is_none() || self.saver.saved == Some(self.at.step)
    }

    /// Saves the state when steps or minutes say so, or when that could not be done before.
    pub(super) fn save_if_due(&mut self) {
        let (step, settings) = (self.at.step, &self.recipe.train);
        let (asked, when) = self.saver.asked;
        let steps = settings.checkpoint_steps;
        let minutes = settings.checkpoint_minutes;
        let due = (steps > 0 && step.is_multiple_of(steps))
            || (minutes > 0.0 && when.elapsed().as_secs_f64() >= minutes * 60.0)
            || self.saver.missed;
        if due && asked != step {
            self.save(true, false);
        }
    }

    /// Hands a copy of the state to the writer: for a checkpoint, for `best.safetensors`, or both.
    pub(super) fn save(&mut self, state: bool, best: bool) {
        let begun = Instant::now();
        let Some(writer) = &self.saver.writer else { return };
        if !(state || best) {
            return;
        }
        if writer.busy() {
            if !best {
                self.saver.missed |= state;
                return;
            }
            // The best weights are those of this step, so the writer must take them now.
            self.settle();
        }
        self.send(Event::Saving { step: self.at.step });
        let snapshot = match self.snapshot() {
            Ok(snapshot) => snapshot,
            Err(e) => return self.alarm(e.to_string()),
        };
        let settings = &self.recipe.train;
        let (keep_last, keep_best) = (settings.keep_last as usize, settings.keep_best as usize);
        let job = Job { snapshot, state, best, keep_last, keep_best, ms: ms(begun.elapsed()) };
        if let Some(writer) = &mut self.saver.writer {
            writer.send(job);
        }
        if state {
            (self.saver.asked, self.saver.missed) = ((self.at.step, Instant::now()), false);
        }
    }

    /// A copy of the state.
    pub(super) fn snapshot(&mut self) -> Result<Snapshot, TrainError> {
        let Learner { scaler, optimiser, .. } = &self.learner;
        let (updates, missed) = (optimiser.updates(), optimiser.missed().to_vec());
        let at = Progress { scaler: *scaler, updates, missed, ..self.at.clone() };
        let mut meta = Meta::new(self.on.kernels, &self.recipe, at, self.pending.list().to_vec());
        meta.signature = Some(Signature::of(self.reader.set()));
        Snapshot::of(self.learner.trained(), meta)
    }

    /// Hashes the state when that was asked for after the present step.
    pub(super) fn probe(&mut self) {
        if self.options.probes.remove(&self.at.step) {
            match self.snapshot() {
                Ok(snapshot) => self.send(Event::Hashed { step: self.at.step, digests: snapshot.digests() }),
                Err(e) => self.alarm(e.to_string()),
            }
        }
    }

    /// Saves the state that the run ends with; why that was not possible.
    pub(super) fn save_last(&mut self) -> Option<String> {
        self.settle();
        (self.saver.saved, self.saver.fault) = (None, None);
        self.save(true, false);
        if self.saved() { None } else { Some(self.saver.fault.take().unwrap_or_else(|| "no reason is known".into())) }
    }

    /// Takes the checkpoints of later steps away and writes one of the present step; gives what the writer has to say of
    /// that.
    pub(super) fn save_instead(&mut self) -> Vec<Report> {
        if let Some(writer) = &mut self.saver.writer {
            writer.roll_back(self.at.step);
        }
        self.saver.saved = None;
        self.save(true, false);
        self.saver.writer.as_mut().map_or_else(Vec::new, |writer| writer.reports(true))
    }

    /// Waits until nothing is left to write.
    pub(super) fn settle(&mut self) {
        self.take_reports(true);
    }

    /// Tells what the writer has done; a failure is an alarm, and the files of before stay.
    pub(super) fn take_reports(&mut self, all: bool) {
        let reports = self.saver.writer.as_mut().map_or_else(Vec::new, |writer| writer.reports(all));
        self.tell(reports);
    }

    pub(super) fn tell(&mut self, reports: Vec<Report>) {
        for report in reports {
            match report {
                Report::Done => {}
                Report::Failed(why) => {
                    self.alarm(format!("{why}; older checkpoints stay, and the next is tried when it is due"));
                    self.saver.fault = Some(why);
                }
                Report::Saved { step, path, bytes, ms, score, link } => {
                    if link.is_some() {
                        self.saver.saved = Some(step);
                    }
                    self.send(Event::Checkpoint { step, path, bytes, ms, score, link });
                }
            }
        }
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
