//! Commands and edits, taken at step boundaries.

use super::{Flow, Trainer};
use crate::ops::Ops;
use crate::recipe::Changes;
use crate::train::edits::{ScheduledEdit, already, due, effective};
use crate::train::{Change, Command, Event, State, When};
use crate::tricks::finetune::without_effect;
use std::sync::mpsc::TryRecvError;

/// The changes of an edit, as a person would type them.
fn of_words(changes: &Changes) -> String {
    changes.iter().map(|(knob, to)| format!("{}={to}", knob.path)).collect::<Vec<_>>().join(" ")
}

impl<D: Ops<f32>, S: FnMut(Event)> Trainer<D, S> {
    /// Takes every waiting command; while paused, waits for more. Then applies the edits that are due, those that wait
    /// for an epoch too where one starts.
    pub(super) fn boundary(&mut self, epoch_starts: bool) -> Flow {
        self.take_reports(false);
        self.probe();
        if let Some(why) = self.unanswered.fault.take() {
            return Flow::Fail(why);
        }
        if self.options.until.is_some_and(|until| self.at.step >= until) {
            // Edits may have been made after the very last step.
            self.apply_due(epoch_starts);
            return Flow::End(None);
        }
        self.save_if_due();
        loop {
            let command = if let Some(held) = self.held.pop_front() {
                Ok(held)
            } else if self.state == State::Paused {
                self.report();
                self.settle();
                self.commands.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                self.commands.try_recv()
            };
            match command {
                Ok(Command::Stop { save }) => return Flow::Stop { save },
                Ok(Command::RollBack { id }) => match self.roll_back(id) {
                    Flow::On => {}
                    again => return again,
                },
                Ok(Command::FindRate) => match self.find_rate() {
                    Flow::On => {}
                    failed => return failed,
                },
                Ok(command) => self.obey(command),
                Err(TryRecvError::Disconnected) => return Flow::Stop { save: true },
                Err(TryRecvError::Empty) => break,
            }
        }
        self.apply_due(epoch_starts);
        Flow::On
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Edit { id, changes, when } => match due(&self.recipe, &changes, when, self.at.step) {
                Err(e) => self.send(Event::Refused { id, reason: e.to_string() }),
                Ok(when) => {
                    let asked = changes.clone();
                    let changes = effective(&self.recipe, self.pending.list(), changes, when);
                    if changes.is_empty() {
                        return self.send(Event::Refused { id, reason: already(&asked) });
                    }
                    self.last_edit += 1;
                    let edit = ScheduledEdit { id, edit: self.last_edit, changes, when };
                    if when == When::Now {
                        return self.apply(edit);
                    }
                    for (knob, to) in &edit.changes {
                        self.send(Event::Scheduled { id, knob, to: to.clone(), when });
                    }
                    self.pending.push(edit);
                }
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
            Command::Look { screen, at } => self.look(screen, at),
            Command::Predict { id, path } => self.predict(id, path),
            Command::Save => self.save(true, false),
            // There is no search any more, or it is taken before.
            Command::EndFinding => {}
            Command::Stop { .. } | Command::RollBack { .. } | Command::FindRate => {}
        }
    }

    pub(super) fn apply_due(&mut self, epoch_starts: bool) {
        for edit in self.pending.take_due(self.at.step, epoch_starts) {
            self.apply(edit);
        }
    }

    fn apply(&mut self, ScheduledEdit { id, edit, changes, .. }: ScheduledEdit) {
        let changed = self.recipe.with(changes.clone()).map_err(|e| e.to_string());
        let ready = changed.and_then(|recipe| {
            if let Some(why) = without_effect(&changes, &recipe, self.at.epoch) {
                return Err(why);
            }
            self.learner.ready_teacher(&recipe.tricks.distill).map_err(|e| e.to_string())?;
            let begins = recipe.optim.ema.on && self.learner.average.is_none();
            let average = begins.then(|| self.learner.average_begun()).transpose().map_err(|e| e.to_string())?;
            Ok((recipe, average))
        });
        match ready {
            Err(reason) => {
                // Nobody waits for an answer to an edit of a preset.
                if id == 0 {
                    self.alarm(format!("the edit {} is refused: {reason}", of_words(&changes)));
                }
                self.send(Event::Refused { id, reason });
            }
            Ok((recipe, begun)) => {
                self.remember();
                let present = self.learner.average.take();
                self.learner.average = begun.or(present.filter(|_| recipe.optim.ema.on));
                changes.iter().for_each(|(knob, _)| self.watched.trace.edited(knob));
                let before = std::mem::replace(&mut self.recipe, recipe);
                let change = |(knob, _)| Change { knob, from: before.get(knob), to: self.recipe.get(knob) };
                let balances = before.data.balance != self.recipe.data.balance;
                let (mixed, was) = (&self.recipe.tricks.mixed, &before.tricks.mixed);
                let mixes = (mixed.on, mixed.format) != (was.on, was.format);
                let changes = changes.into_iter().map(change).collect();
                self.at.edits += 1;
                self.made.push(edit);
                self.send(Event::Applied { id, edit, step: self.at.step, changes, by: None });
                let balance = if balances { self.balance() } else { None };
                let mixed = if mixes { self.mixed() } else { None };
                self.learner.teacher_note().into_iter().chain(balance).chain(mixed).for_each(|note| self.alarm(note));
            }
        }
    }
}
