//! The task of a net, in one place: what the targets of a batch are, their loss, and what an evaluation counts.

mod classify;
mod segment;

use super::{Confusion, Figures, TrainError};
use crate::data::Batch;
use crate::ops::{FeatureMap, Loss, Objective, Ops, PixelObjective};
use crate::recipe::Settings;
use crate::recipe::settings::{Distill, DistillForm, Task};
use crate::tricks::mix::Pair;
use dfdx::prelude::OwnedTape;

/// The targets of a batch.
pub(super) enum Targets<D: Ops<f32>> {
    /// Of images.
    Classes(classify::Targets<D>),
    /// Of pixels.
    Pixels(segment::Targets<D>),
}

impl<D: Ops<f32>> Targets<D> {
    /// Of a batch, whose masks they take, as the recipe smooths and mixes them, with the weights of the classes where they
    /// are wanted.
    ///
    /// # Errors
    /// The device's.
    pub fn of(
        dev: &D,
        batch: &mut Batch,
        pairs: Option<&[Pair]>,
        classes: usize,
        weights: Option<&[f64]>,
        s: &Settings,
    ) -> Result<Self, D::Err> {
        Ok(match s.task {
            Task::Classify => Targets::Classes(classify::Targets::of(dev, batch, pairs, classes, weights, s)?),
            Task::Segment => Targets::Pixels(segment::Targets::of(batch, pairs, classes, s)),
        })
    }

    /// What the logits of a batch are compared with, row by row; of something mixed that which has the larger share, and
    /// none where nothing counts.
    pub fn labels(&self) -> Vec<Option<usize>> {
        match self {
            Targets::Classes(targets) => targets.labels.iter().copied().map(Some).collect(),
            Targets::Pixels(targets) => targets.labels(),
        }
    }

    /// The loss of logits, and of those of an auxiliary classifier, which a teacher's may be part of; its gradients are to
    /// be multiplied by `scale`.
    ///
    /// # Errors
    /// The device's.
    pub fn loss(
        self,
        logits: FeatureMap<f32, D, OwnedTape<f32, D>>,
        auxiliary: Option<FeatureMap<f32, D>>,
        teacher: Option<FeatureMap<f32, D>>,
        distill: &Distill,
        scale: f64,
    ) -> Result<Loss<f32, D>, D::Err> {
        let (hard, soft) = shares(distill, teacher.is_some());
        match self {
            Targets::Classes(targets) => {
                D::loss(logits, auxiliary, Objective { teacher, hard, soft, ..targets.objective }, scale)
            }
            Targets::Pixels(targets) => {
                D::pixel_loss(logits, auxiliary, PixelObjective { teacher, hard, soft, ..targets.objective }, scale)
            }
        }
    }
}

/// Shares of the hard and of the teacher's soft loss (section 5.3): hard + T² soft, or (1 - w) hard + w T² soft.
fn shares(distill: &Distill, taught: bool) -> (f64, f64) {
    // The shares are numbers of single precision, as the loss is.
    let weight = distill.weight as f32;
    let (hard, soft) = match (taught, distill.form) {
        (false, _) | (true, DistillForm::Paper) => (1.0, 1.0),
        (true, DistillForm::Weighted) => (1.0 - weight, weight),
    };
    (hard.into(), soft.into())
}

/// What a net says of a test image, beside what is right.
#[derive(Clone, Copy, Debug)]
pub enum Answer<'a> {
    /// Its class.
    Class {
        /// Its class.
        label: usize,
        /// The class that it is taken for.
        predicted: usize,
        /// Logits of all classes.
        logits: &'a [f32],
    },
    /// The classes of its pixels.
    Mask {
        /// The class of every pixel, or that it is ignored.
        mask: &'a [u8],
        /// The class that every pixel is taken for.
        predicted: &'a [u8],
        /// Share of the pixels that count whose class came first; none where no pixel counts.
        accuracy: Option<f64>,
    },
}

/// What an evaluation comes to.
pub(super) struct Found {
    pub loss: f64,
    pub figures: Figures,
    pub confusion: Confusion,
}

/// What an evaluation has counted.
pub(super) enum Count {
    Classes(classify::Count),
    Pixels(segment::Count),
}

impl Count {
    /// Nothing yet.
    pub fn of(task: Task) -> Count {
        match task {
            Task::Classify => Count::Classes(classify::Count::default()),
            Task::Segment => Count::Pixels(segment::Count::default()),
        }
    }

    /// Adds the images of a batch; `look` is shown the number of each in the batch, what the net says of it, and its loss.
    pub fn add(&mut self, batch: &Batch, classes: usize, logits: &[f32], look: impl FnMut(usize, Answer<'_>, f64)) {
        match self {
            Count::Classes(count) => count.add(batch, classes, logits, look),
            Count::Pixels(count) => count.add(batch, classes, logits, look),
        }
    }

    /// The figures of all images.
    ///
    /// # Errors
    /// Where nothing counts.
    pub fn end(self, classes: usize) -> Result<Found, TrainError> {
        match self {
            Count::Classes(count) => Ok(count.end(classes)),
            Count::Pixels(count) => count.end(classes),
        }
    }
}
