//! Who looks, and looks inside the net, so seldom that they cost little.

use super::Trainer;
use crate::data::Batch;
use crate::ops::Ops;
use crate::train::{Event, Inside, Outcome, Target, TrainError};
use crate::tricks::schedule::Position;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Shortest time between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// After a look nobody looks for so many times as long as it took: it costs a hundredth of the time at most.
const RARE: u32 = 100;

/// Who looks at what, and when the net is looked into next.
#[derive(Default)]
pub(super) struct Looking {
    screens: BTreeMap<u64, Target>,
    next: Option<Instant>,
}

impl Looking {
    pub(super) fn at(&self, target: Target) -> bool {
        self.screens.values().any(|at| *at == target)
    }

    fn is_due(&self) -> bool {
        self.at(Target::Layers) && self.next.is_none_or(|next| next <= Instant::now())
    }

    fn looked(&mut self, spent: Duration) {
        self.next = Some(Instant::now() + PAUSE.max(spent * RARE));
    }
}

impl<D: Ops<f32>, S: FnMut(Event)> Trainer<D, S> {
    /// A screen looks at something else, or no longer; what it begins to look at it sees at once.
    pub(super) fn look(&mut self, screen: u64, at: Option<Target>) {
        match at {
            Some(at) => self.looking.screens.insert(screen, at),
            None => self.looking.screens.remove(&screen),
        };
        self.learner.observer.look(self.looking.at(Target::Pictures));
        match at {
            Some(Target::Pictures) => self.show_mistakes(),
            Some(Target::Layers) => self.looking.next = None,
            None => {}
        }
    }

    /// Trains on a batch, and looks inside when that is due.
    pub(super) fn step(&mut self, images: Batch, at: Position) -> Result<(Outcome, Option<Box<Inside>>), TrainError> {
        if !self.looking.is_due() {
            let outcome = self.learner.step(images, at, &self.recipe).map_err(TrainError::device)?;
            return Ok((outcome, None));
        }
        let number = self.at.step + 1;
        let seen = self.learner.step_and_look(images, at, &self.recipe, number).map_err(TrainError::device)?;
        let (outcome, look) = seen;
        let inside = look.map(|look| {
            self.looking.looked(look.spent);
            Box::new(look.inside)
        });
        Ok((outcome, inside))
    }
}
