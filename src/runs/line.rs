//! One fact of a run as one JSON object on one line: what `journal.jsonl`, `metrics.jsonl` and `--batch --json` hold.

use crate::recipe::{Recipe, Value};
use crate::train::{AlarmKind, Change, Confusion, Figures, Scaling, Score, Summary};
use serde::{Deserialize, Serialize};
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
        /// What a person should know of the images: splits, what is left out, what has changed.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
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
        /// Who made it, when that was another screen than the run's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
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
        /// The task's figures on the test set, as fractions.
        #[serde(flatten)]
        figures: Figures,
        /// Images a second; left out where only the recipe and its edits may count.
        #[serde(skip_serializing_if = "Option::is_none")]
        img_s: Option<f64>,
        /// Whether its score is the best so far.
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
        /// The task's figures, as fractions.
        #[serde(flatten)]
        figures: Figures,
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
        /// Score of this state on the test set, when it is the end of an epoch.
        #[serde(flatten, with = "crate::train::score", skip_serializing_if = "Option::is_none")]
        score: Option<Score>,
    },
    /// Something needs a person's eye.
    Alarm {
        /// Steps done.
        step: u64,
        /// What it is about.
        #[serde(default)]
        kind: AlarmKind,
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
        /// Best score on the test set, as a fraction.
        #[serde(flatten, with = "crate::train::best")]
        best: Option<Score>,
        /// The epoch that ended with it; logs of older versions do not tell.
        #[serde(default)]
        best_epoch: Option<u64>,
        /// Seconds since the start.
        seconds: f64,
        /// Broken images that were left out.
        #[serde(default, skip_serializing_if = "none")]
        broken: usize,
        /// Run directory.
        dir: String,
        /// The command that makes it again.
        reproduce: String,
        /// Why it is done before its planned end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        early: Option<String>,
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

    pub(super) fn run_end(summary: &Summary, dir: &Path) -> Line {
        Line::RunEnd {
            state: summary.state.word().into(),
            step: summary.step,
            best: summary.best,
            best_epoch: summary.best_epoch,
            seconds: summary.seconds,
            broken: summary.broken,
            dir: dir.to_string_lossy().into(),
            reproduce: super::reproduce(dir),
            early: summary.early.clone(),
            error: summary.error.clone(),
        }
    }
}

fn command() -> Vec<String> {
    std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect()
}
