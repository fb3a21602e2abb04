//! The search for a learning rate, on a copy of the state.

use super::{Flow, Trainer};
use crate::ops::Ops;
use crate::train::{Command, Event, RateSearch, State, Target, TrainError};
use crate::tricks::finder::{Search, at_rate};
use crate::tricks::schedule::{Position, base_lr_for};
use std::sync::mpsc::TryRecvError;

/// Overflows in a row of a step in mixed precision whose scale is still to be found.
const OVERFLOWS: usize = 40;

impl<D: Ops<f32>, S: FnMut(Event)> Trainer<D, S> {
    /// Searches for a rate with the batches that come next; then the run stands where it stood, to the bit. It fails when it
    /// cannot be brought back there.
    pub(super) fn find_rate(&mut self) -> Flow {
        let before = self.state;
        let copy = match self.snapshot() {
            Ok(copy) => copy,
            Err(e) => {
                self.alarm(format!("no rate was searched for: {e}"));
                return Flow::On;
            }
        };
        self.enter(State::Finding);
        self.send(Event::Rate(RateSearch::Begun));
        let mut search = Search::default();
        let why = self.search(&mut search).unwrap_or_else(|e| e.to_string());
        // What was seen of its steps is none of the run's.
        self.learner.observer.look(false);
        self.learner.observer.look(self.looking.at(Target::Pictures));
        if let Err(e) = copy.restore(self.learner.trained()) {
            return Flow::Fail(format!("the state before the search for a rate cannot be put back: {e}"));
        }
        let suggestion = search.suggestion();
        let base_lr = suggestion.map(|found| in_two_digits(base_lr_for(found.lr, &self.recipe)));
        self.enter(before);
        self.send(Event::Rate(RateSearch::Found { suggestion, base_lr, why }));
        Flow::On
    }

    /// Makes the steps; says why they ended.
    fn search(&mut self, search: &mut Search) -> Result<String, TrainError> {
        let mut at = self.at.clone();
        let batches = self.batches();
        while let Some(lr) = search.next() {
            if self.interrupted() {
                return Ok(format!("ended after {} steps", search.points().len()));
            }
            if at.batch == batches {
                (at.epoch, at.batch) = (at.epoch + 1, 0);
            }
            // What is broken is told when the run comes to it.
            let images = self.reader.batch(&self.pass(at.epoch), at.batch as usize)?;
            at.batch += 1;
            let place = Position { epoch: at.epoch, batch: at.batch, batches };
            let settings = at_rate(&self.recipe, lr);
            let mut overflows = 0;
            let outcome = loop {
                let outcome = self.learner.step(images.clone(), place, &settings).map_err(TrainError::device)?;
                overflows += 1;
                if !outcome.overflow || overflows == OVERFLOWS {
                    break outcome;
                }
            };
            let loss = if outcome.updated { f64::from(outcome.loss) } else { f64::NAN };
            let goes_on = search.push(lr, loss);
            if let Some(point) = search.points().last().filter(|point| point.lr == lr) {
                self.send(Event::Rate(RateSearch::Point(*point)));
            }
            if !goes_on {
                let what = if outcome.updated { "the loss is four times its best".into() } else { outcome.fault() };
                return Ok(format!("{what} at a rate of {lr:.1e}, step {}", search.points().len()));
            }
        }
        Ok(format!("all {} steps were made", search.points().len()))
    }

    /// Whether a command ends the search; the others wait until it is over.
    fn interrupted(&mut self) -> bool {
        loop {
            match self.commands.try_recv() {
                Ok(Command::EndFinding) => return true,
                Ok(Command::Look { screen, at }) => self.look(screen, at),
                Ok(command) => {
                    let stops = matches!(command, Command::Stop { .. });
                    self.held.push_back(command);
                    if stops {
                        return true;
                    }
                }
                Err(TryRecvError::Disconnected) => return true,
                Err(TryRecvError::Empty) => return false,
            }
        }
    }
}

/// A number rounded to two digits, as a person would type it.
fn in_two_digits(v: f64) -> f64 {
    format!("{v:.1e}").parse().unwrap_or(v)
}
