//! Feature maps as pixel matrices.

use super::Real;
use crate::kernels::buffer::Buffer;
use dfdx::prelude::{HasShape, NoneTape, PutTape, SplitTape, Storage, Tape, Tensor};
use std::cell::RefCell;
use std::rc::Rc;

/// A tensor of two axes on a device.
pub type Matrix<E, D, T = NoneTape> = Tensor<(usize, usize), E, D, T>;

/// The norm and activation of a map that whoever reads it has yet to apply.
pub(super) struct Pending<E> {
    pub scale: Vec<E>,
    pub shift: Vec<E>,
    pub relu: bool,
}

/// Where the kernels gather the gradient of a map, once the first part of it has come.
pub(super) type Gathered = Rc<RefCell<Option<Buffer>>>;

/// Where the values of a map are.
#[derive(Clone)]
pub(super) enum Values<E: Real, D: Storage<E>> {
    /// In a tensor, whose gradient the tape keeps.
    Tensor(Matrix<E, D>),
    /// In a buffer of the kernels, which gather the gradient.
    Kernel(Rc<Buffer>, Gathered),
    /// In half precision on a card.
    #[cfg(feature = "cuda")]
    Half(super::cuda::Half),
}

/// A batch of feature maps, NHWC: values `(N*H*W, C)`.
#[derive(Clone)]
pub struct Map<E: Real, D: Storage<E>, T = NoneTape> {
    /// Images.
    pub n: usize,
    /// Height.
    pub h: usize,
    /// Width.
    pub w: usize,
    /// Channels.
    pub c: usize,
    pub(super) values: Values<E, D>,
    /// What is still to be done to the values.
    pub(super) pending: Option<Rc<Pending<E>>>,
    /// Whether what is computed of it is in half precision.
    pub(super) half: bool,
    tape: T,
}

impl<E: Real, D: Storage<E>, T> Map<E, D, T> {
    /// `n` images of `h` x `w` with values `(N*H*W, C)`.
    pub fn new(data: Matrix<E, D, T>, n: usize, h: usize, w: usize) -> Self
    where
        T: Tape<E, D>,
    {
        let c = data.shape().1;
        let (data, tape) = data.split_tape();
        Map { n, h, w, c, values: Values::Tensor(data), pending: None, half: false, tape }
    }

    /// Images, height, width, channels.
    pub fn size(&self) -> (usize, usize, usize, usize) {
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

    /// The tensor of a map that no kernel made.
    pub(super) fn tensor(self) -> Matrix<E, D, T> {
        match self.values {
            Values::Tensor(data) => data.put_tape(self.tape),
            _ => unreachable!("composed operations take what composed operations give"),
        }
    }

    /// The same map, for what is computed of it in half precision or in single.
    pub(super) fn with_half(self, half: bool) -> Self {
        Map { half, ..self }
    }

    /// Takes the tape off.
    pub fn split_tape(self) -> (Map<E, D>, T) {
        let Map { n, h, w, c, values, pending, half, tape } = self;
        (Map { n, h, w, c, values, pending, half, tape: NoneTape }, tape)
    }
}

impl<E: Real, D: Storage<E>> Map<E, D> {
    /// A map of these values, in single precision and with nothing pending.
    pub(super) fn of(values: Values<E, D>, (n, h, w, c): (usize, usize, usize, usize)) -> Self {
        Map { n, h, w, c, values, pending: None, half: false, tape: NoneTape }
    }

    /// A map that a kernel made.
    pub(super) fn made(values: Buffer, size: (usize, usize, usize, usize)) -> Self {
        Map::again(&Rc::new(values), size)
    }

    /// The same values as a map of its own, for an operation that changes only what is pending.
    pub(super) fn again(values: &Rc<Buffer>, size: (usize, usize, usize, usize)) -> Self {
        Map::of(Values::Kernel(values.clone(), Gathered::default()), size)
    }

    /// Puts a tape on.
    pub fn put_tape<T>(self, tape: T) -> Map<E, D, T> {
        let Map { n, h, w, c, values, pending, half, .. } = self;
        Map { n, h, w, c, values, pending, half, tape }
    }
}
