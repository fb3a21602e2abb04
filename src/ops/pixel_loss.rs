//! Losses of every pixel: logits `(N, H, W, K)` against labels `(N, H, W)`, as means over the pixels that count.

pub use crate::kernels::pixel_loss::IGNORED;

use super::loss::MeanLoss;
use super::{FeatureMap, Loss, Matrix, Ops, Real};
use crate::kernels::pixel_loss::{Labels, Pixel};
use dfdx::prelude::*;

/// What the logits of pixels are compared with.
pub struct PixelObjective<E: Real, D: Ops<E>> {
    /// Labels `(N, H, W)`: classes, and [`IGNORED`] (or what is no class) for a pixel that does not count.
    pub labels: Vec<u8>,
    /// Labels `(N, H, W)` of the images that the images are mixed with, and for each image the share of its own labels. A
    /// pixel that is ignored in either does not count.
    pub partners: Option<(Vec<u8>, Vec<f32>)>,
    /// The target probability of the label and that of every other class: `(1, 0)` without smoothing.
    pub smoothing: (f32, f32),
    /// Logits of a teacher, a map of the size of the logits.
    pub teacher: Option<FeatureMap<E, D>>,
    /// Share of the cross entropy against the labels.
    pub hard: f64,
    /// Share of the soft loss; it counts with a teacher alone.
    pub soft: f64,
    /// Temperature of the soft loss.
    pub temperature: f64,
    /// Share of the cross entropy of auxiliary logits.
    pub aux_weight: f64,
}

impl<E: Real, D: Ops<E>> PixelObjective<E, D> {
    /// The labels as kernels read them, of images of so many `pixels`.
    pub(super) fn of_pixels(&self, pixels: usize, classes: usize) -> Labels<'_> {
        let partners = self.partners.as_ref().map(|(labels, shares)| (&labels[..], &shares[..]));
        Labels { own: &self.labels, partners, pixels, classes }
    }
}

/// The target probabilities of a pixel, into a row.
fn target<E: Real>(pixel: &Pixel, (on, off): (f32, f32), row: &mut [E]) {
    row.fill(E::of(off.into()));
    let mass = f64::from(on) - f64::from(off);
    for (class, share) in [(pixel.label, f64::from(pixel.share)), (pixel.partner, 1.0 - f64::from(pixel.share))] {
        row[class] = E::of(row[class].value() + share * mass);
    }
}

/// Composed loss; see [`Ops::pixel_loss`].
///
/// # Errors
/// The device's.
pub fn composed<E: Real, D: Ops<E>>(
    logits: FeatureMap<E, D, OwnedTape<E, D>>,
    auxiliary: Option<FeatureMap<E, D>>,
    mut objective: PixelObjective<E, D>,
    scale: f64,
) -> Result<Loss<E, D>, D::Err> {
    let (n, h, w, classes) = logits.size();
    let teacher = objective.teacher.take().map(D::matrix).transpose()?;
    let PixelObjective { smoothing, hard, soft, temperature, aux_weight, .. } = objective;
    let pixels: Vec<_> = (0..n * h * w).map(|place| objective.of_pixels(h * w, classes).pixel(place)).collect();
    let counted = pixels.iter().flatten().count();
    let mut q = vec![E::of(0.0); n * h * w * classes];
    for (row, pixel) in q.chunks_exact_mut(classes).zip(&pixels) {
        pixel.iter().for_each(|pixel| target(pixel, smoothing, row));
    }
    let z = D::matrix(logits)?;
    let dev = z.device().clone();
    let q: Matrix<E, D> = dev.try_tensor_from_vec(q, (n * h * w, classes))?;
    let mean = Mean { counted: counted.max(1) };
    let floor = teacher.as_ref().map_or(0.0, |r| floor(&r.as_vec(), &pixels, temperature) * soft);

    let (z, tape) = z.split_tape();
    let (mut loss, mut tape) = mean.cross_entropy(z.clone().put_tape(tape), q.clone(), hard)?.split_tape();
    if let Some(teacher) = teacher {
        let counts = pixels.iter().map(|pixel| E::of(f64::from(u8::from(pixel.is_some())))).collect::<Vec<E>>();
        let counts: Tensor<(usize,), E, D> = dev.try_tensor_from_vec(counts, (n * h * w,))?;
        let counts: Matrix<E, D> = counts.try_broadcast_like::<_, Axis<1>>(&(n * h * w, classes))?;
        let q = teacher.try_div(E::of(temperature))?.try_softmax::<Axis<1>>()?.try_mul(counts)?;
        let z = z.put_tape(tape).try_div(E::of(temperature))?;
        let taught = mean.cross_entropy(z, q, soft * temperature * temperature)?;
        (loss, tape) = taught.try_add(loss.put_tape(OwnedTape::default()))?.split_tape();
    }
    let mut loss = loss.put_tape(tape);
    if let Some(auxiliary) = auxiliary {
        let (first, tape) = loss.split_tape();
        let second = mean.cross_entropy(D::matrix(auxiliary)?.put_tape(tape), q, aux_weight)?;
        loss = second.try_add(first.put_tape(OwnedTape::default()))?;
    }
    let value = (loss.as_vec()[0].value() - floor) as f32;
    Ok(Loss { on_tape: loss.try_mul(E::of(scale))?, scale, value: Some(value) })
}

/// A mean over pixels that count, one at least.
struct Mean {
    counted: usize,
}

impl Mean {
    /// `share` times the cross entropy against target probabilities, which are 0 where a pixel does not count.
    fn cross_entropy<E: Real, D: Ops<E>, T: Tape<E, D>>(
        &self,
        z: Matrix<E, D, T>,
        q: Matrix<E, D>,
        share: f64,
    ) -> Result<MeanLoss<E, D, T>, D::Err> {
        let products = z.try_log_softmax::<Axis<1>>()?.try_mul(q)?;
        products.try_sum::<Rank0, Axes2<0, 1>>()?.try_mul(E::of(-share / self.counted as f64))
    }
}

/// The part of the soft loss that no net can take away, over the pixels that count.
fn floor<E: Real>(teacher: &[E], pixels: &[Option<Pixel>], temperature: f64) -> f64 {
    let classes = teacher.len() / pixels.len().max(1);
    let rows = teacher.chunks_exact(classes.max(1)).zip(pixels).filter(|(_, pixel)| pixel.is_some());
    let counted: Vec<E> = rows.flat_map(|(row, _)| row).copied().collect();
    if counted.is_empty() { 0.0 } else { f64::from(super::loss::floor(&counted, classes, temperature)) }
}
