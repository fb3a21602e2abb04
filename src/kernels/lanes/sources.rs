//! What convolutions and passes read.

use super::{Affine, CONSTANTS, Input, Source, channels, floor};
use crate::kernels::buffer::Shared;
use crate::kernels::simd::{L2, Vector, prefetch};

// SAFETY (of the unsafe blocks in this file): the callers state that the level is there and that the values exist

/// Values as they are.
#[derive(Clone, Copy)]
pub struct Dense<'a>(pub &'a [f32]);

impl Source for Dense<'_> {
    #[inline(always)]
    unsafe fn constants<V: Vector>(&self, _: usize, _: usize) -> [V; CONSTANTS] {
        unsafe { [V::splat(0.0); CONSTANTS] }
    }
    #[inline(always)]
    fn prefetch(&self, at: usize) {
        prefetch::<L2>(self.0.as_ptr().wrapping_add(at));
    }
    #[inline(always)]
    unsafe fn value<V: Vector>(&self, _: &[V; CONSTANTS], at: usize, n: usize) -> V {
        unsafe { V::load_first(self.0.as_ptr().add(at), n) }
    }
}

/// x * scale + shift, then the ReLU when there is one.
#[derive(Clone, Copy)]
pub struct Normed<'a> {
    /// x.
    pub data: &'a [f32],
    /// The affine, with its ReLU when it has one.
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
    fn prefetch(&self, at: usize) {
        prefetch::<L2>(self.data.as_ptr().wrapping_add(at));
    }
    #[inline(always)]
    unsafe fn value<V: Vector>(&self, k: &[V; CONSTANTS], at: usize, n: usize) -> V {
        unsafe { V::load_first(self.data.as_ptr().add(at), n).mul_add(k[0], k[1]).at_least(k[2]) }
    }
}

/// x * scale + shift + residual, then the ReLU when there is one; the residual is an input itself.
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
    fn prefetch(&self, at: usize) {
        prefetch::<L2>(self.data.as_ptr().wrapping_add(at));
        prefetch::<L2>(self.residual.data.as_ptr().wrapping_add(at));
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
    fn prefetch(&self, at: usize) {
        prefetch::<L2>(self.z.as_ptr().wrapping_add(at));
        prefetch::<L2>(self.g.at(at));
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
    fn prefetch(&self, at: usize) {
        prefetch::<L2>(self.g.as_ptr().wrapping_add(at));
        prefetch::<L2>(self.y.as_ptr().wrapping_add(at));
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
