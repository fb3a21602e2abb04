//! What convolutions read and write, a vector of channels at a time: values with the norms around them applied on the
//! way, so that no map is gone through for a norm alone.

mod sinks;
mod sources;

pub use sinks::{Finished, Gradient, NormSums, Statistics};
pub use sources::{Dense, NormGrad, Normed, Summed, Where};

use super::buffer::{Buffer, Shared};
use super::moments::Part;
use super::simd::{LINE, Level, Vector, by_vector, simd_kernel};
use rayon::prelude::*;

/// Vectors that a source keeps for a vector of channels, at most.
pub const CONSTANTS: usize = 6;

/// Something that a convolution reads: `(pixels, channels)`.
pub trait Source: Copy + Send + Sync {
    /// What is the same for every pixel of `n` channels from `c` on.
    ///
    /// # Safety
    /// The machine must have the level; the channels must exist.
    unsafe fn constants<V: Vector>(&self, c: usize, n: usize) -> [V; CONSTANTS];
    /// The `n` values from place `at` on.
    ///
    /// # Safety
    /// As for `constants`, and the values must exist.
    unsafe fn value<V: Vector>(&self, k: &[V; CONSTANTS], at: usize, n: usize) -> V;
}

/// A factor and a summand for every channel, and whether a ReLU follows.
#[derive(Clone, Copy, Debug)]
pub struct Affine<'a> {
    /// Factor.
    pub scale: &'a [f32],
    /// Summand.
    pub shift: &'a [f32],
    /// Whether a ReLU follows.
    pub relu: bool,
}

/// A map as a convolution's input: its values, or what an affine makes of them.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Values.
    pub data: &'a [f32],
    /// The norm and activation that have not been applied yet.
    pub pending: Option<Affine<'a>>,
}

/// Something that a convolution writes to: `(pixels, channels)`.
pub trait Sink: Copy + Send + Sync {
    /// Sums that it keeps for every channel: lines of `stride` values in `sums`.
    const SUMS: usize;
    /// What is needed for `n` channels from `c` on.
    ///
    /// # Safety
    /// The machine must have the level; the channels must exist.
    unsafe fn begin<V: Vector>(&self, c: usize, n: usize, sums: *const f32, stride: usize) -> [V; 3];
    /// Writes `n` values at place `at`.
    ///
    /// # Safety
    /// As for `begin`, and the place must exist and be this task's own.
    unsafe fn put<V: Vector>(&self, k: &mut [V; 3], v: V, at: usize, n: usize);
    /// Keeps the sums.
    ///
    /// # Safety
    /// As for `begin`.
    unsafe fn end<V: Vector>(&self, k: &[V; 3], c: usize, sums: *mut f32, stride: usize);
}

/// `n` values by channel, from channel `c` on.
///
/// # Safety
/// They must exist, and the machine must have the level.
#[inline(always)]
unsafe fn channels<V: Vector>(values: &[f32], c: usize, n: usize) -> V {
    // SAFETY: the caller's
    unsafe { V::load_first(values.as_ptr().add(c), n) }
}

/// What an activation does not fall below.
///
/// # Safety
/// The machine must have the level.
#[inline(always)]
unsafe fn floor<V: Vector>(relu: bool) -> V {
    // SAFETY: the caller's
    unsafe { V::splat(if relu { 0.0 } else { f32::NEG_INFINITY }) }
}

/// Rows that a task goes through.
const ROWS: usize = 256;

/// The values of a source of `len` values in rows of `c`.
pub fn collect<S: Source>(level: Level, from: S, len: usize, c: usize) -> Buffer {
    let mut out = Buffer::take(len);
    pass(level, from, len, c, Gradient { gx: Shared::new(&mut out), add: false });
    out
}

/// Gives the `len` values of a source, in rows of `c`, to a sink; gives the sums that it kept.
pub fn pass<S: Source, K: Sink>(level: Level, from: S, len: usize, c: usize, to: K) -> Vec<Part> {
    let (count, stride) = (len / c, c.next_multiple_of(LINE));
    let starts: Vec<usize> = (0..count).step_by(ROWS).collect();
    let task = |&start: &usize| {
        let rows = ROWS.min(count - start);
        let mut sums = vec![0f32; K::SUMS * stride];
        // SAFETY: the rows exist in source and sink, and are this task's
        unsafe { pass_rows(level, from, to, start, rows, c, sums.as_mut_ptr(), stride) };
        Part { rows, sums }
    };
    starts.par_iter().map(task).collect()
}

simd_kernel! {
    fn pass_rows<S: Source, K: Sink>(from: S, to: K, start: usize, rows: usize, c: usize, sums: *mut f32, stride: usize) = pass_rows_body
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn pass_rows_body<V: Vector, S: Source, K: Sink>(
    from: S,
    to: K,
    start: usize,
    rows: usize,
    channels: usize,
    sums: *mut f32,
    stride: usize,
) {
    // SAFETY: the caller's
    unsafe { by_vector!(V, channels, pass_vector::<V, S, K>(from, to, start, rows, channels, sums, stride)) }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn pass_vector<V: Vector, S: Source, K: Sink>(
    from: S,
    to: K,
    start: usize,
    rows: usize,
    channels: usize,
    sums: *mut f32,
    stride: usize,
    c: usize,
    n: usize,
) {
    // SAFETY: the caller's rows
    unsafe {
        let constants = from.constants::<V>(c, n);
        let mut k = to.begin::<V>(c, n, sums, stride);
        for row in start..start + rows {
            let v = from.value(&constants, row * channels + c, n);
            to.put(&mut k, v, row * channels + c, n);
        }
        to.end(&k, c, sums, stride);
    }
}
