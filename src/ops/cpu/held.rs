//! What a feature map holds on a CPU.

use crate::kernels::buffer::Buffer;
use crate::ops::map::Size;
use crate::ops::{FeatureMap, Matrix, Precision};
use dfdx::prelude::Cpu;
use std::cell::RefCell;
use std::rc::Rc;

/// The values of a map, what is still to be done to them, and the format in which it counts as stored.
#[derive(Clone)]
pub struct Held {
    pub(super) values: Values,
    /// What whoever reads the values has yet to apply.
    pub(super) pending: Option<Rc<Pending>>,
    pub(super) precision: Precision,
}

/// Where the values of a map are.
#[derive(Clone)]
pub(super) enum Values {
    /// In a tensor, whose gradient the tape keeps.
    Tensor(Matrix<f32, Cpu>),
    /// In a buffer of the kernels, which gather the gradient.
    Kernel(Rc<Buffer>, Gathered),
}

/// The norm and activation of a map that whoever reads it has yet to apply.
pub(super) struct Pending {
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
    pub relu: bool,
}

/// Where the kernels gather the gradient of a map, once the first part of it has come.
pub(super) type Gathered = Rc<RefCell<Option<Buffer>>>;

impl Held {
    /// Values in single precision, with nothing pending.
    pub(super) fn of(values: Values) -> Held {
        Held { values, pending: None, precision: Precision::Single }
    }
}

impl FeatureMap<f32, Cpu> {
    /// A map that a kernel made.
    pub(super) fn made(values: Buffer, size: Size) -> Self {
        FeatureMap::over(&Rc::new(values), size)
    }

    /// A map of its own over the same values, for an operation that changes only what is pending.
    pub(super) fn over(values: &Rc<Buffer>, size: Size) -> Self {
        FeatureMap::of(Held::of(Values::Kernel(values.clone(), Gathered::default())), size)
    }
}

impl<T> FeatureMap<f32, Cpu, T> {
    /// In which format what is computed of the map is rounded.
    pub(super) fn precision(&self) -> Precision {
        self.held.precision
    }

    /// The same map in another format; its values are not rounded.
    pub(super) fn with_precision(mut self, precision: Precision) -> Self {
        self.held.precision = precision;
        self
    }
}
