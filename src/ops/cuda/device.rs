//! `Cuda` runs the operations through the program's own kernels and cuDNN: a forward call, and a closure on the tape that
//! calls backward.

use super::context::Context;
use super::held::{Held, Map, Slot, Target};
use super::{conv, parts, train, unit, weights};
use crate::kernels::geometry::Pool;
use crate::ops::{
    Activation, Descent, FeatureMap, Filter, Loss, Matrix, Norm, Objective, Ops, Parameter, Precision, Size, Updated,
};
use dfdx::prelude::*;
use dfdx::tensor::CudaError as Error;

impl Ops<f32> for Cuda {
    type Held = Held;
    type Ready = weights::Ready;

    fn hold(values: Matrix<f32, Self>) -> Held {
        Held::Tensor(values)
    }

    fn matrix<T: Tape<f32, Self>>(x: FeatureMap<f32, Self, T>) -> Result<Matrix<f32, Self, T>, Error> {
        matrix(x)
    }

    /// With the gradients of the step before, which keep their places, and that of the seed.
    fn tape() -> OwnedTape<f32, Self> {
        let Some(context) = Context::current() else { return OwnedTape::default() };
        let store = context.store.take();
        store.map_or_else(OwnedTape::default, |store| context.seed.clone().traced(store).split_tape().1)
    }

    fn set_aside(known: Option<f32>) -> Result<f32, Error> {
        match Context::current() {
            Some(context) => train::set_aside(&context, known),
            None => Ok(known.unwrap_or(f32::NAN)),
        }
    }

    fn recycle(grads: Gradients<f32, Self>) {
        if let Some(context) = Context::current() {
            context.recycle(grads);
        }
    }

    fn ready<T: Tape<f32, Self>>(
        ready: &mut Self::Ready,
        weights: &[(&Matrix<f32, Self>, bool)],
        x: FeatureMap<f32, Self, T>,
    ) -> Result<FeatureMap<f32, Self, T>, Error> {
        weights::ready(ready, weights, x)
    }

    fn upload(&self, values: Vec<f32>, size: Size) -> Result<FeatureMap<f32, Self>, Error> {
        parts::upload(&Context::of(self)?, &values, size)
    }

    fn values(x: &FeatureMap<f32, Self>) -> Result<Vec<f32>, Error> {
        parts::values(x)
    }

    fn to_precision(x: FeatureMap<f32, Self>, precision: Precision) -> Result<FeatureMap<f32, Self>, Error> {
        if x.precision() == precision { Ok(x) } else { parts::cast(x, precision) }
    }

    fn conv2d<T: Tape<f32, Self>>(
        x: FeatureMap<f32, Self, T>,
        f: Filter<f32, Self>,
    ) -> Result<FeatureMap<f32, Self, T>, Error> {
        conv::conv2d(x, f)
    }

    fn norm_act<T: Tape<f32, Self>>(
        x: FeatureMap<f32, Self, T>,
        norm: Norm<f32, Self>,
        residual: Option<FeatureMap<f32, Self>>,
        relu: bool,
    ) -> Result<FeatureMap<f32, Self, T>, Error> {
        unit::norm_act(x, norm, residual, relu)
    }

    fn max_pool<T: Tape<f32, Self>>(
        x: FeatureMap<f32, Self, T>,
        pool: &Pool,
    ) -> Result<FeatureMap<f32, Self, T>, Error> {
        parts::max_pool(x, pool)
    }

    fn average_pool<T: Tape<f32, Self>>(
        x: FeatureMap<f32, Self, T>,
        pool: &Pool,
    ) -> Result<FeatureMap<f32, Self, T>, Error> {
        parts::average_pool(x, pool)
    }

    fn global_average<T: Tape<f32, Self>>(x: FeatureMap<f32, Self, T>) -> Result<FeatureMap<f32, Self, T>, Error> {
        parts::global_average(x)
    }

    fn concat<T: Tape<f32, Self>>(
        first: FeatureMap<f32, Self>,
        rest: Vec<FeatureMap<f32, Self>>,
        tape: T,
    ) -> Result<FeatureMap<f32, Self, T>, Error> {
        parts::concat(first, rest, tape)
    }

    fn excite<T: Tape<f32, Self>>(
        x: FeatureMap<f32, Self>,
        gate: FeatureMap<f32, Self, T>,
        residual: FeatureMap<f32, Self>,
    ) -> Result<FeatureMap<f32, Self, T>, Error> {
        parts::excite(x, gate, residual)
    }

    fn linear<T: Tape<f32, Self>>(
        x: FeatureMap<f32, Self, T>,
        w: &Matrix<f32, Self>,
        b: &Matrix<f32, Self>,
        activation: Activation,
    ) -> Result<FeatureMap<f32, Self, T>, Error> {
        conv::linear(x, w, b, activation)
    }

    fn loss(
        logits: FeatureMap<f32, Self, OwnedTape<f32, Self>>,
        auxiliary: Option<FeatureMap<f32, Self>>,
        objective: Objective<f32, Self>,
        scale: f64,
    ) -> Result<Loss<f32, Self>, Error> {
        train::loss(logits, auxiliary, objective, scale)
    }

    fn update(
        descent: &Descent,
        params: &mut [Parameter<f32, Self>],
        slots: &mut [&mut Gradients<f32, Self>],
        grads: &mut Gradients<f32, Self>,
        loss: Option<f32>,
    ) -> Result<Updated, Error> {
        train::update(descent, params, slots, grads, loss)
    }

    fn average(averages: &mut [&mut Matrix<f32, Self>], of: &[&Matrix<f32, Self>], share: f64) -> Result<(), Error> {
        train::average(averages, of, share)
    }
}

/// The values of a map as a tensor in single precision; those that a tensor was made a map of are that tensor again.
pub fn matrix<T: Tape<f32, Cuda>>(x: Map<T>) -> Result<Matrix<f32, Cuda, T>, Error> {
    let (x, mut tape) = x.split_tape();
    if let Held::Tensor(values) = x.held {
        return Ok(values.put_tape(tape));
    }
    let (context, precision, (n, h, w, c)) = (x.context()?, x.precision(), x.size());
    let y = conv::to_tensor(&context, (x.place()?, precision), (n * h * w, c), context.seed.device())?;
    let (gx, gy, len) = (Target::of(&x), Slot::of(&y), x.len());
    tape.add_backward_op(move |grads| {
        let gy = gy.place(grads)?;
        gx.gather(&context, grads, |gx, add| context.cast((gy, Precision::Single), (gx, precision), len, add))
    });
    Ok(y.put_tape(tape))
}
