//! Why values, changes and edits are refused. Each reads as the end of a sentence for a person, or as a whole one.

use super::{Applies, Changes, Kind};
use thiserror::Error;

/// A value that a knob cannot have, as a predicate ("is 0; it must be …").
#[derive(Clone, Debug, Error, PartialEq)]
#[error("is {}; it must be {kind}{}", if found.is_empty() { "empty" } else { found }, kind.comma(found).unwrap_or_default())]
pub struct NotAllowed {
    /// The value as it was written.
    pub found: String,
    /// What is allowed.
    pub kind: Kind,
}

/// A knob path that is not in the table.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("unknown knob `{path}`; {}", advice(*nearest))]
pub struct UnknownKnob {
    /// The path as it was written, so that all of it can be seen.
    pub path: String,
    /// The path that is most like it.
    pub nearest: Option<&'static str>,
}

fn advice(nearest: Option<&str>) -> String {
    nearest.map_or("`tricktop knobs` lists them".into(), |known| format!("did you mean `{known}`?"))
}

/// Why a text such as `train.epochs=30` sets no knob.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum SetError {
    /// There is no `=` in it.
    #[error("`{set}` has no value; write it as knob=value, e.g. train.epochs=30")]
    NoValue {
        /// The text.
        set: String,
    },
    /// No knob has this path.
    #[error(transparent)]
    Unknown(#[from] UnknownKnob),
    /// The knob cannot have this value.
    #[error("{path} {problem}")]
    Value {
        /// The path as it was written.
        path: String,
        /// What was found and what is allowed.
        problem: NotAllowed,
    },
}

/// A change that a recipe cannot take, said in one sentence.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("{path} {problem}")]
pub struct Invalid {
    /// Path of the knob.
    pub path: &'static str,
    /// What was found and what is allowed, as a predicate ("is 0; it must be …").
    pub problem: String,
}

/// Every change that a recipe cannot take, never none; it is shown in one sentence.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct InvalidChanges(pub(super) Vec<Invalid>);

impl InvalidChanges {
    /// The changes, in their order.
    pub fn list(&self) -> &[Invalid] {
        &self.0
    }
}

/// Why an edit cannot be made in a run.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum EditError {
    /// It is made before the one that stands before it.
    #[error("after is {after}; the edit before it is made after {before} steps")]
    Order {
        /// Steps done before it.
        after: u64,
        /// Steps done before the other.
        before: u64,
    },
    /// It changes a knob that stays as it is in a run.
    #[error("{knob} cannot change in a run; it needs a new one")]
    Fork {
        /// Path of the knob.
        knob: &'static str,
    },
    /// The recipe cannot take it.
    #[error(transparent)]
    Invalid(#[from] InvalidChanges),
}

impl EditError {
    /// Refuses changes of knobs that stay as they are in a run.
    ///
    /// # Errors
    /// The first such knob.
    pub(crate) fn refuse_forks(changes: &Changes) -> Result<(), EditError> {
        match changes.iter().find(|(knob, _)| knob.applies == Applies::Fork) {
            Some((knob, _)) => Err(EditError::Fork { knob: knob.path }),
            None => Ok(()),
        }
    }
}
