//! Which classes were taken for which.

use serde::{Deserialize, Serialize};
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
    }
}
