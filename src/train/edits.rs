//! Edits that wait for their time.

use crate::recipe::{Applies, Changes, Edit, EditError, Knob, Recipe, Value};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// When an edit is taken. A step boundary in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Before the next step.
    Now,
    /// At the start of the next epoch.
    NextEpoch,
    /// Before step `n` (steps count from 1).
    Step(u64),
    /// At the first epoch that starts at step `n` or later.
    EpochFrom(u64),
}

impl When {
    /// When a change asked for at this time takes effect: a knob that changes at epochs waits for one.
    pub fn effective(self, applies: Applies) -> When {
        match self {
            When::Now if applies == Applies::NextEpoch => When::NextEpoch,
            When::Step(n) if applies == Applies::NextEpoch => When::EpochFrom(n),
            when => when,
        }
    }
}

/// An edit that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScheduledEdit {
    /// The sender's name for it; 0 when no sender waits for an answer.
    #[serde(skip)]
    pub id: u64,
    /// Its number in the run, from 1.
    pub edit: u64,
    /// Knobs and their new values.
    pub changes: Changes,
    /// Its time, never `Now`.
    pub when: When,
}

impl ScheduledEdit {
    /// The edit of a schedule or a journal, with its number.
    pub fn of(edit: u64, Edit { after, changes }: Edit) -> ScheduledEdit {
        let step = When::Step(after.saturating_add(1));
        let when = changes.iter().fold(step, |when, (knob, _)| when.effective(knob.applies));
        ScheduledEdit { id: 0, edit, changes, when }
    }

    /// The edits of a schedule, numbered from 1.
    pub fn all(edits: &[Edit]) -> Vec<ScheduledEdit> {
        edits.iter().cloned().zip(1..).map(|(edit, number)| ScheduledEdit::of(number, edit)).collect()
    }
}

/// Edits in the order in which they were asked for.
#[derive(Default)]
pub struct Pending {
    waiting: Vec<ScheduledEdit>,
}

/// Why an edit cannot be made at its time.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum DueError {
    /// Its step has passed.
    #[error("step {step} has passed; the run is at step {at}")]
    Passed {
        /// The step before which it was to be made.
        step: u64,
        /// Steps done.
        at: u64,
    },
    /// It cannot be made at any time.
    #[error(transparent)]
    Edit(#[from] EditError),
}

/// Checks an edit against the recipe in force, and says when it can take effect: an edit with a knob that changes at
/// epochs waits for the next one as a whole.
///
/// # Errors
/// A knob that needs a new run, a value out of range, a step that has passed.
pub fn due(recipe: &Recipe, changes: &Changes, when: When, step: u64) -> Result<When, DueError> {
    EditError::refuse_forks(changes)?;
    if let When::Step(n) | When::EpochFrom(n) = when
        && n <= step
    {
        return Err(DueError::Passed { step: n, at: step });
    }
    recipe.with(changes.clone()).map_err(EditError::from)?;
    Ok(changes.iter().fold(when, |when, (knob, _)| when.effective(knob.applies)))
}

/// The part of an edit that changes something under the recipe in force and the edits that wait, in the order in which
/// they were asked for: not a knob that has the value, or that gets it at that very time.
pub fn effective(recipe: &Recipe, waiting: &[ScheduledEdit], changes: Changes, when: When) -> Changes {
    // Of a knob that is named twice the last value counts.
    let last = |changes: &Changes, knob: &Knob| changes.iter().rfind(|(k, _)| *k == knob).map(|(_, to)| to.clone());
    let changes_nothing = |knob: &Knob, to: &Value| {
        let mut coming = waiting.iter().filter_map(|w| Some((w.when, last(&w.changes, knob)?)));
        let comes = coming.clone().next_back().is_some_and(|(at, value)| at == when && value == *to);
        let stands = recipe.get(knob) == *to && (when == When::Now || coming.all(|(_, value)| value == *to));
        stands || comes
    };
    let idle = |knob: &Knob| last(&changes, knob).is_some_and(|to| changes_nothing(knob, &to));
    changes.iter().filter(|(knob, _)| !idle(knob)).cloned().collect()
}

/// What is to be said of an edit that changes nothing.
pub fn already(changes: &Changes) -> String {
    let parts = changes.iter().map(|(knob, value)| format!("{} is {value} already", knob.path));
    parts.collect::<Vec<_>>().join(", ") + "; nothing changes"
}

impl From<Vec<ScheduledEdit>> for Pending {
    fn from(waiting: Vec<ScheduledEdit>) -> Pending {
        Pending { waiting }
    }
}

impl Pending {
    /// Puts an edit off.
    pub fn push(&mut self, edit: ScheduledEdit) {
        self.waiting.push(edit);
    }

    /// All that wait.
    pub fn list(&self) -> &[ScheduledEdit] {
        &self.waiting
    }

    /// Takes out what is due before step `step + 1`, which starts an epoch or not.
    pub fn take_due(&mut self, step: u64, epoch_starts: bool) -> Vec<ScheduledEdit> {
        let due = |edit: &mut ScheduledEdit| match edit.when {
            When::Now => true,
            When::NextEpoch => epoch_starts,
            When::Step(n) => step + 1 >= n,
            When::EpochFrom(n) => epoch_starts && step + 1 >= n,
        };
        self.waiting.extract_if(.., due).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::knobs::find;

    fn edit(path: &str, value: Value) -> Changes {
        vec![(find(path).unwrap(), value)]
    }

    fn ids(edits: Vec<ScheduledEdit>) -> Vec<u64> {
        edits.into_iter().map(|e| e.id).collect()
    }

    #[test]
    fn edits_come_due_at_their_time_and_in_order() {
        let mut pending = Pending::default();
        for (id, when) in [(1, When::Step(5)), (2, When::NextEpoch), (3, When::EpochFrom(3)), (4, When::EpochFrom(11))]
        {
            pending.push(ScheduledEdit { id, edit: id, changes: edit("optim.momentum", Value::Float(0.5)), when });
        }
        assert!(pending.take_due(3, false).is_empty());
        assert_eq!(ids(pending.take_due(4, false)), [1]);
        assert_eq!(ids(pending.take_due(9, true)), [2, 3]);
        assert_eq!(ids(pending.take_due(20, true)), [4]);
        assert!(pending.take_due(99, true).is_empty());
    }

    #[test]
    fn what_changes_nothing_is_no_part_of_an_edit() {
        let recipe = Recipe::default();
        let momentum = |v| edit("optim.momentum", Value::Float(v));
        let later = |value, when| vec![ScheduledEdit { id: 1, edit: 1, changes: momentum(value), when }];
        let left = |waiting: &[ScheduledEdit], value, when| effective(&recipe, waiting, momentum(value), when).len();
        let was = recipe.optim.momentum;
        assert_eq!(left(&[], was, When::Now), 0);
        assert_eq!(left(&[], was, When::Step(9)), 0);
        assert_eq!(left(&[], 0.5, When::Now), 1);
        // It comes already, or it would come sooner, or it takes back what comes.
        assert_eq!(left(&later(0.5, When::Step(9)), 0.5, When::Step(9)), 0);
        assert_eq!(left(&later(0.5, When::Step(9)), 0.5, When::Now), 1);
        assert_eq!(left(&later(0.5, When::Step(9)), was, When::Step(9)), 1);
        assert_eq!(left(&later(0.5, When::Step(9)), was, When::Now), 0, "it is what it is until then");
        let twice = [momentum(0.5), momentum(was)].concat();
        assert!(effective(&recipe, &[], twice, When::Now).is_empty(), "the last value counts");
        let both = [momentum(was), edit("train.batch", Value::Int(64))].concat();
        assert_eq!(effective(&recipe, &[], both, When::NextEpoch), edit("train.batch", Value::Int(64)));
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_reason() {
        let recipe = Recipe::default();
        let refused = |changes: Changes, when| due(&recipe, &changes, when, 10).unwrap_err().to_string();
        assert!(refused(edit("net.depth", Value::Int(8)), When::Now).contains("new one"));
        assert!(refused(edit("optim.momentum", Value::Float(0.5)), When::Step(10)).contains("has passed"));
        assert!(refused(edit("optim.momentum", Value::Float(2.0)), When::Now).contains("optim.momentum is 2"));
        let slow = edit("train.batch", Value::Int(64));
        assert_eq!(due(&recipe, &slow, When::Now, 10), Ok(When::NextEpoch));
        assert_eq!(due(&recipe, &slow, When::Step(12), 10), Ok(When::EpochFrom(12)));
    }
}
