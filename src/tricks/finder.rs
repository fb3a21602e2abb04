//! The rate finder (Smith 2017, as fastai's `lr_find` has it): the learning rate grows from step to step, and where the loss
//! falls best a rate is read off.

use crate::recipe::settings::{Decay, Schedule, Settings, Warmup};
use serde::{Deserialize, Serialize};

/// Steps.
pub const STEPS: usize = 100;
/// The first rate and the last; between them it grows by the same factor at every step.
pub const RATES: (f64, f64) = (1e-7, 10.0);
/// The search ends where the smoothed loss is so many times its best.
const DIVERGED: f64 = 4.0;
/// Share of the smoothed loss that stays at a step.
const SMOOTH: f64 = 0.98;
/// Points that nothing is read off: the smoothed loss of the first ones is too rough, the last ones diverge.
const LEFT_OUT: (usize, usize) = (STEPS / 10, 5);
/// Share of its highest value by which the smoothed loss falls at least, where it falls at all.
const LEAST: f64 = 1e-3;
/// Fewer points than these tell nothing.
const FEWEST: usize = 8;

/// A step of the search.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RatePoint {
    /// Learning rate.
    pub lr: f64,
    /// Loss of the batch.
    pub loss: f64,
    /// Running mean of the losses, without the pull to zero at the start.
    pub smooth: f64,
}

/// What is read off the losses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suggestion {
    /// The suggested rate, in the middle of the longest valley: fastai's "valley".
    pub lr: f64,
    /// The rate at which the smoothed loss falls fastest over the logarithm of the rate: fastai's "steep".
    pub steepest: f64,
}

/// The losses so far.
#[derive(Clone, Debug, Default)]
pub struct Search {
    points: Vec<RatePoint>,
    mean: f64,
    best: Option<f64>,
}

impl Search {
    /// The rate of the next step; none when all were made.
    pub fn next(&self) -> Option<f64> {
        let (first, last) = RATES;
        let i = self.points.len();
        (i < STEPS).then(|| first * (last / first).powf(i as f64 / (STEPS - 1) as f64))
    }

    /// Takes in the loss of a step at the rate of [`Search::next`]; says whether the search goes on after it.
    pub fn push(&mut self, lr: f64, loss: f64) -> bool {
        self.mean = SMOOTH * self.mean + (1.0 - SMOOTH) * loss;
        let smooth = self.mean / (1.0 - SMOOTH.powi(self.points.len() as i32 + 1));
        if !smooth.is_finite() {
            return false;
        }
        self.points.push(RatePoint { lr, loss, smooth });
        let best = *self.best.insert(self.best.map_or(smooth, |best| best.min(smooth)));
        smooth <= DIVERGED * best
    }

    /// The steps so far.
    pub fn points(&self) -> &[RatePoint] {
        &self.points
    }

    /// What they suggest; nothing when they are too few, or the loss does not fall.
    pub fn suggestion(&self) -> Option<Suggestion> {
        let (before, after) = LEFT_OUT;
        let points = self.points.get(before..self.points.len().saturating_sub(after))?;
        let mut highest = 0f64;
        let falls = points.iter().any(|p| {
            highest = highest.max(p.smooth);
            p.smooth < (1.0 - LEAST) * highest
        });
        if points.len() < FEWEST || !falls {
            return None;
        }
        let steepest = points.windows(2).map(|w| ((w[1].smooth - w[0].smooth) / (w[1].lr / w[0].lr).ln(), w[0].lr));
        let (_, steepest) = steepest.min_by(|a, b| a.0.total_cmp(&b.0))?;
        Some(Suggestion { lr: points[valley(points)].lr, steepest })
    }
}

/// The place in the longest valley: the longest run of losses, not necessarily neighbours, of which each is lower than the
/// one before. Of its length the first and the last third are left out, and the middle of the rest is taken, as in fastai.
fn valley(points: &[RatePoint]) -> usize {
    let mut lengths = vec![1usize; points.len()];
    // The start may be a place before the first, as it is there.
    let (mut start, mut end) = (0i64, 0);
    for i in 1..points.len() {
        for j in 0..i {
            if points[i].smooth < points[j].smooth && lengths[i] < lengths[j] + 1 {
                lengths[i] = lengths[j] + 1;
            }
            if lengths[end] < lengths[i] {
                end = i;
                start = i as i64 - lengths[i] as i64;
            }
        }
    }
    let third = (end as i64 - start) as f64 / 3.0;
    let place = start + third as i64 + (third / 2.0) as i64;
    place.clamp(0, points.len() as i64 - 1) as usize
}

/// The settings of a step at a rate: the schedule has nothing to say.
pub fn at_rate(s: &Settings, lr: f64) -> Settings {
    let warmup = Warmup { on: false, ..Warmup::default() };
    let schedule =
        Schedule { base_lr: lr, linear_scaling: false, warmup, decay: Decay::Constant, ..s.schedule.clone() };
    Settings { schedule, ..s.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tricks::schedule::{Position, lr};

    /// A search over losses that are a function of the logarithm of the rate.
    fn search(loss: impl Fn(f64) -> f64) -> Search {
        let mut search = Search::default();
        while let Some(lr) = search.next() {
            if !search.push(lr, loss(lr.log10())) {
                break;
            }
        }
        search
    }

    #[test]
    fn rates_grow_by_one_factor_from_the_first_to_the_last() {
        let search = search(|_| 2.0);
        let lrs: Vec<f64> = search.points().iter().map(|p| p.lr).collect();
        assert_eq!((lrs.len(), lrs[0]), (STEPS, 1e-7));
        assert!((lrs[99] - 10.0).abs() < 1e-9);
        assert!(lrs.windows(2).all(|w| (w[1] / w[0] - 1e8f64.powf(1.0 / 99.0)).abs() < 1e-9));
        assert!(search.points().iter().all(|p| (p.smooth - 2.0).abs() < 1e-9), "no pull to zero");
        assert_eq!(search.suggestion(), None, "the loss does not fall");
    }

    #[test]
    fn it_ends_where_the_loss_is_four_times_its_best_or_no_number() {
        let worse = search(|log| if log < -2.0 { 2.0 } else { 2000.0 });
        let last = worse.points().last().unwrap();
        assert!(last.smooth > 8.0 && worse.points().len() < 70, "{last:?}");
        let none = search(|log| if log < -2.0 { 2.0 } else { f64::NAN });
        assert!(none.points().iter().all(|p| p.smooth.is_finite()) && none.points().len() < 70);
        assert_eq!(search(|log| if log < -6.5 { 2.0 } else { f64::NAN }).suggestion(), None, "too few points");
    }

    /// Worked out by the code of fastai's `lr_find` for these losses.
    #[test]
    fn a_rate_is_read_off_the_descent_as_fastai_does() {
        let sigmoid = |log: f64| 2.0 - 1.5 / (1.0 + (-3.0 * (log + 3.0)).exp()) - 0.05 * (log + 7.0);
        let search = search(|log| if log < -1.0 { sigmoid(log) } else { 0.5 + 40.0 * (log + 1.0) });
        let found = search.suggestion().unwrap();
        assert_eq!(search.points().len(), 85);
        assert!((found.lr / 0.00017073526474706903 - 1.0).abs() < 1e-6, "{found:?}");
        assert!((found.steepest / 0.004037017258596558 - 1.0).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn the_longest_valley_is_that_of_fastai() {
        let of = |losses: &[f64]| {
            valley(&losses.iter().map(|smooth| RatePoint { lr: 1.0, loss: 0.0, smooth: *smooth }).collect::<Vec<_>>())
        };
        // Lengths 1 1 2 3 4 5 5 6 7 8 9 10 1: the end is at 11, the start at 1, a third is 3.3.
        assert_eq!(of(&[5.0, 6.0, 4.9, 4.5, 4.0, 3.0, 3.5, 3.2, 2.0, 1.5, 1.2, 1.0, 9.0]), 5);
        assert_eq!(of(&[1.0, 2.0, 3.0]), 0);
    }

    #[test]
    fn a_step_has_its_rate_whatever_the_schedule() {
        let mut s = Settings::default();
        (s.schedule.linear_scaling, s.train.batch, s.train.epochs) = (true, 1024, 9);
        for at in [Position { epoch: 0, batch: 1, batches: 20 }, Position { epoch: 8, batch: 20, batches: 20 }] {
            assert_eq!(lr(at, &at_rate(&s, 0.3)), 0.3);
        }
    }
}
