//! Class-balanced choices of images.

use crate::random::{Purpose, rng};
use rand::seq::SliceRandom;

/// Chooses `count` of `len` images, as many of each class as its size allows, in their order; `None` when there are not
/// so many. A smaller choice with the same seed is part of a larger one.
pub(super) fn balanced(len: usize, label: impl Fn(usize) -> usize, count: u64, seed: u64) -> Option<Vec<u32>> {
    let count = usize::try_from(count).ok().filter(|count| *count <= len)?;
    let classes = (0..len).map(&label).max().map_or(0, |label| label + 1);
    let mut members = vec![Vec::new(); classes];
    for i in 0..len {
        members[label(i)].push(i as u32);
    }
    for (class, members) in members.iter_mut().enumerate() {
        members.shuffle(&mut rng(seed, Purpose::Subset, 0, class as u64));
    }
    let largest = members.iter().map(Vec::len).max().unwrap_or(0);
    // One of each class in turn; a class that has no more is passed over.
    let rounds = (0..largest).flat_map(|round| members.iter().filter_map(move |m| m.get(round)));
    let mut chosen: Vec<u32> = rounds.take(count).copied().collect();
    chosen.sort_unstable();
    Some(chosen)
}

#[cfg(test)]
mod tests {
    use super::super::memory::Images;

    /// The images that are chosen.
    fn balanced(images: &Images, count: u64, seed: u64) -> Option<Images> {
        super::balanced(images.len(), |i| images.label(i), count, seed).map(|chosen| images.select(&chosen))
    }

    fn labelled(labels: Vec<u16>) -> Images {
        let pixels = (0..labels.len()).map(|i| i as u8).collect();
        Images { height: 1, width: 1, channels: 1, pixels, labels }
    }

    fn counts(images: &Images, classes: usize) -> Vec<usize> {
        (0..classes).map(|class| (0..images.len()).filter(|i| images.label(*i) == class).count()).collect()
    }

    #[test]
    fn classes_are_equal_as_far_as_they_reach() {
        // 40 of class 0, 20 of class 1, none of class 2, 4 of class 3.
        let labels = (0..64).map(|i| if i % 16 == 0 { 3 } else { u16::from(i % 3 == 0) }).collect();
        let images = labelled(labels);
        assert_eq!(counts(&images, 4), [40, 20, 0, 4]);
        let cases =
            [(3, [1, 1, 0, 1]), (12, [4, 4, 0, 4]), (13, [5, 4, 0, 4]), (44, [20, 20, 0, 4]), (64, [40, 20, 0, 4])];
        for (count, expected) in cases {
            assert_eq!(counts(&balanced(&images, count, 1).unwrap(), 4), expected, "{count}");
        }
        assert_eq!(balanced(&images, 64, 1).unwrap(), images);
        assert!(balanced(&images, 65, 1).is_none());
    }

    #[test]
    fn a_choice_keeps_the_order_and_its_part_and_follows_the_seed() {
        let images = labelled((0..200).map(|i| i % 4).collect());
        let choose = |count, seed| balanced(&images, count, seed).unwrap().pixels;
        let large = choose(100, 7);
        assert!(large.windows(2).all(|w| w[0] < w[1]));
        assert!(choose(40, 7).iter().all(|p| large.contains(p)));
        assert_eq!(choose(100, 7), large);
        assert_ne!(choose(100, 8), large);
    }
}
