//! Batch norm, residual sum and ReLU: two launches forward, two backward.

use super::context::{Statistic, place};
use super::held::{Map, Slot, Target, pooled};
use super::kernels::{Kernels, NormArgs, packs};
use super::pool::Kind;
use crate::ops::{Mode, Norm};
use dfdx::prelude::*;
use dfdx::tensor::CudaError as Error;

/// Numbers that a norm keeps of every channel: mean, inverse deviation, and the running mean and variance before.
const KEPT: usize = 4;

/// See [`crate::ops::Ops::norm_act`]. The running statistics are changed where they lie, and so are those of tensors that
/// share them; an update that is left out puts them back.
pub fn norm_act<T: Tape<f32, Cuda>>(
    x: Map<T>,
    norm: Norm<f32, Cuda>,
    residual: Option<Map>,
    relu: bool,
) -> Result<Map<T>, Error> {
    let (x, mut tape) = x.split_tape();
    let (context, precision, c) = (x.context()?, x.precision(), x.c);
    let rows = x.len() / c;
    let (slice, slices) = Kernels::slices(precision, rows, c);
    let y = context.map(x.len(), precision)?;
    let batch = norm.mode == Mode::Train;
    let kept = (batch || T::OWNS_TAPE).then(|| context.kept(place(norm.mean)?, KEPT * c)).transpose()?;
    // What the ReLU cuts off cannot be found again behind a sum.
    let masked = if T::OWNS_TAPE && relu && residual.is_some() { rows * packs(precision, c) } else { 0 };
    let mask = (masked > 0).then(|| context.pool.take(masked as u64, Kind::Maps)).transpose()?;
    let kept_at = kept.as_ref().map_or(0, |kept| kept.place());
    let part = context.floats(if batch { 2 * slices * c } else { 0 })?;
    let running = [place(norm.mean)?, place(norm.var)?];
    let args = NormArgs {
        x: x.place()?,
        y: y.place(),
        residual: residual.as_ref().map_or(Ok(0), |r| r.place())?,
        mask: mask.as_ref().map_or(0, |mask| mask.place()),
        gy: 0,
        gx: 0,
        gr: 0,
        part: part.place(),
        kept: kept_at,
        gamma: place(norm.gamma)?,
        beta: place(norm.beta)?,
        mean: running[0],
        var: running[1],
        ggamma: 0,
        gbeta: 0,
        rows: rows as u32,
        c: c as u32,
        slice: slice as u32,
        eps: norm.eps as f32,
        momentum: Norm::<f32, Cuda>::MOMENTUM as f32,
        relu: relu.into(),
        batch: batch.into(),
        add: 0,
    };
    match (&kept, batch) {
        (Some(kept), true) => {
            context.kernels.norm_forward(precision, &args)?;
            if T::OWNS_TAPE {
                let before = (kept.clone(), (2 * c * size_of::<f32>()) as u64);
                context.statistics.borrow_mut().push(Statistic { running, before, channels: c });
            }
        }
        _ => context.kernels.norm_running(precision, &args)?,
    }
    drop(part);

    let out = pooled(y, precision, x.size());
    let (gamma, beta) = (norm.gamma.clone(), norm.beta.clone());
    let (of_gamma, of_beta, gx, gy) = (Slot::of(&gamma), Slot::of(&beta), Target::of(&x), Target::of(&out));
    let of_residual = residual.as_ref().map(Target::of);
    tape.add_backward_op(move |grads| {
        let Some(gy) = gy.take() else { return Ok(()) };
        let part = context.floats(2 * slices * c)?;
        let (ggamma, gbeta) = (of_gamma.place(grads)?, of_beta.place(grads)?);
        let args = NormArgs { gy: gy.place(), part: part.place(), ggamma, gbeta, ..args };
        let (_kept, _mask, _gamma, _beta, _x) = (kept, mask, gamma, beta, x);
        let Some(of_residual) = of_residual else {
            return gx.gather(&context, grads, |gx, add| {
                Ok(context.kernels.norm_backward(precision, &NormArgs { gx, add: add.into(), ..args })?)
            });
        };
        // Both gradients are written by one launch: the places of one are found before those of the other.
        let mut to = (0, false);
        of_residual.gather(&context, grads, |gr, add| {
            to = (gr, add);
            Ok(())
        })?;
        gx.gather(&context, grads, |gx, add| {
            let add = u32::from(add) + 2 * u32::from(to.1);
            Ok(context.kernels.norm_backward(precision, &NormArgs { gx, gr: to.0, add, ..args })?)
        })
    });
    Ok(out.put_tape(tape))
}
