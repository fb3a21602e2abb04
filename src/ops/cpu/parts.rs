//! Pools of maps.

use super::held::{Format, Gathered};
use super::values::{Target, dense, raw};
use crate::kernels::buffer::Aligned;
use crate::kernels::geometry::Pool;
use crate::kernels::profile::{Work, timed};
use crate::kernels::{Level, Value, pool};
use crate::ops::FeatureMap;
use dfdx::prelude::*;

/// The largest value of every window; see [`crate::ops::Ops::max_pool`].
pub fn max_pool<F: Format, T: Tape<f32, Cpu>>(x: FeatureMap<f32, Cpu, T>, p: &Pool) -> FeatureMap<f32, Cpu, T> {
    let (p, size) = (*p, x.size());
    let (x, mut tape) = x.split_tape();
    let (out, gy) = pooled::<F>(&x, &p, |x, y| pool::max_forward(Level::best(), &p, size, x, y));
    let y = out.clone();
    tape.add_backward_op(move |grads| {
        let Some(gy) = gy.take() else { return Ok(()) };
        let (x_values, y) = (dense::<F>(&x), raw::<F>(&y));
        Target::of(&x).gather(grads, x.len(), |gx, add| {
            timed(Work::Pool, || pool::max_backward(Level::best(), &p, size, (&x_values, &y), &gy, fresh(gx, add)));
        })
    });
    out.put_tape(tape)
}

/// The average of every window; see [`crate::ops::Ops::average_pool`].
pub fn average_pool<F: Format, T: Tape<f32, Cpu>>(x: FeatureMap<f32, Cpu, T>, p: &Pool) -> FeatureMap<f32, Cpu, T> {
    let (p, size) = (*p, x.size());
    let (x, mut tape) = x.split_tape();
    let (out, gy) = pooled::<F>(&x, &p, |x, y| pool::average_forward(Level::best(), &p, size, x, y));
    let (gx, len) = (Target::of(&x), x.len());
    tape.add_backward_op(move |grads| {
        let Some(gy) = gy.take() else { return Ok(()) };
        gx.gather(grads, len, |gx, add| {
            timed(Work::Pool, || pool::average_backward(Level::best(), &p, size, &gy, fresh(gx, add)));
        })
    });
    out.put_tape(tape)
}

/// A gradient that is to be added to: zeros when there is nothing in it yet.
fn fresh<F: Value>(gx: &mut [F], add: bool) -> &mut [F] {
    if !add {
        gx.fill(F::ZERO);
    }
    gx
}

/// Runs a pool.
fn pooled<F: Format>(
    x: &FeatureMap<f32, Cpu>,
    p: &Pool,
    f: impl FnOnce(&[F], &mut [F]),
) -> (FeatureMap<f32, Cpu>, Gathered<F>) {
    let (n, h, w, c) = x.size();
    let size = (n, p.out(h), p.out(w), c);
    let mut y = Aligned::take(size.0 * size.1 * size.2 * size.3);
    timed(Work::Pool, || f(&dense(x), &mut y));
    FeatureMap::made(y, size)
}
