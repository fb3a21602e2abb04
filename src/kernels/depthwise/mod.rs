//! Depthwise convolutions: every channel has weights of its own, so that a vector of channels is a vector of sums and
//! no product of matrices.
//!
//! What a vector of channels reads is first laid out as a [`Field`], row after row, with its norm applied and its
//! padding in memory. A row of the output is then the sum over the taps of weight times field:
//!
//! ```text
//! y[pixel]  = sum over taps of  w[tap] * field_x[pixel + place of tap]       (N*OH*OW, C)
//! gx[pixel] = sum over taps of  w[tap] * field_gy[pixel + place of tap]      (N*H*W, C), taps of the pixel's phase
//! gw[tap]  += sum over pixels of  x[pixel] * field_gy[pixel + place of tap]  (KH*KW, C)
//! ```
//!
//! So both gradients read one field, that of the output's gradient. Every sum runs in an order that depends on the
//! shapes alone.

mod field;

use super::buffer::Buffer;
use super::gemm::even_blocks;
use super::geometry::ConvGeometry;
use super::lanes::{Grad, Sink, Source, Sums, Writing};
use super::moments::PartialSums;
use super::parallel;
use super::simd::{Level, Vector, by_vector, simd_kernel};
use super::value::Value;
use field::{Field, Period, Scratch, Tap, Task};

/// Pixels whose sums are in registers together. A sum is a chain of multiply-adds, each of which takes 4 cycles; 8
/// independent ones keep two multipliers busy. They fit with the weight into the 16 registers of AVX2.
const PIXELS: usize = 8;
/// Taps whose sums are in registers together: all of a 3x3, so that a row of x is read once for its gradient of the
/// weights.
const TAPS: usize = 9;
/// Rows of a map that are asked for ahead. The pixels of one vector of channels lie a whole pixel apart, which the
/// CPU's own prefetcher does not follow.
const AHEAD: usize = 2;

/// Whether a convolution is done here: one channel in and out for every group.
pub fn applies(g: &ConvGeometry) -> bool {
    let c = &g.conv;
    c.groups == c.c_in && c.groups == c.c_out && c.groups > 1
}

/// Convolves x `(N*H*W, C)` with w `(KH*KW, C)` into `to`. Returns the sums that the sink kept, a part for every task.
pub fn forward<S: Source, K: Sink>(level: Level, g: &ConvGeometry, x: S, w: &[f32], to: K) -> Vec<PartialSums> {
    assert!(w.len() == g.conv.taps() * g.conv.c_in);
    let (c, field) = (g.conv.c_in, &Field::input(g));
    let run = |task: Task| {
        let mut scratch = Scratch::new(field, g.conv.taps());
        let mut sums = Sums::room::<K>(c);
        // SAFETY: Images and rows exist in input and output, and are this task's.
        unsafe { forward_rows(level, field, c, x, w, to, &field.periods(&task), &mut scratch, Sums::of(&mut sums)) };
        PartialSums { rows: task.images.len() * task.rows.len() * g.ow, sums }
    };
    parallel::map(field.tasks(g.n, c), &run)
}

/// Adds the gradient of w to `gw` `(KH*KW, C)` and gives that of x to `gx`. Every task sums a gradient of w of its own;
/// they are added in the order of the tasks.
pub fn backward<S: Source, G: Source, T: Value>(
    level: Level,
    g: &ConvGeometry,
    (x, gy): (S, G),
    w: &[f32],
    gw: &mut [f32],
    gx: Option<Grad<T>>,
) {
    assert!(w.len() == g.conv.taps() * g.conv.c_in && gw.len() == w.len());
    let (c, field) = (g.conv.c_in, &Field::output_grad(g));
    let tasks = field.tasks(g.n, c);
    let mut partials = Buffer::take(tasks.len() * gw.len());
    parallel::each(tasks.iter().zip(partials.chunks_mut(gw.len())), &|_, (task, gw)| {
        let mut scratch = Scratch::new(field, g.conv.taps());
        // SAFETY: Images and rows exist in all maps, and those of the gradient are this task's.
        unsafe { backward_rows(level, field, c, x, gy, w, gx, &field.periods(task), &mut scratch, gw) }
    });
    for partial in partials.chunks_exact(gw.len()) {
        gw.iter_mut().zip(partial).for_each(|(a, b)| *a += b);
    }
}

simd_kernel! {
    fn forward_rows<V, S: Source, K: Sink>(
        field: &Field, channels: usize, x: S, w: &[f32], to: K, periods: &[Period], scratch: &mut Scratch, sums: Sums,
    ) {
        // SAFETY: The caller's images and rows exist.
        unsafe {
            by_vector!(V, channels, |c, n| {
                take_weights::<V>(w, channels, c, n, &mut scratch.weights);
                let mut to = Writing::<V, K>::begin(to, c, n, sums);
                for period in periods {
                    fill::<V, S>(x, field, period, (channels, c, n), scratch);
                    for y in period.rows.clone() {
                        let at = (period.image * field.out.0 + y) * field.out.1 * channels + c;
                        product(scratch, field, field.taps(period, y), &mut to, at, channels);
                    }
                }
                to.end(c, sums);
            });
        }
    }
}

simd_kernel! {
    fn backward_rows<V, S: Source, G: Source, T: Value>(
        field: &Field, channels: usize, x: S, gy: G, w: &[f32], gx: Option<Grad<T>>, periods: &[Period],
        scratch: &mut Scratch, gw: &mut [f32],
    ) {
        let none = Sums::of(&mut []);
        // SAFETY: The caller's images and rows exist.
        unsafe {
            by_vector!(V, channels, |c, n| {
                take_weights::<V>(w, channels, c, n, &mut scratch.weights);
                scratch.sums.fill(0.0);
                let k = x.constants::<V>(c, n);
                for period in periods {
                    fill::<V, G>(gy, field, period, (channels, c, n), scratch);
                    for y in period.rows.clone() {
                        let at = (period.image * field.out.0 + y) * field.out.1 * channels + c;
                        if let Some(gx) = gx {
                            let mut to = Writing::<V, Grad<T>>::begin(gx, c, n, none);
                            product(scratch, field, field.taps(period, y), &mut to, at, channels);
                        }
                        let row = scratch.row.as_mut_ptr();
                        for px in 0..field.out.1 {
                            x.prefetch(at + (px + AHEAD * field.out.1) * channels);
                            x.value(&k, at + px * channels, n).store(row.add(px * V::LANES));
                        }
                        sum_taps::<V>(scratch, field, field.taps(period, y));
                    }
                }
                for (gw, sum) in gw.chunks_exact_mut(channels).zip(scratch.sums.chunks_exact(V::LANES)) {
                    V::load(sum.as_ptr()).store_first(gw.as_mut_ptr().add(c), n);
                }
            });
        }
    }
}

/// Lays out the weights of `n` channels from `c` on, a vector a tap.
///
/// # Safety
/// The machine must have the level; the channels must exist.
#[inline(always)]
unsafe fn take_weights<V: Vector>(w: &[f32], channels: usize, c: usize, n: usize, to: &mut [f32]) {
    for (row, to) in w.chunks_exact(channels).zip(to.chunks_exact_mut(V::LANES)) {
        // SAFETY: The caller's row has the channels, and there is room for a vector.
        unsafe { V::load_first(row.as_ptr().add(c), n).store(to.as_mut_ptr()) }
    }
}

/// Reads the rows of a period that are not there yet, `n` channels from `c` on.
///
/// # Safety
/// The machine must have the level; image and channels must exist.
#[inline(always)]
unsafe fn fill<V: Vector, S: Source>(
    from: S,
    field: &Field,
    period: &Period,
    (channels, c, n): (usize, usize, usize),
    scratch: &mut Scratch,
) {
    // SAFETY: The caller's image and channels exist, and the field has the place of every row.
    unsafe {
        let (k, zero) = (from.constants::<V>(c, n), V::splat(0.0));
        for (at, row) in field.read(period, V::LANES) {
            let to = scratch.field.as_mut_ptr().add(row + field.columns.start * V::LANES);
            let Some(y) = field.row(at) else {
                for x in 0..field.columns.len() {
                    zero.store(to.add(x * V::LANES));
                }
                continue;
            };
            // A loop and no iterator with a closure: a load in a closure would not be compiled for the level.
            let mut at = ((period.image * field.map.0 + y) * field.map.1 + field.first_column()) * channels + c;
            for x in 0..field.columns.len() {
                from.prefetch(at + AHEAD * field.map.1 * channels);
                from.value(&k, at, n).store(to.add(x * V::LANES));
                at += channels;
            }
        }
    }
}

/// Writes a row: for every pixel the sum over its taps, which are given by the phase of its column. Pixels lie `stride`
/// values apart, from place `at` on.
///
/// # Safety
/// The machine must have the level; the places must be the task's.
#[inline(always)]
unsafe fn product<V: Vector, K: Sink>(
    scratch: &Scratch,
    field: &Field,
    phases: &[Vec<Tap>],
    to: &mut Writing<V, K>,
    at: usize,
    stride: usize,
) {
    let (apart, ahead) = (field.period * stride, AHEAD * field.out.1 * stride);
    macro_rules! blocks {
        ($taps:ident, $column:ident, $count:ident, $($r:literal)+) => {
            for x in (0..$count).step_by(PIXELS) {
                let from = x * field.step * V::LANES;
                // SAFETY: The caller's field reaches.
                match PIXELS.min($count - x) {
                    $($r => unsafe {
                        let sums = match field.step {
                            1 => pixels::<V, $r>(scratch, $taps, from, 1),
                            step => pixels::<V, $r>(scratch, $taps, from, step),
                        };
                        let mut at = at + $column * stride + x * apart;
                        for sum in sums {
                            to.prefetch(at + ahead);
                            to.put(sum, at);
                            at += apart;
                        }
                    },)+
                    _ => {}
                }
            }
        };
    }
    for (column, taps) in phases.iter().enumerate() {
        let count = field.out.1.saturating_sub(column).div_ceil(field.period);
        blocks!(taps, column, count, 1 2 3 4 5 6 7 8);
    }
}

/// The sums over the taps of R pixels, which lie `step` apart in the field.
///
/// # Safety
/// The machine must have the level; the field must reach.
#[inline(always)]
unsafe fn pixels<V: Vector, const R: usize>(scratch: &Scratch, taps: &[Tap], from: usize, step: usize) -> [V; R] {
    // SAFETY: The caller's field reaches, and every tap has a weight.
    unsafe {
        let mut sums = [V::splat(0.0); R];
        let (field, weights) = (scratch.field.as_ptr().add(from), scratch.weights.as_ptr());
        for tap in taps {
            let (w, field) = (V::load(weights.add(tap.weight * V::LANES)), field.add(tap.place * V::LANES));
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum = V::load(field.add(i * step * V::LANES)).mul_add(w, *sum);
            }
        }
        sums
    }
}

/// Adds a row of x, which `scratch.row` holds, times the field to the sum of every tap of the row, given by the phase
/// of the column.
///
/// # Safety
/// The machine must have the level.
#[inline(always)]
unsafe fn sum_taps<V: Vector>(scratch: &mut Scratch, field: &Field, phases: &[Vec<Tap>]) {
    macro_rules! blocks {
        ($taps:ident, $column:ident, $($t:literal)+) => {
            for (first, count) in even_blocks($taps.len(), TAPS) {
                // SAFETY: As promised by the caller.
                match count {
                    $($t => unsafe { taps::<V, $t>(scratch, field, &$taps[first..], $column) },)+
                    _ => {}
                }
            }
        };
    }
    for (column, these) in phases.iter().enumerate() {
        blocks!(these, column, 1 2 3 4 5 6 7 8 9);
    }
}

/// Adds to the sums of the first T taps of a phase, over the columns from `column` on.
///
/// # Safety
/// As for [`sum_taps`].
#[inline(always)]
unsafe fn taps<V: Vector, const T: usize>(scratch: &mut Scratch, field: &Field, taps: &[Tap], column: usize) {
    // SAFETY: As promised by the caller.
    unsafe {
        let mut fields = [scratch.field.as_ptr(); T];
        for (field, tap) in fields.iter_mut().zip(taps) {
            *field = field.add(tap.place * V::LANES);
        }
        let (row, mut sums) = (scratch.row.as_ptr(), [V::splat(0.0); T]);
        for (i, x) in (column..field.out.1).step_by(field.period).enumerate() {
            let v = V::load(row.add(x * V::LANES));
            for (sum, field) in sums.iter_mut().zip(&fields) {
                *sum = V::load(field.add(i * V::LANES)).mul_add(v, *sum);
            }
        }
        for (sum, tap) in sums.into_iter().zip(taps) {
            let to = scratch.sums.as_mut_ptr().add(tap.weight * V::LANES);
            V::load(to).add(sum).store(to);
        }
    }
}
