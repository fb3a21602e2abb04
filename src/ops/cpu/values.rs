//! Between the tensors and the tape of dfdx and the slices of the kernels.

use super::held::{Format, Gathered, Pending, Values};
use crate::kernels::buffer::Aligned;
use crate::kernels::lanes::{self, Affine, MapInput, Normed, Source};
use crate::kernels::{Level, Read, Value, parallel};
use crate::ops::{FeatureMap, Matrix};
use dfdx::prelude::*;
use half::bf16;

pub type Error = dfdx::tensor::CpuError;
pub type Grads = Gradients<f32, Cpu>;

/// The values of a contiguous tensor.
pub fn values(m: &Matrix<f32, Cpu>) -> &[f32] {
    let (rows, cols) = *m.shape();
    if rows * cols == 0 {
        return &[];
    }
    let first: *const f32 = &m[[0, 0]];
    let after = |at: [usize; 2]| (&m[at] as *const f32 as usize).wrapping_sub(first as usize) / size_of::<f32>();
    let contiguous = after([0, cols - 1]) == cols - 1 && after([rows - 1, cols - 1]) == rows * cols - 1;
    assert!(contiguous, "a kernel needs contiguous values");
    // SAFETY: rows of `cols` values lie one behind the other (asserted from the first, the last of the first row and
    // the last value, strides being constant), and they are borrowed for as long as the tensor is
    unsafe { std::slice::from_raw_parts(first, rows * cols) }
}

/// The same, for writing: a copy of its own when others share them.
pub fn values_mut(m: &mut Matrix<f32, Cpu>) -> &mut [f32] {
    let len = values(m).len();
    if len == 0 {
        return &mut [];
    }
    let first: *mut f32 = &mut m[[0, 0]];
    // SAFETY: `values` has asserted that `len` values lie one behind the other; they are borrowed as the tensor is
    unsafe { std::slice::from_raw_parts_mut(first, len) }
}

/// A map as a kernel reads it, in a format.
pub struct Input<'a, T: Format> {
    data: Read<'a, T>,
    pending: Option<Affine<'a>>,
}

/// A map as a kernel reads it.
pub fn input<T: Format>(x: &FeatureMap<f32, Cpu>) -> Input<'_, T> {
    Input { data: raw(x), pending: x.held.pending.as_deref().map(affine) }
}

impl<T: Format> Input<'_, T> {
    /// The values, with the norm that is pending.
    pub fn map(&self) -> MapInput<'_, T> {
        MapInput { data: &self.data, pending: self.pending }
    }
}

/// The values of a map, without what is pending.
pub fn raw<T: Format>(x: &FeatureMap<f32, Cpu>) -> Read<'_, T> {
    T::read(&x.held.values)
}

/// A pending norm as a kernel reads it.
pub fn affine(p: &Pending) -> Affine<'_> {
    Affine { scale: &p.scale, shift: &p.shift, relu: p.relu }
}

/// The values of a map in a format, once what is pending is done.
pub fn dense<T: Format>(x: &FeatureMap<f32, Cpu>) -> Read<'_, T> {
    let normed = |affine| match &x.held.values {
        Values::Brain(made) => collected(Normed { data: &made.values[..], affine }, x),
        values => collected(Normed { data: &f32::read(values)[..], affine }, x),
    };
    match x.held.pending.as_deref() {
        None => raw(x),
        Some(p) => Read::Made(normed(affine(p))),
    }
}

/// The values that a source has of a map.
fn collected<T: Format>(from: impl Source, x: &FeatureMap<f32, Cpu>) -> Aligned<T> {
    lanes::collect(Level::best(), from, x.len(), x.c)
}

/// The values of a map as a buffer of its own.
pub fn owned<F: Format>(values: Read<F>) -> Aligned<F> {
    match values {
        Read::Made(buffer) => buffer,
        Read::Own(values) => {
            let mut buffer = Aligned::take(values.len());
            buffer.copy_from_slice(values);
            buffer
        }
    }
}

/// A tensor from its values.
pub fn matrix(dev: &Cpu, values: Vec<f32>, shape: (usize, usize)) -> Result<Matrix<f32, Cpu>, Error> {
    dev.try_tensor_from_vec(values, shape)
}

/// The place of a tensor's gradient on the tape. Holds no values, so that a tensor can go while its gradient is still to
/// come.
pub struct Slot(Box<Find>);

/// Finds a gradient in the store, or makes one of zeros.
type Find = dyn Fn(&mut Grads) -> Result<&mut Vec<f32>, Error>;

impl Slot {
    pub fn of(m: &Matrix<f32, Cpu>) -> Self {
        let ghost = m.ghost();
        Slot(Box::new(move |grads| Ok(grads.get_or_alloc_mut(&ghost)?)))
    }

    /// The gradient, for adding to it.
    pub fn of_mut<'a>(&self, grads: &'a mut Grads) -> Result<&'a mut Vec<f32>, Error> {
        (self.0)(grads)
    }

    /// Adds to the gradient.
    pub fn add(&self, grads: &mut Grads, values: &[f32]) -> Result<(), Error> {
        self.of_mut(grads)?.iter_mut().zip(values).for_each(|(a, b)| *a += b);
        Ok(())
    }

    /// Takes the gradient out of the store: nobody reads that of an output again.
    pub fn take(&self, grads: &mut Grads) -> Result<Vec<f32>, Error> {
        Ok(std::mem::take(self.of_mut(grads)?))
    }
}

/// Where the gradient of a map goes.
pub enum Target {
    /// To the tape, for a map that no kernel made.
    Tape(Slot),
    /// To the kernel that made the map.
    Single(Gathered<f32>),
    /// The same in bfloat16.
    Brain(Gathered<bf16>),
}

impl Target {
    pub fn of(x: &FeatureMap<f32, Cpu>) -> Self {
        match &x.held.values {
            Values::Tensor(data) => Target::Tape(Slot::of(data)),
            Values::Single(made) => Target::Single(made.gradient.clone()),
            Values::Brain(made) => Target::Brain(made.gradient.clone()),
        }
    }

    /// Has `f` write a gradient of `len` values, or add it when the flag that comes with it is set.
    pub fn gather<T: Format>(
        &self,
        grads: &mut Grads,
        len: usize,
        f: impl FnOnce(&mut [T], bool),
    ) -> Result<(), Error> {
        match self {
            Target::Tape(slot) => T::onto_single(slot.of_mut(grads)?, true, f),
            Target::Single(gathered) => gathered_into(gathered, len, |to, add| T::onto_single(to, add, f)),
            Target::Brain(gathered) => gathered_into(gathered, len, |to, add| T::onto_brain(to, add, f)),
        }
        Ok(())
    }

    /// Hands over a whole gradient.
    pub fn give<T: Format>(&self, grads: &mut Grads, gradient: Aligned<T>) -> Result<(), Error> {
        if let Some(gathered) = T::gathered(self)
            && gathered.borrow().is_none()
        {
            *gathered.borrow_mut() = Some(gradient);
            return Ok(());
        }
        self.gather(grads, gradient.len(), |to, add| match add {
            true => parallel::add(to, &[gradient]),
            false => to.copy_from_slice(&gradient),
        })
    }
}

/// Has `f` write what is gathered, or add to it when the flag is set: where something was gathered before.
fn gathered_into<T: Value>(gathered: &Gathered<T>, len: usize, f: impl FnOnce(&mut [T], bool)) {
    let mut gathered = gathered.borrow_mut();
    let add = gathered.is_some();
    f(gathered.get_or_insert_with(|| Aligned::take(len)), add);
}
