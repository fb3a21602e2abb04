//! The task of a net, in one place: what the targets of a batch are, their loss, and what an evaluation counts.

mod classify;

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
}

impl<D: Ops<f32>> Targets<D> {
    /// Of a batch, as the recipe smooths and mixes them.
    ///
    /// # Errors
    /// The device's.
    pub fn of(dev: &D, batch: &Batch, pairs: Option<&[Pair]>, classes: usize, s: &Settings) -> Result<Self, D::Err> {
        Ok(match s.task {
            Task::Classify | Task::Segment => Targets::Classes(classify::Targets::of(dev, batch, pairs, classes, s)?),
        })
    }

    /// What the logits of a batch are compared with, row by row; of something mixed that which has the larger share, and
    /// none where nothing counts.
    pub fn labels(&self) -> &[Option<usize>] {
        match self {
            Targets::Classes(targets) => &targets.labels,
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
}

impl Count {
    /// Nothing yet.
    pub fn of(task: Task) -> Count {
        match task {
            Task::Classify | Task::Segment => Count::Classes(classify::Count::default()),
        }
    }

    /// Adds the images of a batch; `look` is shown the number of each in the batch, what the net says of it, and its loss.
    pub fn add(&mut self, batch: &Batch, classes: usize, logits: &[f32], look: impl FnMut(usize, Answer<'_>, f64)) {
        match self {
            Count::Classes(count) => count.add(batch, classes, logits, look),
        }
    }

    /// The figures of all images.
    pub fn end(self, classes: usize) -> Found {
        match self {
            Count::Classes(count) => count.end(classes),
        }
    }
}
