//! The order of an epoch in which every class is drawn as often, whatever its number of images.

use super::{Split, epoch_order};
use crate::random::{Purpose, rng};
use crate::recipe::settings::Balance;
use rand::seq::SliceRandom;

/// The images that an epoch draws, in their order: as many as there are. A draw is an image's number in the set, plus the
/// size of the set for every time that it was drawn before in this epoch ([`image_of`]).
pub fn draws(split: &Split, balance: Balance, seed: u64, epoch: u64) -> Vec<u32> {
    match balance {
        Balance::None | Balance::Weights => epoch_order(split.len(), seed, epoch),
        Balance::Sampler => balanced_order(&by_class(split), seed, epoch),
    }
}

/// The image of a draw, in a set of so many.
pub fn image_of(draw: u32, len: usize) -> usize {
    draw as usize % len
}

/// Training images of every class.
pub fn class_counts(split: &Split, classes: usize) -> Vec<u64> {
    let mut counts = vec![0; classes];
    (0..split.len()).for_each(|i| counts[split.label(i)] += 1);
    counts
}

fn by_class(split: &Split) -> Vec<Vec<u32>> {
    let mut classes: Vec<Vec<u32>> = Vec::new();
    for i in 0..split.len() {
        let label = split.label(i);
        classes.resize(classes.len().max(label + 1), Vec::new());
        classes[label].push(i as u32);
    }
    classes.retain(|images| !images.is_empty());
    classes
}

/// Every class gives as many draws as any other; which of them give one more, where the images cannot be divided, is drawn.
/// A class goes through its images in a random order, and when all were drawn through all of them again in another: so a rare
/// class repeats its images, each as often as any other of it or once more, and a common one leaves some out.
fn balanced_order(classes: &[Vec<u32>], seed: u64, epoch: u64) -> Vec<u32> {
    let len: usize = classes.iter().map(Vec::len).sum();
    let draw = |index: u64| rng(seed, Purpose::Balance, epoch, index);
    let mut turns: Vec<usize> = (0..classes.len()).collect();
    turns.shuffle(&mut draw(0));
    // What does not fit the numbers of draws is drawn as it was at first.
    let rounds = (u32::MAX as usize / len.max(1)).max(1);
    let mut order = Vec::with_capacity(len);
    for (turn, class) in turns.into_iter().enumerate() {
        let images = &classes[class];
        let wanted = len / classes.len() + usize::from(turn < len % classes.len());
        let mut draw = draw(1 + class as u64);
        for round in 0..wanted.div_ceil(images.len()) {
            let mut images = images.clone();
            images.shuffle(&mut draw);
            images.truncate(wanted - round * images.len());
            let before = (round % rounds * len) as u32;
            order.extend(images.into_iter().map(|image| image + before));
        }
    }
    order.shuffle(&mut rng(seed, Purpose::Shuffle, epoch, 0));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Classes of these numbers of images, which lie mixed in the set.
    fn classes(counts: &[usize]) -> Vec<Vec<u32>> {
        let mut classes = vec![Vec::new(); counts.len()];
        let most = counts.iter().copied().max().unwrap();
        let mut image = 0..;
        for i in 0..most {
            for (class, _) in counts.iter().enumerate().filter(|(_, count)| i < **count) {
                classes[class].extend(image.next());
            }
        }
        classes
    }

    #[test]
    fn every_class_is_drawn_as_often_and_its_images_too() {
        for counts in [&[100, 10, 3][..], &[1, 1, 1], &[40, 1], &[7, 20, 5, 9], &[6]] {
            let (classes, len) = (classes(counts), counts.iter().sum::<usize>());
            for epoch in 0..5 {
                let order = balanced_order(&classes, 3, epoch);
                assert_eq!(order.len(), len);
                let mut seen: BTreeMap<u32, usize> = BTreeMap::new();
                for draw in &order {
                    *seen.entry(image_of(*draw, len) as u32).or_default() += 1;
                }
                for (class, images) in classes.iter().enumerate() {
                    let times: Vec<usize> = images.iter().map(|i| seen.get(i).copied().unwrap_or(0)).collect();
                    let drawn: usize = times.iter().sum();
                    assert!(
                        drawn == len / counts.len() || drawn == len / counts.len() + 1,
                        "{counts:?} {class} {drawn}"
                    );
                    let (least, most) = (times.iter().min().unwrap(), times.iter().max().unwrap());
                    assert!(most - least <= 1, "{counts:?} {class}: {times:?}");
                }
                // No draw is another one: each has an augmentation of its own.
                let mut draws = order.clone();
                draws.sort_unstable();
                draws.dedup();
                assert_eq!(draws.len(), len);
                assert_eq!(order, balanced_order(&classes, 3, epoch));
            }
        }
    }

    #[test]
    fn epochs_and_seeds_differ_and_a_common_class_comes_whole_in_time() {
        let classes = classes(&[100, 10, 3]);
        assert_ne!(balanced_order(&classes, 3, 0), balanced_order(&classes, 3, 1));
        assert_ne!(balanced_order(&classes, 3, 0), balanced_order(&classes, 4, 0));
        let all = (0..20).flat_map(|epoch| balanced_order(&classes, 3, epoch)).map(|draw| draw % 113);
        let mut all: Vec<u32> = all.collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 113);
    }
}
