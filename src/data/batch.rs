//! Batches: which images, in which order, normalised. Everything is a pure function of seed, epoch and index, so that
//! no result depends on the number of threads.

use super::augment::Stages;
use super::broken::Skipped;
use super::{DataSet, IGNORED, Split};
use crate::random::{Purpose, rng};
use crate::recipe::settings::{Augment, Task};
use rand::seq::SliceRandom;
use rayon::prelude::*;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Images that are tried in the place of a broken one.
const TRIES: usize = 100;

/// Images ready for a net.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Pixels, NHWC, each channel normalised.
    pub pixels: Vec<f32>,
    /// Class of each image.
    pub labels: Vec<usize>,
    /// Class of every pixel, `(n, height, width)`, [`super::IGNORED`] where it is ignored; empty when images have no masks.
    pub masks: Vec<u8>,
    /// Number of images.
    pub n: usize,
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
    /// Channels.
    pub channels: usize,
    /// Images that were to be in it but are broken.
    pub skipped: Vec<Skipped>,
}

impl Batch {
    /// One image without a label, of height, width and channels.
    pub fn of_one(pixels: Vec<f32>, [height, width, channels]: [usize; 3]) -> Batch {
        Batch { pixels, labels: vec![0], n: 1, height, width, channels, ..Batch::default() }
    }

    /// A copy of some of its images, by their places.
    pub fn part(&self, places: Range<usize>) -> Batch {
        let (pixels, mask) = (self.pixels.len() / self.n, self.masks.len() / self.n);
        Batch {
            pixels: self.pixels[places.start * pixels..places.end * pixels].to_vec(),
            labels: self.labels[places.clone()].to_vec(),
            masks: self.masks[places.start * mask..places.end * mask].to_vec(),
            n: places.len(),
            skipped: Vec::new(),
            ..*self
        }
    }
}

/// Steps of an epoch: its whole batches. Images over are left out of this epoch; a batch larger than the set is the
/// whole set, so that there is at least one step.
pub fn steps_per_epoch(len: usize, batch: usize) -> usize {
    (len / batch).max(1)
}

/// The images of an epoch in a random order (Fisher-Yates).
pub fn epoch_order(len: usize, seed: u64, epoch: u64) -> Vec<u32> {
    let mut order: Vec<u32> = (0..len as u32).collect();
    order.shuffle(&mut rng(seed, Purpose::Shuffle, epoch, 0));
    order
}

/// The part of an epoch's order that step `step` takes, `step` from 0 and below [`steps_per_epoch`].
pub fn batch_indices(order: &[u32], batch: usize, step: usize) -> &[u32] {
    let start = (step * batch).min(order.len());
    &order[start..(start + batch).min(order.len())]
}

/// These training images, or draws of them, augmented. The place of a broken one goes to the next of the set that is whole.
///
/// # Panics
/// When there are no training images.
pub fn train_batch(set: &DataSet, indices: &[u32], seed: u64, epoch: u64, augment: &Augment) -> Batch {
    train(set, indices, seed, epoch, augment, &AtomicBool::new(false))
}

/// These test images as they are; broken ones are left out.
///
/// # Panics
/// When the range reaches beyond the test images.
pub fn test_batch(set: &DataSet, range: Range<usize>) -> Batch {
    test(set, range, &AtomicBool::new(false))
}

/// The test images at these places as they are; broken ones are left out.
///
/// # Panics
/// When a place is not below the number of test images.
pub fn test_images(set: &DataSet, places: &[u32]) -> Batch {
    some_test(set, places, &AtomicBool::new(false))
}

/// The same; once `cancelled` is set, nobody looks at the batch any more.
pub(super) fn train(
    set: &DataSet,
    indices: &[u32],
    seed: u64,
    epoch: u64,
    augment: &Augment,
    cancelled: &AtomicBool,
) -> Batch {
    let (split, len) = (&set.train, set.train.len());
    let make = |i: usize, out: &mut [f32], mask: &mut [u8]| {
        let mut skipped = Vec::new();
        // An image that is drawn again in an epoch is another one for the augmentation.
        let (first, before) = (i % len, (i - i % len) as u64);
        for image in (0..TRIES.min(len)).map(|next| (first + next) % len) {
            let stages = Stages::Train { augment, seed, epoch, image: before + image as u64 };
            match write(set, split, image, &stages, out, mask) {
                Ok(()) => return Made { label: Some(split.label(image)), skipped },
                Err(skip) => skipped.push(skip),
            }
        }
        // With so many broken images the run will fail anyway.
        out.fill(0.0);
        mask.fill(IGNORED);
        Made { label: Some(split.label(first)), skipped }
    };
    gather(set, split, indices, cancelled, make)
}

/// The same; once `cancelled` is set, nobody looks at the batch any more.
pub(super) fn test(set: &DataSet, range: Range<usize>, cancelled: &AtomicBool) -> Batch {
    some_test(set, &range.map(|i| i as u32).collect::<Vec<_>>(), cancelled)
}

fn some_test(set: &DataSet, places: &[u32], cancelled: &AtomicBool) -> Batch {
    gather(set, &set.test, places, cancelled, |i, out, mask| {
        match write(set, &set.test, i, &Stages::Middle, out, mask) {
            Ok(()) => Made { label: Some(set.test.label(i)), skipped: Vec::new() },
            Err(skip) => Made { label: None, skipped: vec![skip] },
        }
    })
}

/// What became of one place in a batch.
struct Made {
    /// None when it stays empty.
    label: Option<usize>,
    skipped: Vec<Skipped>,
}

fn write(
    set: &DataSet,
    split: &Split,
    i: usize,
    stages: &Stages<'_>,
    out: &mut [f32],
    mask_out: &mut [u8],
) -> Result<(), Skipped> {
    let written = split.read(i).and_then(|image| {
        let geometry = set.preprocessor.write(&image, split.stored_shape(), stages, out)?;
        match set.task {
            Task::Classify => Ok(()),
            Task::Segment => split.mask(i, |mask| geometry.lay(mask, [split.height, split.width], mask_out)).map(drop),
        }
    });
    written.map_err(|broken| Skipped { image: split.name(i), problem: broken.to_string() })
}

fn gather(
    set: &DataSet,
    split: &Split,
    indices: &[u32],
    cancelled: &AtomicBool,
    make: impl Fn(usize, &mut [f32], &mut [u8]) -> Made + Sync,
) -> Batch {
    let [height, width, channels] = split.shape();
    let size = height * width * channels;
    let mask_size = if set.task == Task::Segment { height * width } else { 0 };
    let (mut pixels, mut masks) = (vec![0.0; indices.len() * size], vec![IGNORED; indices.len() * mask_size]);
    let mut rest = &mut masks[..];
    let of_each: Vec<&mut [u8]> = indices.iter().filter_map(|_| rest.split_off_mut(..mask_size)).collect();
    let made: Vec<Made> = pixels
        .par_chunks_exact_mut(size)
        .zip(of_each)
        .zip(indices)
        .map(|((out, mask), i)| match cancelled.load(Relaxed) {
            true => Made { label: None, skipped: Vec::new() },
            false => make(*i as usize, out, mask),
        })
        .collect();
    let labels: Vec<usize> = made.iter().filter_map(|m| m.label).collect();
    let n = labels.len();
    if n < made.len() {
        let kept = (0..made.len()).filter(|i| made[*i].label.is_some());
        for (to, from) in kept.enumerate() {
            pixels.copy_within(from * size..(from + 1) * size, to * size);
            masks.copy_within(from * mask_size..(from + 1) * mask_size, to * mask_size);
        }
        pixels.truncate(n * size);
        masks.truncate(n * mask_size);
    }
    let skipped = made.into_iter().flat_map(|m| m.skipped).collect();
    Batch { pixels, labels, masks, n, height, width, channels, skipped }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Synthetic;

    fn colour() -> DataSet {
        Synthetic { height: 6, width: 5, channels: 3, classes: 4, train: 64, test: 24 }.build(3)
    }

    #[test]
    fn an_epoch_takes_whole_batches_and_every_image_at_most_once() {
        for (len, batch, steps) in [(10, 3, 3), (12, 3, 4), (10, 10, 1), (10, 64, 1), (10, 1, 10)] {
            assert_eq!(steps_per_epoch(len, batch), steps, "{len} by {batch}");
        }
        let order = epoch_order(10, 5, 0);
        let taken: Vec<u32> = (0..3).flat_map(|step| batch_indices(&order, 3, step)).copied().collect();
        assert_eq!(taken, order[..9]);
        assert_eq!(batch_indices(&order, 64, 0), order);
    }

    #[test]
    fn the_order_is_a_permutation_that_follows_seed_and_epoch() {
        let order = epoch_order(1000, 1, 2);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..1000));
        assert_eq!(order, epoch_order(1000, 1, 2));
        assert_ne!(order, epoch_order(1000, 1, 3));
        assert_ne!(order, epoch_order(1000, 2, 2));
    }

    #[test]
    fn every_image_comes_to_every_place() {
        let mut counts = [[0f64; 6]; 6];
        for epoch in 0..6000 {
            for (place, image) in epoch_order(6, 9, epoch).into_iter().enumerate() {
                counts[place][image as usize] += 1.0;
            }
        }
        let chi2: f64 = counts.as_flattened().iter().map(|n| (n - 1000.0).powi(2) / 1000.0).sum();
        // 25 degrees of freedom: the 99.9th percentile.
        assert!(chi2 < 52.6, "chi squared {chi2}");
    }

    #[test]
    fn training_images_have_mean_0_and_deviation_1_in_each_channel() {
        let set = colour();
        let all: Vec<u32> = (0..64).collect();
        let plain =
            Augment { crop: crate::recipe::settings::Crop { on: false, pad: 2 }, flip: false, ..Augment::default() };
        let batch = train_batch(&set, &all, 0, 0, &plain);
        for c in 0..3 {
            let values: Vec<f64> = batch.pixels.iter().skip(c).step_by(3).map(|x| f64::from(*x)).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64;
            assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-5, "channel {c}: {mean} {variance}");
        }
    }

    #[test]
    fn test_images_are_normalised_with_the_training_statistics() {
        let set = colour();
        let batch = test_batch(&set, 10..14);
        assert_eq!((batch.n, batch.height, batch.width, batch.channels), (4, 6, 5, 3));
        assert_eq!(batch.labels, (10..14).map(|i| set.test.label(i)).collect::<Vec<_>>());
        for (i, out) in batch.pixels.chunks(90).enumerate() {
            for (at, (found, x)) in out.iter().zip(set.test.pixels(10 + i).unwrap().iter()).enumerate() {
                assert_eq!(*found, (f32::from(*x) - set.mean[at % 3]) / set.std[at % 3]);
            }
        }
    }

    #[test]
    fn a_batch_is_the_same_with_any_number_of_threads_and_of_neighbours() {
        let set = colour();
        let order = epoch_order(64, 7, 3);
        let batch = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| train_batch(&set, &order, 7, 3, &Augment::default()))
        };
        let one = batch(1);
        assert_eq!(one, batch(2));
        assert_eq!(one, batch(4));
        let alone = train_batch(&set, &order[20..21], 7, 3, &Augment::default());
        assert_eq!(alone.pixels, one.pixels[20 * 90..21 * 90]);
        assert_ne!(one, train_batch(&set, &order, 7, 4, &Augment::default()));
        assert_ne!(one, train_batch(&set, &order, 8, 3, &Augment::default()));
    }
}
