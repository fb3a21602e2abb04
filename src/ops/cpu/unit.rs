//! Convolution, batch norm, residual sum and activation as one operation on the tape.
//!
//! Kept for the backward pass: the convolution's output as it is, the norm's mean and deviation, and after a residual sum
//! the output. What lies between is made again where it is read.

use super::FilterBack;
use super::held::{Format, Gathered, Pending};
use super::values::{Error, Grads, Slot, Target, affine, dense, input, matrix, owned, values};
use crate::kernels::buffer::{Aligned, SharedPtr};
use crate::kernels::conv::OutputGrad;
use crate::kernels::geometry::ConvGeometry;
use crate::kernels::lanes::{self, Affine, Dense, Finished, Grad, Moments, NormGrad, Statistics, Summed};
use crate::kernels::profile::{Work, timed};
use crate::kernels::{Level, moments, norm};
use crate::ops::map::Size;
use crate::ops::{FeatureMap, Filter, Matrix, Mode, Norm};
use dfdx::prelude::*;
use std::rc::Rc;

type N<'a> = Norm<'a, f32, Cpu>;

/// What a norm has made of its statistics.
struct Statistic {
    mean: Vec<f32>,
    inverse_deviation: Vec<f32>,
    pending: Rc<Pending>,
    batch: bool,
}

/// Mean and variance by channel.
type MeanVar = (Vec<f32>, Vec<f32>);

/// Takes the statistics of a batch and its rows into the running ones, or takes the running ones.
fn statistic(norm: &mut N, batch: Option<(MeanVar, usize)>, relu: bool) -> Result<Statistic, Error> {
    let is_batch = batch.is_some();
    let (mean, var) = match batch {
        None => (values(norm.mean).to_vec(), values(norm.var).to_vec()),
        Some(((mean, var), rows)) => {
            let unbiased = rows as f32 / (rows as f32 - 1.0).max(1.0);
            *norm.mean = blend(norm.mean, &mean, 1.0)?;
            *norm.var = blend(norm.var, &var, unbiased)?;
            (mean, var)
        }
    };
    let inverse_deviation: Vec<f32> = var.iter().map(|v| 1.0 / (v + norm.eps as f32).sqrt()).collect();
    let scale: Vec<f32> = values(norm.gamma).iter().zip(&inverse_deviation).map(|(g, i)| g * i).collect();
    let shift = values(norm.beta).iter().zip(&mean).zip(&scale).map(|((b, m), s)| b - m * s).collect();
    let pending = Rc::new(Pending { scale, shift, relu });
    Ok(Statistic { mean, inverse_deviation, pending, batch: is_batch })
}

/// running * (1 - momentum) + batch * factor * momentum.
fn blend(running: &Matrix<f32, Cpu>, batch: &[f32], factor: f32) -> Result<Matrix<f32, Cpu>, Error> {
    let m = N::MOMENTUM as f32;
    let mixed = values(running).iter().zip(batch).map(|(r, b)| r * (1.0 - m) + b * factor * m);
    matrix(running.device(), mixed.collect(), *running.shape())
}

/// The whole unit; see [`crate::ops::Ops::conv_norm_act`].
pub fn conv_norm_act<F: Format, T: Tape<f32, Cpu>>(
    x: FeatureMap<f32, Cpu, T>,
    f: Filter<f32, Cpu>,
    mut norm: N,
    residual: Option<FeatureMap<f32, Cpu>>,
    relu: bool,
) -> Result<FeatureMap<f32, Cpu, T>, Error> {
    let (x, mut tape) = x.split_tape();
    let g = ConvGeometry::new(*f.conv, x.n, x.h, x.w);
    let size = (g.n, g.oh, g.ow, f.conv.c_out);
    let mut y = Aligned::<F>::take(g.y_len());
    let to = SharedPtr::new(&mut y);
    if norm.mode == Mode::Eval && !T::OWNS_TAPE {
        // Nothing is trained: norm, sum and activation are done as the output is written.
        let statistic = statistic(&mut norm, None, relu)?;
        let residual = residual.as_ref().map(dense::<F>);
        let to = Finished { y: to, affine: affine(&statistic.pending), residual: residual.as_deref() };
        F::convolve_to(Level::best(), &g, input(&x).map(), values(f.weight), to);
        return Ok(FeatureMap::made(y, size).0.put_tape(tape));
    }
    let pivot = values(norm.mean).to_vec();
    let to = Statistics { y: to, of: Moments { pivot: &pivot } };
    let parts = F::convolve(Level::best(), &g, input(&x).map(), values(f.weight), to);
    let batch = (norm.mode == Mode::Train).then(|| (moments::moments(&parts, &pivot), g.n * g.oh * g.ow));
    let statistic = statistic(&mut norm, batch, relu)?;
    let (out, normed) = normed(&Rc::new(y), size, statistic, residual, &norm);

    let filter = FilterBack::of(&f, g, &x);
    tape.add_backward_op(move |grads| {
        normed.backward(grads, |grads, gy| filter.backward(grads, &x, OutputGrad::Norm(gy)))
    });
    Ok(out.put_tape(tape))
}

/// Norm, residual sum and activation of a map; see [`crate::ops::Ops::norm_act`].
pub fn norm_act<F: Format, T: Tape<f32, Cpu>>(
    x: FeatureMap<f32, Cpu, T>,
    mut norm: N,
    residual: Option<FeatureMap<f32, Cpu>>,
    relu: bool,
) -> Result<FeatureMap<f32, Cpu, T>, Error> {
    let (x, mut tape) = x.split_tape();
    let (len, c) = (x.len(), x.c);
    // A map that a kernel made, with nothing pending, is not copied.
    let y = match (F::made(&x.held.values), &x.held.pending) {
        (Some(made), None) => made.values.clone(),
        _ => Rc::new(owned(dense::<F>(&x))),
    };
    let pivot = values(norm.mean).to_vec();
    let batch = (norm.mode == Mode::Train).then(|| {
        let parts = lanes::pass(Level::best(), Dense(&y), len, c, Moments { pivot: &pivot });
        (moments::moments(&parts, &pivot), len / c)
    });
    let statistic = statistic(&mut norm, batch, relu)?;
    let (out, normed) = normed(&y, x.size(), statistic, residual, &norm);
    let gx = Target::of(&x);
    tape.add_backward_op(move |grads| {
        normed.backward(grads, |grads, gy| {
            gx.gather::<F>(grads, len, |gx, add| {
                lanes::pass(Level::best(), gy, len, c, Grad { gx: SharedPtr::new(gx), add });
            })
        })
    });
    Ok(out.put_tape(tape))
}

/// The backward pass of a norm with its sum and activation.
struct Normed<F> {
    /// Input of the norm.
    y: Rc<Aligned<F>>,
    statistic: Statistic,
    /// Where the output's gradient is gathered.
    gradient: Gathered<F>,
    residual: Option<Target>,
    /// The output after a sum and a ReLU.
    above: Option<Rc<Aligned<F>>>,
    gamma: Slot,
    beta: Slot,
}

/// The output of a norm over the values of `y`, and the way back.
fn normed<F: Format>(
    y: &Rc<Aligned<F>>,
    size: Size,
    statistic: Statistic,
    residual: Option<FeatureMap<f32, Cpu>>,
    norm: &N,
) -> (FeatureMap<f32, Cpu>, Normed<F>) {
    let sum = residual.as_ref().map(|residual| {
        let residual = input(residual);
        let sum = Summed { data: &y[..], affine: affine(&statistic.pending), residual: residual.map() };
        Rc::new(timed(Work::Sum, || lanes::collect(Level::best(), sum, y.len(), size.3)))
    });
    let (mut out, gradient) = FeatureMap::over(sum.as_ref().unwrap_or(y), size);
    if sum.is_none() {
        out.held.pending = Some(statistic.pending.clone());
    }
    let normed = Normed {
        gradient,
        residual: residual.as_ref().map(Target::of),
        above: sum.filter(|_| statistic.pending.relu),
        gamma: Slot::of(norm.gamma),
        beta: Slot::of(norm.beta),
        y: y.clone(),
        statistic,
    };
    (out, normed)
}

impl<F: Format> Normed<F> {
    /// Gives the norm's parameters their gradients, `input` that of the norm's input, and the residual the output's.
    fn backward(
        self,
        grads: &mut Grads,
        input: impl FnOnce(&mut Grads, NormGrad<F>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(mut g) = self.gradient.take() else { return Ok(()) };
        let Statistic { mean, inverse_deviation, pending, batch } = &self.statistic;
        let Affine { scale, shift, relu } = affine(pending);
        let y = &self.y[..];
        let saved = norm::Saved { y, mean, inverse_deviation, scale, shift, batch_statistics: *batch };
        let mask = match &self.above {
            Some(z) => norm::Mask::Above(z),
            None if relu => norm::Mask::Own,
            None => norm::Mask::No,
        };
        let own = timed(Work::Norm, || F::norm_back(Level::best(), &saved, &mut g, mask));
        self.gamma.add(grads, &own.gamma)?;
        self.beta.add(grads, &own.beta)?;
        let [a, b, d] = &own.factors;
        let mask = (relu && self.above.is_none()).then_some((scale, shift));
        input(grads, NormGrad { g: &g, y, factors: [a, b, d], mask })?;
        match self.residual {
            Some(residual) => residual.give(grads, g),
            None => Ok(()),
        }
    }
}
