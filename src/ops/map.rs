//! Feature maps as pixel matrices.

use dfdx::prelude::{HasShape, NoneTape, PutTape, SplitTape, Storage, Tape, Tensor};

/// A tensor of two axes on a device.
pub type Matrix<D, T = NoneTape> = Tensor<(usize, usize), f32, D, T>;

/// A batch of feature maps, NHWC: a matrix `(N*H*W, C)` and what its rows stand for.
#[derive(Clone)]
pub struct Map<D: Storage<f32>, T = NoneTape> {
    /// Values, `(N*H*W, C)`.
    pub data: Matrix<D, T>,
    /// Images.
    pub n: usize,
    /// Height.
    pub h: usize,
    /// Width.
    pub w: usize,
}

impl<D: Storage<f32>, T> Map<D, T> {
    /// Channels.
    pub fn c(&self) -> usize {
        self.data.shape().1
    }

    /// Images, height, width, channels.
    pub fn size(&self) -> (usize, usize, usize, usize) {
        (self.n, self.h, self.w, self.c())
    }

    /// Takes the tape off.
    pub fn split_tape(self) -> (Map<D>, T)
    where
        T: Tape<f32, D>,
    {
        let Map { data, n, h, w } = self;
        let (data, tape) = data.split_tape();
        (Map { data, n, h, w }, tape)
    }
}

impl<D: Storage<f32>> Map<D> {
    /// Puts a tape on.
    pub fn put_tape<T>(self, tape: T) -> Map<D, T> {
        Map { data: self.data.put_tape(tape), n: self.n, h: self.h, w: self.w }
    }
}
