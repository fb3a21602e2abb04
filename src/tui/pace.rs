//! When to draw: at most ten times a second, sooner after a key, and only when something changed.

use std::time::Duration;

/// Time between two drawings, at least.
const APART: Duration = Duration::from_millis(100);
/// Time between two drawings, at least, when the second shows what a person did.
const HURRIED: Duration = Duration::from_millis(20);
/// The loop wakes this often when nothing happens.
pub(super) const TICK: Duration = Duration::from_millis(200);

/// What was drawn last.
#[derive(Debug, Default)]
pub(super) struct Pace {
    drawn: Option<(Duration, u64)>,
    hurried: bool,
}

impl Pace {
    /// How long to wait before drawing this revision; none when it is on the screen already.
    pub(super) fn wait(&self, now: Duration, revision: u64) -> Option<Duration> {
        match self.drawn {
            Some((_, drawn)) if drawn == revision => None,
            Some((at, _)) => Some((at + if self.hurried { HURRIED } else { APART }).saturating_sub(now)),
            None => Some(Duration::ZERO),
        }
    }

    /// A person did something, and waits to see it.
    pub(super) fn hurry(&mut self) {
        self.hurried = true;
    }

    /// This revision has been drawn.
    pub(super) fn drew(&mut self, now: Duration, revision: u64) {
        (self.drawn, self.hurried) = (Some((now, revision)), false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Drawings in two seconds when the state changes every `every` milliseconds.
    fn drawings(every: Option<u64>) -> usize {
        let (mut pace, mut revision, mut drawn) = (Pace::default(), 0, 0);
        for ms in 0..2000 {
            if every.is_some_and(|every| ms % every == 0) {
                revision += 1;
            }
            let now = Duration::from_millis(ms);
            if pace.wait(now, revision).is_some_and(|wait| wait.is_zero()) {
                pace.drew(now, revision);
                drawn += 1;
            }
        }
        drawn
    }

    #[test]
    fn ten_times_a_second_at_most_and_never_without_a_change() {
        assert_eq!(drawings(None), 1);
        assert_eq!(drawings(Some(1)), 20);
        assert_eq!(drawings(Some(150)), 14);
        assert_eq!(drawings(Some(500)), 4);
    }

    #[test]
    fn a_key_is_seen_at_once() {
        let (mut pace, ms) = (Pace::default(), Duration::from_millis);
        pace.drew(ms(0), 1);
        assert_eq!(pace.wait(ms(5), 2), Some(ms(95)));
        pace.hurry();
        assert_eq!(pace.wait(ms(5), 2), Some(ms(15)));
        pace.drew(ms(20), 2);
        assert_eq!(pace.wait(ms(25), 3), Some(ms(95)), "what comes after it is in no hurry");
    }
}
