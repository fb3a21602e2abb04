//! What goes into the trainer and what comes out of it. The screen, `--batch`, the run directory and the tests
//! speak to a run through these types alone.

use super::alarms::AlarmKind;
use super::checkpoint::{Digests, Link};
use super::edits::When;
use super::layers::Inside;
use super::nan::or_nan;
use super::outline::{RunInfo, State, Summary};
use super::pictures::{Pictures, Predicted};
use super::{Confusion, Figures, Score};
use crate::recipe::{Changes, Knob, Recipe, Value};
use crate::tricks::finder::{RatePoint, Suggestion};
use crate::tricks::scaling::Scaler;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a search for a learning rate reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateSearch {
    /// It has begun.
    Begun,
    /// A step was made.
    Point(RatePoint),
    /// It is over, and the run stands where it stood.
    Found {
        /// What the losses suggest; none when the loss does not fall.
        suggestion: Option<Suggestion>,
        /// The `schedule.base_lr` that has the suggested rate at the peak of the schedule, in two digits.
        base_lr: Option<f64>,
        /// Why it ended, in one sentence.
        why: String,
    },
}

/// What a screen may look at: it costs something, and is made only while one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Pictures of what is trained and of what is mistaken.
    Pictures,
    /// Gradients, updates and outputs of every layer.
    Layers,
}

/// An order to the trainer, taken at the next step boundary and answered by an [`Event`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Change knobs together. Answered by `Scheduled` (when not due at once), then by `Applied` or `Refused`.
    Edit {
        /// Chosen by the sender; every answer names it.
        id: u64,
        /// Knobs and their new values.
        changes: Changes,
        /// When.
        when: When,
    },
    /// Go back to the moment before the last edit: weights, statistics, velocities, recipe, position. Answered by
    /// `RolledBack` or `Refused`.
    RollBack {
        /// Chosen by the sender; a refusal names it.
        id: u64,
    },
    /// Stand still at the next step boundary. Answered by `State(Paused)`.
    Pause,
    /// Go on. Answered by `State(Running)`.
    Resume,
    /// Run this many steps, then pause.
    Steps(u64),
    /// Evaluate on the test set now. Answered by `Evaluated`.
    Evaluate,
    /// Find a learning rate on a copy of the state: the rate grows from step to step, and the run stands where it stood
    /// afterwards. Answered by `Rate`.
    FindRate,
    /// Make no more steps of the present search for a rate.
    EndFinding,
    /// What a screen looks at from now on. Answered by `Pictures` or `Layers` as long as any screen looks at them.
    Look {
        /// Which screen: 0 is the run's own, an attached one gets its number on the way.
        screen: u64,
        /// What it looks at; nothing when it has turned away.
        at: Option<Target>,
    },
    /// Say what the net makes of an image. Answered by `Predicted` or `Refused`; nothing of the run changes.
    Predict {
        /// Chosen by the sender; every answer names it.
        id: u64,
        /// The file, from the root on.
        path: PathBuf,
    },
    /// Write a checkpoint now. Answered by `Saving`, then by `Checkpoint` or `Alarm`.
    Save,
    /// End the run, with or without a checkpoint. Answered by `Ended`.
    Stop {
        /// Whether a checkpoint is written first.
        save: bool,
    },
}

/// A knob that an edit has changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The knob.
    pub knob: &'static Knob,
    /// Its value before.
    pub from: Value,
    /// Its value now.
    pub to: Value,
}

/// One training step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Step, from 1.
    pub step: u64,
    /// Epochs done when this step is done, e.g. 3.25.
    pub epoch: f64,
    /// Mean training loss of the batch.
    #[serde(deserialize_with = "or_nan")]
    pub loss: f32,
    /// Learning rate used.
    pub lr: f64,
    /// Images a second over the whole step.
    #[serde(deserialize_with = "or_nan")]
    pub img_s: f64,
    /// Share of the step spent waiting for data, 0 to 1.
    pub wait: f32,
    /// Loss scaling, in mixed precision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling: Option<Scaling>,
}

/// Loss scaling as it stands after a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// Factor of the loss.
    pub loss_scale: f32,
    /// Steps left out so far because a gradient overflowed.
    pub overflows: u64,
}

impl From<Scaler> for Scaling {
    fn from(s: Scaler) -> Self {
        Scaling { loss_scale: s.scale, overflows: s.skipped }
    }
}

/// Result on the test set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Step after which it was made.
    pub step: u64,
    /// Epochs done, e.g. 4.0.
    pub epoch: f64,
    /// Mean cross entropy.
    #[serde(deserialize_with = "or_nan")]
    pub loss: f64,
    /// The task's figures.
    #[serde(flatten)]
    pub figures: Figures,
    /// Which classes were taken for which.
    pub confusion: Confusion,
}

/// End of an epoch, with the evaluation made there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochEnd {
    /// Epochs done, from 1.
    pub epoch: u64,
    /// Mean training loss over the epoch.
    #[serde(deserialize_with = "or_nan")]
    pub train_loss: f64,
    /// Images a second over the epoch's steps.
    #[serde(deserialize_with = "or_nan")]
    pub img_s: f64,
    /// Result on the test set.
    pub evaluation: Evaluation,
    /// Whether its score is the best so far.
    pub best: bool,
}

/// A step back to the moment before an edit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RolledBack {
    /// Steps done now.
    pub step: u64,
    /// Epochs done now.
    pub epoch: f64,
    /// Steps done before.
    pub from: u64,
    /// The numbers of the edits that are taken back.
    pub edits: Vec<u64>,
    /// Best score at the end of an epoch up to now.
    #[serde(flatten, with = "super::best")]
    pub best: Option<Score>,
    /// The epoch that ended with it.
    #[serde(default)]
    pub best_epoch: Option<u64>,
    /// The recipe in force now.
    pub recipe: Recipe,
}

/// A report of the trainer. `Steps` are gathered so that at most ten go out a second; all else is sent at once, in
/// order, and never dropped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The run is ready to train.
    Started(Box<RunInfo>),
    /// The state changed.
    State(State),
    /// Every step since the last report, in order.
    Steps(Vec<StepRecord>),
    /// An edit waits for its time; one event a knob.
    Scheduled {
        /// The edit.
        id: u64,
        /// The knob.
        knob: &'static Knob,
        /// Its value to be.
        to: Value,
        /// Its time (never `Now`).
        when: When,
    },
    /// An edit took effect before step `step + 1`, that is after `step` steps.
    Applied {
        /// The edit.
        id: u64,
        /// Its number in the run, from 1, in the order in which edits were asked for.
        edit: u64,
        /// Steps done.
        step: u64,
        /// Its knobs.
        changes: Vec<Change>,
        /// Who made it, when that was another screen than the run's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// An edit could not be made, at once or when it came due, or changes nothing, or an image cannot be read; nothing
    /// changed.
    Refused {
        /// The edit, or what else was asked.
        id: u64,
        /// Why, in one sentence.
        reason: String,
    },
    /// The run stands again where it stood before an edit; what was reported of later steps has not been.
    RolledBack(Box<RolledBack>),
    /// An epoch ended.
    Epoch(Box<EpochEnd>),
    /// An evaluation made on demand.
    Evaluated(Box<Evaluation>),
    /// A search for a learning rate; in no log.
    Rate(RateSearch),
    /// What the net makes of an image that a screen asked about; in no log.
    Predicted(Box<Predicted>),
    /// Pictures, for screens that look; logs and lines leave them out.
    Pictures(Box<Pictures>),
    /// The state was copied for a checkpoint, which is now being written. What was reported before belongs to it.
    Saving {
        /// Steps done.
        step: u64,
    },
    /// The state was hashed, where [`Options::probes`](super::Options) asked for it.
    Hashed {
        /// Steps done.
        step: u64,
        /// Its hashes.
        digests: Digests,
    },
    /// A checkpoint was written.
    Checkpoint {
        /// Steps done.
        step: u64,
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// Time the trainer spent on it.
        ms: f64,
        /// Score of this state on the test set, when it is the end of an epoch.
        #[serde(flatten, with = "super::score", skip_serializing_if = "Option::is_none")]
        score: Option<Score>,
        /// Its link of the run's chain; none for the weights of the best epoch so far (`best.safetensors`).
        link: Option<Box<Link>>,
    },
    /// Something needs a person's eye (a checkpoint that could not be written, a loss that is not finite).
    Alarm {
        /// Steps done.
        step: u64,
        /// What it is about.
        #[serde(default)]
        kind: AlarmKind,
        /// One sentence.
        message: String,
    },
    /// What a look inside the net has seen, as long as a screen looks; in no log.
    Layers(Box<Inside>),
    /// An image is broken and was left out; each is named once.
    Skipped {
        /// Steps done.
        step: u64,
        /// What a person calls it.
        image: String,
        /// What is wrong with it, as a predicate.
        problem: String,
        /// Broken images so far.
        broken: usize,
    },
    /// The run is over; the last event.
    Ended(Box<Summary>),
}
