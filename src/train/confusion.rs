//! Which classes were taken for which.

use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// How often an image of one class was said to be of another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Confusion {
    /// Classes that there are.
    pub classes: u32,
    /// `[label, predicted, images]`, or pixels, in order, only where there were any.
    pub counts: Vec<[u64; 3]>,
}

impl Confusion {
    /// Counts pairs of label and predicted class.
    pub fn new(classes: usize, pairs: impl IntoIterator<Item = (usize, usize)>) -> Confusion {
        let mut counts = BTreeMap::new();
        for (label, predicted) in pairs {
            *counts.entry([label as u64, predicted as u64]).or_insert(0u64) += 1;
        }
        let counts = counts.into_iter().map(|([label, predicted], n)| [label, predicted, n]).collect();
        Confusion { classes: classes as u32, counts }
    }

    /// Of a row of counts for each label, with a column for each prediction.
    pub fn of(classes: usize, rows: &[u64]) -> Confusion {
        let count = |(i, n): (usize, &u64)| [(i / classes) as u64, (i % classes) as u64, *n];
        let counts = rows.iter().enumerate().filter(|(_, n)| **n > 0).map(count).collect();
        Confusion { classes: classes as u32, counts }
    }

    /// Rows of counts: a row for each label, a column for what was said; none when there are more than `most` classes.
    pub fn rows(&self, most: usize) -> Option<Vec<Vec<u64>>> {
        let classes = self.classes as usize;
        let mut rows = (classes <= most).then(|| vec![vec![0u64; classes]; classes])?;
        for [label, predicted, n] in &self.counts {
            *rows.get_mut(*label as usize)?.get_mut(*predicted as usize)? = *n;
        }
        Some(rows)
    }

    /// How every class was recognised, in label order.
    pub fn tallies(&self) -> Vec<Tally> {
        let mut tallies = vec![Tally::default(); self.classes as usize];
        for [label, predicted, n] in &self.counts {
            if let Some(tally) = tallies.get_mut(*label as usize) {
                tally.images += n;
                tally.correct += if label == predicted { *n } else { 0 };
            }
            if let Some(tally) = tallies.get_mut(*predicted as usize) {
                tally.called += n;
            }
        }
        tallies
    }

    /// Share of all that was recognised; none without any.
    pub fn accuracy(&self) -> Option<f64> {
        let tallies = self.tallies();
        share(tallies.iter().map(|tally| tally.correct).sum(), tallies.iter().map(|tally| tally.images).sum())
    }

    /// Mean of the classes' intersections over unions, and the number of classes that are in it: those that are a label or
    /// a prediction anywhere.
    pub fn mean_iou(&self) -> (Option<f64>, usize) {
        let all: Vec<f64> = self.tallies().iter().filter_map(Tally::iou).collect();
        ((!all.is_empty()).then(|| all.iter().sum::<f64>() / all.len() as f64), all.len())
    }

    /// `[label, predicted, images]` of what was taken for something else, the most frequent first.
    pub fn mistaken(&self) -> Vec<[u64; 3]> {
        let mut wrong = self.counts.clone();
        wrong.retain(|[label, predicted, _]| label != predicted);
        wrong.sort_by_key(|[label, predicted, n]| (Reverse(*n), *label, *predicted));
        wrong
    }
}

/// How a class was recognised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Its images, or pixels.
    pub images: u64,
    /// Those that were called so, of whatever class.
    pub called: u64,
    /// Those of it that were called so.
    pub correct: u64,
}

impl Tally {
    /// Share of its images that were recognised; none without images.
    pub fn recall(&self) -> Option<f64> {
        share(self.correct, self.images)
    }

    /// Share of the images called so that are of it; none when none was called so.
    pub fn precision(&self) -> Option<f64> {
        share(self.correct, self.called)
    }

    /// Intersection over union: those that are both of it and called so, of those that are either; none without any.
    pub fn iou(&self) -> Option<f64> {
        share(self.correct, self.images + self.called - self.correct)
    }
}

fn share(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_counted() {
        let confusion = Confusion::new(2, [(1, 0), (0, 0), (1, 0)]);
        assert_eq!(confusion.counts, [[0, 0, 1], [1, 0, 2]]);
        assert_eq!(confusion.rows(2), Some(vec![vec![1, 0], vec![2, 0]]));
        assert_eq!(confusion.rows(1), None);
        let damaged = Confusion { classes: 2, counts: vec![[0, 9, 1]] };
        assert_eq!(damaged.rows(2), None);
        assert_eq!(damaged.tallies()[0], Tally { images: 1, called: 0, correct: 0 });
    }

    #[test]
    fn classes_and_what_they_are_taken_for_are_counted() {
        let pairs = [(0, 0), (0, 1), (0, 1), (0, 2), (1, 1), (2, 1)];
        let confusion = Confusion::new(4, pairs);
        let [first, second, .., last] = confusion.tallies()[..] else { panic!() };
        assert_eq!(first, Tally { images: 4, called: 1, correct: 1 });
        assert_eq!((second.recall(), second.precision()), (Some(1.0), Some(0.25)));
        assert_eq!((last.recall(), last.precision()), (None, None));
        assert_eq!(confusion.mistaken(), [[0, 1, 2], [0, 2, 1], [2, 1, 1]]);
    }
}
