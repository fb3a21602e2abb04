//! Losses of every pixel: logits `(N, H, W, K)` against labels `(N, H, W)`, as means over the pixels that count.

use super::loss::MeanLoss;
use super::{FeatureMap, Loss, Matrix, Ops, Real};
use crate::kernels::pixel_loss::{Labels, Pixel};
use dfdx::prelude::*;

/// What the logits of pixels are compared with.
pub struct PixelObjective<E: Real, D: Ops<E>> {
    /// Labels `(N, H, W)`: classes, and a number that is none for a pixel that does not count.
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
    pub(crate) fn of_pixels(&self, pixels: usize, classes: usize) -> Labels<'_> {
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
        let second = mean.cross_entropy(D::matrix(auxiliary.put_tape(tape))?, q, aux_weight)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::loss::cross_entropy;

    const SIZE: (usize, usize, usize, usize) = (2, 3, 5, 4);

    fn map(seed: usize) -> Matrix<f32, Cpu> {
        let number =
            |i: usize| ((i + 100 * seed) as u32).wrapping_mul(2_654_435_761) as f32 / (1u64 << 31) as f32 - 1.0;
        let (n, h, w, k) = SIZE;
        Cpu::default().tensor_from_vec((0..n * h * w * k).map(|i| 3.0 * number(i)).collect(), (n * h * w, k))
    }

    fn pixels<T: Tape<f32, Cpu>>(values: Matrix<f32, Cpu, T>) -> FeatureMap<f32, Cpu, T> {
        FeatureMap::new(values, SIZE.0, SIZE.1, SIZE.2)
    }

    fn labels(seed: usize) -> Vec<u8> {
        (0..SIZE.0 * SIZE.1 * SIZE.2).map(|i| [0, 1, 2, 3, 255, 7][(i * 5 + seed) % 6]).collect()
    }

    type Way = fn(
        FeatureMap<f32, Cpu, OwnedTape<f32, Cpu>>,
        Option<FeatureMap<f32, Cpu>>,
        PixelObjective<f32, Cpu>,
        f64,
    ) -> Result<Loss<f32, Cpu>, <Cpu as HasErr>::Err>;

    /// The value of a loss and the gradients of both logits.
    fn all(way: Way, objective: PixelObjective<f32, Cpu>, auxiliary: bool) -> (f32, Vec<f32>, Vec<f32>) {
        let (z, beside) = (map(1), map(2));
        let loss = way(pixels(z.leaky_trace()), auxiliary.then(|| pixels(beside.clone())), objective, 8.0).unwrap();
        let value = loss.value.unwrap();
        let mut grads = loss.on_tape.backward();
        grads.get_or_alloc_mut(&beside).unwrap();
        (value, grads.get(&z).as_vec(), grads.get(&beside).as_vec())
    }

    fn objective() -> PixelObjective<f32, Cpu> {
        PixelObjective {
            labels: labels(0),
            partners: None,
            smoothing: (1.0, 0.0),
            teacher: None,
            hard: 1.0,
            soft: 1.0,
            temperature: 1.0,
            aux_weight: 0.5,
        }
    }

    #[test]
    fn the_kernel_equals_the_composed_loss() {
        let partners = || Some((labels(2), vec![0.25, 1.0]));
        let taught =
            || PixelObjective { teacher: Some(pixels(map(3))), hard: 0.7, soft: 0.3, temperature: 4.0, ..objective() };
        let cases: [&dyn Fn() -> PixelObjective<f32, Cpu>; 6] = [
            &objective,
            &|| PixelObjective { smoothing: (0.9, 0.1 / 3.0), ..objective() },
            &|| PixelObjective { partners: partners(), smoothing: (0.925, 0.025), ..objective() },
            &taught,
            &|| PixelObjective { partners: partners(), ..taught() },
            &|| PixelObjective { labels: vec![255; labels(0).len()], ..taught() },
        ];
        for (i, case) in cases.iter().enumerate() {
            for auxiliary in [false, true] {
                let (own, plain) = (all(Cpu::pixel_loss, case(), auxiliary), all(composed, case(), auxiliary));
                let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
                assert!(near(&[own.0], &[plain.0]), "case {i}: {} {}", own.0, plain.0);
                assert!(near(&own.1, &plain.1) && near(&own.2, &plain.2), "case {i}, {auxiliary}: {own:?}\n{plain:?}");
                if i == 5 {
                    assert_eq!(own.0, 0.0);
                    assert!(own.1.iter().chain(&own.2).all(|g| *g == 0.0));
                }
            }
        }
    }

    #[test]
    fn it_is_the_mean_over_the_pixels_that_count() {
        let labels = labels(0);
        let counted: Vec<usize> = (0..labels.len()).filter(|i| labels[*i] < 4).collect();
        let rows = |m: &Matrix<f32, Cpu>| -> Vec<f32> {
            let all = m.as_vec();
            counted.iter().flat_map(|i| all[i * 4..][..4].to_vec()).collect()
        };
        let q = counted.iter().flat_map(|i| (0..4).map(|k| f32::from(u8::from(labels[*i] == k)))).collect();
        let of = |values: Vec<f32>| Cpu::default().tensor_from_vec(values, (counted.len(), 4));
        let q = of(q);
        let expected: f32 = cross_entropy(of(rows(&map(1))), q.clone()).unwrap().as_vec()[0]
            + 0.5 * cross_entropy(of(rows(&map(2))), q).unwrap().as_vec()[0];
        let (value, ..) = all(Cpu::pixel_loss, objective(), true);
        assert!((value - expected).abs() < 1e-6, "{value} {expected}");
    }

    #[test]
    fn a_net_that_equals_its_teacher_has_the_hard_loss_alone() {
        for way in [Cpu::pixel_loss as Way, composed] {
            let hard = all(way, PixelObjective { hard: 0.5, ..objective() }, false).0;
            let taught = PixelObjective { teacher: Some(pixels(map(1))), hard: 0.5, temperature: 20.0, ..objective() };
            assert!((all(way, taught, false).0 - hard).abs() < 1e-3);
        }
    }
}
