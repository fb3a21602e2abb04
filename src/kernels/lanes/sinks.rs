//! What convolutions and passes write to.

use super::{Affine, SINK_CONSTANTS, Sink, channels, floor};
use crate::kernels::buffer::Shared;
use crate::kernels::simd::{L2, Vector, prefetch};

// SAFETY (of the unsafe blocks in this file): the callers state that the level is there and that the places exist

/// Sums values and their squares, both less a pivot that is near the mean.
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

/// Writes values, and sums them as [`Moments`] does.
#[derive(Clone, Copy)]
pub struct Statistics<'a> {
    /// Output.
    pub y: Shared,
    /// The sums.
    pub of: Moments<'a>,
}

impl Sink for Statistics<'_> {
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
            v.store_first(self.y.at(at), n);
            self.of.put(k, sums, v, at, n);
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
            let y = V::load_first(self.y.as_ptr().add(at), n);
            sums[0] = sums[0].add(v);
            sums[1] = y.sub(k[0]).mul_add(v, sums[1]);
            if let Some(to) = self.to {
                v.store_first(to.at(at), n);
            }
        }
    }
}

/// Writes v * scale + shift (+ residual), then ReLU when there is one.
#[derive(Clone, Copy)]
pub struct Finished<'a> {
    /// Output.
    pub y: Shared,
    /// What a norm makes of v.
    pub affine: Affine<'a>,
    /// Added when there.
    pub residual: Option<&'a [f32]>,
}

impl Sink for Finished<'_> {
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
                v = v.add(V::load_first(residual.as_ptr().add(at), n));
            }
            v.at_least(k[2]).store_first(self.y.at(at), n);
        }
    }
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

impl Gradient {
    /// Writes, or adds, `n` values at place `at`.
    ///
    /// # Safety
    /// As for [`Sink::put`].
    #[inline(always)]
    pub unsafe fn write<V: Vector>(&self, v: V, at: usize, n: usize) {
        unsafe {
            let place = self.gx.at(at);
            let v = if self.add { v.add(V::load_first(place, n)) } else { v };
            v.store_first(place, n);
        }
    }
}
