//! Feature maps as pixel matrices.

use super::Real;
use dfdx::prelude::{HasShape, NoneTape, PutTape, SplitTape, Storage, Tape, Tensor};

/// A tensor of two axes on a device.
pub type Matrix<E, D, T = NoneTape> = Tensor<(usize, usize), E, D, T>;

/// A batch of feature maps, NHWC: a matrix `(N*H*W, C)` and what its rows stand for.
#[derive(Clone)]
pub struct Map<E: Real, D: Storage<E>, T = NoneTape> {
    /// Values, `(N*H*W, C)`.
    pub data: Matrix<E, D, T>,
    /// Images.
    pub n: usize,
    /// Height.
    pub h: usize,
    /// Width.
    pub w: usize,
}

impl<E: Real, D: Storage<E>, T> Map<E, D, T> {
    /// Channels.
    pub fn c(&self) -> usize {
        self.data.shape().1
    }

    /// Images, height, width, channels.
    pub fn size(&self) -> (usize, usize, usize, usize) {
        (self.n, self.h, self.w, self.c())
    }

    /// Takes the tape off.
    pub fn split_tape(self) -> (Map<E, D>, T)
    where
        T: Tape<E, D>,
    {
        let Map { data, n, h, w } = self;
        let (data, tape) = data.split_tape();
        (Map { data, n, h, w }, tape)
    }
}

impl<E: Real, D: Storage<E>> Map<E, D> {
    /// Puts a tape on.
    pub fn put_tape<T>(self, tape: T) -> Map<E, D, T> {
        Map { data: self.data.put_tape(tape), n: self.n, h: self.h, w: self.w }
    }
}
