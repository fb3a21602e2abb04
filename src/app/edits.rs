//! Edits on their way: sent and not yet answered, waiting for their time, and how to undo them.

use crate::recipe::{Knob, Recipe, Value};
use crate::train::{Command, When};

/// Edits that can be undone.
const UNDO: usize = 256;

/// Knobs and the values they are to take.
pub type Changes = Vec<(&'static Knob, Value)>;

/// One knob of an edit that has not taken effect.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    /// The knob.
    pub knob: &'static Knob,
    /// Its value to be.
    pub to: Value,
    /// When it was asked for.
    pub asked: When,
    /// Its time, once the trainer has answered with one.
    pub scheduled: Option<When>,
    edit: u64,
}

impl Pending {
    /// When it takes effect, as far as is known.
    pub fn when(&self) -> When {
        self.scheduled.unwrap_or(self.asked)
    }
}

#[derive(Clone, Debug)]
struct Undo {
    edit: u64,
    before: Changes,
    when: When,
}

/// Edits on their way, and those that can be undone.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    pub(crate) pending: Vec<Pending>,
    /// Changes that need a new run, gathered until one is started.
    pub(crate) fork: Changes,
    undo: Vec<Undo>,
    sent: u64,
}

impl Edits {
    /// Notes an edit as sent and gives the command. `recipe` is the running one.
    pub(crate) fn send(&mut self, recipe: &Recipe, changes: Changes, when: When) -> Command {
        let planned = self.planned(recipe);
        let before = changes.iter().map(|(k, _)| (*k, planned.get(k))).collect();
        if self.undo.len() == UNDO {
            self.undo.remove(0);
        }
        self.undo.push(Undo { edit: self.sent + 1, before, when });
        self.dispatch(changes, when)
    }

    fn dispatch(&mut self, changes: Changes, when: When) -> Command {
        self.sent += 1;
        let edit = self.sent;
        let pending =
            changes.iter().map(|(knob, to)| Pending { knob, to: to.clone(), asked: when, scheduled: None, edit });
        self.pending.extend(pending);
        Command::Edit { changes, when }
    }

    /// The command that undoes the last edit: at once, or at the edit's own time when that is still to come.
    pub(crate) fn undo(&mut self) -> Option<Command> {
        let Undo { edit, before, when } = self.undo.pop()?;
        let waits = self.pending.iter().any(|p| p.edit == edit);
        Some(self.dispatch(before, if waits { when } else { When::Now }))
    }

    /// The trainer has given an edit its time.
    pub(crate) fn scheduled(&mut self, knob: &Knob, to: &Value, when: When) {
        let waits = |p: &&mut Pending| p.knob == knob && p.to == *to && p.scheduled.is_none();
        if let Some(pending) = self.pending.iter_mut().find(waits) {
            pending.scheduled = Some(when);
        }
    }

    /// An edit has taken effect.
    pub(crate) fn applied(&mut self, knob: &Knob, to: &Value) {
        if let Some(at) = self.pending.iter().position(|p| p.knob == knob && p.to == *to) {
            self.pending.remove(at);
        }
    }

    /// A command was refused: the oldest edit without an answer did not happen.
    pub(crate) fn refused(&mut self) {
        if let Some(edit) = self.pending.iter().find(|p| p.scheduled.is_none()).map(|p| p.edit) {
            self.pending.retain(|p| p.edit != edit);
            self.undo.retain(|u| u.edit != edit);
        }
    }

    /// Nothing waits any more: the run is over.
    pub(crate) fn clear(&mut self) {
        self.pending.clear();
        self.undo.clear();
    }

    /// What is pending for a knob, the newest first.
    pub fn of(&self, knob: &Knob) -> Option<&Pending> {
        self.pending.iter().rev().find(|p| p.knob == knob)
    }

    /// The value gathered for a new run.
    pub fn forked(&self, knob: &Knob) -> Option<&Value> {
        self.fork.iter().find(|(k, _)| *k == knob).map(|(_, v)| v)
    }

    /// The recipe as it will be when every pending edit has taken effect.
    pub fn planned(&self, recipe: &Recipe) -> Recipe {
        let together = recipe.with(self.pending.iter().map(|p| (p.knob, p.to.clone())));
        together.unwrap_or_else(|_| recipe.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::knobs::find;

    fn lr(v: f64) -> Changes {
        vec![(find("schedule.base_lr").unwrap(), Value::Float(v))]
    }

    #[test]
    fn an_edit_is_pending_until_it_is_applied_and_its_undo_brings_the_old_value() {
        let recipe = Recipe::default();
        let mut edits = Edits::default();
        assert_eq!(edits.send(&recipe, lr(0.2), When::Now), Command::Edit { changes: lr(0.2), when: When::Now });
        assert_eq!(edits.pending.len(), 1);
        edits.applied(find("schedule.base_lr").unwrap(), &Value::Float(0.2));
        assert!(edits.pending.is_empty());
        assert_eq!(edits.undo(), Some(Command::Edit { changes: lr(0.1), when: When::Now }));
        assert_eq!(edits.undo(), None);
    }

    #[test]
    fn undoing_an_edit_that_still_waits_goes_to_the_same_time() {
        let mut edits = Edits::default();
        edits.send(&Recipe::default(), lr(0.2), When::Step(500));
        edits.scheduled(find("schedule.base_lr").unwrap(), &Value::Float(0.2), When::Step(500));
        assert_eq!(edits.undo(), Some(Command::Edit { changes: lr(0.1), when: When::Step(500) }));
    }

    #[test]
    fn a_refusal_takes_back_the_oldest_edit_without_an_answer_and_its_undo() {
        let mut edits = Edits::default();
        edits.send(&Recipe::default(), lr(0.2), When::NextEpoch);
        edits.scheduled(find("schedule.base_lr").unwrap(), &Value::Float(0.2), When::NextEpoch);
        edits.send(&Recipe::default(), lr(0.3), When::Now);
        edits.refused();
        assert_eq!(edits.pending.len(), 1);
        assert_eq!(edits.pending[0].to, Value::Float(0.2));
        assert_eq!(edits.undo(), Some(Command::Edit { changes: lr(0.1), when: When::NextEpoch }));
    }
}
