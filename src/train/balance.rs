//! What is told of classes of uneven size, and what is done about them.

use crate::data::{DataSet, class_counts};
use crate::recipe::settings::Balance;
use crate::tricks::balance::class_weights;

/// The classes of a set: how many training images each has, and its weight.
#[derive(Clone, Debug, Default)]
pub struct Classes {
    /// Training images.
    pub counts: Vec<u64>,
    /// Weights in the loss.
    pub weights: Vec<f64>,
}

impl Classes {
    /// Of the training images of a set.
    pub(super) fn of(set: &DataSet) -> Classes {
        let counts = class_counts(&set.train, set.classes.len());
        Classes { weights: class_weights(&counts), counts }
    }

    /// What is to be told of a balance: how it is made, and which classes are the rarest and the commonest.
    pub(super) fn told(&self, balance: Balance, names: &[String]) -> Option<String> {
        let all = || self.counts.iter().zip(&self.weights).zip(names).filter(|((count, _), _)| **count > 0);
        let ((fewest, heavy), rarest) = all().min_by_key(|((count, _), _)| **count)?;
        // Of equals the first, as above.
        let ((most, light), commonest) = all().rev().max_by_key(|((count, _), _)| **count)?;
        match balance {
            Balance::None => None,
            Balance::Weights => Some(format!(
                "data.balance Weights: {rarest} has the fewest training images, {fewest}, and weighs {heavy:.3}; \
                 {commonest} has the most, {most}, and weighs {light:.3}"
            )),
            Balance::Sampler => {
                let images: u64 = self.counts.iter().sum();
                Some(format!(
                    "data.balance Sampler: an epoch draws each of {} classes {} times; {rarest} has the fewest training \
                     images, {fewest}, {commonest} the most, {most}",
                    all().count(),
                    images / all().count() as u64
                ))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rarest_and_the_commonest_class_are_told() {
        let counts = vec![6, 1, 0, 1, 6];
        let classes = Classes { weights: class_weights(&counts), counts };
        let names = ["ant", "bee", "cat", "dog", "eel"].map(String::from);
        assert_eq!(classes.told(Balance::None, &names), None);
        let weights = classes.told(Balance::Weights, &names).unwrap();
        assert!(weights.contains("bee has the fewest training images, 1, and weighs 3.500"), "{weights}");
        assert!(weights.contains("ant has the most, 6, and weighs 0.583"), "{weights}");
        let sampler = classes.told(Balance::Sampler, &names).unwrap();
        assert!(
            sampler.contains("each of 4 classes 3 times; bee has") && sampler.contains("ant the most, 6"),
            "{sampler}"
        );
    }
}
