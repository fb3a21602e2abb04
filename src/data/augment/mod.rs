//! Augmentation: what is drawn for one image in one epoch. Every stage has a generator of its own, keyed by seed, epoch
//! and the image's place, so that no switch changes what another stage draws.

mod area;
mod blur;
mod colour;
mod erase;
mod place;
mod rotate;
mod scale;

pub(super) use area::draw as area;
pub(super) use blur::blur;
pub(super) use colour::Colour;
#[cfg(test)]
pub(super) use colour::{hue, saturation};
pub(super) use erase::erase;
pub(super) use place::{Normaliser, Placement};
pub(super) use rotate::Rotation;

use super::resize::{Cut, Region};
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
    /// The part of an image of this height and width that is resized, and its size then of the `net` pixels that the net
    /// sees, when one is drawn.
    pub fn cut(&self, [height, width]: [usize; 2], net: [usize; 2]) -> Option<Cut> {
        match *self {
            Stages::Train { augment, seed, epoch, image } if augment.resized.on => {
                let generator = &mut rng(seed, Purpose::Resized, epoch, image);
                Some(Cut { region: area(&augment.resized, height, width, generator), size: net })
            }
            Stages::Train { augment, seed, epoch, image } if augment.scale.on => {
                let generator = &mut rng(seed, Purpose::Scale, epoch, image);
                Some(scale::draw(&augment.scale, [height, width], net, generator))
            }
            _ => None,
        }
    }

    /// How it is turned.
    pub fn rotation(&self) -> Rotation {
        match *self {
            Stages::Train { augment, seed, epoch, image } if augment.rotate.on => {
                Rotation::draw(&augment.rotate, &mut rng(seed, Purpose::Rotate, epoch, image))
            }
            _ => Rotation::NONE,
        }
    }

    /// The radius by which it is blurred, when it is.
    pub fn blur(&self) -> Option<f64> {
        match *self {
            Stages::Train { augment, seed, epoch, image } if augment.blur.on => {
                blur::draw(&augment.blur, &mut rng(seed, Purpose::Blur, epoch, image))
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
