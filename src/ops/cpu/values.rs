//! Between the tensors and the tape of dfdx and the slices of the kernels.

use super::held::{Gathered, Pending, Values};
use crate::kernels::buffer::Buffer;
use crate::kernels::lanes::{self, Affine, MapInput, Normed};
use crate::kernels::{Level, parallel};
use crate::ops::{FeatureMap, Matrix};
use dfdx::prelude::*;
use std::ops::Deref;

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

/// The values of a map, without what is pending.
pub fn raw(x: &FeatureMap<f32, Cpu>) -> &[f32] {
    match &x.held.values {
        Values::Tensor(data) => values(data),
        Values::Kernel(data, _) => data,
    }
}

/// A map as a kernel reads it.
pub fn input(x: &FeatureMap<f32, Cpu>) -> MapInput<'_> {
    MapInput { data: raw(x), pending: x.held.pending.as_deref().map(affine) }
}

/// A pending norm as a kernel reads it.
pub fn affine(p: &Pending) -> Affine<'_> {
    Affine { scale: &p.scale, shift: &p.shift, relu: p.relu }
}

/// The values of a map, once what is pending is done.
pub enum Dense<'a> {
    /// Nothing was.
    Own(&'a [f32]),
    /// They were made.
    Made(Buffer),
}

impl Deref for Dense<'_> {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        match self {
            Dense::Own(values) => values,
            Dense::Made(buffer) => buffer,
        }
    }
}

/// The values of a map, with nothing pending.
pub fn dense(x: &FeatureMap<f32, Cpu>) -> Dense<'_> {
    let data = raw(x);
    match x.held.pending.as_deref() {
        None => Dense::Own(data),
        Some(p) => Dense::Made(lanes::collect(Level::best(), Normed { data, affine: affine(p) }, data.len(), x.c)),
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
    Kernel(Gathered),
}

impl Target {
    pub fn of(x: &FeatureMap<f32, Cpu>) -> Self {
        match &x.held.values {
            Values::Kernel(_, gathered) => Target::Kernel(gathered.clone()),
            Values::Tensor(data) => Target::Tape(Slot::of(data)),
        }
    }

    /// Has `f` write a gradient of `len` values, or add it when the flag that comes with it is set.
    pub fn gather(&self, grads: &mut Grads, len: usize, f: impl FnOnce(&mut [f32], bool)) -> Result<(), Error> {
        match self {
            Target::Tape(slot) => f(slot.of_mut(grads)?, true),
            Target::Kernel(gathered) => {
                let mut gathered = gathered.borrow_mut();
                let add = gathered.is_some();
                f(gathered.get_or_insert_with(|| Buffer::take(len)), add);
            }
        }
        Ok(())
    }

    /// Takes what was gathered for the output of a kernel, if anything was.
    pub fn take(&self) -> Option<Buffer> {
        match self {
            Target::Tape(_) => None,
            Target::Kernel(gathered) => gathered.take(),
        }
    }

    /// Hands over a whole gradient.
    pub fn give(&self, grads: &mut Grads, gradient: Buffer) -> Result<(), Error> {
        if let Target::Kernel(gathered) = self
            && gathered.borrow().is_none()
        {
            *gathered.borrow_mut() = Some(gradient);
            return Ok(());
        }
        self.gather(grads, gradient.len(), |to, _| parallel::add(to, &[gradient]))
    }
}
