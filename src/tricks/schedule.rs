//! The learning rate as a pure function of the position in the run and the recipe (sections 2.1, 3.1 and 5.1).
//!
//! Nothing is remembered: after an edit the rate at every later position follows from the new settings alone, so the
//! whole future can be drawn at any time, also for a value that is still being typed.

use crate::recipe::settings::{Decay, Settings};

/// Position of a batch in the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// Whole epochs done before the epoch of this batch.
    pub epoch: u64,
    /// Batch within the epoch, counted from 1 (the paper's i).
    pub batch: u64,
    /// Batches of the epoch.
    pub batches: u64,
}

impl Position {
    /// Epochs done when this batch is done.
    pub fn epochs(&self) -> f64 {
        self.epoch as f64 + self.batch as f64 / self.batches as f64
    }
}

/// The rate at the peak of the schedule: `base_lr`, times batch / reference batch under linear scaling (section 3.1).
pub fn peak_lr(s: &Settings) -> f64 {
    s.schedule.base_lr * scale(s)
}

/// The `base_lr` with which the peak of the schedule is a rate.
pub fn base_lr_for(peak: f64, s: &Settings) -> f64 {
    peak / scale(s)
}

fn scale(s: &Settings) -> f64 {
    if s.schedule.linear_scaling { s.train.batch as f64 / s.schedule.reference_batch as f64 } else { 1.0 }
}

/// The learning rate of the batch at `at`.
///
/// Warmup: batch i of the first m has i * eta / m. Cosine: t batches after the warmup, of T in all,
/// eta * (1 + cos(pi t / T)) / 2, which is 0 at the last batch. Poly: eta * (1 - t / T)^power, likewise (GluonCV's
/// `LRScheduler`).
pub fn lr(at: Position, s: &Settings) -> f64 {
    lr_at(at.epochs(), at.epoch, s)
}

/// The learning rate of the batch that ends at `epochs` (fractional), for drawing.
pub fn lr_after(epochs: f64, s: &Settings) -> f64 {
    lr_at(epochs, epochs.floor() as u64, s)
}

fn lr_at(epochs: f64, epoch: u64, s: &Settings) -> f64 {
    let schedule = &s.schedule;
    let peak = peak_lr(s);
    let total = s.train.epochs as f64;
    let warm = if schedule.warmup.on { schedule.warmup.epochs.min(total) } else { 0.0 };
    if epochs < warm {
        return peak * epochs / warm;
    }
    match schedule.decay {
        Decay::Constant => peak,
        Decay::Step => {
            let passed = schedule.milestones.iter().filter(|m| epoch >= **m).count();
            peak * schedule.factor.powi(passed as i32)
        }
        Decay::Cosine | Decay::Poly if total <= warm => peak,
        Decay::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * done(epochs, warm, total)).cos()) * peak,
        Decay::Poly => (1.0 - done(epochs, warm, total)).powf(schedule.power) * peak,
    }
}

/// Share of what comes after the warmup that is done.
fn done(epochs: f64, warm: f64, total: f64) -> f64 {
    ((epochs - warm) / (total - warm)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(edit: impl FnOnce(&mut Settings)) -> Settings {
        let mut s = Settings::default();
        edit(&mut s);
        s
    }

    #[test]
    fn the_last_warmup_batch_has_the_peak_and_the_last_batch_has_zero() {
        let s = settings(|s| s.train.epochs = 10);
        let at = |epoch, batch| lr(Position { epoch, batch, batches: 20 }, &s);
        assert!((at(0, 1) - 0.1 / 20.0).abs() < 1e-15);
        assert_eq!(at(0, 20), 0.1);
        assert!(at(1, 1) < 0.1);
        assert!(at(9, 20).abs() < 1e-15);
    }

    #[test]
    fn poly_decay_is_a_power_of_what_is_left() {
        let s = settings(|s| {
            (s.train.epochs, s.schedule.warmup.on, s.schedule.decay, s.schedule.base_lr) =
                (4, false, Decay::Poly, 0.01);
        });
        let at = |epoch, batch| lr(Position { epoch, batch, batches: 10 }, &s);
        assert!((at(1, 10) - 0.01 * 0.5f64.powf(0.9)).abs() < 1e-15);
        assert!((at(2, 10) - 0.01 * 0.25f64.powf(0.9)).abs() < 1e-15);
        assert_eq!(at(3, 10), 0.0);
    }

    #[test]
    fn linear_scaling_multiplies_by_batch_over_reference_batch() {
        let s = settings(|s| {
            s.schedule.linear_scaling = true;
            s.train.batch = 1024;
        });
        assert_eq!(peak_lr(&s), 0.4);
    }
}
