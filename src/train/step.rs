//! One training step: images and targets are mixed, the net gives its logits, the loss its gradients, and the optimiser
//! updates the weights.

use super::gradients::Gradients;
use super::learner::Learner;
use super::shards::Shard;
use super::task::Targets;
use super::updates::Updates;
use crate::data::Batch;
use crate::nn::{Role, Tuning};
use crate::ops::{FeatureMap, Loss, Matrix, Mode, Ops, Updated};
use crate::recipe::Settings;
use crate::recipe::settings::Balance;
use crate::tricks::mix;
use crate::tricks::scaling::scales;
use crate::tricks::schedule::{self, Position};
use dfdx::prelude::NoneTape;

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Mean loss of the batch before the update; with a teacher less the share of the soft loss that no net can take
    /// away (T² times the entropy of the teacher's softened output), so that it can come near 0.
    pub loss: f32,
    /// Learning rate.
    pub lr: f64,
    /// Whether the weights were updated; they are not when the loss or a gradient is not finite, and then all is as
    /// before the step.
    pub updated: bool,
    /// Whether they were not because a gradient overflowed in half precision; the next step scales the loss less.
    pub overflow: bool,
}

impl Outcome {
    /// Why the weights were not updated.
    pub fn fault(&self) -> String {
        if self.loss.is_finite() { "a gradient is not finite".into() } else { format!("loss is {}", self.loss) }
    }
}

/// What the net is given.
pub(super) struct Fed<D: Ops<f32>> {
    /// Images `(N, H, W, C)`, mixed.
    images: FeatureMap<f32, D>,
    targets: Targets<D>,
}

impl<D: Ops<f32>> Learner<D> {
    /// Trains on one batch.
    ///
    /// # Errors
    /// The device's.
    pub fn step(&mut self, batch: Batch, at: Position, s: &Settings) -> Result<Outcome, D::Err> {
        D::enter(|| self.pass(batch, at, s, None))
    }

    /// The step; whoever looks is shown the gradients and what the update does with them.
    pub(super) fn pass(
        &mut self,
        batch: Batch,
        at: Position,
        s: &Settings,
        look: Option<&mut Updates>,
    ) -> Result<Outcome, D::Err> {
        let (lr, precision) = (schedule::lr(at, s), Self::precision(&s.tricks.mixed));
        let scale = if scales(precision) { f64::from(self.scaler.scale) } else { 1.0 };
        let before = self.statistics();

        let tuning = self.tuning(s, at.epoch);
        let gradients = self.gradients(batch, at, s, scale, tuning)?;
        let Updated { loss, updated } = self.update(gradients, lr, tuning, s, look)?;

        if !updated {
            self.put_statistics(before);
        } else if let Some(average) = &mut self.average {
            average.follow(&self.net, s.optim.ema.decay)?;
        }
        let overflow = scales(precision) && loss.is_finite() && self.scaler.note(updated, s.tricks.mixed.growth);
        Ok(Outcome { loss, lr, updated, overflow })
    }

    /// Mixes images (section 5.4) and makes their targets (section 5.2), weighed by class where that is wanted.
    pub(super) fn prepare(
        &mut self,
        mut batch: Batch,
        shard: Shard,
        at: Position,
        s: &Settings,
    ) -> Result<Fed<D>, D::Err> {
        let pairs = mix::pairs(&s.tricks, s.train.epochs, (s.train.seed, at.epoch, shard.draw(at)), batch.n);
        if let Some(pairs) = &pairs {
            batch.pixels = mix::pixels(pairs, &batch.pixels, [batch.height, batch.width, batch.channels]);
        }
        if shard.place == 0 {
            self.observer.feed(&batch, shard.of, pairs.as_deref(), &s.tricks.smoothing);
        }
        let weights = (s.data.balance == Balance::Weights).then_some(&self.sizes.weights[..]);
        let targets = Targets::of(&self.dev, &mut batch, pairs.as_deref(), self.net.spec().classes, weights, s)?;
        let images = self.images(batch)?;
        let images = D::to_precision(images, Self::precision(&s.tricks.mixed))?;
        Ok(Fed { images, targets })
    }

    /// Goes through the net, and the teacher where there is one, to the loss.
    pub(super) fn score(
        &mut self,
        fed: Fed<D>,
        scale: f64,
        tuning: Tuning,
        s: &Settings,
    ) -> Result<Loss<f32, D>, D::Err> {
        let distill = &s.tricks.distill;
        let teacher = match &mut self.teacher {
            Some(teacher) if distill.on => Some(teacher.net.forward(fed.images.clone(), Mode::Eval)?),
            _ => None,
        };
        let (mut logits, auxiliary) = self.net.forward_both(fed.images.put_tape(D::tape()), tuning)?;
        if let Some(teacher) = teacher.as_ref().filter(|_| self.observer.looks()) {
            let (student, tape) = logits.split_tape();
            let both = (D::values(teacher)?, D::values(&student)?);
            self.observer.compare(&fed.targets.labels(), &both.0, &both.1);
            logits = student.put_tape(tape);
        }
        fed.targets.loss(logits, auxiliary, teacher, distill, scale)
    }

    /// Updates the weights; does nothing when the loss or a gradient is not finite.
    fn update(
        &mut self,
        mut gradients: Gradients<f32, D>,
        lr: f64,
        tuning: Tuning,
        s: &Settings,
        mut look: Option<&mut Updates>,
    ) -> Result<Updated, D::Err> {
        let rates = self.rates(tuning, s);
        let Learner { net, optimiser, .. } = self;
        let before = match &mut look {
            Some(updates) => updates.before(&net.params(), &rates, &mut gradients)?,
            None => Vec::new(),
        };
        let rated = net.params_mut().into_iter().zip(rates).collect();
        let updated = optimiser.update(rated, &mut gradients, lr, s)?;
        if let Some(updates) = look {
            updates.after(&before, &net.params());
        }
        Ok(updated)
    }

    /// The running statistics of the norms, which a forward pass changes.
    pub(super) fn statistics(&self) -> Vec<Matrix<f32, D, NoneTape>> {
        let all = self.net.params().into_iter();
        all.filter(|p| p.role == Role::Statistic).map(|p| p.data.clone()).collect()
    }

    pub(super) fn put_statistics(&mut self, statistics: Vec<Matrix<f32, D, NoneTape>>) {
        let all = self.net.params_mut().into_iter();
        all.filter(|p| p.role == Role::Statistic).zip(statistics).for_each(|(p, kept)| p.data = kept);
    }
}
