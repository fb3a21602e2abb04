//! Feature maps as pixel matrices.

use super::{Ops, Real};
use dfdx::prelude::{HasShape, NoneTape, SplitTape, Tape, Tensor};

/// A tensor of two axes on a device.
pub type Matrix<E, D, T = NoneTape> = Tensor<(usize, usize), E, D, T>;

/// Images, height, width, channels.
pub type Size = (usize, usize, usize, usize);

/// A batch of feature maps, NHWC: values `(N*H*W, C)`, which each device holds in its own way.
#[derive(Clone)]
pub struct FeatureMap<E: Real, D: Ops<E>, T = NoneTape> {
    /// Images.
    pub n: usize,
    /// Height.
    pub h: usize,
    /// Width.
    pub w: usize,
    /// Channels.
    pub c: usize,
    pub(super) held: D::Held,
    tape: T,
}

impl<E: Real, D: Ops<E>, T> FeatureMap<E, D, T> {
    /// `n` images of `h` x `w` with values `(N*H*W, C)`.
    pub fn new(data: Matrix<E, D, T>, n: usize, h: usize, w: usize) -> Self
    where
        T: Tape<E, D>,
    {
        let c = data.shape().1;
        let (data, tape) = data.split_tape();
        FeatureMap { n, h, w, c, held: D::hold(data), tape }
    }

    /// Its size.
    pub fn size(&self) -> Size {
        (self.n, self.h, self.w, self.c)
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.n * self.h * self.w * self.c
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the tape off.
    pub fn split_tape(self) -> (FeatureMap<E, D>, T) {
        let FeatureMap { n, h, w, c, held, tape } = self;
        (FeatureMap { n, h, w, c, held, tape: NoneTape }, tape)
    }
}

impl<E: Real, D: Ops<E>> FeatureMap<E, D> {
    /// A map of what a device holds.
    pub(super) fn of(held: D::Held, (n, h, w, c): Size) -> Self {
        FeatureMap { n, h, w, c, held, tape: NoneTape }
    }

    /// Puts a tape on.
    pub fn put_tape<T>(self, tape: T) -> FeatureMap<E, D, T> {
        let FeatureMap { n, h, w, c, held, .. } = self;
        FeatureMap { n, h, w, c, held, tape }
    }
}
