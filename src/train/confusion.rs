//! Which classes were taken for which.

use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// How often an image of one class was said to be of another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Confusion {
    /// Classes that there are.
    pub classes: u32,
    /// `[label, predicted, images]` in order, only where there were any: never more entries than test images, however
    /// many classes there are.
    pub counts: Vec<[u32; 3]>,
}

impl Confusion {
    /// Counts pairs of label and predicted class.
    pub fn new(classes: usize, pairs: impl IntoIterator<Item = (usize, usize)>) -> Confusion {
        let mut counts = BTreeMap::new();
        for (label, predicted) in pairs {
            *counts.entry([label as u32, predicted as u32]).or_insert(0u32) += 1;
        }
        let counts = counts.into_iter().map(|([label, predicted], n)| [label, predicted, n]).collect();
        Confusion { classes: classes as u32, counts }
    }

    /// Rows of counts: a row for each label, a column for what was said; none when there are more than `most` classes.
    pub fn rows(&self, most: usize) -> Option<Vec<Vec<u32>>> {
        let classes = self.classes as usize;
        let mut rows = (classes <= most).then(|| vec![vec![0u32; classes]; classes])?;
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

    /// `[label, predicted, images]` of what was taken for something else, the most frequent first.
    pub fn mistaken(&self) -> Vec<[u32; 3]> {
        let mut wrong = self.counts.clone();
        wrong.retain(|[label, predicted, _]| label != predicted);
        wrong.sort_by_key(|[label, predicted, n]| (Reverse(*n), *label, *predicted));
        wrong
    }
}

/// How a class was recognised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Its images.
    pub images: u32,
    /// Images that were called so, of whatever class.
    pub called: u32,
    /// Its images that were called so.
    pub correct: u32,
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
}

fn share(part: u32, of: u32) -> Option<f64> {
    (of > 0).then(|| f64::from(part) / f64::from(of))
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
