//! Evaluation on the test set.

use super::learner::Learner;
use super::scores::{cross_entropy, predicted, rank};
use super::{Confusion, Evaluation, TrainError};
use crate::data::{Pass, Reader, Skipped, Split};
use crate::ops::Ops;
use std::ops::Range;

/// Images evaluated at once, and pixels: large images take more memory each.
const BATCH: usize = 250;
const PIXELS: usize = BATCH * 64 * 64;

/// Whether top-5 tells anything: with five classes or fewer it is 100 % whatever the net says.
pub fn top5_tells(classes: usize) -> bool {
    classes > 5
}

/// A test image and what the net says of it.
pub struct Seen<'a> {
    /// Its place among the test images.
    pub place: usize,
    /// Its class.
    pub label: usize,
    /// The class that it is taken for.
    pub predicted: usize,
    /// Cross entropy.
    pub loss: f64,
    /// What the net says of every class.
    pub logits: &'a [f32],
    /// Its pixels as the net sees them, HWC, normalised.
    pub pixels: &'a [f32],
}

/// Top-1, top-5, mean cross entropy and confusion matrix on the test images that are whole, after `step` steps and
/// `epoch` epochs; the others are added to `skipped`. `look` sees every image.
///
/// # Errors
/// The device's.
pub fn evaluate<D: Ops<f32>>(
    learner: &mut Learner<D>,
    reader: &mut Reader,
    skipped: &mut Vec<Skipped>,
    (step, epoch): (u64, f64),
    mut look: impl FnMut(Seen<'_>),
) -> Result<Evaluation, TrainError> {
    let (classes, test) = (reader.set().classes.len(), &reader.set().test);
    let (len, size) = (test.len(), (PIXELS / (test.height * test.width)).clamp(1, BATCH));
    let (mut loss, mut first, mut among_five, mut n) = (0f64, 0usize, 0usize, 0usize);
    let mut pairs = Vec::with_capacity(len);
    for number in 0..len.div_ceil(size) {
        let batch = reader.batch(&Pass::Test { batch: size }, number)?;
        skipped.extend_from_slice(&batch.skipped);
        n += batch.n;
        if batch.n == 0 {
            continue;
        }
        let logits = learner.logits(batch.clone()).map_err(TrainError::device)?;
        let pixels = batch.pixels.chunks_exact(batch.height * batch.width * batch.channels);
        let places = places(&reader.set().test, number * size..len.min((number + 1) * size), &batch.skipped);
        for (((z, &label), pixels), place) in logits.chunks_exact(classes).zip(&batch.labels).zip(pixels).zip(places) {
            let rank = rank(z, label);
            first += usize::from(rank == 0);
            among_five += usize::from(rank < 5);
            let (predicted, own) = (predicted(z), cross_entropy(z, label));
            loss += own;
            pairs.push((label, predicted));
            look(Seen { place, label, predicted, loss: own, logits: z, pixels });
        }
    }
    let n = n as f64;
    let (top1, top5) = (first as f64 / n, among_five as f64 / n);
    Ok(Evaluation { step, epoch, loss: loss / n, top1, top5, confusion: Confusion::new(classes, pairs) })
}

/// The places of the images of a batch: those of its range that are not broken.
fn places<'a>(test: &'a Split, range: Range<usize>, broken: &'a [Skipped]) -> impl Iterator<Item = usize> + 'a {
    range.filter(move |place| broken.is_empty() || broken.iter().all(|one| one.image != test.name(*place)))
}
