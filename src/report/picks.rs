//! Test images with what a run's net says of them.

use crate::data::{DataSet, blended, denormalised, palette};
use crate::train::{Answer, BEST, Evaluation, Score, Seen, Tested, TrainError, best_weights, show_checkpoint, softmax};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use image::{DynamicImage, GrayImage, ImageFormat, RgbImage};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Test images that are looked at, at most.
const MOST: usize = 2000;

/// Images that are shown of what was recognised, and of what was not.
const RIGHT: usize = 12;
const WRONG: usize = 24;
/// Images of each kind in segmentation, each of three pictures.
const MASKS: usize = 6;

/// Longest edge of an image in a page.
const EDGE: u32 = 112;

/// An image that is shown.
#[derive(Clone, Debug)]
pub struct Pick {
    /// It as the address of a PNG that holds itself; in segmentation under its labels and its predictions too.
    pub pictures: Vec<String>,
    /// Its width and height in pixels.
    pub size: (u32, u32),
    /// What a person calls it: the path of its file, or its place in a set.
    pub name: String,
    /// What it was taken for.
    pub said: Said,
}

/// What a net says of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Said {
    /// Its class.
    Class {
        /// Its class.
        label: usize,
        /// The class that it is taken for.
        predicted: usize,
        /// The probability of that class.
        probability: f64,
    },
    /// The classes of its pixels.
    Mask {
        /// Share of the pixels that were recognised.
        accuracy: f64,
    },
}

impl Said {
    /// The larger, the surer or the better.
    fn rank(self) -> f64 {
        match self {
            Said::Class { probability, .. } => probability,
            Said::Mask { accuracy } => accuracy,
        }
    }
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
    /// The score on them.
    pub score: Score,
    /// Some of those that were recognised, of as many classes as there is room for; in segmentation those of most pixels.
    pub right: Vec<Pick>,
    /// Those that were mistaken with the greatest confidence; in segmentation those of fewest pixels.
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
    let Evaluation { step, epoch, figures, .. } = evaluation;
    let score = figures.score();
    let (best, epoch) = (file == dir.join(BEST), epoch as u64);
    Ok(Samples { file, step, epoch, best, images, score, right: picks(right), wrong: picks(wrong) })
}

/// An image that may be shown.
struct Kept {
    bytes: Vec<u8>,
    shape: [usize; 3],
    name: String,
    /// Labels and predictions of its pixels, in segmentation.
    masks: Vec<Vec<u8>>,
    said: Said,
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
        let keep = |said: Said, masks: &[&[u8]]| Kept {
            bytes: denormalised(seen.pixels, &set.mean, &set.std),
            shape: set.test.shape(),
            name: set.test.name(seen.place),
            masks: masks.iter().map(|mask| mask.to_vec()).collect(),
            said,
        };
        match seen.answer {
            Answer::Class { label, predicted, logits } => {
                let probability = softmax(logits).get(predicted).copied().unwrap_or_default();
                let said = Said::Class { label, predicted, probability };
                if label != predicted {
                    return insert(&mut self.wrong, WRONG, -probability, || keep(said, &[]), |said| -said.rank());
                }
                let is_own = |kept: &&Kept| matches!(kept.said, Said::Class { label: own, .. } if own == label);
                let share = (RIGHT / set.classes.len()).max(1);
                if self.right.iter().filter(is_own).count() < share && self.right.len() < RIGHT {
                    self.right.push(keep(said, &[]));
                    self.right.sort_by_key(|kept| if let Said::Class { label, .. } = kept.said { label } else { 0 });
                }
            }
            Answer::Mask { accuracy: None, .. } => {}
            Answer::Mask { mask, predicted, accuracy: Some(accuracy) } => {
                let (said, masks) = (Said::Mask { accuracy }, [mask, predicted]);
                insert(&mut self.wrong, MASKS, accuracy, || keep(said, &masks), Said::rank);
                insert(&mut self.right, MASKS, -accuracy, || keep(said, &masks), |said| -said.rank());
            }
        }
    }
}

/// Adds an image to those of the least ranks, `most` of them.
fn insert(to: &mut Vec<Kept>, most: usize, rank: f64, keep: impl FnOnce() -> Kept, of: fn(Said) -> f64) {
    if to.len() < most || to.last().is_some_and(|last| rank < of(last.said)) {
        to.push(keep());
        to.sort_by(|a, b| of(a.said).total_cmp(&of(b.said)));
        to.truncate(most);
    }
}

impl Kept {
    fn pick(self) -> Pick {
        let Kept { bytes, shape, name, masks, said } = self;
        let plain = picture(bytes, shape);
        let size = (plain.width(), plain.height());
        let pictures = masks.iter().map(|mask| data(&masked(&plain, mask, shape)));
        Pick { pictures: [data(&plain)].into_iter().chain(pictures).collect(), size, name, said }
    }
}

/// A picture as an address.
fn data(picture: &DynamicImage) -> String {
    let mut png = Cursor::new(Vec::new());
    // Writing into memory cannot fail.
    let written = picture.write_to(&mut png, ImageFormat::Png).map(|()| png.into_inner()).unwrap_or_default();
    format!("data:image/png;base64,{}", BASE64_STANDARD.encode(written))
}

/// A picture under the colours of the classes of its pixels, of which the first, mostly the background, leaves it as it is.
fn masked(picture: &DynamicImage, mask: &[u8], [height, width, _]: [usize; 3]) -> DynamicImage {
    let (mut shown, colours) = (picture.to_rgb8(), palette());
    let (w, h) = (shown.width() as usize, shown.height() as usize);
    for (x, y, pixel) in shown.enumerate_pixels_mut() {
        // The mask may have more pixels than the picture that a page needs.
        let (row, column) = ((2 * y as usize + 1) * height / (2 * h), (2 * x as usize + 1) * width / (2 * w));
        let class = mask.get(row * width + column).copied().unwrap_or_default();
        if class != 0 {
            pixel.0 = [0, 1, 2].map(|c| blended(pixel.0[c], colours[usize::from(class)][c]));
        }
    }
    shown.into()
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
    use crate::recipe::settings::Task;

    #[test]
    fn the_most_confident_mistakes_and_one_of_every_class_are_kept() {
        let recipe = crate::recipe::Recipe::default();
        let set = data::open(&recipe.data, recipe.task, 0).unwrap();
        let mut shelf = Shelf::default();
        let pixels = vec![0.5; 28 * 28];
        let mut see = |label: usize, predicted: usize, sure: f32| {
            let mut logits = vec![0.0; 10];
            logits[predicted] = sure;
            shelf.take(
                &set,
                &Seen {
                    place: label,
                    answer: Answer::Class { label, predicted, logits: &logits },
                    loss: 1.0,
                    pixels: &pixels,
                },
            );
        };
        for i in 0..100 {
            see(i % 10, (i + 1) % 10, i as f32 / 10.0);
            see(i % 10, i % 10, 3.0);
        }
        assert_eq!((shelf.images, shelf.right.len(), shelf.wrong.len()), (200, 10, WRONG));
        assert!(shelf.wrong.windows(2).all(|w| w[0].said.rank() >= w[1].said.rank()));
        let Said::Class { predicted, probability, .. } = shelf.wrong[0].said else { panic!("a class") };
        assert!(probability > 0.99 && predicted == 0, "{probability}");
        let label = |kept: &Kept| if let Said::Class { label, .. } = kept.said { label } else { usize::MAX };
        let labels: Vec<usize> = shelf.right.iter().map(label).collect();
        assert_eq!(labels, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert!(shelf.right.iter().all(|kept| kept.name == set.test.name(label(kept))));
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
            masks: Vec::new(),
            said: Said::Class { label: 0, predicted: 1, probability: 0.5 },
        };
        let data = kept.pick().pictures.remove(0);
        let png = BASE64_STANDARD.decode(data.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
        assert_eq!(data::decode(&png, data::Reading::default()).unwrap().pixels, vec![9; 12]);
    }

    #[test]
    fn of_scenes_those_of_fewest_and_of_most_pixels_are_kept_under_their_classes() {
        let set = data::open(&Default::default(), Task::Segment, 0).unwrap();
        let mut shelf = Shelf::default();
        let pixels = vec![0.0; 64 * 64];
        let (mask, predicted) = (vec![1; 64 * 64], vec![0; 64 * 64]);
        for i in 0..40usize {
            let accuracy = (i * 7 % 40) as f64 / 40.0;
            let answer = Answer::Mask { mask: &mask, predicted: &predicted, accuracy: Some(accuracy) };
            shelf.take(&set, &Seen { place: i, answer, loss: 1.0, pixels: &pixels });
        }
        let ranks = |kept: &[Kept]| kept.iter().map(|kept| (40.0 * kept.said.rank()).round()).collect::<Vec<_>>();
        assert_eq!(ranks(&shelf.wrong), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(ranks(&shelf.right), [39.0, 38.0, 37.0, 36.0, 35.0, 34.0]);
        let [plain, labels, predictions] = &shelf.wrong.remove(0).pick().pictures[..] else { panic!("three pictures") };
        assert!(plain != labels && labels != predictions);
    }

    #[test]
    fn a_run_without_weights_has_no_samples() {
        let dir = tempfile::tempdir().unwrap();
        assert!(look(dir.path()).unwrap_err().to_string().contains("has no weights"));
    }
}
