//! What convolutions and passes read: the trait [`Source`] and the sources.

use super::affine::{Affine, MapInput, channels, floor};
use crate::kernels::buffer::SharedPtr;
use crate::kernels::simd::{L2, Vector, prefetch};
use crate::kernels::value::Value;

// SAFETY: In all unsafe blocks of this file, the callers promise that the machine has the level and that the values
// exist.

/// Vectors that a source keeps for a vector of channels, at most: [`Summed`] needs two affines of three.
pub const CONSTANTS: usize = 6;

/// Something that a convolution reads: values `(N*H*W, C)`. A *place* is the index of a value, pixel * C + channel.
pub trait Source: Copy + Send + Sync {
    /// What every pixel of `n` channels from `c` on shares. Loaded once, it stays in registers over the pixels.
    ///
    /// # Safety
    /// The machine must have the level; the channels must exist.
    unsafe fn constants<V: Vector>(&self, c: usize, n: usize) -> [V; CONSTANTS];
    /// The `n` values from place `at` on.
    ///
    /// # Safety
    /// As for [`constants`](Source::constants), and the values must exist.
    unsafe fn value<V: Vector>(&self, k: &[V; CONSTANTS], at: usize, n: usize) -> V;
    /// Asks for the cache lines of place `at`, which is read soon, into the second-level cache. The place need not
    /// exist.
    fn prefetch(&self, _at: usize) {}
}

/// Values as they are.
#[derive(Clone, Copy)]
pub struct Dense<'a, T = f32>(pub &'a [T]);

impl<T: Value> Source for Dense<'_, T> {
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
        unsafe { T::load::<V>(self.0.as_ptr().add(at), n) }
    }
}

/// x * scale + shift, then the ReLU when there is one: a map with its norm.
#[derive(Clone, Copy)]
pub struct Normed<'a, T = f32> {
    /// x.
    pub data: &'a [T],
    /// The affine, with its ReLU when it has one.
    pub affine: Affine<'a>,
}

impl<T: Value> Source for Normed<'_, T> {
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
        unsafe { T::load::<V>(self.data.as_ptr().add(at), n).mul_add(k[0], k[1]).at_least(k[2]) }
    }
}

/// x * scale + shift + residual, then the ReLU when there is one: the end of a residual block. The residual is an input
/// itself, whose norm may be pending.
#[derive(Clone, Copy)]
pub struct Summed<'a, T = f32> {
    /// x.
    pub data: &'a [T],
    /// The affine of x; its ReLU comes after the sum.
    pub affine: Affine<'a>,
    /// Residual.
    pub residual: MapInput<'a, T>,
}

impl<T: Value> Source for Summed<'_, T> {
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
            let residual = T::load::<V>(self.residual.data.as_ptr().add(at), n).mul_add(k[3], k[4]).at_least(k[5]);
            T::load::<V>(self.data.as_ptr().add(at), n).mul_add(k[0], k[1]).add(residual).at_least(k[2])
        }
    }
}

/// g where z is above 0, else 0: the gradient behind a ReLU whose output z was kept.
#[derive(Clone, Copy)]
pub struct Where<'a, T = f32> {
    /// g, `z.len()` values. SharedPtr, so that a sink may replace a value after it was read.
    pub g: SharedPtr<T>,
    /// z.
    pub z: &'a [T],
}

impl<T: Value> Source for Where<'_, T> {
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
            let z = T::load::<V>(self.z.as_ptr().add(at), n);
            T::load::<V>(self.g.at(at), n).where_positive(z)
        }
    }
}

/// The gradient of a norm's input: a * mask(g) + b * y + d by channel, with y the norm's input.
///
/// This is the backward pass of batch norm (Ioffe and Szegedy 2015, section 3) with its two sums over the batch done
/// before, by [`norm::backward`](crate::kernels::norm::backward), which gives a, b and d.
#[derive(Clone, Copy)]
pub struct NormGrad<'a, T = f32> {
    /// Gradient of the norm's output, or with a mask that of the ReLU behind it.
    pub g: &'a [T],
    /// Input of the norm.
    pub y: &'a [T],
    /// a, b, d.
    pub factors: [&'a [f32]; 3],
    /// The norm's factor and summand, when g counts only where `y * scale + shift` is above 0.
    pub mask: Option<(&'a [f32], &'a [f32])>,
}

impl<T: Value> Source for NormGrad<'_, T> {
    #[inline(always)]
    unsafe fn constants<V: Vector>(&self, c: usize, n: usize) -> [V; CONSTANTS] {
        unsafe {
            let [a, b, d] = self.factors;
            let [a, b, d]: [V; 3] = [channels(a, c, n), channels(b, c, n), channels(d, c, n)];
            match self.mask {
                Some((scale, shift)) => [a, b, d, channels(scale, c, n), channels(shift, c, n), d],
                // Without a mask every gradient counts: 0 * y + 1 is above 0.
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
            let y = T::load::<V>(self.y.as_ptr().add(at), n);
            let g = T::load::<V>(self.g.as_ptr().add(at), n).where_positive(y.mul_add(k[3], k[4]));
            g.mul_add(k[0], y.mul_add(k[1], k[2]))
        }
    }
}
