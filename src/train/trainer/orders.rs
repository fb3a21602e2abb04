//! Commands and edits, taken at step boundaries.

use super::{Flow, Trainer};
use crate::ops::Ops;
use crate::recipe::{Changes, reasons};
use crate::train::edits::{Edit, due};
use crate::train::{Command, Event, State, When};
use std::sync::mpsc::TryRecvError;

impl<D: Ops<f32>, S: FnMut(Event)> Trainer<D, S> {
    /// Takes every waiting command; while paused, waits for more. Then applies the edits that are due.
    pub(super) fn boundary(&mut self) -> Flow {
        loop {
            let command = if self.state == State::Paused {
                self.report();
                self.commands.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                self.commands.try_recv()
            };
            match command {
                Ok(Command::Stop { save }) => return Flow::Stop { save },
                Ok(command) => self.obey(command),
                Err(TryRecvError::Disconnected) => return Flow::Stop { save: true },
                Err(TryRecvError::Empty) => break,
            }
        }
        self.apply_due(false);
        Flow::On
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Edit { id, changes, when } => match due(&self.recipe, &changes, when, self.step) {
                Ok(When::Now) => self.apply(id, changes),
                Ok(when) => {
                    for (knob, to) in &changes {
                        self.send(Event::Scheduled { id, knob, to: to.clone(), when });
                    }
                    self.pending.push(Edit { id, changes, when });
                }
                Err(reason) => self.send(Event::Refused { id, reason }),
            },
            Command::Pause => self.enter(State::Paused),
            Command::Resume => {
                self.steps_left = None;
                self.enter(State::Running);
            }
            Command::Steps(0) => {}
            Command::Steps(n) => {
                self.steps_left = Some(n);
                self.enter(State::Running);
            }
            Command::Evaluate => match self.evaluate() {
                Ok(evaluation) => self.send(Event::Evaluated(Box::new(evaluation))),
                Err(e) => self.alarm(e.to_string()),
            },
            Command::Save => self.checkpoint(false),
            Command::Stop { .. } => {}
        }
    }

    pub(super) fn apply_due(&mut self, epoch_starts: bool) {
        for Edit { id, changes, .. } in self.pending.take_due(self.step, epoch_starts) {
            self.apply(id, changes);
        }
    }

    fn apply(&mut self, id: u64, changes: Changes) {
        let changed = self.recipe.with(changes.clone()).map_err(|invalid| reasons(&invalid));
        let ready = changed.and_then(|recipe| {
            self.learner.ready_teacher(&recipe.tricks.distill).map_err(|e| e.to_string())?;
            Ok(recipe)
        });
        match ready {
            Err(reason) => self.send(Event::Refused { id, reason }),
            Ok(recipe) => {
                let before = std::mem::replace(&mut self.recipe, recipe);
                for (knob, _) in changes {
                    let (from, to) = (before.get(knob), self.recipe.get(knob));
                    self.send(Event::Applied { id, step: self.step, knob, from, to });
                }
            }
        }
    }
}
