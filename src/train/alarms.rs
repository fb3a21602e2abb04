//! What is watched in a run: pure functions of what has happened. What an alarm does is the trainer's affair.

use crate::recipe::settings::{Act, Alarms};
use crate::recipe::{Knob, Settings};
use crate::tricks::schedule::{self, Position};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What an alarm is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    /// A loss or a gradient is not finite.
    NonFinite,
    /// The loss of a batch is far above those before it.
    Spike,
    /// A layer gives nothing but zeros.
    Dead,
    /// The rate is at the end of its schedule and the run is not.
    RateOver,
    /// Much of the time goes on waiting for images.
    Wait,
    /// Memory is nearly full.
    Memory,
    /// Something else: a file that cannot be written, a device that is not the one asked for.
    #[default]
    Other,
}

/// What the recipe has an alarm do.
pub fn act(alarms: &Alarms, kind: AlarmKind) -> Act {
    match kind {
        // A step that cannot be made is never left out.
        AlarmKind::NonFinite if alarms.on => alarms.non_finite,
        AlarmKind::NonFinite => Act::Pause,
        AlarmKind::Other => Act::Tell,
        _ if !alarms.on => Act::Off,
        AlarmKind::Spike => alarms.spike,
        AlarmKind::Dead => alarms.dead,
        AlarmKind::RateOver => alarms.rate_over,
        AlarmKind::Wait => alarms.wait,
        AlarmKind::Memory => alarms.memory,
    }
}

/// A loss that is far above those before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spike {
    /// Mean of those before it.
    pub mean: f64,
    /// Their deviation.
    pub deviation: f64,
}

/// The trace of the loss, smoothed.
///
/// Mean and variance are those of all losses for the first 50, then exponentially smoothed with 1/50. A loss is a spike
/// when it is above mean + size * deviation, the deviation taken as at least 0.02 + 5 % of the mean. There is none among
/// the first 30, and none in the 100 after one. A spike counts as a loss at that bound, so that it does not hide the
/// next.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trace {
    count: u64,
    mean: f64,
    variance: f64,
    quiet: u64,
}

/// Losses that are smoothed over, those before the first alarm, and those without one after an alarm.
const SMOOTH: u64 = 50;
const FIRST: u64 = 30;
const QUIET: u64 = 100;

impl Trace {
    /// Takes a loss in; says when it is a spike.
    pub fn push(&mut self, loss: f64, size: f64) -> Option<Spike> {
        let deviation = self.variance.sqrt().max(0.02 + 0.05 * self.mean.abs());
        let bound = self.mean + size * deviation;
        let above = self.count >= FIRST && loss > bound;
        let spike = (above && self.quiet == 0).then_some(Spike { mean: self.mean, deviation });
        self.quiet = if spike.is_some() { QUIET } else { self.quiet.saturating_sub(1) };
        self.count += 1;
        let share = 1.0 / self.count.min(SMOOTH) as f64;
        let apart = if above { bound } else { loss } - self.mean;
        self.mean += share * apart;
        self.variance = (1.0 - share) * (self.variance + share * apart * apart);
        spike
    }

    /// Begins anew when an edit changes what the loss is, and not only how large.
    pub fn edited(&mut self, knob: &Knob) {
        if knob.path.starts_with("tricks.") || knob.path.starts_with("augment.") || knob.path == "train.batch" {
            *self = Trace::default();
        }
    }
}

/// The share of the time that goes on waiting for images, over windows of ten seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Waits {
    waited: Duration,
    took: Duration,
    told: bool,
}

const WINDOW: Duration = Duration::from_secs(10);

impl Waits {
    /// Takes a step in; gives the share of a window that is above `most`, when the one before it was not.
    pub fn push(&mut self, waited: Duration, took: Duration, most: f64) -> Option<f64> {
        self.waited += waited;
        self.took += took;
        if self.took < WINDOW {
            return None;
        }
        let share = self.waited.as_secs_f64() / self.took.as_secs_f64();
        let told = share > most;
        let before = self.told;
        *self = Waits { told, ..Waits::default() };
        (told && !before).then_some(share)
    }
}

/// The rate of a step, and the epochs after it, when the rate is at most a millionth of its peak and more than a
/// hundredth of the run is left.
pub fn rate_over(at: Position, s: &Settings) -> Option<(f64, f64)> {
    let (rate, total) = (schedule::lr(at, s), s.train.epochs as f64);
    let left = total - at.epochs();
    (rate <= 1e-6 * schedule::peak_lr(s) && left > 0.01 * total).then_some((rate, left))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::knobs::find;
    use crate::recipe::settings::Decay;

    /// The steps, from 1, at which a trace spikes.
    fn spikes(losses: impl IntoIterator<Item = f64>, size: f64) -> Vec<usize> {
        let mut trace = Trace::default();
        losses.into_iter().zip(1..).filter_map(|(loss, step)| trace.push(loss, size).map(|_| step)).collect()
    }

    /// A number from -1 to 1 that looks random.
    fn noise(i: u64) -> f64 {
        let v = i.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        ((v ^ (v >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40) as f64 / (1u64 << 23) as f64 - 1.0
    }

    /// A loss that falls from 2.5 to 0.3 with noise.
    fn usual(i: u64) -> f64 {
        0.3 + 2.2 * (-(i as f64) / 200.0).exp() + 0.12 * noise(i)
    }

    #[test]
    fn a_loss_that_jumps_is_told_once_and_again_when_it_jumps_again() {
        assert_eq!(spikes((0..2000).map(usual), 6.0), [0; 0]);
        let jumps = |i: u64| usual(i) + if matches!(i, 499..=520 | 900) { 4.0 } else { 0.0 };
        assert_eq!(spikes((0..2000).map(jumps), 6.0), [500, 901]);
        assert_eq!(spikes((0..2000).map(jumps), 1000.0), [0; 0]);
        // A loss that stays high becomes the usual one.
        assert_eq!(spikes((0..3000).map(|i| usual(i) + if i >= 999 { 9.0 } else { 0.0 }), 6.0), [1000]);
    }

    #[test]
    fn the_first_losses_and_small_ones_are_no_spikes() {
        assert_eq!(spikes((0..30).map(|i| if i == 20 { 50.0 } else { 2.3 }), 6.0), [0; 0]);
        assert_eq!(spikes((0..300).map(|i| if i == 200 { 0.1 } else { 0.001 }), 6.0), [0; 0]);
        assert_eq!(spikes((0..300).map(|i| if i == 200 { 0.2 } else { 0.001 }), 6.0), [201]);
    }

    #[test]
    fn an_edit_of_the_targets_begins_anew_and_one_of_the_rate_does_not() {
        let after = |path: &str| {
            let mut trace = Trace::default();
            (0..200).for_each(|i| assert_eq!(trace.push(usual(400 + i), 6.0), None));
            trace.edited(find(path).unwrap());
            trace.push(3.0, 6.0).is_some()
        };
        assert!(after("schedule.base_lr"));
        assert!(!after("tricks.mixup.on") && !after("augment.erase.on"));
    }

    #[test]
    fn waiting_is_told_when_a_window_has_much_of_it_and_the_one_before_had_not() {
        let mut waits = Waits::default();
        let mut told = Vec::new();
        for second in 1..=60 {
            let waited = Duration::from_millis(if (21..=40).contains(&second) { 300 } else { 100 });
            told.extend(waits.push(waited, Duration::from_secs(1), 0.2).map(|share| (second, (share * 100.0) as u64)));
        }
        assert_eq!(told, [(30, 30)]);
    }

    #[test]
    fn the_rate_is_over_when_the_run_is_not() {
        let mut s = Settings::default();
        let at = |epoch| Position { epoch, batch: 1, batches: 10 };
        for epoch in 0..15 {
            assert_eq!(rate_over(Position { batch: 10, ..at(epoch) }, &s), None, "cosine ends with the run");
        }
        (s.schedule.decay, s.schedule.milestones, s.schedule.factor) = (Decay::Step, vec![3, 4, 5], 0.005);
        assert_eq!(rate_over(at(4), &s), None);
        let (rate, left) = rate_over(at(5), &s).unwrap();
        assert!((rate - 1.25e-8).abs() < 1e-12 && (left - 9.9).abs() < 1e-9);
    }

    #[test]
    fn with_alarms_off_only_what_is_not_finite_counts() {
        let alarms = Alarms { on: false, non_finite: Act::RollBack, spike: Act::Pause, ..Alarms::default() };
        assert_eq!(act(&alarms, AlarmKind::NonFinite), Act::Pause);
        assert_eq!(act(&alarms, AlarmKind::Spike), Act::Off);
        let alarms = Alarms { on: true, ..alarms };
        assert_eq!([AlarmKind::NonFinite, AlarmKind::Spike].map(|k| act(&alarms, k)), [Act::RollBack, Act::Pause]);
    }
}
