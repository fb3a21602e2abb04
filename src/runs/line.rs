//! One fact of a run as one JSON object on one line: what `journal.jsonl`, `metrics.jsonl` and `--batch --json` hold.

use crate::recipe::{KNOBS, Recipe, Value};
use crate::train::{Event, StepRecord, Summary};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

/// A line. Losses stay `f32` so that the shortest text reads back to the same bits; a number that is not finite
/// becomes `null`.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Line<'a> {
    /// A run was begun.
    RunStart {
        /// Its name.
        run: &'a str,
        /// Its directory.
        dir: Cow<'a, str>,
        /// Version of the program.
        version: &'static str,
        /// The command line.
        command: Vec<String>,
        /// Every knob and its value.
        recipe: BTreeMap<&'static str, Value>,
    },
    /// Data and net are there; training begins.
    Ready {
        /// Net.
        net: &'a str,
        /// Trained parameters.
        parameters: usize,
        /// Multiply-adds of one forward pass of one image.
        multiply_adds: u64,
        /// Data.
        data: &'a str,
        /// Training images.
        train_images: usize,
        /// Test images.
        test_images: usize,
        /// Class names, in label order.
        classes: &'a [String],
        /// Where it computes.
        device: &'a str,
        /// Steps an epoch.
        steps_per_epoch: u64,
    },
    /// A step at a log interval.
    Step {
        /// Epochs done.
        epoch: f64,
        /// Steps done.
        step: u64,
        /// Training loss of the batch.
        loss: f32,
        /// Learning rate.
        lr: f64,
        /// Images a second.
        img_s: f64,
    },
    /// An edit took effect after `step` steps.
    Edit {
        /// Steps done.
        step: u64,
        /// Path of the knob.
        knob: &'static str,
        /// Value before.
        from: &'a Value,
        /// Value from now on.
        to: &'a Value,
    },
    /// An epoch ended.
    EpochEnd {
        /// Epochs done.
        epoch: u64,
        /// Steps done.
        step: u64,
        /// Mean training loss.
        train_loss: f64,
        /// Loss on the test set.
        val_loss: f64,
        /// Top-1 on the test set, as a fraction.
        val_top1: f64,
        /// Top-5 on the test set, as a fraction.
        val_top5: f64,
        /// Images a second.
        img_s: f64,
        /// Whether it is the best top-1 so far.
        best: bool,
    },
    /// An evaluation on demand.
    Evaluation {
        /// Epochs done.
        epoch: f64,
        /// Steps done.
        step: u64,
        /// Loss on the test set.
        val_loss: f64,
        /// Top-1, as a fraction.
        val_top1: f64,
        /// Top-5, as a fraction.
        val_top5: f64,
    },
    /// The confusion matrix of the evaluation before it.
    Confusion {
        /// Steps done.
        step: u64,
        /// `counts[label][predicted]`.
        counts: &'a [Vec<u32>],
    },
    /// A checkpoint was written.
    Checkpoint {
        /// Steps done.
        step: u64,
        /// The file.
        path: Cow<'a, str>,
        /// Its size.
        bytes: u64,
        /// Milliseconds the trainer spent on it.
        ms: f64,
        /// Whether it is the best so far.
        best: bool,
    },
    /// Something needs a person's eye.
    Alarm {
        /// Steps done.
        step: u64,
        /// One sentence.
        message: &'a str,
    },
    /// The run is over.
    RunEnd {
        /// `done`, `stopped` or `failed`.
        state: &'static str,
        /// Steps done.
        step: u64,
        /// Best top-1 on the test set, as a fraction.
        best_top1: Option<f64>,
        /// Seconds since the start.
        seconds: f64,
        /// Run directory.
        dir: Cow<'a, str>,
        /// What went wrong.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a str>,
    },
}

impl<'a> Line<'a> {
    /// The first line of a run.
    pub fn run_start(run: &'a str, dir: &'a Path, recipe: &Recipe) -> Line<'a> {
        Line::RunStart {
            run,
            dir: dir.to_string_lossy(),
            version: env!("CARGO_PKG_VERSION"),
            command: std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect(),
            recipe: KNOBS.iter().map(|k| (k.path, recipe.get(k))).collect(),
        }
    }

    fn run_end(summary: &'a Summary, dir: &'a Path) -> Line<'a> {
        Line::RunEnd {
            state: summary.state.word(),
            step: summary.step,
            best_top1: summary.best_top1,
            seconds: summary.seconds,
            dir: dir.to_string_lossy(),
            error: summary.error.as_deref(),
        }
    }
}

/// Turns the events of one run into lines. It follows the edits of `train.log_every`.
#[derive(Debug)]
pub struct Lines<'d> {
    dir: Cow<'d, Path>,
    log_every: u64,
}

impl<'d> Lines<'d> {
    /// For a run of `recipe` in `dir`.
    pub fn new(recipe: &Recipe, dir: impl Into<Cow<'d, Path>>) -> Self {
        Self { dir: dir.into(), log_every: recipe.train.log_every }
    }

    /// Whether this step is at a log interval.
    fn logs(&self, step: &StepRecord) -> bool {
        step.step.is_multiple_of(self.log_every)
    }

    /// The lines of `event`, in order.
    pub fn of<'a>(&'a mut self, event: &'a Event) -> Vec<Line<'a>> {
        match event {
            Event::Started(info) => vec![Line::Ready {
                net: &info.net,
                parameters: info.parameters,
                multiply_adds: info.multiply_adds,
                data: &info.data,
                train_images: info.train_images,
                test_images: info.test_images,
                classes: &info.classes,
                device: &info.device,
                steps_per_epoch: info.steps_per_epoch,
            }],
            Event::Steps(steps) => steps
                .iter()
                .filter(|s| self.logs(s))
                .map(|s| Line::Step { epoch: s.epoch, step: s.step, loss: s.loss, lr: s.lr, img_s: s.img_s })
                .collect(),
            Event::Applied { step, knob, from, to, .. } => {
                if let ("train.log_every", Value::Int(every)) = (knob.path, to) {
                    self.log_every = *every;
                }
                vec![Line::Edit { step: *step, knob: knob.path, from, to }]
            }
            Event::Epoch(end) => {
                let e = &end.evaluation;
                vec![
                    Line::EpochEnd {
                        epoch: end.epoch,
                        step: e.step,
                        train_loss: end.train_loss,
                        val_loss: e.loss,
                        val_top1: e.top1,
                        val_top5: e.top5,
                        img_s: end.img_s,
                        best: end.best,
                    },
                    Line::Confusion { step: e.step, counts: &e.confusion },
                ]
            }
            Event::Evaluated(e) => vec![
                Line::Evaluation { epoch: e.epoch, step: e.step, val_loss: e.loss, val_top1: e.top1, val_top5: e.top5 },
                Line::Confusion { step: e.step, counts: &e.confusion },
            ],
            Event::Checkpoint { step, path, bytes, ms, best } => {
                vec![Line::Checkpoint {
                    step: *step,
                    path: path.to_string_lossy(),
                    bytes: *bytes,
                    ms: *ms,
                    best: *best,
                }]
            }
            Event::Alarm { step, message } => vec![Line::Alarm { step: *step, message }],
            Event::Ended(summary) => vec![Line::run_end(summary, &self.dir)],
            Event::State(_) | Event::Scheduled { .. } | Event::Refused { .. } => Vec::new(),
        }
    }
}
