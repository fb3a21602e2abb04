//! What is applied to a feature map channel by channel: a norm with its ReLU.

use crate::kernels::simd::Vector;

/// What a norm with known statistics is: x * scale + shift for every channel, and the ReLU that may follow.
#[derive(Clone, Copy, Debug)]
pub struct Affine<'a> {
    /// Factor by channel: gamma / sqrt(var + eps).
    pub scale: &'a [f32],
    /// Summand by channel: beta - mean * scale.
    pub shift: &'a [f32],
    /// Whether a ReLU follows.
    pub relu: bool,
}

/// A norm that changes no finite value. Maps without a norm are read and written with it, so that each kernel is
/// compiled for one kind of source instead of two.
pub struct Neutral {
    ones: Vec<f32>,
    zeros: Vec<f32>,
}

impl Neutral {
    /// For some channels.
    pub fn new(channels: usize) -> Self {
        Neutral { ones: vec![1.0; channels], zeros: vec![0.0; channels] }
    }

    /// As an affine.
    pub fn affine(&self) -> Affine<'_> {
        Affine { scale: &self.ones, shift: &self.zeros, relu: false }
    }

    /// As the factors a, b and d of [`NormGrad`](super::NormGrad): a = 1, b = d = 0.
    pub fn factors(&self) -> [&[f32]; 3] {
        [&self.ones, &self.zeros, &self.zeros]
    }
}

/// A feature map `(N*H*W, C)` as a convolution's input: its values, and the affine that is still to be applied to them.
#[derive(Clone, Copy, Debug)]
pub struct MapInput<'a, T = f32> {
    /// Values.
    pub data: &'a [T],
    /// The norm and ReLU that have not been applied yet.
    pub pending: Option<Affine<'a>>,
}

/// The values of `n` channels from channel `c` on.
///
/// # Safety
/// The channels must exist, and the machine must have the level.
#[inline(always)]
pub(super) unsafe fn channels<V: Vector>(values: &[f32], c: usize, n: usize) -> V {
    // SAFETY: The caller's channels exist.
    unsafe { V::load_first(values.as_ptr().add(c), n) }
}

/// What an activation does not fall below: 0 for a ReLU, else minus infinity.
///
/// # Safety
/// The machine must have the level.
#[inline(always)]
pub(super) unsafe fn floor<V: Vector>(relu: bool) -> V {
    // SAFETY: The caller's machine has the level.
    unsafe { V::splat(if relu { 0.0 } else { f32::NEG_INFINITY }) }
}
