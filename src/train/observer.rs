//! What is kept of training steps for screens that look. While none does, nothing is.

use super::pictures::{Agreement, BatchPreview, MOST, PreviewImage};
use super::scores::predicted;
use crate::data::{Batch, DataSet, Thumbnail};
use crate::recipe::settings::Smoothing;
use crate::tricks::mix::Pair;
use crate::tricks::targets::on_and_off;
use std::time::{Duration, Instant};

/// Shortest time between two pictures of batches.
const EVERY: Duration = Duration::from_secs(1);

/// Keeps pictures of the steps that are made, for the screens that look.
#[derive(Debug, Default)]
pub struct Observer {
    mean: Vec<f32>,
    std: Vec<f32>,
    classes: usize,
    looks: bool,
    taken: Option<Instant>,
    fed: Option<BatchPreview>,
    agreement: Option<Agreement>,
}

impl Observer {
    /// For images of a set.
    pub fn of(set: &DataSet) -> Observer {
        Observer { mean: set.mean.clone(), std: set.std.clone(), classes: set.classes.len(), ..Observer::default() }
    }

    /// Somebody looks, from now on or still, or nobody does.
    pub fn look(&mut self, on: bool) {
        (self.looks, self.taken) = (on, None);
        if !on {
            (self.fed, self.agreement) = (None, None);
        }
    }

    /// Whether anybody looks.
    pub fn looks(&self) -> bool {
        self.looks
    }

    /// Takes pictures of a batch of so many when it is time: its images as they go into the net, and how they were mixed.
    pub(super) fn feed(&mut self, batch: &Batch, of: usize, pairs: Option<&[Pair]>, smoothing: &Smoothing) {
        if !self.looks() || self.taken.is_some_and(|taken| taken.elapsed() < EVERY) {
            return;
        }
        self.taken = Some(Instant::now());
        let shape = [batch.height, batch.width, batch.channels];
        let image = |(i, pixels): (usize, &[f32])| {
            let picture = Thumbnail::new(pixels, shape, &self.mean, &self.std).ok()?;
            let mixed = pairs.map(|pairs| (batch.labels[pairs[i].partner], pairs[i].share));
            let pixels = batch.height * batch.width;
            let mask = batch.masks.get(i * pixels..(i + 1) * pixels);
            let mask = mask.and_then(|mask| Thumbnail::of_mask(mask, [batch.height, batch.width]).ok());
            Some(PreviewImage { picture, label: batch.labels[i], mixed, mask })
        };
        let len = shape.iter().product::<usize>().max(1);
        let images = batch.pixels.chunks_exact(len).take(batch.n.min(MOST)).enumerate().filter_map(image).collect();
        let smoothed = smoothing.on.then(|| on_and_off(smoothing, self.classes).0);
        self.fed = Some(BatchPreview { step: 0, epoch: 0.0, batch: of, images, smoothed, agreement: None });
    }

    /// Counts where teacher and student agree; the logits are those of a batch, row by row, and rows without a label do not
    /// count.
    pub(super) fn compare(&mut self, labels: &[Option<usize>], teacher: &[f32], student: &[f32]) {
        let counts = self.agreement.get_or_insert_default();
        let rows = teacher.chunks_exact(self.classes).zip(student.chunks_exact(self.classes));
        for ((teacher, student), label) in rows.zip(labels) {
            let Some(label) = *label else { continue };
            let (teacher, student) = (predicted(teacher), predicted(student));
            counts.images += 1;
            counts.same += u64::from(teacher == student);
            counts.teacher += u64::from(teacher == label);
            counts.student += u64::from(student == label);
        }
    }

    /// What the last step left, once that step is done.
    pub(super) fn take(&mut self, step: u64, epoch: f64) -> Option<BatchPreview> {
        let fed = self.fed.take()?;
        Some(BatchPreview { step, epoch, agreement: self.agreement.take(), ..fed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Synthetic, train_batch};
    use crate::recipe::settings::{Augment, Crop};
    use crate::tricks::mix;

    fn batch() -> (Observer, Batch) {
        let set = Synthetic { height: 6, width: 5, channels: 3, classes: 4, train: 64, test: 24 }.build(3);
        let plain = Augment { crop: Crop { on: false, pad: 0 }, flip: false, ..Augment::default() };
        let places: Vec<u32> = (0..32).collect();
        (Observer::of(&set), train_batch(&set, &places, 0, 0, &plain))
    }

    #[test]
    fn nothing_is_kept_while_no_screen_looks_and_no_more_than_once_a_second_while_one_does() {
        let (mut observer, batch) = batch();
        let smoothing = Smoothing { on: true, ..Smoothing::default() };
        let fed = |observer: &mut Observer| {
            observer.feed(&batch, batch.n, None, &smoothing);
            observer.take(7, 0.5)
        };
        assert!(fed(&mut observer).is_none());
        observer.look(true);
        let first = fed(&mut observer).unwrap();
        assert_eq!((first.step, first.batch, first.images.len(), first.smoothed), (7, 32, MOST, Some(0.9)));
        assert!(first.images.iter().zip(&batch.labels).all(|(image, label)| image.label == *label));
        assert!(fed(&mut observer).is_none(), "a second has not passed");
        // Another screen does not wait.
        observer.look(true);
        assert!(fed(&mut observer).is_some());
        observer.look(false);
        assert!(!observer.looks() && fed(&mut observer).is_none());
    }

    #[test]
    fn mixed_images_have_both_labels_and_the_pixels_of_both() {
        let (mut observer, batch) = batch();
        observer.look(true);
        let pairs: Vec<Pair> = (0..32).rev().map(|partner| Pair { partner, share: 0.25, region: None }).collect();
        let mixed = Batch { pixels: mix::pixels(&pairs, &batch.pixels, [6, 5, 3]), ..batch.clone() };
        observer.feed(&mixed, mixed.n, Some(&pairs), &Smoothing::default());
        let fed = observer.take(1, 0.0).unwrap();
        observer.taken = None;
        observer.feed(&batch, batch.n, None, &Smoothing::default());
        let plain = observer.take(1, 0.0).unwrap();
        assert_eq!(fed.images[3].mixed, Some((batch.labels[28], 0.25)));
        // Of the 24 that are shown, 9 has the partner 22.
        let at = |image: &PreviewImage| image.picture.mean(2..3, 1..2).map(f32::from);
        let expected = |c: usize| 0.25 * at(&plain.images[9])[c] + 0.75 * at(&plain.images[22])[c];
        assert!((0..3).all(|c| (at(&fed.images[9])[c] - expected(c)).abs() <= 1.0));
    }

    #[test]
    fn agreement_counts_the_rows_that_have_a_label() {
        let (mut observer, _) = batch();
        let row = |class: usize| (0..4).map(move |c| if c == class { 1.0 } else { 0.0 });
        let rows = |predicted: [usize; 4]| predicted.into_iter().flat_map(row).collect::<Vec<f32>>();
        observer.look(true);
        observer.compare(&[Some(0), Some(2), Some(2), None], &rows([0, 2, 1, 3]), &rows([0, 1, 2, 3]));
        assert_eq!(observer.agreement, Some(Agreement { images: 3, same: 1, teacher: 2, student: 2 }));
        observer.compare(&[Some(0), Some(1), Some(2)], &rows([0, 1, 2, 0]), &rows([0, 1, 2, 0]));
        assert_eq!(observer.agreement, Some(Agreement { images: 6, same: 4, teacher: 5, student: 5 }));
    }
}
