//! One fact of a run as one JSON object on one line: what `journal.jsonl`, `metrics.jsonl` and `--batch --json` hold.

use crate::recipe::{Recipe, Value};
use crate::train::{Change, Confusion, Event, Scaling, StepRecord, Summary};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

/// A line. Losses stay `f32` so that the shortest text reads back to the same bits; a number that is not finite
/// becomes `null`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Line {
    /// A run was begun.
    RunStart {
        /// Its name.
        run: String,
        /// Its directory.
        dir: String,
        /// Version of the program.
        version: String,
        /// The command line.
        command: Vec<String>,
        /// Every knob and its value.
        recipe: BTreeMap<String, Value>,
    },
    /// A run goes on where a checkpoint left it.
    RunResume {
        /// Its name.
        run: String,
        /// Its directory.
        dir: String,
        /// Version of the program.
        version: String,
        /// The command line.
        command: Vec<String>,
        /// Steps done.
        step: u64,
        /// Every knob and its value.
        recipe: BTreeMap<String, Value>,
    },
    /// The run was forked from another one.
    Fork {
        /// The directory of the other one.
        parent: String,
        /// Steps done there.
        step: u64,
    },
    /// Data and net are there; training begins.
    Ready {
        /// Net.
        net: String,
        /// Trained parameters.
        parameters: usize,
        /// Multiply-adds of one forward pass of one image.
        multiply_adds: u64,
        /// Data.
        data: String,
        /// Training images.
        train_images: usize,
        /// Test images.
        test_images: usize,
        /// Class names, in label order.
        classes: Vec<String>,
        /// Where it computes.
        device: String,
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
        /// Images a second; left out where only the recipe and its edits may count.
        #[serde(skip_serializing_if = "Option::is_none")]
        img_s: Option<f64>,
        /// Share of the step that waited for data; left out with the images a second.
        #[serde(skip_serializing_if = "Option::is_none")]
        data_wait: Option<f32>,
        /// Loss scaling, in mixed precision.
        #[serde(flatten)]
        scaling: Option<Scaling>,
    },
    /// Images a second at a step of a log interval.
    Speed {
        /// Steps done.
        step: u64,
        /// Images a second.
        img_s: f64,
        /// Share of the step that waited for data.
        #[serde(skip_serializing_if = "Option::is_none")]
        data_wait: Option<f32>,
        /// Seconds since 1970.
        time: f64,
    },
    /// An edit took effect after `step` steps.
    Edit {
        /// Steps done.
        step: u64,
        /// Its number in the run.
        edit: u64,
        /// Its knobs with the values before and from now on.
        changes: Vec<Change>,
    },
    /// The run went back to the moment before an edit.
    Rollback {
        /// Steps done from there on.
        step: u64,
        /// Steps that were done.
        from: u64,
        /// The numbers of the edits that were taken back.
        edits: Vec<u64>,
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
        #[serde(deserialize_with = "crate::train::or_nan")]
        val_loss: f64,
        /// Top-1 on the test set, as a fraction.
        val_top1: f64,
        /// Top-5 on the test set, as a fraction.
        val_top5: f64,
        /// Images a second; left out where only the recipe and its edits may count.
        #[serde(skip_serializing_if = "Option::is_none")]
        img_s: Option<f64>,
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
        #[serde(deserialize_with = "crate::train::or_nan")]
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
        /// The counts.
        #[serde(flatten)]
        confusion: Confusion,
    },
    /// A checkpoint was written.
    Checkpoint {
        /// Steps done.
        step: u64,
        /// The file.
        path: String,
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
        message: String,
    },
    /// A broken image was left out.
    Skipped {
        /// Steps done.
        step: u64,
        /// The image.
        image: String,
        /// What is wrong with it.
        problem: String,
        /// Broken images so far.
        broken: usize,
    },
    /// The run is over.
    RunEnd {
        /// `done`, `stopped` or `failed`.
        state: String,
        /// Steps done.
        step: u64,
        /// Best top-1 on the test set, as a fraction.
        best_top1: Option<f64>,
        /// Seconds since the start.
        seconds: f64,
        /// Broken images that were left out.
        #[serde(default, skip_serializing_if = "none")]
        broken: usize,
        /// Run directory.
        dir: String,
        /// The command that makes it again.
        reproduce: String,
        /// What went wrong.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
}

/// Whether there is nothing to count.
fn none(count: &usize) -> bool {
    *count == 0
}

impl Line {
    /// The first line of a run.
    pub(super) fn run_start(run: &str, dir: &Path, recipe: &Recipe) -> Line {
        let (run, dir, version) = (run.into(), dir.to_string_lossy().into(), env!("CARGO_PKG_VERSION").into());
        Line::RunStart { run, dir, version, command: command(), recipe: recipe.clone().into() }
    }

    /// The first line of a run that goes on after `step` steps.
    pub(super) fn run_resume(run: &str, dir: &Path, recipe: &Recipe, step: u64) -> Line {
        let (run, dir, version) = (run.into(), dir.to_string_lossy().into(), env!("CARGO_PKG_VERSION").into());
        Line::RunResume { run, dir, version, command: command(), step, recipe: recipe.clone().into() }
    }

    fn run_end(summary: &Summary, dir: &Path) -> Line {
        Line::RunEnd {
            state: summary.state.word().into(),
            step: summary.step,
            best_top1: summary.best_top1,
            seconds: summary.seconds,
            broken: summary.broken,
            dir: dir.to_string_lossy().into(),
            reproduce: super::reproduce(dir),
            error: summary.error.clone(),
        }
    }
}

fn command() -> Vec<String> {
    std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect()
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

    /// The lines of `event`, in order; pictures, which are for screens alone, have none.
    pub fn of(&mut self, event: &Event) -> Vec<Line> {
        match event {
            Event::Started(info) => vec![Line::Ready {
                net: info.net.clone(),
                parameters: info.parameters,
                multiply_adds: info.multiply_adds,
                data: info.data.clone(),
                train_images: info.train_images,
                test_images: info.test_images,
                classes: info.classes.clone(),
                device: info.device.clone(),
                steps_per_epoch: info.steps_per_epoch,
            }],
            Event::Steps(steps) => steps
                .iter()
                .filter(|s| self.logs(s))
                .map(|s| Line::Step {
                    epoch: s.epoch,
                    step: s.step,
                    loss: s.loss,
                    lr: s.lr,
                    img_s: Some(s.img_s),
                    data_wait: Some(s.wait),
                    scaling: s.scaling,
                })
                .collect(),
            Event::Applied { edit, step, changes, .. } => {
                for change in changes {
                    if let ("train.log_every", Value::Int(every)) = (change.knob.path, &change.to) {
                        self.log_every = *every;
                    }
                }
                vec![Line::Edit { step: *step, edit: *edit, changes: changes.clone() }]
            }
            Event::RolledBack(back) => {
                self.log_every = back.recipe.train.log_every;
                vec![Line::Rollback { step: back.step, from: back.from, edits: back.edits.clone() }]
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
                        img_s: Some(end.img_s),
                        best: end.best,
                    },
                    Line::Confusion { step: e.step, confusion: e.confusion.clone() },
                ]
            }
            Event::Evaluated(e) => vec![
                Line::Evaluation { epoch: e.epoch, step: e.step, val_loss: e.loss, val_top1: e.top1, val_top5: e.top5 },
                Line::Confusion { step: e.step, confusion: e.confusion.clone() },
            ],
            Event::Checkpoint { step, path, bytes, ms, link } => {
                vec![Line::Checkpoint {
                    step: *step,
                    path: path.to_string_lossy().into(),
                    bytes: *bytes,
                    ms: *ms,
                    best: link.is_none(),
                }]
            }
            Event::Alarm { step, message } => vec![Line::Alarm { step: *step, message: message.clone() }],
            Event::Skipped { step, image, problem, broken } => {
                vec![Line::Skipped { step: *step, image: image.clone(), problem: problem.clone(), broken: *broken }]
            }
            Event::Ended(summary) => vec![Line::run_end(summary, &self.dir)],
            Event::State(_) | Event::Scheduled { .. } | Event::Refused { .. } => Vec::new(),
            Event::Saving { .. } | Event::Hashed { .. } | Event::Pictures(_) => Vec::new(),
        }
    }
}
