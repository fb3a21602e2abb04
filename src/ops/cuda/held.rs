//! What a feature map holds on a GPU, and where its gradient is gathered.

use super::context::{Context, place};
use super::pool::{Block, Place};
use crate::ops::{FeatureMap, Matrix, Precision, Size};
use cudarc::driver::DevicePtr;
use dfdx::prelude::*;
use dfdx::tensor::CudaError as Error;
use std::cell::RefCell;
use std::rc::Rc;

pub type Map<T = NoneTape> = FeatureMap<f32, Cuda, T>;
pub type Grads = Gradients<f32, Cuda>;

/// Where the values of a map are.
#[derive(Clone)]
pub enum Held {
    /// In a tensor, in single precision; the tape keeps its gradient.
    Tensor(Matrix<f32, Cuda>),
    /// In memory of the pool.
    Pool(Pooled),
}

/// Values in the pool, and the gradient that is gathered for them.
#[derive(Clone)]
pub struct Pooled {
    values: Rc<Block>,
    precision: Precision,
    gradient: Rc<RefCell<Option<Block>>>,
}

/// A map of values in the pool.
pub fn pooled(values: Block, precision: Precision, size: Size) -> Map {
    FeatureMap::of(Held::Pool(Pooled { values: Rc::new(values), precision, gradient: Rc::default() }), size)
}

impl<T> Map<T> {
    /// The format of the values.
    pub(super) fn precision(&self) -> Precision {
        match &self.held {
            Held::Tensor(_) => Precision::Single,
            Held::Pool(pooled) => pooled.precision,
        }
    }

    /// Where the values lie.
    pub(super) fn place(&self) -> Result<Place, Error> {
        match &self.held {
            Held::Tensor(values) => place(values),
            Held::Pool(pooled) => Ok(pooled.values.place()),
        }
    }
}

impl Map {
    /// What computes on it.
    pub(super) fn context(&self) -> Result<Rc<Context>, Error> {
        match &self.held {
            Held::Tensor(values) => Context::of(values.device()),
            Held::Pool(_) => Context::current().ok_or_else(gone),
        }
    }
}

/// A pooled map without a context cannot be: only a context makes one.
fn gone() -> Error {
    Error::Driver(cudarc::driver::DriverError(cudarc::driver::sys::CUresult::CUDA_ERROR_INVALID_CONTEXT))
}

/// Finds the gradient of a tensor on the tape, or makes one of zeros. It holds no values, so that the tensor can go while
/// its gradient is still to come.
pub struct Slot(Box<Find>);

type Find = dyn Fn(&mut Grads) -> Result<Place, Error>;

impl Slot {
    pub fn of(m: &Matrix<f32, Cuda>) -> Self {
        let ghost = m.ghost();
        Slot(Box::new(move |grads| Ok(*grads.get_or_alloc_mut(&ghost)?.device_ptr())))
    }

    /// Where the gradient lies.
    pub fn place(&self, grads: &mut Grads) -> Result<Place, Error> {
        (self.0)(grads)
    }
}

/// Where the gradient of a map goes.
pub struct Target {
    to: To,
    len: usize,
    precision: Precision,
}

enum To {
    Tape(Slot),
    Pool(Rc<RefCell<Option<Block>>>),
}

impl Target {
    pub fn of<T>(x: &Map<T>) -> Self {
        let to = match &x.held {
            Held::Tensor(values) => To::Tape(Slot::of(values)),
            Held::Pool(pooled) => To::Pool(pooled.gradient.clone()),
        };
        Target { to, len: x.len(), precision: x.precision() }
    }

    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Has `f` write the gradient at a place, or add it when the flag that comes with the place is set.
    pub fn gather(
        &self,
        context: &Context,
        grads: &mut Grads,
        f: impl FnOnce(Place, bool) -> Result<(), Error>,
    ) -> Result<(), Error> {
        match &self.to {
            To::Tape(slot) => f(slot.place(grads)?, true),
            To::Pool(gathered) => {
                let gathered = &mut *gathered.borrow_mut();
                let add = gathered.is_some();
                let block = match gathered.take() {
                    Some(block) => block,
                    None => context.map(self.len, self.precision)?,
                };
                let place = block.place();
                *gathered = Some(block);
                f(place, add)
            }
        }
    }

    /// Hands over a whole gradient in the format of the map.
    pub fn give(&self, context: &Context, grads: &mut Grads, gradient: Block) -> Result<(), Error> {
        if let To::Pool(gathered) = &self.to
            && gathered.borrow().is_none()
        {
            *gathered.borrow_mut() = Some(gradient);
            return Ok(());
        }
        let from = (gradient.place(), self.precision);
        self.gather(context, grads, |to, add| context.cast(from, (to, self.precision), self.len, add))
    }

    /// Takes what was gathered for the output of an operation, if anything was.
    pub fn take(&self) -> Option<Block> {
        match &self.to {
            To::Tape(_) => None,
            To::Pool(gathered) => gathered.take(),
        }
    }
}
