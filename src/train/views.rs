//! Predictions of pixels as a mean over several views of an image.

use super::learner::Learner;
use crate::data::Batch;
use crate::ops::Ops;

/// How an evaluation looks at its images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Views {
    /// Once, as they are.
    #[default]
    One,
    /// At several scales, each with its mirror image. For nets that give every pixel a class.
    Many,
}

/// GluonCV's scales (`gluoncv.model_zoo.segbase.MultiEvalModel`).
const SCALES: [f64; 6] = [0.5, 0.75, 1.0, 1.25, 1.5, 1.75];

/// Images turned left to right; rows of pixels with so many values each.
fn mirrored(values: &[f32], width: usize, each: usize) -> Vec<f32> {
    let rows = values.chunks_exact(width * each);
    rows.flat_map(|row| row.chunks_exact(each).rev()).flatten().copied().collect()
}

impl<D: Ops<f32>> Learner<D> {
    /// Logarithms of the probabilities of every pixel, `(N*H*W, classes)`: the mean over all views.
    ///
    /// # Errors
    /// The device's.
    pub(super) fn mean_over_views(&mut self, batch: &Batch) -> Result<Vec<f32>, D::Err> {
        let (size, classes) = ((batch.height, batch.width), self.net.spec().classes);
        let mut sums = vec![0f64; batch.n * size.0 * size.1 * classes];
        for scale in SCALES {
            let scaled = |side: usize| ((side as f64 * scale).round() as usize).max(1);
            for mirror in [false, true] {
                let pixels = match mirror {
                    true => mirrored(&batch.pixels, size.1, batch.channels),
                    false => batch.pixels.clone(),
                };
                let view = Batch { pixels, skipped: Vec::new(), labels: Vec::new(), masks: Vec::new(), ..*batch };
                let logits = self.logits_of_scaled(view, (scaled(size.0), scaled(size.1)))?;
                let logits = if mirror { mirrored(&logits, size.1, classes) } else { logits };
                add_probabilities(&mut sums, &logits, classes);
            }
        }
        let views = (2 * SCALES.len()) as f64;
        Ok(sums.into_iter().map(|sum| (sum / views).ln() as f32).collect())
    }

    /// Logits of images that are brought to another size and back.
    fn logits_of_scaled(&mut self, batch: Batch, to: (usize, usize)) -> Result<Vec<f32>, D::Err> {
        D::enter(|| {
            let size = (batch.height, batch.width);
            let x = D::upsample(self.images(batch)?, to, false)?;
            let logits = self.evaluated(x)?;
            D::values(&D::upsample(logits, size, false)?)
        })
    }
}

/// Adds the softmax of every row.
fn add_probabilities(sums: &mut [f64], logits: &[f32], classes: usize) {
    for (sums, z) in sums.chunks_exact_mut(classes).zip(logits.chunks_exact(classes)) {
        let most = z.iter().fold(f32::NEG_INFINITY, |m, v| m.max(*v));
        let powers = z.iter().map(|v| f64::from(v - most).exp());
        let total: f64 = powers.clone().sum();
        sums.iter_mut().zip(powers).for_each(|(sum, power)| *sum += power / total);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_image_turns_pixels_and_not_channels() {
        assert_eq!(mirrored(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 2, 2), [3.0, 4.0, 1.0, 2.0, 7.0, 8.0, 5.0, 6.0]);
    }

    #[test]
    fn probabilities_of_a_pixel_sum_to_one() {
        let mut sums = vec![0.0; 4];
        add_probabilities(&mut sums, &[1000.0, 1000.0, 0.0, f32::ln(3.0)], 2);
        for (sum, expected) in sums.into_iter().zip([0.5, 0.5, 0.25, 0.75]) {
            assert!((sum - expected).abs() < 1e-6);
        }
    }
}
