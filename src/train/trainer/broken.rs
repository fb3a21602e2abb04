//! Images that could not be used: named once, counted, and too many when the recipe says so.

use super::Trainer;
use crate::data::{DataError, Skipped};
use crate::ops::Ops;
use crate::train::{Event, TrainError};
use std::collections::BTreeSet;

/// The broken images of a run so far.
#[derive(Default)]
pub(super) struct Broken {
    images: BTreeSet<String>,
}

impl Broken {
    pub(super) fn count(&self) -> usize {
        self.images.len()
    }
}

impl<D: Ops<f32>, S: FnMut(Event)> Trainer<D, S> {
    /// Names broken images that were not known yet; fails when they are more than `data.broken_share` of the set.
    pub(super) fn skip(&mut self, skipped: &[Skipped]) -> Result<(), TrainError> {
        for Skipped { image, problem } in skipped {
            if !self.broken.images.insert(image.clone()) {
                continue;
            }
            let broken = self.broken.count();
            self.send(Event::Skipped { step: self.at.step, image: image.clone(), problem: problem.clone(), broken });
            let (set, share) = (self.reader.set(), self.recipe.data.broken_share);
            let images = set.train.len() + set.test.len();
            if broken as f64 > share * images as f64 {
                let last = format!("{image} {problem}");
                return Err(DataError::Broken { set: set.name.clone(), broken, images, share, last }.into());
            }
        }
        Ok(())
    }
}
