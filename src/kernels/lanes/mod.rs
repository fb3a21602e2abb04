//! What convolutions read and write, a vector of channels at a time: values with the norms around them applied on the
//! way, so that no map is gone through for a norm alone.

mod sinks;
mod sources;

pub use sinks::{Finished, Gradient, Moments, NormSums, Statistics};
pub use sources::{Dense, NormGrad, Normed, Summed, Where};

use super::buffer::{Buffer, Shared};
use super::moments::Part;
use super::parallel;
use super::simd::{LINE, Level, Vector, by_vector, simd_kernel};

/// Vectors that a source keeps for a vector of channels, at most.
pub const CONSTANTS: usize = 6;

/// Vectors that a sink keeps for a vector of channels.
pub const SINK_CONSTANTS: usize = 3;

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
    /// Asks for the cache line of place `at`, which is read soon, and need not exist: where convolutions read.
    fn prefetch(&self, _at: usize) {}
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

/// A norm that changes no finite value: with it values are read like those that have a norm, by the same code.
pub struct Neutral {
    ones: Vec<f32>,
    zeros: Vec<f32>,
}

impl Neutral {
    /// One of some channels.
    pub fn new(channels: usize) -> Self {
        Neutral { ones: vec![1.0; channels], zeros: vec![0.0; channels] }
    }

    /// As an affine.
    pub fn affine(&self) -> Affine<'_> {
        Affine { scale: &self.ones, shift: &self.zeros, relu: false }
    }

    /// As the factors of [`NormGrad`].
    pub fn factors(&self) -> [&[f32]; 3] {
        [&self.ones, &self.zeros, &self.zeros]
    }
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
    /// Whether it keeps two sums for every channel.
    const SUMS: bool;
    /// What is the same for every pixel of `n` channels from `c` on.
    ///
    /// # Safety
    /// The machine must have the level; the channels must exist.
    unsafe fn constants<V: Vector>(&self, c: usize, n: usize) -> [V; SINK_CONSTANTS];
    /// Writes `n` values at place `at`, and adds to the sums.
    ///
    /// # Safety
    /// As for `constants`, and the place must exist and be this task's own.
    unsafe fn put<V: Vector>(&self, k: &[V; SINK_CONSTANTS], sums: &mut [V; 2], v: V, at: usize, n: usize);
    /// Asks for the cache line of place `at`, which is written soon, and need not exist: where convolutions write.
    fn prefetch(&self, _at: usize) {}
}

/// The sums that a sink keeps, by channel: two lines of `stride` values.
#[derive(Clone, Copy)]
pub struct Sums {
    first: *mut f32,
    stride: usize,
}

impl Sums {
    /// Room for the sums of `c` channels; none for a sink that keeps none.
    pub fn room<K: Sink>(c: usize) -> Vec<f32> {
        vec![0.0; if K::SUMS { 2 * c.next_multiple_of(LINE) } else { 0 }]
    }

    /// The sums in such room.
    pub fn of(room: &mut [f32]) -> Sums {
        Sums { stride: room.len() / 2, first: room.as_mut_ptr() }
    }
}

/// A vector of channels of a sink that is being written.
pub struct Writing<V, K> {
    to: K,
    constants: [V; SINK_CONSTANTS],
    sums: [V; 2],
    n: usize,
}

impl<V: Vector, K: Sink> Writing<V, K> {
    /// For `n` channels from `c` on, whose sums go on from `sums`.
    ///
    /// # Safety
    /// The machine must have the level; channels and sums must exist.
    #[inline(always)]
    pub unsafe fn begin(to: K, c: usize, n: usize, from: Sums) -> Self {
        // SAFETY: the caller's
        unsafe {
            let mut sums = [V::splat(0.0); 2];
            if K::SUMS {
                sums = [V::load(from.first.add(c)), V::load(from.first.add(from.stride + c))];
            }
            Writing { to, constants: to.constants(c, n), sums, n }
        }
    }

    /// Writes the channels of a pixel.
    ///
    /// # Safety
    /// As for [`Sink::put`].
    #[inline(always)]
    pub unsafe fn put(&mut self, v: V, at: usize) {
        // SAFETY: the caller's
        unsafe { self.to.put(&self.constants, &mut self.sums, v, at, self.n) }
    }

    /// Asks for the cache line of place `at`: see [`Sink::prefetch`].
    #[inline(always)]
    pub fn prefetch(&self, at: usize) {
        self.to.prefetch(at);
    }

    /// Keeps the sums.
    ///
    /// # Safety
    /// As for `begin`.
    #[inline(always)]
    pub unsafe fn end(self, c: usize, to: Sums) {
        if K::SUMS {
            // SAFETY: the caller's
            unsafe {
                self.sums[0].store(to.first.add(c));
                self.sums[1].store(to.first.add(to.stride + c));
            }
        }
    }
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
/// Values that are asked for ahead, or 16 rows where these have more.
const AHEAD: usize = 1 << 11;

/// The values of a source of `len` values in rows of `c`.
pub fn collect<S: Source>(level: Level, from: S, len: usize, c: usize) -> Buffer {
    let mut out = Buffer::take(len);
    pass(level, from, len, c, Gradient { gx: Shared::new(&mut out), add: false });
    out
}

/// Gives the `len` values of a source, in rows of `c`, to a sink; gives the sums that it kept.
pub fn pass<S: Source, K: Sink>(level: Level, from: S, len: usize, c: usize, to: K) -> Vec<Part> {
    let count = len / c;
    let task = |start: usize| {
        let rows = ROWS.min(count - start);
        let mut sums = Sums::room::<K>(c);
        // SAFETY: the rows exist in source and sink, and are this task's
        unsafe { pass_rows(level, from, to, start, rows, c, Sums::of(&mut sums)) };
        Part { rows, sums }
    };
    parallel::map((0..count).step_by(ROWS), &task)
}

simd_kernel! {
    fn pass_rows<V, S: Source, K: Sink>(from: S, to: K, start: usize, rows: usize, channels: usize, sums: Sums) {
        let ahead = (AHEAD / channels).max(16) * channels;
        // SAFETY: the caller's rows
        unsafe {
            by_vector!(V, channels, |c, n| {
                let k = from.constants::<V>(c, n);
                let mut to = Writing::begin(to, c, n, sums);
                for row in start..start + rows {
                    let at = row * channels + c;
                    // (a row that is one line: the processor sees what comes)
                    if channels > LINE {
                        from.prefetch(at + ahead);
                        to.prefetch(at + ahead);
                    }
                    to.put(from.value(&k, at, n), at);
                }
                to.end(c, sums);
            });
        }
    }
}
