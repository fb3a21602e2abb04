//! Test images with what a run's net says of them.

use crate::data::{DataSet, denormalised};
use crate::train::{BEST, Evaluation, Seen, Tested, TrainError, best_weights, show_checkpoint, softmax};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use image::{DynamicImage, GrayImage, ImageFormat, RgbImage};
use std::cmp::Reverse;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Test images that are looked at, at most.
const MOST: usize = 2000;

/// Images that are shown of what was recognised, and of what was not.
const RIGHT: usize = 12;
const WRONG: usize = 24;

/// Longest edge of an image in a page.
const EDGE: u32 = 112;

/// An image that is shown.
#[derive(Clone, Debug)]
pub struct Pick {
    /// It as the address of a PNG that holds itself.
    pub data: String,
    /// Its width and height in pixels.
    pub size: (u32, u32),
    /// What a person calls it: the path of its file, or its place in a set.
    pub name: String,
    /// Its class.
    pub label: usize,
    /// The class that it is taken for.
    pub predicted: usize,
    /// The probability of that class.
    pub probability: f64,
}

/// What a net says of test images.
#[derive(Clone, Debug)]
pub struct Samples {
    /// The weights.
    pub file: PathBuf,
    /// Steps that they have seen.
    pub step: u64,
    /// Whole epochs that they have seen.
    pub epoch: u64,
    /// Whether they are those of the epoch that ended best.
    pub best: bool,
    /// Test images that were looked at.
    pub images: usize,
    /// Top-1 on them, as a fraction.
    pub top1: f64,
    /// Some of those that were recognised, of as many classes as there is room for.
    pub right: Vec<Pick>,
    /// Those that were mistaken with the greatest confidence.
    pub wrong: Vec<Pick>,
}

/// Why test images of a run cannot be shown.
#[derive(Debug, Error)]
pub enum SamplesError {
    /// The run has no weights.
    #[error("{} has no weights yet, or no longer", dir.display())]
    NoWeights {
        /// Its directory.
        dir: PathBuf,
    },
    /// Its weights or images cannot be had, or do not fit each other.
    #[error(transparent)]
    Test(#[from] TrainError),
}

/// Evaluates the best weights of the run in `dir`, else its newest, on some of its test images.
///
/// # Errors
/// Weights or images that are gone, or that do not fit each other.
pub fn look(dir: &Path) -> Result<Samples, SamplesError> {
    let file = best_weights(dir).ok_or_else(|| SamplesError::NoWeights { dir: dir.to_path_buf() })?;
    let mut shelf = Shelf::default();
    let look = |set: &DataSet, seen: Seen<'_>| shelf.take(set, &seen);
    let Tested { evaluation, .. } = show_checkpoint(&file, MOST, look)?;
    let Shelf { images, right, wrong, .. } = shelf;
    let picks = |kept: Vec<Kept>| kept.into_iter().map(Kept::pick).collect();
    let Evaluation { step, epoch, top1, .. } = evaluation;
    let (best, epoch) = (file == dir.join(BEST), epoch as u64);
    Ok(Samples { file, step, epoch, best, images, top1, right: picks(right), wrong: picks(wrong) })
}

/// An image that may be shown.
struct Kept {
    bytes: Vec<u8>,
    shape: [usize; 3],
    name: String,
    label: usize,
    predicted: usize,
    probability: f64,
}

/// Keeps the images that are worth to be shown.
#[derive(Default)]
struct Shelf {
    images: usize,
    right: Vec<Kept>,
    wrong: Vec<Kept>,
}

impl Shelf {
    fn take(&mut self, set: &DataSet, seen: &Seen<'_>) {
        self.images += 1;
        let &Seen { place, label, predicted, .. } = seen;
        let probability = softmax(seen.logits).get(predicted).copied().unwrap_or_default();
        let keep = || Kept {
            bytes: denormalised(seen.pixels, &set.mean, &set.std),
            shape: set.test.shape(),
            name: set.test.name(place),
            label,
            predicted,
            probability,
        };
        if label == predicted {
            let share = (RIGHT / set.classes.len()).max(1);
            let of_class = self.right.iter().filter(|kept| kept.label == label).count();
            if of_class < share && self.right.len() < RIGHT {
                self.right.push(keep());
                self.right.sort_by_key(|kept| kept.label);
            }
        } else if self.wrong.len() < WRONG || self.wrong.last().is_some_and(|last| probability > last.probability) {
            self.wrong.push(keep());
            self.wrong.sort_by_key(|kept| Reverse((kept.probability * 1e12) as u64));
            self.wrong.truncate(WRONG);
        }
    }
}

impl Kept {
    fn pick(self) -> Pick {
        let Kept { bytes, shape, name, label, predicted, probability } = self;
        let picture = picture(bytes, shape);
        let mut png = Cursor::new(Vec::new());
        // Writing into memory cannot fail.
        let written = picture.write_to(&mut png, ImageFormat::Png).map(|()| png.into_inner()).unwrap_or_default();
        let data = format!("data:image/png;base64,{}", BASE64_STANDARD.encode(written));
        Pick { data, size: (picture.width(), picture.height()), name, label, predicted, probability }
    }
}

/// A picture no larger than a page needs; of channels that are no colours the first is shown.
fn picture(bytes: Vec<u8>, [height, width, channels]: [usize; 3]) -> DynamicImage {
    let (w, h) = (width as u32, height as u32);
    let first = || bytes.iter().step_by(channels.max(1)).copied().collect();
    let whole = match channels {
        3 => RgbImage::from_raw(w, h, bytes).map(DynamicImage::from),
        _ => GrayImage::from_raw(w, h, first()).map(DynamicImage::from),
    };
    let whole = whole.unwrap_or_default();
    if w.max(h) > EDGE { whole.thumbnail(EDGE, EDGE) } else { whole }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data;

    #[test]
    fn the_most_confident_mistakes_and_one_of_every_class_are_kept() {
        let recipe = crate::recipe::Recipe::default();
        let set = data::open(&recipe.data, recipe.task, 0).unwrap();
        let mut shelf = Shelf::default();
        let pixels = vec![0.5; 28 * 28];
        let mut see = |label: usize, predicted: usize, sure: f32| {
            let mut logits = vec![0.0; 10];
            logits[predicted] = sure;
            shelf.take(&set, &Seen { place: label, label, predicted, loss: 1.0, logits: &logits, pixels: &pixels });
        };
        for i in 0..100 {
            see(i % 10, (i + 1) % 10, i as f32 / 10.0);
            see(i % 10, i % 10, 3.0);
        }
        assert_eq!((shelf.images, shelf.right.len(), shelf.wrong.len()), (200, 10, WRONG));
        assert!(shelf.wrong.windows(2).all(|w| w[0].probability >= w[1].probability));
        assert!(shelf.wrong[0].probability > 0.99 && shelf.wrong[0].predicted == 0, "{}", shelf.wrong[0].probability);
        let labels: Vec<usize> = shelf.right.iter().map(|kept| kept.label).collect();
        assert_eq!(labels, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert!(shelf.right.iter().all(|kept| kept.name == set.test.name(kept.label)));
        assert_eq!(shelf.right.pop().unwrap().pick().size, (28, 28));
    }

    #[test]
    fn large_pictures_become_small_and_odd_ones_grey() {
        let small = |shape: [usize; 3]| picture(vec![200; shape.iter().product()], shape);
        let photograph = small([299, 224, 3]);
        assert_eq!((photograph.width(), photograph.height()), (84, 112));
        assert_eq!(small([8, 9, 2]).as_luma8().unwrap().dimensions(), (9, 8));
        let kept = Kept {
            bytes: vec![9; 12],
            shape: [2, 2, 3],
            name: "cat/1.jpg".into(),
            label: 0,
            predicted: 1,
            probability: 0.5,
        };
        let data = kept.pick().data;
        let png = BASE64_STANDARD.decode(data.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
        assert_eq!(data::decode(&png, data::Reading::default()).unwrap().pixels, vec![9; 12]);
    }

    #[test]
    fn a_run_without_weights_has_no_samples() {
        let dir = tempfile::tempdir().unwrap();
        assert!(look(dir.path()).unwrap_err().to_string().contains("has no weights"));
    }
}
