//! What convolutions and passes write to.

use super::{Sink, channels, floor};
use crate::kernels::buffer::Shared;
use crate::kernels::simd::Vector;

// SAFETY (of the unsafe blocks in this file): the callers state that the level is there and that the places exist

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
