//! A batch in shards (`train.shard`): each goes through the net alone, with a norm of its own (section 2.1's batches of 32 on
//! each of 8 GPUs), and their gradients are added before the update. So a large batch fits into little memory.
//!
//! Gradients, losses and running statistics are added along one binary tree over the shards: a range is cut at the largest
//! power of two below its length. Whoever computes a part of the tree elsewhere gets the same bits.

use super::gradients::Gradients;
use super::learner::Learner;
use crate::data::Batch;
use crate::nn::{Role, Tuning};
use crate::ops::{Dropout, Matrix, Mode, Ops};
use crate::recipe::Settings;
use crate::recipe::settings::Task;
use crate::tricks::schedule::Position;
use dfdx::prelude::{TryAdd, TryMul};
use std::ops::Range;

/// Where the draws of a shard count from: an epoch has fewer batches.
const APART: u64 = 1 << 32;

/// A shard, and the batch that it is of.
#[derive(Clone, Copy)]
pub(super) struct Shard {
    /// Its place in the batch.
    pub place: usize,
    /// Images of the batch.
    pub of: usize,
}

impl Shard {
    /// What its draws count as the batch's place in the epoch; those of the first shard are those of a whole batch.
    pub fn draw(self, at: Position) -> u64 {
        at.batch + self.place as u64 * APART
    }

    /// What it leaves out before the last layer of a net for segmentation.
    fn dropout(self, at: Position, s: &Settings) -> Option<Dropout> {
        let dropout = Dropout { share: s.seg.dropout, seed: s.train.seed, epoch: at.epoch, batch: self.draw(at) };
        (s.task == Task::Segment).then_some(dropout)
    }
}

/// What shards have given, added.
struct Sum<D: Ops<f32>> {
    gradients: Gradients<f32, D>,
    statistics: Vec<Matrix<f32, D>>,
}

/// The batch at hand.
struct Whole<'a, D: Ops<f32>> {
    batch: Batch,
    /// Images of a shard; the last one may have fewer.
    shard: usize,
    at: Position,
    s: &'a Settings,
    scale: f64,
    tuning: Tuning,
    /// Running statistics before it.
    before: Vec<Matrix<f32, D>>,
}

impl<D: Ops<f32>> Learner<D> {
    /// The gradients of a batch, in as many shards as settings want; the running statistics are the mean of theirs.
    ///
    /// # Errors
    /// The device's.
    pub(super) fn gradients(
        &mut self,
        batch: Batch,
        at: Position,
        s: &Settings,
        scale: f64,
        tuning: Tuning,
    ) -> Result<Gradients<f32, D>, D::Err> {
        let shard = if s.train.shard == 0 { batch.n } else { batch.n.min(s.train.shard as usize) };
        if shard == batch.n {
            let whole = Shard { place: 0, of: batch.n };
            let tuning = Tuning { dropout: whole.dropout(at, s), ..tuning };
            let fed = self.prepare(batch, whole, at, s)?;
            return Gradients::of(self.score(fed, scale, tuning, s)?);
        }
        let count = batch.n.div_ceil(shard);
        let before = self.statistics();
        let whole = Whole { batch, shard, at, s, scale, tuning, before };
        let Sum { mut gradients, statistics } = self.sum(&whole, 0..count)?;
        gradients.scale *= count as f64;
        gradients.loss = gradients.loss.map(|loss| loss / count as f32);
        // What is frozen stays as it is to the bit, which a mean of equal numbers need not be.
        let stays = self.rates(tuning, s).into_iter().map(|rate| rate.is_none() || tuning.norms == Mode::Eval);
        let kept = self.net.params().into_iter().zip(stays).filter(|(p, _)| p.role == Role::Statistic);
        let kept: Vec<bool> = kept.map(|(_, stays)| stays).collect();
        let mut means = Vec::new();
        for ((sum, before), stays) in statistics.into_iter().zip(whole.before).zip(kept) {
            means.push(if stays { before } else { sum.try_mul(1.0 / count as f32)? });
        }
        self.put_statistics(means);
        Ok(gradients)
    }

    /// What a range of shards gives together.
    fn sum(&mut self, whole: &Whole<'_, D>, range: Range<usize>) -> Result<Sum<D>, D::Err> {
        if range.len() == 1 {
            return self.one(whole, range.start);
        }
        let middle = range.start + (range.len() as u64).next_power_of_two() as usize / 2;
        let mut sum = self.sum(whole, range.start..middle)?;
        let rest = self.sum(whole, middle..range.end)?;
        let rates = self.rates(whole.tuning, whole.s);
        let trained =
            self.net.params().into_iter().zip(rates).filter(|(p, rate)| p.role != Role::Statistic && rate.is_some());
        sum.gradients.add(rest.gradients, trained.map(|(p, _)| p))?;
        let both = sum.statistics.into_iter().zip(rest.statistics);
        let statistics = both.map(|(a, b)| a.try_add(b)).collect::<Result<_, _>>()?;
        Ok(Sum { gradients: sum.gradients, statistics })
    }

    fn one(&mut self, whole: &Whole<'_, D>, place: usize) -> Result<Sum<D>, D::Err> {
        let Whole { at, s, scale, tuning, .. } = *whole;
        let (images, start) = (whole.batch.n, place * whole.shard);
        let batch = whole.batch.part(start..(start + whole.shard).min(images));
        // 1 where all shards have as many images.
        let weight = (batch.n * images.div_ceil(whole.shard)) as f64 / images as f64;
        let shard = Shard { place, of: images };
        let tuning = Tuning { dropout: shard.dropout(at, s), ..tuning };
        // A GPU changes them where they lie.
        self.put_statistics(self.copied(&whole.before)?);
        let fed = self.prepare(batch, shard, at, s)?;
        let mut gradients = Gradients::of(self.score(fed, scale * weight, tuning, s)?)?;
        gradients.scale = scale;
        gradients.loss = Some(D::set_aside(gradients.loss)? * weight as f32);
        let weighed = |m: Matrix<f32, D>| if weight == 1.0 { Ok(m) } else { m.try_mul(weight as f32) };
        let statistics = self.statistics().into_iter().map(weighed).collect::<Result<_, _>>()?;
        Ok(Sum { gradients, statistics })
    }

    /// The same values in tensors of their own.
    fn copied(&self, of: &[Matrix<f32, D>]) -> Result<Vec<Matrix<f32, D>>, D::Err> {
        let copy = |m: &Matrix<f32, D>| {
            let mut own = self.dev.try_zeros_like(m)?;
            own.try_axpy(0.0, m, 1.0)?;
            Ok(own)
        };
        of.iter().map(copy).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shard_of_every_batch_has_draws_of_its_own() {
        let mut seen = std::collections::BTreeSet::new();
        for batch in 0..100 {
            let at = Position { epoch: 0, batch, batches: 100 };
            let draws = (0..8).map(|place| Shard { place, of: 64 }.draw(at));
            draws.for_each(|draw| assert!(seen.insert(draw), "{draw} twice"));
        }
        // Those of a whole batch are those of its first shard: without shards nothing has changed.
        assert_eq!(Shard { place: 0, of: 64 }.draw(Position { epoch: 3, batch: 7, batches: 9 }), 7);
    }
}
