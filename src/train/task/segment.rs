//! Segmentation: the class of every pixel of an image (section 6.2).

use super::{Answer, Found};
use crate::data::{Batch, IGNORED};
use crate::ops::{Ops, PixelObjective};
use crate::recipe::Settings;
use crate::train::scores::{cross_entropy, predicted};
use crate::train::{Confusion, Figures, TrainError};
use crate::tricks::mix::Pair;
use crate::tricks::targets::on_and_off;
use rayon::prelude::*;

/// The classes of the pixels of a batch.
pub(in crate::train) struct Targets<D: Ops<f32>> {
    pub objective: PixelObjective<f32, D>,
    /// Pixels of an image.
    pixels: usize,
    classes: usize,
}

impl<D: Ops<f32>> Targets<D> {
    /// Of a batch, whose masks they take. A pixel that is ignored in an image or in the one that is mixed into it does not
    /// count.
    pub fn of(batch: &mut Batch, pairs: Option<&[Pair]>, classes: usize, s: &Settings) -> Self {
        let labels = std::mem::take(&mut batch.masks);
        let pixels = batch.height * batch.width;
        let partners = pairs.map(|pairs| {
            let masks = pairs.iter().flat_map(|pair| &labels[pair.partner * pixels..][..pixels]);
            (masks.copied().collect(), pairs.iter().map(|pair| pair.share).collect())
        });
        let objective = PixelObjective {
            labels,
            partners,
            smoothing: on_and_off(&s.tricks.smoothing, classes),
            teacher: None,
            hard: 1.0,
            soft: 1.0,
            temperature: s.tricks.distill.temperature,
            aux_weight: s.seg.aux_weight,
        };
        Targets { objective, pixels, classes }
    }

    /// The class of every pixel: of a mixed one, that which has the larger share; none where a pixel does not count.
    pub fn labels(&self) -> Vec<Option<usize>> {
        let labels = self.objective.of_pixels(self.pixels, self.classes);
        (0..self.objective.labels.len()).map(|place| labels.pixel(place).map(|pixel| pixel.larger())).collect()
    }
}

/// What an evaluation has counted.
#[derive(Default)]
pub(in crate::train) struct Count {
    /// Sum of the losses of the pixels that count, and their number.
    loss: f64,
    pixels: u64,
    /// Pixels by label, a column for each prediction.
    rows: Vec<u64>,
}

/// What the logits of an image say.
struct Image {
    predicted: Vec<u8>,
    loss: f64,
    /// Pixels by label, a column for each prediction.
    rows: Vec<u64>,
}

impl Image {
    /// Of the logits of an image, row by row, against its mask.
    fn of(logits: &[f32], mask: &[u8], classes: usize) -> Image {
        let (mut predictions, mut loss, mut rows) = (Vec::with_capacity(mask.len()), 0.0, vec![0; classes * classes]);
        for (z, label) in logits.chunks_exact(classes).zip(mask) {
            let best = predicted(z);
            predictions.push(best as u8);
            if *label != IGNORED {
                loss += cross_entropy(z, usize::from(*label));
                rows[usize::from(*label) * classes + best] += 1;
            }
        }
        Image { predicted: predictions, loss, rows }
    }
}

impl Count {
    /// Adds the images of a batch; `look` is shown what the net says of each, and its loss.
    pub fn add(&mut self, batch: &Batch, classes: usize, logits: &[f32], mut look: impl FnMut(usize, Answer<'_>, f64)) {
        let pixels = batch.height * batch.width;
        let each = logits.par_chunks_exact(pixels * classes).zip(batch.masks.par_chunks_exact(pixels));
        let images: Vec<Image> = each.map(|(logits, mask)| Image::of(logits, mask, classes)).collect();
        self.rows.resize(classes * classes, 0);
        for (i, (image, mask)) in images.iter().zip(batch.masks.chunks_exact(pixels)).enumerate() {
            self.loss += image.loss;
            self.rows.iter_mut().zip(&image.rows).for_each(|(all, own)| *all += own);
            let counted: u64 = image.rows.iter().sum();
            self.pixels += counted;
            let correct: u64 = image.rows.iter().step_by(classes + 1).sum();
            let accuracy = (counted > 0).then(|| correct as f64 / counted as f64);
            let answer = Answer::Mask { mask, predicted: &image.predicted, accuracy };
            look(i, answer, image.loss / counted.max(1) as f64);
        }
    }

    /// The figures of all images, from one count: pixAcc = sum n_ii / sum t_i, IoU_i = n_ii / (t_i + p_i - n_ii), mIoU its
    /// mean over the classes that are a label or a prediction of any pixel.
    ///
    /// # Errors
    /// Where no pixel counts.
    pub fn end(self, classes: usize) -> Result<Found, TrainError> {
        let confusion = Confusion::of(classes, &self.rows);
        let (Some(miou), Some(pixacc)) = (confusion.mean_iou().0, confusion.accuracy()) else {
            return Err(TrainError::NoPixel);
        };
        Ok(Found { loss: self.loss / self.pixels as f64, figures: Figures::Pixels { miou, pixacc }, confusion })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an image of four pixels and two classes comes to, and what is shown of it.
    fn counted(masks: Vec<u8>) -> (Result<Found, TrainError>, Option<f64>) {
        let (mut count, mut seen) = (Count::default(), None);
        let batch = Batch { n: 1, height: 2, width: 2, masks, ..Batch::default() };
        // Class 0, 1, 1, 0.
        let logits = [1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0];
        count.add(&batch, 2, &logits, |_, answer, _| {
            let Answer::Mask { accuracy, .. } = answer else { panic!("a mask is asked for") };
            seen = accuracy;
        });
        (count.end(2), seen)
    }

    #[test]
    fn pixels_that_are_ignored_are_neither_right_nor_wrong() {
        let (found, seen) = counted(vec![0, IGNORED, 1, 1]);
        assert_eq!(seen, Some(2.0 / 3.0));
        // Class 0: 1 of 2; class 1: 1 of 2.
        assert_eq!(found.unwrap().figures, Figures::Pixels { miou: 0.5, pixacc: 2.0 / 3.0 });
    }

    #[test]
    fn images_without_a_pixel_that_counts_have_no_figures() {
        let (found, seen) = counted(vec![IGNORED; 4]);
        assert_eq!(seen, None);
        assert!(matches!(found, Err(TrainError::NoPixel)));
    }
}
