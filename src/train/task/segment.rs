//! Segmentation: the class of every pixel of an image (section 6.2).

use super::classify::shares;
use super::{Answer, Found};
use crate::data::{Batch, IGNORED};
use crate::ops::{FeatureMap, Loss, Ops, PixelObjective};
use crate::recipe::Settings;
use crate::train::scores::{cross_entropy, predicted};
use crate::train::{Confusion, Figures};
use crate::tricks::mix::Pair;
use crate::tricks::targets::on_and_off;
use dfdx::prelude::OwnedTape;
use rayon::prelude::*;

/// The classes of the pixels of a batch.
pub(in crate::train) struct Targets {
    own: Vec<u8>,
    /// Those of the images that are mixed into it, and the share that every image keeps.
    partners: Option<(Vec<u8>, Vec<f32>)>,
    /// The class of every pixel: of a mixed one, that which has the larger share; none where a pixel does not count.
    pub labels: Vec<Option<usize>>,
}

impl Targets {
    /// Of a batch. A pixel that is ignored in an image or in the one that is mixed into it does not count.
    pub fn of(batch: &Batch, pairs: Option<&[Pair]>) -> Targets {
        let own = batch.masks.clone();
        let pixels = batch.height * batch.width;
        let partners = pairs.map(|pairs| {
            let masks = pairs.iter().flat_map(|pair| &own[pair.partner * pixels..][..pixels]);
            (masks.copied().collect::<Vec<u8>>(), pairs.iter().map(|pair| pair.share).collect())
        });
        let label = |class: u8| (class != IGNORED).then_some(class.into());
        let labels = match (&partners, pairs) {
            (Some((others, _)), Some(pairs)) => {
                let both = own.iter().zip(others).enumerate();
                both.map(|(i, (a, b))| pairs[i / pixels].larger(label(*a), label(*b)).filter(|_| *a.max(b) != IGNORED))
                    .collect()
            }
            _ => own.iter().map(|class| label(*class)).collect(),
        };
        Targets { own, partners, labels }
    }

    /// The loss of logits, and of those of an auxiliary head, which a teacher's may be part of.
    ///
    /// # Errors
    /// The device's.
    pub fn loss<D: Ops<f32>>(
        self,
        logits: FeatureMap<f32, D, OwnedTape<f32, D>>,
        auxiliary: Option<FeatureMap<f32, D>>,
        teacher: Option<FeatureMap<f32, D>>,
        s: &Settings,
        scale: f64,
    ) -> Result<Loss<f32, D>, D::Err> {
        let classes = logits.size().3;
        let (hard, soft) = shares(&s.tricks.distill, teacher.is_some());
        let objective = PixelObjective {
            labels: self.own,
            partners: self.partners,
            smoothing: on_and_off(&s.tricks.smoothing, classes),
            teacher,
            hard,
            soft,
            temperature: s.tricks.distill.temperature,
            aux_weight: s.seg.aux_weight,
        };
        D::pixel_loss(logits, auxiliary, objective, scale)
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
            let accuracy = if counted > 0 { correct as f64 / counted as f64 } else { 1.0 };
            let answer = Answer::Mask { mask, predicted: &image.predicted, accuracy };
            look(i, answer, image.loss / counted.max(1) as f64);
        }
    }

    /// The figures of all images, from one count: pixAcc = sum n_ii / sum t_i, IoU_i = n_ii / (t_i + p_i - n_ii), mIoU its
    /// mean over the classes that are a label or a prediction of any pixel.
    pub fn end(self, classes: usize) -> Found {
        let confusion = Confusion::of(classes, &self.rows);
        let (miou, pixacc) = (confusion.mean_iou().0, confusion.accuracy());
        let figures = Figures::Pixels { miou: miou.unwrap_or(0.0), pixacc: pixacc.unwrap_or(0.0) };
        Found { loss: self.loss / self.pixels as f64, figures, confusion }
    }
}
