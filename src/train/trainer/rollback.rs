//! Back to the moment before an edit: copies of the state in memory, made before edits take effect.

use super::alarms::Watched;
use super::{Flow, Trainer};
use crate::ops::Ops;
use crate::train::checkpoint::snapshot::Snapshot;
use crate::train::edits::Pending;
use crate::train::{Event, RolledBack, TrainError};
use std::collections::VecDeque;

/// States to roll back to, the newest last.
#[derive(Default)]
pub(super) struct Ring {
    states: VecDeque<Snapshot>,
}

impl Ring {
    /// Keeps a state; the oldest go when all together are larger than `most` bytes.
    fn push(&mut self, state: Snapshot, most: u64) {
        self.states.push_back(state);
        while self.states.iter().map(Snapshot::bytes).sum::<u64>() > most {
            self.states.pop_front();
        }
    }
}

impl<D: Ops<f32>, S: FnMut(Event)> Trainer<D, S> {
    /// Keeps the state as it is before an edit.
    pub(super) fn remember(&mut self) {
        let most = self.recipe.train.rollback_mb * 1_000_000;
        if most == 0 {
            self.ring = Ring::default();
            return;
        }
        match self.snapshot() {
            Ok(state) => self.ring.push(state, most),
            Err(e) => {
                self.alarm(format!("the state before an edit is not kept, so that it cannot be rolled back: {e}"))
            }
        }
    }

    /// Goes back to the moment before the last edit, as if neither it nor anything after it had been.
    pub(super) fn roll_back(&mut self, id: u64) -> Flow {
        let Some(state) = self.ring.states.pop_back() else {
            let reason = "there is no state to roll back to: none is kept before the first edit of this start, and no more \
                          than train.rollback_mb allows";
            self.send(Event::Refused { id, reason: reason.into() });
            return Flow::On;
        };
        match self.put_back(&state) {
            Ok(()) => Flow::Again,
            Err(e) => {
                self.send(Event::Refused { id, reason: e.to_string() });
                Flow::On
            }
        }
    }

    /// Goes back to the moment before the last edit when that was made at most an epoch's steps ago; gives the step it
    /// comes from.
    ///
    /// # Errors
    /// Why it stays where it is.
    pub(super) fn back_from_edit(&mut self) -> Result<u64, String> {
        let (from, first) = (self.at.step, self.at.step.saturating_sub(self.batches()));
        let recent = self.ring.states.back().is_some_and(|state| state.meta.at.step >= first);
        let Some(state) = recent.then(|| self.ring.states.pop_back()).flatten() else {
            return Err("no edit was made in the last epoch, or train.rollback_mb keeps no state".into());
        };
        self.put_back(&state).map_err(|e| e.to_string())?;
        Ok(from)
    }

    fn put_back(&mut self, state: &Snapshot) -> Result<(), TrainError> {
        let recipe = state.meta.recipe(&self.recipe)?;
        self.settle();
        state.restore(self.learner.trained())?;
        let from = self.at.step;
        let stand = self.made.len() - (self.at.edits - state.meta.at.edits) as usize;
        let edits = self.made.split_off(stand);
        self.at = state.meta.at.clone();
        self.recipe = recipe;
        self.steps_left = None;
        self.watched = Watched::default();
        self.mistakes = None;
        let dropped = std::mem::replace(&mut self.pending, Pending::from(state.meta.waiting.clone()));
        for edit in dropped.list().iter().filter(|edit| !state.meta.waiting.iter().any(|w| w.edit == edit.edit)) {
            self.send(Event::Refused { id: edit.id, reason: "rolled back".into() });
        }
        let written = self.save_instead();
        self.send(Event::RolledBack(Box::new(RolledBack {
            step: self.at.step,
            epoch: self.epochs_done(),
            from,
            edits,
            best: self.at.best,
            best_epoch: self.at.best_epoch,
            recipe: self.recipe.clone(),
        })));
        self.tell(written);
        Ok(())
    }
}
