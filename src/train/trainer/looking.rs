//! Looks inside the net while a screen asks for them, so seldom that they cost little.

use super::Trainer;
use crate::data::Batch;
use crate::ops::Ops;
use crate::train::{Event, Inside, Outcome, TrainError};
use crate::tricks::schedule::Position;
use std::time::{Duration, Instant};

/// Shortest time between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// After a look nobody looks for so many times as long as it took: it costs a hundredth of the time at most.
const RARE: u32 = 100;

/// Who looks, and when next.
#[derive(Default)]
pub(super) struct Looking {
    screens: usize,
    next: Option<Instant>,
}

impl Looking {
    /// One screen more or less.
    pub(super) fn ask(&mut self, on: bool) {
        if on {
            (self.screens, self.next) = (self.screens + 1, None);
        } else {
            self.screens = self.screens.saturating_sub(1);
        }
    }

    fn is_due(&self) -> bool {
        self.screens > 0 && self.next.is_none_or(|next| next <= Instant::now())
    }

    fn looked(&mut self, spent: Duration) {
        self.next = Some(Instant::now() + PAUSE.max(spent * RARE));
    }
}

impl<D: Ops<f32>, S: FnMut(Event)> Trainer<D, S> {
    /// Trains on a batch, and looks inside when that is due.
    pub(super) fn step(&mut self, images: &Batch, at: Position) -> Result<(Outcome, Option<Box<Inside>>), TrainError> {
        if !self.looking.is_due() {
            let outcome = self.learner.step(images, at, &self.recipe).map_err(TrainError::device)?;
            return Ok((outcome, None));
        }
        let number = self.at.step + 1;
        let seen = self.learner.step_and_look(images, at, &self.recipe, number).map_err(TrainError::device)?;
        let (outcome, sight) = seen;
        let inside = sight.map(|sight| {
            self.looking.looked(sight.spent);
            Box::new(sight.inside)
        });
        Ok((outcome, inside))
    }
}
