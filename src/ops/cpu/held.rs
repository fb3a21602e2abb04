//! What a feature map holds on a CPU.

use super::values::{Target, values};
use crate::kernels::buffer::{Aligned, Buffer};
use crate::kernels::{Kernels, Read, Value};
use crate::ops::map::Size;
use crate::ops::{FeatureMap, Matrix, Precision};
use dfdx::prelude::Cpu;
use half::bf16;
use std::cell::RefCell;
use std::rc::Rc;

/// The values of a map, what is still to be done to them, and the format in which they are rounded.
#[derive(Clone)]
pub struct Held {
    pub(super) values: Values,
    /// What whoever reads the values has yet to apply.
    pub(super) pending: Option<Rc<Pending>>,
    /// Of values in f32: half precision where it is emulated.
    precision: Precision,
}

/// Where the values of a map are.
#[derive(Clone)]
pub(super) enum Values {
    /// In a tensor, whose gradient the tape keeps.
    Tensor(Matrix<f32, Cpu>),
    /// In a buffer of the kernels, which gather the gradient.
    Single(Made<f32>),
    /// The same in bfloat16.
    Brain(Made<bf16>),
}

/// Values that a kernel made, and where their gradient is gathered.
#[derive(Clone)]
pub(super) struct Made<T> {
    pub values: Rc<Aligned<T>>,
    pub gradient: Gathered<T>,
}

/// The norm and activation of a map that whoever reads it has yet to apply.
pub(super) struct Pending {
    pub scale: Vec<f32>,
    pub shift: Vec<f32>,
    pub relu: bool,
}

/// Where the kernels gather the gradient of a map, once the first part of it has come.
pub(super) type Gathered<T> = Rc<RefCell<Option<Aligned<T>>>>;

/// A number format in which kernels make maps.
pub(super) trait Format: Kernels {
    /// Values that a kernel made.
    fn of(made: Made<Self>) -> Values;
    /// Those of a map in this format.
    fn made(values: &Values) -> Option<&Made<Self>>;
    /// Those of any map, rounded or widened where it has another format.
    fn read(values: &Values) -> Read<'_, Self>;
    /// Where gradients are gathered in this format.
    fn gathered(target: &Target) -> Option<&Gathered<Self>>;
    /// Has `f` write a gradient in this format, or add it when the flag that comes with it is set, onto one of f32.
    fn onto_single(to: &mut [f32], add: bool, f: impl FnOnce(&mut [Self], bool));
    /// The same onto one of bfloat16.
    fn onto_brain(to: &mut [bf16], add: bool, f: impl FnOnce(&mut [Self], bool));
}

impl Format for f32 {
    fn of(made: Made<f32>) -> Values {
        Values::Single(made)
    }

    fn made(values: &Values) -> Option<&Made<f32>> {
        if let Values::Single(made) = values { Some(made) } else { None }
    }

    fn read(values: &Values) -> Read<'_> {
        match values {
            Values::Tensor(data) => Read::Own(self::values(data)),
            Values::Single(made) => Read::Own(&made.values),
            Values::Brain(made) => bf16::wide(&made.values),
        }
    }

    fn gathered(target: &Target) -> Option<&Gathered<f32>> {
        if let Target::Single(gathered) = target { Some(gathered) } else { None }
    }

    fn onto_single(to: &mut [f32], add: bool, f: impl FnOnce(&mut [f32], bool)) {
        f(to, add);
    }

    fn onto_brain(to: &mut [bf16], add: bool, f: impl FnOnce(&mut [f32], bool)) {
        if add {
            return bf16::change(to, |to| f(to, true));
        }
        let mut wide = Buffer::take(to.len());
        f(&mut wide, false);
        bf16::narrow(&wide, to);
    }
}

impl Format for bf16 {
    fn of(made: Made<bf16>) -> Values {
        Values::Brain(made)
    }

    fn made(values: &Values) -> Option<&Made<bf16>> {
        if let Values::Brain(made) = values { Some(made) } else { None }
    }

    fn read(values: &Values) -> Read<'_, bf16> {
        if let Values::Brain(made) = values {
            return Read::Own(&made.values);
        }
        let wide = f32::read(values);
        let mut narrow = Aligned::take(wide.len());
        bf16::narrow(&wide, &mut narrow);
        Read::Made(narrow)
    }

    fn gathered(target: &Target) -> Option<&Gathered<bf16>> {
        if let Target::Brain(gathered) = target { Some(gathered) } else { None }
    }

    fn onto_single(to: &mut [f32], add: bool, f: impl FnOnce(&mut [bf16], bool)) {
        let mut narrow = Aligned::take(to.len());
        f(&mut narrow, false);
        let terms = bf16::wide(&narrow);
        to.iter_mut().zip(&*terms).for_each(|(to, term)| *to = if add { *to + term } else { *term });
    }

    fn onto_brain(to: &mut [bf16], add: bool, f: impl FnOnce(&mut [bf16], bool)) {
        f(to, add);
    }
}

impl Held {
    /// Values with nothing pending.
    pub(super) fn of(values: Values) -> Held {
        Held { values, pending: None, precision: Precision::Single }
    }
}

impl FeatureMap<f32, Cpu> {
    /// A map that a kernel made, and where its gradient is gathered.
    pub(super) fn made<T: Format>(values: Aligned<T>, size: Size) -> (Self, Gathered<T>) {
        FeatureMap::over(&Rc::new(values), size)
    }

    /// A map of its own over the same values, for an operation that changes only what is pending.
    pub(super) fn over<T: Format>(values: &Rc<Aligned<T>>, size: Size) -> (Self, Gathered<T>) {
        let made = Made { values: values.clone(), gradient: Gathered::default() };
        let gradient = made.gradient.clone();
        (FeatureMap::of(Held::of(T::of(made)), size), gradient)
    }
}

impl<T> FeatureMap<f32, Cpu, T> {
    /// The format of its values.
    pub(super) fn precision(&self) -> Precision {
        match &self.held.values {
            Values::Brain(_) => Precision::BrainHalf,
            _ => self.held.precision,
        }
    }

    /// The same map, whose values in f32 count as those of a format; they are not rounded.
    pub(super) fn with_precision(mut self, precision: Precision) -> Self {
        self.held.precision = precision;
        self
    }
}
