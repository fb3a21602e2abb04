//! Evaluation on the test set.

use super::learner::Learner;
use super::task::{Answer, Count, Found};
use super::{Evaluation, TrainError, Views};
use crate::data::{Pass, Reader, Skipped, Split};
use crate::ops::Ops;
use std::ops::Range;

/// Images evaluated at once, and pixels: large images take more memory each.
const BATCH: usize = 250;
const PIXELS: usize = BATCH * 64 * 64;

/// A test image and what the net says of it.
pub struct Seen<'a> {
    /// Its place among the test images.
    pub place: usize,
    /// What the net says of it.
    pub answer: Answer<'a>,
    /// Cross entropy, the mean over what counts.
    pub loss: f64,
    /// Its pixels as the net sees them, HWC, normalised.
    pub pixels: &'a [f32],
}

/// The task's figures, mean cross entropy and confusion matrix on the test images that are whole, after `step` steps and
/// `epoch` epochs, looked at once or several times; the others are added to `skipped`. `look` sees every image.
///
/// # Errors
/// The device's, and where nothing counts.
pub fn evaluate<D: Ops<f32>>(
    learner: &mut Learner<D>,
    reader: &mut Reader,
    views: Views,
    skipped: &mut Vec<Skipped>,
    (step, epoch): (u64, f64),
    mut look: impl FnMut(Seen<'_>),
) -> Result<Evaluation, TrainError> {
    let (classes, test) = (reader.set().classes.len(), &reader.set().test);
    let (len, size) = (test.len(), (PIXELS / (test.height * test.width)).clamp(1, BATCH));
    let mut count = Count::of(reader.set().task);
    for number in 0..len.div_ceil(size) {
        let batch = reader.batch(&Pass::Test { batch: size }, number)?;
        skipped.extend_from_slice(&batch.skipped);
        if batch.n == 0 {
            continue;
        }
        let logits = match views {
            Views::One => learner.logits(batch.clone()),
            Views::Many => learner.mean_over_views(&batch),
        };
        let logits = logits.map_err(TrainError::device)?;
        let image = batch.height * batch.width * batch.channels;
        let places = places(&reader.set().test, number * size..len.min((number + 1) * size), &batch.skipped);
        let places: Vec<usize> = places.collect();
        count.add(&batch, classes, &logits, |i, answer, loss| {
            look(Seen { place: places[i], answer, loss, pixels: &batch.pixels[i * image..][..image] });
        });
    }
    let Found { loss, figures, confusion } = count.end(classes)?;
    Ok(Evaluation { step, epoch, loss, figures, confusion })
}

/// The places of the images of a batch: those of its range that are not broken.
fn places<'a>(test: &'a Split, range: Range<usize>, broken: &'a [Skipped]) -> impl Iterator<Item = usize> + 'a {
    range.filter(move |place| broken.is_empty() || broken.iter().all(|one| one.image != test.name(*place)))
}
