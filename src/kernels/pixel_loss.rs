//! The loss of every pixel of a batch, and the gradient of its logits, in one pass.
//!
//! Pixels go by blocks, turned over so that a lane is a pixel and a row a class: sums over classes are then sums of rows,
//! whatever the number of classes.

use super::parallel;
use super::simd::{Level, simd_kernel};

/// The label of a pixel that does not count.
pub const IGNORED: u8 = 255;

/// Pixels of a block: two lines.
const BLOCK: usize = 32;

/// Pixels of a task.
const TASK: usize = 32 * BLOCK;

/// The labels of a batch.
#[derive(Clone, Copy)]
pub struct Labels<'a> {
    /// Of every pixel: a class, or [`IGNORED`] (or what is no class) where it does not count.
    pub own: &'a [u8],
    /// Those of the images that the images are mixed with, and for each image the share of its own labels. A pixel that is
    /// ignored in either does not count.
    pub partners: Option<(&'a [u8], &'a [f32])>,
    /// Pixels of an image.
    pub pixels: usize,
    /// Classes.
    pub classes: usize,
}

/// The labels of a pixel that counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pixel {
    /// Its own label.
    pub label: usize,
    /// Its partner's, or its own.
    pub partner: usize,
    /// Share of its own.
    pub share: f32,
}

impl Labels<'_> {
    /// The labels of a pixel, counted over all images, if it counts.
    pub fn pixel(&self, place: usize) -> Option<Pixel> {
        let class = |label: u8| (label != IGNORED && usize::from(label) < self.classes).then_some(usize::from(label));
        let label = class(self.own[place])?;
        match self.partners {
            None => Some(Pixel { label, partner: label, share: 1.0 }),
            Some((labels, shares)) => {
                Some(Pixel { label, partner: class(labels[place])?, share: shares[place / self.pixels] })
            }
        }
    }

    /// How many pixels count.
    pub fn counted(&self) -> usize {
        (0..self.own.len()).filter(|place| self.pixel(*place).is_some()).count()
    }
}

/// What the loss of a pixel is made of.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// The target probability of the label and that of every other class.
    pub smoothing: (f32, f32),
    /// Factor of the gradient of the cross entropy against the labels.
    pub hard: f32,
    /// Factor of the gradient of the soft loss.
    pub soft: f32,
    /// Temperature of the soft loss.
    pub temperature: f32,
}

/// Sums over the pixels that count.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Cross entropy against the labels.
    pub hard: f64,
    /// What the softened output is away from the teacher's: the soft loss at temperature 1, less what no net can take away.
    pub soft: f64,
}

/// Writes to `gz` the gradient of the logits z `(N*H*W, K)`, times the factors of `terms`; gives the sums of both losses.
/// The soft one is of a teacher's logits, if there are any.
///
/// # Panics
/// When a slice has another size than z.
pub fn run(level: Level, z: &[f32], teacher: Option<&[f32]>, labels: Labels, terms: Terms, gz: &mut [f32]) -> Sums {
    let k = labels.classes;
    assert!(z.len() == gz.len() && z.len() == labels.own.len() * k && teacher.is_none_or(|r| r.len() == z.len()));
    let sums = parallel::map(gz.chunks_mut(TASK * k).enumerate(), &|(task, gz)| {
        let first = task * TASK;
        let z = &z[first * k..][..gz.len()];
        let teacher = teacher.map(|r| &r[first * k..][..gz.len()]);
        let mut sums = Sums::default();
        // SAFETY: The kernel touches what its slices hold.
        unsafe { pixels(level, z, teacher, (labels, first), terms, gz, &mut sums) };
        sums
    });
    sums.iter().fold(Sums::default(), |all, one| Sums { hard: all.hard + one.hard, soft: all.soft + one.soft })
}

/// A value of every pixel of a block.
type Row = [f32; BLOCK];

simd_kernel! {
    /// The pixels of a task, the first of which is named.
    fn pixels<V>(
        z: &[f32],
        teacher: Option<&[f32]>,
        of: (Labels<'_>, usize),
        terms: Terms,
        gz: &mut [f32],
        sums: &mut Sums,
    ) {
        let (labels, first) = of;
        let k = labels.classes;
        let rows = || vec![[0f32; BLOCK]; k];
        let (mut own, mut powers, mut taught, mut soft) = (rows(), rows(), rows(), rows());
        for (block, gz) in gz.chunks_mut(BLOCK * k).enumerate() {
            let at = block * BLOCK;
            let count = gz.len() / k;
            turned(&z[at * k..][..gz.len()], k, &mut own);
            let pixels: [Option<Pixel>; BLOCK] =
                std::array::from_fn(|i| if i < count { labels.pixel(first + at + i) } else { None });
            let mut counts = [0f32; BLOCK];
            counts.iter_mut().zip(&pixels).for_each(|(to, pixel)| *to = f32::from(u8::from(pixel.is_some())));
            less_most(&mut own);
            let (total, log) = exponentials(&own, 1.0, &mut powers);
            sums.hard += hard(&own, &log, &pixels, terms);
            hard_gradient(&total, &counts, &pixels, terms, &mut powers);
            if let Some(teacher) = teacher {
                turned(&teacher[at * k..][..gz.len()], k, &mut taught);
                less_most(&mut taught);
                let softened = 1.0 / terms.temperature;
                let (own_total, own_log) = exponentials(&own, softened, &mut soft);
                scaled(&own_total, &counts, terms.soft, &mut soft);
                powers.iter_mut().zip(&soft).for_each(|(g, ps)| each(g, ps, |g, ps| g + ps));
                let (total, log) = exponentials(&taught, softened, &mut soft);
                sums.soft += divergence((&own, &own_log), (&taught, &log), (&soft, &total), softened, &counts);
                scaled(&total, &counts, terms.soft, &mut soft);
                powers.iter_mut().zip(&soft).for_each(|(g, pt)| each(g, pt, |g, pt| g - pt));
            }
            turned_back(&powers, k, gz);
        }
    }
}

/// a = f(a, b), pixel by pixel.
#[inline(always)]
fn each(a: &mut Row, b: &Row, f: impl Fn(f32, f32) -> f32) {
    for (a, b) in a.iter_mut().zip(b) {
        *a = f(*a, *b);
    }
}

/// Pixels `(count, K)` as rows `(K, BLOCK)`; lanes that have no pixel keep what they have.
#[inline(always)]
fn turned(map: &[f32], k: usize, rows: &mut [Row]) {
    for (lane, pixel) in map.chunks_exact(k).enumerate() {
        rows.iter_mut().zip(pixel).for_each(|(row, v)| row[lane] = *v);
    }
}

/// The other way.
#[inline(always)]
fn turned_back(rows: &[Row], k: usize, map: &mut [f32]) {
    for (lane, pixel) in map.chunks_exact_mut(k).enumerate() {
        pixel.iter_mut().zip(rows).for_each(|(v, row)| *v = row[lane]);
    }
}

/// Takes the largest logit of a pixel from all of them.
#[inline(always)]
fn less_most(rows: &mut [Row]) {
    let mut most = [f32::NEG_INFINITY; BLOCK];
    rows.iter().for_each(|row| each(&mut most, row, |most, v| if v > most { v } else { most }));
    rows.iter_mut().for_each(|row| each(row, &most, |v, most| v - most));
}

/// Writes exp(v * factor) of every value; gives their sum over the classes and its logarithm.
#[inline(always)]
fn exponentials(rows: &[Row], factor: f32, powers: &mut [Row]) -> (Row, Row) {
    let mut total = [0f32; BLOCK];
    for (powers, row) in powers.iter_mut().zip(rows) {
        each(powers, row, |_, v| exp(v * factor));
        each(&mut total, powers, |total, power| total + power);
    }
    (total, total.map(f32::ln))
}

/// e^x for x of at most 0, to about two units in the last place; 0 for what is too small, and not-a-number for itself.
/// (Cody and Waite's reduction and the polynomial of Cephes, without a branch, so that loops become vectors.)
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// Adding it rounds to a whole number, which then stands in the last bits.
    const WHOLE: f32 = 12_582_912.0;
    let shifted = x * std::f32::consts::LOG2_E + WHOLE;
    let n = shifted - WHOLE;
    let r = (x - n * 0.693_359_4) + n * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = p * r + c;
    }
    let e = (p * r * r + r) + 1.0;
    let exponent = (shifted.to_bits() as i32).wrapping_sub(WHOLE.to_bits() as i32).wrapping_add(127);
    let power = f32::from_bits((exponent as u32) << 23);
    if x < -87.0 { 0.0 } else { e * power }
}

/// The cross entropy of the pixels of a block against their targets, summed.
#[inline(always)]
fn hard(own: &[Row], log: &Row, pixels: &[Option<Pixel>; BLOCK], terms: Terms) -> f64 {
    let (on, off) = terms.smoothing;
    let mut all = [0f32; BLOCK];
    if off > 0.0 {
        own.iter().for_each(|row| each(&mut all, row, |all, v| all + v));
    }
    let mut sum = 0.0;
    for (lane, pixel) in pixels.iter().enumerate() {
        let Some(Pixel { label, partner, share }) = *pixel else { continue };
        let (log, mass) = (f64::from(log[lane]), f64::from(on) - f64::from(off));
        let of = |class: usize| f64::from(own[class][lane]) - log;
        let share = f64::from(share);
        sum -= f64::from(off) * (f64::from(all[lane]) - own.len() as f64 * log);
        sum -= mass * (share * of(label) + if share < 1.0 { (1.0 - share) * of(partner) } else { 0.0 });
    }
    sum
}

/// From the powers of a block to the gradient of its cross entropy.
#[inline(always)]
fn hard_gradient(total: &Row, counts: &Row, pixels: &[Option<Pixel>; BLOCK], terms: Terms, rows: &mut [Row]) {
    let ((on, off), hard) = (terms.smoothing, terms.hard);
    let all = on + (rows.len() - 1) as f32 * off;
    scaled(total, counts, hard * all, rows);
    if off > 0.0 {
        let counted = counts.map(|counts| counts * hard * off);
        rows.iter_mut().for_each(|row| each(row, &counted, |g, off| g - off));
    }
    for (lane, pixel) in pixels.iter().enumerate() {
        if let Some(Pixel { label, partner, share }) = *pixel {
            rows[label][lane] -= hard * (on - off) * share;
            rows[partner][lane] -= hard * (on - off) * (1.0 - share);
        }
    }
}

/// Powers as probabilities times a factor, 0 where a pixel does not count.
#[inline(always)]
fn scaled(total: &Row, counts: &Row, factor: f32, rows: &mut [Row]) {
    let mut factors = [0f32; BLOCK];
    each(&mut factors, total, |_, total| factor / total);
    for row in rows.iter_mut() {
        each(row, &factors, |v, factor| v * factor);
        each(row, counts, |v, counts| if counts > 0.0 { v } else { 0.0 });
    }
}

/// The sum over pixels and classes of pt (log pt - log ps), of powers of the teacher's softened logits and their total.
#[inline(always)]
fn divergence(
    (own, own_log): (&[Row], &Row),
    (taught, log): (&[Row], &Row),
    (powers, total): (&[Row], &Row),
    softened: f32,
    counts: &Row,
) -> f64 {
    let mut sums = [0f32; BLOCK];
    for ((own, taught), powers) in own.iter().zip(taught).zip(powers) {
        for lane in 0..BLOCK {
            let apart = (taught[lane] - own[lane]) * softened - (log[lane] - own_log[lane]);
            sums[lane] += powers[lane] * apart;
        }
    }
    let of_lane = |lane: usize| if counts[lane] > 0.0 { f64::from(sums[lane] / total[lane]) } else { 0.0 };
    (0..BLOCK).map(of_lane).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_those_of_the_library() {
        for i in 0..100_000 {
            let x = -88.0 * i as f32 / 100_000.0;
            let (found, expected) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((found - expected).abs() <= 2e-7 * expected + 1e-37, "{x}: {found} {expected}");
        }
        assert!(exp(f32::NAN).is_nan());
        assert_eq!((exp(0.0), exp(f32::NEG_INFINITY), exp(-1e30)), (1.0, 0.0, 0.0));
    }

    /// The loss of one pixel in double precision, and the gradient of its logits.
    fn plain(z: &[f32], r: &[f32], q: &[f64], t: Terms) -> (f64, f64, Vec<f64>) {
        let softmax = |z: &[f32], t: f64| {
            let e: Vec<f64> = z.iter().map(|v| (f64::from(*v) / t).exp()).collect();
            let sum: f64 = e.iter().sum();
            e.into_iter().map(|e| e / sum).collect::<Vec<f64>>()
        };
        let temperature = f64::from(t.temperature);
        let (p, ps, pt) = (softmax(z, 1.0), softmax(z, temperature), softmax(r, temperature));
        let hard = -q.iter().zip(&p).map(|(q, p)| q * p.ln()).sum::<f64>();
        let soft = pt.iter().zip(&ps).map(|(pt, ps)| pt * (pt.ln() - ps.ln())).sum();
        let all: f64 = q.iter().sum();
        let of = |i: usize| f64::from(t.hard) * (all * p[i] - q[i]) + f64::from(t.soft) * (ps[i] - pt[i]);
        (hard, soft, (0..z.len()).map(of).collect())
    }

    #[test]
    fn losses_and_gradients_are_those_of_plain_loops_at_every_level_and_thread_count() {
        let number = |i: usize| ((i as u32).wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 22) as f32 - 2.0;
        for (k, n, pixels) in [(1, 2, 5), (2, 3, 40), (11, 2, 700), (21, 1, 1500)] {
            let z: Vec<f32> = (0..n * pixels * k).map(|i| 4.0 * number(i)).collect();
            let r: Vec<f32> = (0..n * pixels * k).map(|i| 4.0 * number(i + 77)).collect();
            let labels = |seed: usize| -> Vec<u8> {
                let label = |i: usize| (i * 7 + seed) % (k + 1);
                (0..n * pixels).map(|i| if label(i) == k { IGNORED } else { label(i) as u8 }).collect()
            };
            let (own, others, shares) = (labels(0), labels(3), vec![0.3, 1.0, 0.0]);
            for (mixed, taught, smoothing) in [
                (false, false, (1.0, 0.0)),
                (true, false, (0.9, 0.02)),
                (true, true, (0.9, 0.02)),
                (false, true, (1.0, 0.0)),
            ] {
                let partners = mixed.then_some((&others[..], &shares[..n]));
                let labels = Labels { own: &own, partners, pixels, classes: k };
                let terms = Terms { smoothing, hard: 0.7, soft: 1.3, temperature: 4.0 };
                let (mut sums, mut gradient, mut counted) = (Sums::default(), Vec::new(), 0);
                for place in 0..n * pixels {
                    let row = |map: &[f32]| map[place * k..][..k].to_vec();
                    let Some(pixel) = labels.pixel(place) else {
                        gradient.extend(vec![0.0; k]);
                        continue;
                    };
                    counted += 1;
                    let mut q = vec![f64::from(smoothing.1); k];
                    let mass = f64::from(smoothing.0) - f64::from(smoothing.1);
                    q[pixel.label] += mass * f64::from(pixel.share);
                    q[pixel.partner] += mass * (1.0 - f64::from(pixel.share));
                    let terms = Terms { soft: if taught { terms.soft } else { 0.0 }, ..terms };
                    let (hard, soft, of_pixel) = plain(&row(&z), &row(&r), &q, terms);
                    sums.hard += hard;
                    sums.soft += if taught { soft } else { 0.0 };
                    gradient.extend(of_pixel);
                }
                assert_eq!(labels.counted(), counted);
                for level in Level::available() {
                    let teacher = taught.then_some(&r[..]);
                    let mut first: Option<(Sums, Vec<f32>)> = None;
                    for threads in [1, 2, 3, 8] {
                        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                        let mut gz = vec![f32::NAN; z.len()];
                        let found = pool.install(|| run(level, &z, teacher, labels, terms, &mut gz));
                        let near = |a: f64, b: f64| (a - b).abs() <= 1e-5 * (b.abs() + 1.0);
                        assert!(near(found.hard, sums.hard) && near(found.soft, sums.soft), "{found:?} {sums:?}");
                        assert!(
                            gz.iter().zip(&gradient).all(|(a, b)| (f64::from(*a) - b).abs() < 2e-6),
                            "{level:?} {k}"
                        );
                        let (sums, bits) = first.get_or_insert_with(|| (found, gz.clone()));
                        assert!((*sums, &bits[..]) == (found, &gz[..]), "{threads} threads at {level:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn not_a_number_shows() {
        let z = [0.0, f32::NAN, 1.0, 2.0];
        let labels = Labels { own: &[0, 1], partners: None, pixels: 2, classes: 2 };
        let terms = Terms { smoothing: (1.0, 0.0), hard: 1.0, soft: 0.0, temperature: 1.0 };
        let mut gz = [0.0; 4];
        assert!(run(Level::best(), &z, None, labels, terms, &mut gz).hard.is_nan());
        assert!(gz[0].is_nan() && gz[2].is_finite());
        // A pixel that does not count says nothing.
        let ignored = Labels { own: &[IGNORED, 1], ..labels };
        assert!(run(Level::best(), &z, None, ignored, terms, &mut gz).hard.is_finite());
        assert_eq!(gz[..2], [0.0, 0.0]);
    }
}
