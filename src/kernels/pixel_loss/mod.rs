//! The loss of every pixel of a batch, and the gradient of its logits, in one pass.
//!
//! Pixels go by blocks, turned over so that a lane is a pixel and a row a class: sums over classes are then sums of rows,
//! whatever the number of classes.

mod labels;

pub use labels::{Labels, Pixel};

use super::parallel;
use super::simd::{Level, simd_kernel};

/// Pixels of a block: two lines.
const BLOCK: usize = 32;

/// Pixels of a task.
const TASK: usize = 32 * BLOCK;

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
mod tests;
