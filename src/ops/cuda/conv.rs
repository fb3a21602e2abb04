//! Convolutions and linear layers: cuDNN's where it has a plan, else composed of dfdx's operations in single precision.

use super::context::{Context, Planned, place};
use super::cudnn::{Convolution, Cudnn, Pass, Plan};
use super::held::{Grads, Map, Slot, Target, pooled};
use super::kernels::BiasArgs;
use super::parts;
use super::pool::{Kind, Place};
use super::weights::Kept;
use crate::kernels::geometry::{Conv, ConvGeometry};
use crate::ops::{Activation, FeatureMap, Filter, Matrix, Precision, lean};
use dfdx::prelude::*;
use dfdx::tensor::CudaError as Error;
use std::rc::Rc;

/// Convolution; see [`crate::ops::Ops::conv2d`].
pub fn conv2d<T: Tape<f32, Cuda>>(x: Map<T>, f: Filter<f32, Cuda>) -> Result<Map<T>, Error> {
    let g = ConvGeometry::new(*f.conv, x.n, x.h, x.w);
    let (x, mut tape) = x.split_tape();
    let (context, precision) = (x.context()?, x.precision());
    let y = context.map(g.y_len(), precision)?;
    let filter = Turned::of(&context, &f, g, precision)?;
    filter.forward(&context, &x, y.place())?;
    let out = pooled(y, precision, (g.n, g.oh, g.ow, f.conv.c_out));
    let (gy, gx) = (Target::of(&out), f.input_grad.then(|| Target::of(&x)));
    tape.add_backward_op(move |grads| {
        let Some(gy) = gy.take() else { return Ok(()) };
        filter.backward(&context, grads, &x, gy.place(), gx.as_ref())
    });
    Ok(out.put_tape(tape))
}

/// The weights of a convolution, as it reads them.
struct Turned {
    g: ConvGeometry,
    precision: Precision,
    kept: Rc<Kept>,
    /// Where they lie, turned over.
    at: Place,
    /// As they are.
    weight: Matrix<f32, Cuda>,
    slot: Slot,
    input_grad: bool,
}

impl Turned {
    fn of(context: &Context, f: &Filter<f32, Cuda>, g: ConvGeometry, precision: Precision) -> Result<Turned, Error> {
        let (kept, at) = Kept::of(context, f.weight, precision)?;
        let (weight, slot, input_grad) = (f.weight.clone(), Slot::of(f.weight), f.input_grad);
        Ok(Turned { g, precision, kept, at, weight, slot, input_grad })
    }

    /// How cuDNN computes a pass, or why it does not.
    fn plan<'c>(&self, context: &'c Context, pass: Pass, accumulate: bool) -> Planned<'c> {
        let Turned { g: geometry, precision, .. } = *self;
        context.plan(&Convolution { pass, geometry, precision, accumulate, tf32: false })
    }

    fn forward(&self, context: &Context, x: &Map, y: Place) -> Result<(), Error> {
        match self.plan(context, Pass::Forward, false) {
            Ok(planned) => run(context, &planned, [x.place()?, self.at, y]),
            Err(why) => {
                context.remark(why);
                let made = lean::conv2d(self.composed(context, x)?, self.filter())?;
                from_tensor(context, &super::device::matrix(made)?, (y, self.precision), self.g.y_len(), false)
            }
        }
    }

    fn backward(
        &self,
        context: &Context,
        grads: &mut Grads,
        x: &Map,
        gy: Place,
        gx: Option<&Target>,
    ) -> Result<(), Error> {
        let data = gx.map(|gx| Ok((gx, self.plan(context, Pass::Data, false)?))).transpose();
        let (filter, data) = match (self.plan(context, Pass::Filter, false), data) {
            (Ok(filter), Ok(data)) => (filter, data),
            (Err(why), _) | (_, Err(why)) => {
                context.remark(why);
                return self.composed_backward(context, grads, x, gy, gx);
            }
        };
        let at = x.place()?;
        self.kept.gather(context, self.precision, (&self.slot, grads), |gw| run(context, &filter, [at, gw, gy]))?;
        let Some((gx, plain)) = data else { return Ok(()) };
        gx.gather(context, grads, |to, add| {
            let adding = if add { self.plan(context, Pass::Data, true).ok() } else { None };
            match adding {
                Some(adding) => run(context, &adding, [to, self.at, gy]),
                None if !add => run(context, &plain, [to, self.at, gy]),
                // Without a plan that adds, the gradient is made apart.
                None => {
                    let made = context.map(x.len(), self.precision)?;
                    run(context, &plain, [made.place(), self.at, gy])?;
                    context.cast((made.place(), self.precision), (to, self.precision), x.len(), true)
                }
            }
        })
    }

    /// Both gradients of dfdx's operations.
    fn composed_backward(
        &self,
        context: &Context,
        grads: &mut Grads,
        x: &Map,
        gy: Place,
        gx: Option<&Target>,
    ) -> Result<(), Error> {
        let (rows, cols) = (self.g.y_len() / self.g.conv.c_out, self.g.conv.c_out);
        let dense = to_tensor(context, (gy, self.precision), (rows, cols), self.weight.device())?;
        let (of_x, of_w) = lean::conv2d_gradients(self.composed(context, x)?, self.filter(), &dense)?;
        let len = of_w.shape().0 * of_w.shape().1;
        let (to, add) = (self.slot.place(grads)?, !self.kept.of_net());
        from_tensor(context, &of_w, (to, Precision::Single), len, add)?;
        let (Some(gx), Some(of_x)) = (gx, of_x) else { return Ok(()) };
        gx.gather(context, grads, |to, add| from_tensor(context, &of_x, (to, gx.precision()), x.len(), add))
    }

    fn filter(&self) -> Filter<'_, f32, Cuda> {
        Filter { weight: &self.weight, conv: &self.g.conv, input_grad: self.input_grad }
    }

    /// The images as a tensor in single precision.
    fn composed(&self, context: &Context, x: &Map) -> Result<Map, Error> {
        let (n, h, w, c) = x.size();
        let from = (x.place()?, self.precision);
        Ok(FeatureMap::new(to_tensor(context, from, (n * h * w, c), self.weight.device())?, n, h, w))
    }
}

/// Runs a plan of cuDNN's with the places of images, filter and output, or of what it makes in the place of one.
fn run(context: &Context, (cudnn, plan): &(&Cudnn, Rc<Plan>), places: [Place; 3]) -> Result<(), Error> {
    let workspace = context.pool.take(plan.workspace(), Kind::Workspace)?;
    cudnn.run(plan, places, workspace.place()).map_err(|e| context.fail(e))
}

/// Values of the pool as a tensor.
pub fn to_tensor(
    context: &Context,
    from: (Place, Precision),
    shape: (usize, usize),
    dev: &Cuda,
) -> Result<Matrix<f32, Cuda>, Error> {
    let made: Matrix<f32, Cuda> = dev.try_zeros_like(&shape)?;
    context.cast(from, (place(&made)?, Precision::Single), shape.0 * shape.1, false)?;
    Ok(made)
}

fn from_tensor(
    context: &Context,
    from: &Matrix<f32, Cuda>,
    to: (Place, Precision),
    len: usize,
    add: bool,
) -> Result<(), Error> {
    context.cast((place(from)?, Precision::Single), to, len, add)
}

/// activation(x w + b); see [`crate::ops::Ops::linear`].
pub fn linear<T: Tape<f32, Cuda>>(
    x: Map<T>,
    w: &Matrix<f32, Cuda>,
    b: &Matrix<f32, Cuda>,
    activation: Activation,
) -> Result<Map<T>, Error> {
    let single = Precision::Single;
    let x = if x.precision() == single { x } else { parts::cast(x, single)? };
    let ((n, height, width, _), (c, k)) = (x.size(), *w.shape());
    let (conv, rows) = (Conv::same(c, k, 1, 1), n * height * width);
    let g = ConvGeometry::new(conv, n, height, width);
    let (x, mut tape) = x.split_tape();
    let context = x.context()?;
    let y = context.map(rows * k, single)?;
    let filter = Turned::of(&context, &Filter { weight: w, conv: &conv, input_grad: true }, g, single)?;
    filter.forward(&context, &x, y.place())?;
    let activation = match activation {
        Activation::None => 0,
        Activation::Relu => 1,
        Activation::Sigmoid => 2,
    };
    let bias = BiasArgs { y: y.place(), b: place(b)?, gy: 0, gx: 0, gb: 0, n: rows as u32, k: k as u32, activation };
    context.kernels.bias(&bias)?;
    let out = pooled(y, single, (n, height, width, conv.c_out));
    let (values, gy, gx, gb) = (out.clone(), Target::of(&out), Target::of(&x), Slot::of(b));
    tape.add_backward_op(move |grads| {
        let Some(gy) = gy.take() else { return Ok(()) };
        let (gb, before) = (gb.place(grads)?, context.map(values.len(), single)?);
        let places = BiasArgs { y: values.place()?, b: 0, gy: gy.place(), gx: before.place(), gb, ..bias };
        context.kernels.bias_back(&places)?;
        filter.backward(&context, grads, &x, before.place(), Some(&gx))
    });
    Ok(out.put_tape(tape))
}
