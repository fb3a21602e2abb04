//! Depthwise convolutions: every channel has weights of its own, so that a vector of channels is a vector of sums.
//!
//! What a vector of channels reads is first laid out as a [`Field`], row after row, with its norm applied and its padding
//! in memory; a row of the output is then, tap by tap, a product of the field from some place on. The gradient of the input is the same over the field of the output's gradient; that of the weights is summed
//! against it. Every sum runs in an order that depends on the shapes alone.

mod field;

use super::buffer::Buffer;
use super::geometry::ConvGeometry;
use super::lanes::{Gradient, Sink, Source, Sums, Writing};
use super::micro::even_blocks;
use super::moments::Part;
use super::parallel;
use super::simd::{Level, Vector, by_vector, simd_kernel};
use field::{Field, Period, Scratch, Tap, Task};

/// Pixels whose sums are in registers together.
const PIXELS: usize = 8;
/// Taps whose sums are in registers together.
const TAPS: usize = 9;
/// Rows of a map that are asked for ahead: pixels lie too far apart for the processor to see what comes.
const AHEAD: usize = 2;

/// Whether a convolution is done here.
pub fn applies(g: &ConvGeometry) -> bool {
    let c = &g.conv;
    c.groups == c.c_in && c.groups == c.c_out && c.groups > 1
}

/// Convolves `x` with w `(KH*KW, C)` into `to`; gives the sums that the sink kept.
pub fn forward<S: Source, K: Sink>(level: Level, g: &ConvGeometry, x: S, w: &[f32], to: K) -> Vec<Part> {
    assert!(w.len() == g.conv.taps() * g.conv.c_in);
    let (c, field) = (g.conv.c_in, &Field::input(g));
    let run = |task: Task| {
        let mut scratch = Scratch::new(field, g.conv.taps());
        let mut sums = Sums::room::<K>(c);
        // SAFETY: images and rows exist in input and output, and are this task's
        unsafe { forward_rows(level, field, c, x, w, to, &field.periods(&task), &mut scratch, Sums::of(&mut sums)) };
        Part { rows: task.images.len() * task.rows.len() * g.ow, sums }
    };
    parallel::map(field.tasks(g.n, c), &run)
}

/// Adds the gradient of w to `gw`, and gives that of x to `gx`.
pub fn backward<S: Source, G: Source>(
    level: Level,
    g: &ConvGeometry,
    (x, gy): (S, G),
    w: &[f32],
    gw: &mut [f32],
    gx: Option<Gradient>,
) {
    assert!(w.len() == g.conv.taps() * g.conv.c_in && gw.len() == w.len());
    let (c, field) = (g.conv.c_in, &Field::gradient(g));
    let tasks = field.tasks(g.n, c);
    let mut partials = Buffer::take(tasks.len() * gw.len());
    parallel::each(tasks.iter().zip(partials.chunks_mut(gw.len())), &|_, (task, gw)| {
        let mut scratch = Scratch::new(field, g.conv.taps());
        // SAFETY: images and rows exist in all maps, and those of the gradient are this task's
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
        // SAFETY: the caller's images and rows
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
    fn backward_rows<V, S: Source, G: Source>(
        field: &Field, channels: usize, x: S, gy: G, w: &[f32], gx: Option<Gradient>, periods: &[Period],
        scratch: &mut Scratch, gw: &mut [f32],
    ) {
        let none = Sums::of(&mut []);
        // SAFETY: the caller's images and rows
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
                            let mut to = Writing::<V, Gradient>::begin(gx, c, n, none);
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
        // SAFETY: the caller's channels of a row; a vector of room
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
    // SAFETY: the caller's image and channels; the field has the place of every row
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
            // (no closure around a load: it would not be compiled for the level)
            let mut at = ((period.image * field.map.0 + y) * field.map.1 + field.first_column()) * channels + c;
            for x in 0..field.columns.len() {
                from.prefetch(at + AHEAD * field.map.1 * channels);
                from.value(&k, at, n).store(to.add(x * V::LANES));
                at += channels;
            }
        }
    }
}

/// Writes a row, whose taps are these by the phase of its columns, its pixels `stride` values apart from `at` on: the sums over the taps.
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
                // SAFETY: the caller's field
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

/// R pixels, `step` apart in the field.
///
/// # Safety
/// The machine must have the level; the field must reach.
#[inline(always)]
unsafe fn pixels<V: Vector, const R: usize>(scratch: &Scratch, taps: &[Tap], from: usize, step: usize) -> [V; R] {
    // SAFETY: the caller's field; a weight for every tap
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

/// Adds a row, which `scratch.row` holds, times the field to the sum of every tap, by the phase of its columns.
///
/// # Safety
/// The machine must have the level.
#[inline(always)]
unsafe fn sum_taps<V: Vector>(scratch: &mut Scratch, field: &Field, phases: &[Vec<Tap>]) {
    macro_rules! blocks {
        ($taps:ident, $column:ident, $($t:literal)+) => {
            for (first, count) in even_blocks($taps.len(), TAPS) {
                // SAFETY: the caller's
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

/// The sums of the first T taps of a phase, over the columns from `column` on.
///
/// # Safety
/// As for [`sum_taps`].
#[inline(always)]
unsafe fn taps<V: Vector, const T: usize>(scratch: &mut Scratch, field: &Field, taps: &[Tap], column: usize) {
    // SAFETY: the caller's
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
