//! What convolutions and passes write to: the trait [`Sink`] and the sinks.

use super::affine::{Affine, channels, floor};
use crate::kernels::buffer::SharedPtr;
use crate::kernels::simd::{L2, Vector, prefetch};
use crate::kernels::value::Value;

// SAFETY: In all unsafe blocks of this file, the callers promise that the machine has the level and that the places
// exist.

/// Vectors that a sink keeps for a vector of channels: [`Finished`] needs scale, shift and floor.
pub const SINK_CONSTANTS: usize = 3;

/// Something that a convolution writes to: values `(N*OH*OW, O)`. A *place* is the index of a value, pixel * O +
/// channel.
pub trait Sink: Copy + Send + Sync {
    /// Whether it keeps two sums for every channel: see [`PartialSums`](crate::kernels::moments::PartialSums).
    const SUMS: bool;
    /// What every pixel of `n` channels from `c` on shares.
    ///
    /// # Safety
    /// The machine must have the level; the channels must exist.
    unsafe fn constants<V: Vector>(&self, c: usize, n: usize) -> [V; SINK_CONSTANTS];
    /// Writes `n` values at place `at`, and adds to the sums.
    ///
    /// # Safety
    /// As for [`constants`](Sink::constants), and the place must exist and be this task's own.
    unsafe fn put<V: Vector>(&self, k: &[V; SINK_CONSTANTS], sums: &mut [V; 2], v: V, at: usize, n: usize);
    /// Asks for the cache line of place `at`, which is written soon, into the second-level cache. The place need not
    /// exist.
    fn prefetch(&self, _at: usize) {}
}

/// Sums v - pivot and (v - pivot)^2. The pivot is near the mean, here the running mean, so that the difference of the
/// two sums in the variance does not lose its digits.
#[derive(Clone, Copy)]
pub struct Moments<'a> {
    /// Pivot of every channel.
    pub pivot: &'a [f32],
}

impl Sink for Moments<'_> {
    const SUMS: bool = true;
    #[inline(always)]
    unsafe fn constants<V: Vector>(&self, c: usize, n: usize) -> [V; SINK_CONSTANTS] {
        unsafe { [channels(self.pivot, c, n); SINK_CONSTANTS] }
    }
    #[inline(always)]
    unsafe fn put<V: Vector>(&self, k: &[V; SINK_CONSTANTS], sums: &mut [V; 2], v: V, _: usize, _: usize) {
        unsafe {
            let d = v.sub(k[0]);
            sums[0] = sums[0].add(d);
            sums[1] = d.mul_add(d, sums[1]);
        }
    }
}

/// Writes values and sums them as [`Moments`] does: a convolution before a norm in training.
#[derive(Clone, Copy)]
pub struct Statistics<'a, T = f32> {
    /// Output.
    pub y: SharedPtr<T>,
    /// The sums.
    pub of: Moments<'a>,
}

impl<T: Value> Sink for Statistics<'_, T> {
    const SUMS: bool = true;
    #[inline(always)]
    unsafe fn constants<V: Vector>(&self, c: usize, n: usize) -> [V; SINK_CONSTANTS] {
        unsafe { self.of.constants(c, n) }
    }
    #[inline(always)]
    fn prefetch(&self, at: usize) {
        prefetch::<L2>(self.y.at(at));
    }
    #[inline(always)]
    unsafe fn put<V: Vector>(&self, k: &[V; SINK_CONSTANTS], sums: &mut [V; 2], v: V, at: usize, n: usize) {
        unsafe {
            // What was rounded is summed, as that is what the norm is of.
            let v = T::store(v, self.y.at(at), n);
            self.of.put(k, sums, v, at, n);
        }
    }
}

/// Sums v and v * (y - mean), and writes v when asked to: what the backward pass of a norm needs of a gradient v.
#[derive(Clone, Copy)]
pub struct NormSums<'a, T = f32> {
    /// Input of the norm.
    pub y: &'a [T],
    /// Mean of every channel of y.
    pub mean: &'a [f32],
    /// Where v is written.
    pub to: Option<SharedPtr<T>>,
}

impl<T: Value> Sink for NormSums<'_, T> {
    const SUMS: bool = true;
    #[inline(always)]
    unsafe fn constants<V: Vector>(&self, c: usize, n: usize) -> [V; SINK_CONSTANTS] {
        unsafe { [channels(self.mean, c, n); SINK_CONSTANTS] }
    }
    #[inline(always)]
    fn prefetch(&self, at: usize) {
        prefetch::<L2>(self.y.as_ptr().wrapping_add(at));
    }
    #[inline(always)]
    unsafe fn put<V: Vector>(&self, k: &[V; SINK_CONSTANTS], sums: &mut [V; 2], v: V, at: usize, n: usize) {
        unsafe {
            let y = T::load::<V>(self.y.as_ptr().add(at), n);
            sums[0] = sums[0].add(v);
            sums[1] = y.sub(k[0]).mul_add(v, sums[1]);
            if let Some(to) = self.to {
                T::store(v, to.at(at), n);
            }
        }
    }
}

/// Writes v * scale + shift, plus the residual when there is one, then ReLU when there is one: a whole unit in an
/// evaluation, or with a neutral scale a convolution with its bias.
#[derive(Clone, Copy)]
pub struct Finished<'a, T = f32> {
    /// Output.
    pub y: SharedPtr<T>,
    /// The norm of v.
    pub affine: Affine<'a>,
    /// Added when there.
    pub residual: Option<&'a [T]>,
}

impl<T: Value> Sink for Finished<'_, T> {
    const SUMS: bool = false;
    #[inline(always)]
    unsafe fn constants<V: Vector>(&self, c: usize, n: usize) -> [V; SINK_CONSTANTS] {
        let Affine { scale, shift, relu } = self.affine;
        unsafe { [channels(scale, c, n), channels(shift, c, n), floor(relu)] }
    }
    #[inline(always)]
    fn prefetch(&self, at: usize) {
        prefetch::<L2>(self.y.at(at));
    }
    #[inline(always)]
    unsafe fn put<V: Vector>(&self, k: &[V; SINK_CONSTANTS], _: &mut [V; 2], v: V, at: usize, n: usize) {
        unsafe {
            let mut v = v.mul_add(k[0], k[1]);
            if let Some(residual) = self.residual {
                v = v.add(T::load(residual.as_ptr().add(at), n));
            }
            T::store(v.at_least(k[2]), self.y.at(at), n);
        }
    }
}

/// Writes v, or adds it: a gradient that several readers of a map contribute to.
#[derive(Clone, Copy)]
pub struct Grad<T = f32> {
    /// Gradient.
    pub gx: SharedPtr<T>,
    /// Whether it holds a gradient already, to which v is added.
    pub add: bool,
}

impl<T: Value> Sink for Grad<T> {
    const SUMS: bool = false;
    #[inline(always)]
    unsafe fn constants<V: Vector>(&self, _: usize, _: usize) -> [V; SINK_CONSTANTS] {
        unsafe { [V::splat(0.0); SINK_CONSTANTS] }
    }
    #[inline(always)]
    fn prefetch(&self, at: usize) {
        prefetch::<L2>(self.gx.at(at));
    }
    #[inline(always)]
    unsafe fn put<V: Vector>(&self, _: &[V; SINK_CONSTANTS], _: &mut [V; 2], v: V, at: usize, n: usize) {
        unsafe { self.write(v, at, n) }
    }
}

impl<T: Value> Grad<T> {
    /// Writes, or adds, `n` values at place `at`.
    ///
    /// # Safety
    /// As for [`Sink::put`].
    #[inline(always)]
    pub unsafe fn write<V: Vector>(&self, v: V, at: usize, n: usize) {
        unsafe {
            let place = self.gx.at(at);
            let v = if self.add { v.add(T::load(place, n)) } else { v };
            T::store(v, place, n);
        }
    }
}
