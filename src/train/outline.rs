//! What a run is, how it stands, how it ended.

use super::Score;
use crate::recipe::Recipe;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// State of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Loading data, building the net.
    Starting,
    /// Training.
    Running,
    /// RunStatus still until `Resume`, `Steps` or `Stop`.
    Paused,
    /// Evaluating.
    Evaluating,
    /// Finding a learning rate on a copy of the state.
    Finding,
    /// Ended as planned.
    Done,
    /// Ended by `Stop`.
    Stopped,
    /// Ended by an error.
    Failed,
    /// Its process was killed: only its files tell of it.
    Killed,
}

impl State {
    /// The word the screen and the logs use.
    pub fn word(self) -> &'static str {
        match self {
            State::Starting => "starting",
            State::Running => "running",
            State::Paused => "paused",
            State::Evaluating => "evaluating",
            State::Finding => "finding a rate",
            State::Done => "done",
            State::Stopped => "stopped",
            State::Failed => "failed",
            State::Killed => "killed",
        }
    }

    /// Whether the run is over.
    pub fn ended(self) -> bool {
        matches!(self, State::Done | State::Stopped | State::Failed | State::Killed)
    }
}

/// What is being trained on what; known once data and net are there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// Name of the run (and of its directory).
    pub name: String,
    /// Run directory, when there is one.
    pub dir: Option<PathBuf>,
    /// The recipe as started.
    pub recipe: Recipe,
    /// Short name of the net, e.g. `resnet20-D`.
    pub net: String,
    /// Number of trained parameters.
    pub parameters: usize,
    /// Multiply-adds of one forward pass of one image.
    pub multiply_adds: u64,
    /// Short name of the data, e.g. `fashion-12k`.
    pub data: String,
    /// Training images.
    pub train_images: usize,
    /// Test images.
    pub test_images: usize,
    /// Class names, in label order.
    pub classes: Vec<String>,
    /// What a person should know of the images: splits, what is left out, what has changed.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Where it computes, e.g. `cpu avx2 x2`.
    pub device: String,
    /// Bytes of memory that training takes there, about.
    #[serde(default)]
    pub memory: u64,
    /// Steps an epoch at the start.
    pub steps_per_epoch: u64,
    /// Steps that were done before: of a run that goes on.
    #[serde(default)]
    pub step: u64,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Done, stopped or failed; killed, where nobody was there to tell.
    pub state: State,
    /// Last step.
    pub step: u64,
    /// Best score on the test set, when there was an evaluation.
    #[serde(flatten, with = "super::best")]
    pub best: Option<Score>,
    /// The epoch that ended with it; the first of several.
    #[serde(default)]
    pub best_epoch: Option<u64>,
    /// Seconds since the start.
    pub seconds: f64,
    /// Run directory, when there is one.
    pub dir: Option<PathBuf>,
    /// Broken images that were left out.
    pub broken: usize,
    /// Why it is done before its planned end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early: Option<String>,
    /// What went wrong, when it failed.
    pub error: Option<String>,
}
