//! The trainer: one step, the loop, evaluation, checkpoints, and the thread that owns all of it.

mod alarms;
mod balance;
pub mod bench;
mod checkpoint;
mod classes;
mod classifier;
mod confusion;
mod device;
mod edits;
mod error;
mod evaluate;
#[cfg(feature = "cuda")]
mod faster;
mod figures;
mod gradients;
mod inside;
mod layers;
mod learner;
mod nan;
mod observer;
pub mod optim;
mod options;
mod origin;
mod outline;
mod pictures;
mod pretrained;
mod protocol;
mod result;
mod scores;
mod shards;
mod single;
mod step;
mod task;
mod teacher;
mod trainer;
mod updates;
mod views;
mod weights;
mod worker;

pub use alarms::AlarmKind;
pub use checkpoint::{
    BEST, Checkpoint, CheckpointError, Digests, Link, Meta, Progress, Pupil, Signature, Trained, best_weights,
    checkpoint_path, newest_weights, read_weights, steps, weights_file, write_whole,
};
pub use classifier::Classifier;
pub use confusion::{Confusion, Tally};
pub use device::Chosen;
pub use edits::{DueError, ScheduledEdit, When, already, effective};
pub use error::TrainError;
pub use evaluate::Seen;
pub use figures::{Figure, Figures, Score};
pub(crate) use figures::{best, score};
pub use gradients::Gradients;
pub use inside::Look;
pub use layers::{Inside, LayerStats, Output};
pub use learner::Learner;
pub(crate) use nan::or_nan;
pub use observer::Observer;
pub use options::Options;
pub use outline::{RunInfo, State, Summary};
pub use pictures::{
    Agreement, BatchPreview, Guess, Missed, MissedImage, Named, Part, Pictures, Predicted, PreviewImage, Taken,
};
pub use protocol::{Change, Command, EpochEnd, Evaluation, Event, RateSearch, RolledBack, Scaling, StepRecord, Target};
pub use result::{Images, Of, Tested, evaluate_checkpoint, evaluate_weights, show_checkpoint};
pub use single::{Mask, softmax};
pub use step::Outcome;
pub use task::Answer;
pub use views::Views;
pub use worker::{Worker, check, check_begun, spawn};
