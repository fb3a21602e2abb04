//! What convolutions read and write, a vector of channels at a time: values with the norms around them applied on the
//! way, so that no map is gone through for a norm alone.

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

/// Values as they are.
#[derive(Clone, Copy)]
pub struct Dense<'a>(pub &'a [f32]);

// SAFETY (of the unsafe blocks in this file): the callers state that the level is there and that the values exist
impl Source for Dense<'_> {
    #[inline(always)]
    unsafe fn constants<V: Vector>(&self, _: usize, _: usize) -> [V; CONSTANTS] {
        unsafe { [V::splat(0.0); CONSTANTS] }
    }
    #[inline(always)]
    unsafe fn value<V: Vector>(&self, _: &[V; CONSTANTS], at: usize, n: usize) -> V {
        unsafe { V::load_first(self.0.as_ptr().add(at), n) }
    }
}

/// relu(x * scale + shift).
#[derive(Clone, Copy)]
pub struct Normed<'a> {
    /// x.
    pub data: &'a [f32],
    /// The affine, whose ReLU is always applied.
    pub affine: Affine<'a>,
}

impl Source for Normed<'_> {
    #[inline(always)]
    unsafe fn constants<V: Vector>(&self, c: usize, n: usize) -> [V; CONSTANTS] {
        unsafe {
            let Affine { scale, shift, relu } = self.affine;
            let floor = floor(relu);
            [channels(scale, c, n), channels(shift, c, n), floor, floor, floor, floor]
        }
    }
    #[inline(always)]
    unsafe fn value<V: Vector>(&self, k: &[V; CONSTANTS], at: usize, n: usize) -> V {
        unsafe { V::load_first(self.data.as_ptr().add(at), n).mul_add(k[0], k[1]).at_least(k[2]) }
    }
}

/// relu(x * scale + shift + residual), the residual being an input itself.
#[derive(Clone, Copy)]
pub struct Summed<'a> {
    /// x.
    pub data: &'a [f32],
    /// The affine of x; its ReLU comes after the sum.
    pub affine: Affine<'a>,
    /// Residual.
    pub residual: Input<'a>,
}

impl Source for Summed<'_> {
    #[inline(always)]
    unsafe fn constants<V: Vector>(&self, c: usize, n: usize) -> [V; CONSTANTS] {
        unsafe {
            let Affine { scale, shift, relu } = self.affine;
            let own: [V; 3] = [channels(scale, c, n), channels(shift, c, n), floor(relu)];
            let [a, b, c] = match self.residual.pending {
                Some(r) => [channels(r.scale, c, n), channels(r.shift, c, n), floor(r.relu)],
                None => [V::splat(1.0), V::splat(0.0), floor(false)],
            };
            [own[0], own[1], own[2], a, b, c]
        }
    }
    #[inline(always)]
    unsafe fn value<V: Vector>(&self, k: &[V; CONSTANTS], at: usize, n: usize) -> V {
        unsafe {
            let residual = V::load_first(self.residual.data.as_ptr().add(at), n).mul_add(k[3], k[4]).at_least(k[5]);
            V::load_first(self.data.as_ptr().add(at), n).mul_add(k[0], k[1]).add(residual).at_least(k[2])
        }
    }
}

/// g where z is above 0.
#[derive(Clone, Copy)]
pub struct Where<'a> {
    /// g, `z.len()` values, which the task may replace as it goes.
    pub g: Shared,
    /// z.
    pub z: &'a [f32],
}

impl Source for Where<'_> {
    #[inline(always)]
    unsafe fn constants<V: Vector>(&self, _: usize, _: usize) -> [V; CONSTANTS] {
        unsafe { [V::splat(0.0); CONSTANTS] }
    }
    #[inline(always)]
    unsafe fn value<V: Vector>(&self, _: &[V; CONSTANTS], at: usize, n: usize) -> V {
        unsafe {
            let z = V::load_first(self.z.as_ptr().add(at), n);
            V::load_first(self.g.at(at), n).where_positive(z)
        }
    }
}

/// The gradient of a norm's input: a * mask(g) + b * y + d by channel, with y the norm's input.
#[derive(Clone, Copy)]
pub struct NormGrad<'a> {
    /// Gradient of the norm's output (after the ReLU, when there is a mask).
    pub g: &'a [f32],
    /// Input of the norm.
    pub y: &'a [f32],
    /// a, b, d.
    pub factors: [&'a [f32]; 3],
    /// The norm's factor and summand, when g counts only where `y * scale + shift` is above 0.
    pub mask: Option<(&'a [f32], &'a [f32])>,
}

impl Source for NormGrad<'_> {
    #[inline(always)]
    unsafe fn constants<V: Vector>(&self, c: usize, n: usize) -> [V; CONSTANTS] {
        unsafe {
            let [a, b, d] = self.factors;
            let [a, b, d]: [V; 3] = [channels(a, c, n), channels(b, c, n), channels(d, c, n)];
            match self.mask {
                Some((scale, shift)) => [a, b, d, channels(scale, c, n), channels(shift, c, n), d],
                // (0 * y + 1 is above 0)
                None => [a, b, d, V::splat(0.0), V::splat(1.0), d],
            }
        }
    }
    #[inline(always)]
    unsafe fn value<V: Vector>(&self, k: &[V; CONSTANTS], at: usize, n: usize) -> V {
        unsafe {
            let y = V::load_first(self.y.as_ptr().add(at), n);
            let g = V::load_first(self.g.as_ptr().add(at), n).where_positive(y.mul_add(k[3], k[4]));
            g.mul_add(k[0], y.mul_add(k[1], k[2]))
        }
    }
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

/// Sums values and their squares, both less a pivot that is near the mean, and writes the values when asked to.
#[derive(Clone, Copy)]
pub struct Statistics<'a> {
    /// Output.
    pub y: Option<Shared>,
    /// Pivot of every channel.
    pub pivot: &'a [f32],
}

impl Sink for Statistics<'_> {
    const SUMS: usize = 2;
    #[inline(always)]
    unsafe fn begin<V: Vector>(&self, c: usize, n: usize, sums: *const f32, stride: usize) -> [V; 3] {
        unsafe {
            let pivot = channels(self.pivot, c, n);
            [pivot, V::load(sums.add(c)), V::load(sums.add(stride + c))]
        }
    }
    #[inline(always)]
    unsafe fn put<V: Vector>(&self, k: &mut [V; 3], v: V, at: usize, n: usize) {
        unsafe {
            if let Some(y) = self.y {
                v.store_first(y.at(at), n);
            }
            let d = v.sub(k[0]);
            k[1] = k[1].add(d);
            k[2] = d.mul_add(d, k[2]);
        }
    }
    #[inline(always)]
    unsafe fn end<V: Vector>(&self, k: &[V; 3], c: usize, sums: *mut f32, stride: usize) {
        unsafe {
            k[1].store(sums.add(c));
            k[2].store(sums.add(stride + c));
        }
    }
}

/// Sums v, and v times (y less its mean); writes v when asked to.
#[derive(Clone, Copy)]
pub struct NormSums<'a> {
    /// Input of the norm.
    pub y: &'a [f32],
    /// Mean of every channel of y.
    pub mean: &'a [f32],
    /// Where v is written.
    pub to: Option<Shared>,
}

impl Sink for NormSums<'_> {
    const SUMS: usize = 2;
    #[inline(always)]
    unsafe fn begin<V: Vector>(&self, c: usize, n: usize, sums: *const f32, stride: usize) -> [V; 3] {
        unsafe {
            let mean = channels(self.mean, c, n);
            [mean, V::load(sums.add(c)), V::load(sums.add(stride + c))]
        }
    }
    #[inline(always)]
    unsafe fn put<V: Vector>(&self, k: &mut [V; 3], v: V, at: usize, n: usize) {
        unsafe {
            let y = V::load_first(self.y.as_ptr().add(at), n);
            k[1] = k[1].add(v);
            k[2] = y.sub(k[0]).mul_add(v, k[2]);
            if let Some(to) = self.to {
                v.store_first(to.at(at), n);
            }
        }
    }
    #[inline(always)]
    unsafe fn end<V: Vector>(&self, k: &[V; 3], c: usize, sums: *mut f32, stride: usize) {
        unsafe {
            k[1].store(sums.add(c));
            k[2].store(sums.add(stride + c));
        }
    }
}

/// Writes v + shift (+ residual), then ReLU when `relu`.
#[derive(Clone, Copy)]
pub struct Finished<'a> {
    /// Output.
    pub y: Shared,
    /// Summand of every channel.
    pub shift: &'a [f32],
    /// Added when there.
    pub residual: Option<&'a [f32]>,
    /// Whether a ReLU follows.
    pub relu: bool,
}

impl Sink for Finished<'_> {
    const SUMS: usize = 0;
    #[inline(always)]
    unsafe fn begin<V: Vector>(&self, c: usize, n: usize, _: *const f32, _: usize) -> [V; 3] {
        unsafe {
            let floor = floor(self.relu);
            [channels(self.shift, c, n), floor, floor]
        }
    }
    #[inline(always)]
    unsafe fn put<V: Vector>(&self, k: &mut [V; 3], v: V, at: usize, n: usize) {
        unsafe {
            let mut v = v.add(k[0]);
            if let Some(residual) = self.residual {
                v = v.add(V::load_first(residual.as_ptr().add(at), n));
            }
            v.at_least(k[1]).store_first(self.y.at(at), n);
        }
    }
    #[inline(always)]
    unsafe fn end<V: Vector>(&self, _: &[V; 3], _: usize, _: *mut f32, _: usize) {}
}

/// Writes a gradient, or adds to it.
#[derive(Clone, Copy)]
pub struct Gradient {
    /// Gradient.
    pub gx: Shared,
    /// Whether it holds something already.
    pub add: bool,
}

impl Sink for Gradient {
    const SUMS: usize = 0;
    #[inline(always)]
    unsafe fn begin<V: Vector>(&self, _: usize, _: usize, _: *const f32, _: usize) -> [V; 3] {
        unsafe { [V::splat(0.0); 3] }
    }
    #[inline(always)]
    unsafe fn put<V: Vector>(&self, _: &mut [V; 3], v: V, at: usize, n: usize) {
        unsafe {
            let place = self.gx.at(at);
            let v = if self.add { v.add(V::load_first(place, n)) } else { v };
            v.store_first(place, n);
        }
    }
    #[inline(always)]
    unsafe fn end<V: Vector>(&self, _: &[V; 3], _: usize, _: *mut f32, _: usize) {}
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
