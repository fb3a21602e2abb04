//! Edits on their way: sent and not yet answered, waiting for their time, and how to undo them.

use crate::recipe::{Applies, Changes, Knob, Recipe, Value};
use crate::train::{Command, When};

/// Edits that can be undone.
const UNDO: usize = 256;

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
    id: u64,
}

impl Pending {
    /// When it takes effect, as far as is known.
    pub fn when(&self) -> When {
        self.scheduled.unwrap_or(self.asked)
    }
}

#[derive(Clone, Debug)]
struct Undo {
    id: u64,
    /// Its number in the run, once it has taken effect.
    number: Option<u64>,
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
        self.undo.push(Undo { id: self.sent + 1, number: None, before, when });
        self.dispatch(changes, when)
    }

    fn dispatch(&mut self, changes: Changes, when: When) -> Command {
        self.sent += 1;
        let id = self.sent;
        let pending =
            changes.iter().map(|(knob, to)| Pending { knob, to: to.clone(), asked: when, scheduled: None, id });
        self.pending.extend(pending);
        Command::Edit { id, changes, when }
    }

    /// The command that undoes the last edit: at once, or at the edit's own time when that is still to come.
    pub(crate) fn undo(&mut self) -> Option<Command> {
        let Undo { id, before, when, .. } = self.undo.pop()?;
        let waits = self.pending.iter().any(|p| p.id == id);
        Some(self.dispatch(before, if waits { when } else { When::Now }))
    }

    /// The trainer has given an edit its time.
    pub(crate) fn scheduled(&mut self, id: u64, when: When) {
        self.pending.iter_mut().filter(|p| p.id == id).for_each(|p| p.scheduled = Some(when));
    }

    /// An edit has taken effect.
    pub(crate) fn applied(&mut self, id: u64, number: u64) {
        self.pending.retain(|p| p.id != id);
        self.undo.iter_mut().filter(|u| u.id == id).for_each(|u| u.number = Some(number));
    }

    /// The command that goes back to the moment before the last edit.
    pub(crate) fn roll_back(&mut self) -> Command {
        Command::RollBack { id: self.name() }
    }

    /// A name for something that is asked for and answered.
    pub(crate) fn name(&mut self) -> u64 {
        self.sent += 1;
        self.sent
    }

    /// Edits were taken back by a rollback: there is nothing left of them to undo.
    pub(crate) fn rolled_back(&mut self, numbers: &[u64]) {
        self.undo.retain(|u| u.number.is_none_or(|number| !numbers.contains(&number)));
    }

    /// An edit did not happen.
    pub(crate) fn refused(&mut self, id: u64) {
        self.pending.retain(|p| p.id != id);
        self.undo.retain(|u| u.id != id);
    }

    /// Nothing waits any more: the run is over.
    pub(crate) fn clear(&mut self) {
        self.pending.clear();
        self.undo.clear();
    }

    /// Another run begins: only what none but a run from scratch can take stays gathered.
    pub(crate) fn start_over(&mut self) {
        let mut fork = std::mem::take(&mut self.fork);
        fork.retain(|(knob, _)| knob.applies == Applies::Fork);
        *self = Edits { fork, ..Edits::default() };
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
        assert_eq!(edits.send(&recipe, lr(0.2), When::Now), Command::Edit { id: 1, changes: lr(0.2), when: When::Now });
        assert_eq!(edits.pending.len(), 1);
        edits.applied(1, 1);
        assert!(edits.pending.is_empty());
        assert_eq!(edits.undo(), Some(Command::Edit { id: 2, changes: lr(0.1), when: When::Now }));
        assert_eq!(edits.undo(), None);
    }

    #[test]
    fn undoing_an_edit_that_still_waits_goes_to_the_same_time() {
        let mut edits = Edits::default();
        edits.send(&Recipe::default(), lr(0.2), When::Step(500));
        edits.scheduled(1, When::Step(500));
        assert_eq!(edits.undo(), Some(Command::Edit { id: 2, changes: lr(0.1), when: When::Step(500) }));
    }

    #[test]
    fn a_refusal_takes_back_its_edit_and_the_undo_of_it() {
        let mut edits = Edits::default();
        edits.send(&Recipe::default(), lr(0.2), When::NextEpoch);
        edits.scheduled(1, When::NextEpoch);
        edits.send(&Recipe::default(), lr(0.3), When::Now);
        edits.refused(2);
        assert_eq!(edits.pending.len(), 1);
        assert_eq!(edits.pending[0].to, Value::Float(0.2));
        assert_eq!(edits.undo(), Some(Command::Edit { id: 3, changes: lr(0.1), when: When::NextEpoch }));
    }
}
