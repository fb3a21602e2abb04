//! Augmentation: what is drawn for one image in one epoch. Every stage has a generator of its own, keyed by seed, epoch
//! and the image's place, so that no switch changes what another stage draws.

mod area;
mod colour;
mod erase;
mod place;

pub(super) use area::draw as area;
pub(super) use colour::Colour;
#[cfg(test)]
pub(super) use colour::{hue, saturation};
pub(super) use erase::erase;
pub(super) use place::{Normaliser, Placement};

use super::resize::Region;
use crate::random::{Purpose, rng};
use crate::recipe::settings::Augment;

/// The stages of one image.
pub(super) enum Stages<'a> {
    /// Training: drawn.
    Train {
        /// The switches.
        augment: &'a Augment,
        /// Seed of the run.
        seed: u64,
        /// Epoch from 0.
        epoch: u64,
        /// The image's place in the training set.
        image: u64,
    },
    /// Validation: the middle, as it is.
    Middle,
}

impl Stages<'_> {
    /// The part of the image that is resized, when one is drawn.
    pub fn region(&self, height: usize, width: usize) -> Option<Region> {
        match *self {
            Stages::Train { augment, seed, epoch, image } if augment.resized.on => {
                Some(area(&augment.resized, height, width, &mut rng(seed, Purpose::Resized, epoch, image)))
            }
            _ => None,
        }
    }

    /// How it is laid into the batch.
    pub fn placement(&self) -> Placement {
        match *self {
            Stages::Train { augment, seed, epoch, image } => {
                Placement::draw(augment, &mut rng(seed, Purpose::Augment, epoch, image))
            }
            Stages::Middle => Placement::default(),
        }
    }

    /// The rectangle of a training image of this size that is greyed out, when one is.
    pub fn hole(&self, height: usize, width: usize) -> Option<Region> {
        match *self {
            Stages::Train { augment, seed, epoch, image } if augment.erase.on => {
                erase::draw(&augment.erase, height, width, &mut rng(seed, Purpose::Erase, epoch, image))
            }
            _ => None,
        }
    }

    /// What happens to its colours.
    pub fn colour(&self) -> Colour {
        match *self {
            Stages::Train { augment: a, seed, epoch, image }
                if a.hue.on || a.saturation.on || a.brightness.on || a.pca.on =>
            {
                let generator = |purpose| rng(seed, purpose, epoch, image);
                Colour::draw(a, &mut generator(Purpose::Colour), &mut generator(Purpose::Noise))
            }
            _ => Colour::NONE,
        }
    }
}
