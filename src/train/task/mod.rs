//! The task of a net, in one place: what the targets of a batch are, their loss, and what an evaluation counts.

mod classify;
mod segment;

use super::{Confusion, Figures};
use crate::data::Batch;
use crate::ops::{FeatureMap, Loss, Ops};
use crate::recipe::Settings;
use crate::recipe::settings::Task;
use crate::tricks::mix::Pair;
use dfdx::prelude::OwnedTape;

/// The targets of a batch.
pub(super) enum Targets<D: Ops<f32>> {
    /// Of images.
    Classes(classify::Targets<D>),
    /// Of pixels.
    Pixels(segment::Targets),
}

impl<D: Ops<f32>> Targets<D> {
    /// Of a batch, as the recipe smooths and mixes them, with the weights of the classes where they are wanted.
    ///
    /// # Errors
    /// The device's.
    pub fn of(
        dev: &D,
        batch: &Batch,
        pairs: Option<&[Pair]>,
        classes: usize,
        weights: Option<&[f64]>,
        s: &Settings,
    ) -> Result<Self, D::Err> {
        Ok(match s.task {
            Task::Classify => Targets::Classes(classify::Targets::of(dev, batch, pairs, classes, weights, s)?),
            Task::Segment => Targets::Pixels(segment::Targets::of(batch, pairs)),
        })
    }

    /// What the logits of a batch are compared with, row by row; of something mixed that which has the larger share, and
    /// none where nothing counts.
    pub fn labels(&self) -> &[Option<usize>] {
        match self {
            Targets::Classes(targets) => &targets.labels,
            Targets::Pixels(targets) => &targets.labels,
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
        s: &Settings,
        scale: f64,
    ) -> Result<Loss<f32, D>, D::Err> {
        match self {
            Targets::Classes(targets) => targets.loss(logits, auxiliary, teacher, &s.tricks.distill, scale),
            Targets::Pixels(targets) => targets.loss(logits, auxiliary, teacher, s, scale),
        }
    }
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
        /// Share of the pixels that count whose class came first.
        accuracy: f64,
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
    pub fn end(self, classes: usize) -> Found {
        match self {
            Count::Classes(count) => count.end(classes),
            Count::Pixels(count) => count.end(classes),
        }
    }
}
