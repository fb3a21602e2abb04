//! Maps that come together: side by side, and gated on top of a shortcut.

use super::held::Format;
use super::values::{Error, Slot, Target, input, raw, values};
use crate::kernels::buffer::{Aligned, Buffer, SharedPtr};
use crate::kernels::concat::{self, Channels};
use crate::kernels::lanes::{self, Affine, Grad, MapInput, NormSums, Normed, Summed, Where};
use crate::kernels::profile::{Work, timed};
use crate::kernels::{Level, moments, parallel};
use crate::ops::{FeatureMap, Matrix};
use dfdx::prelude::*;

/// Maps side by side; see [`crate::ops::Ops::concat`].
pub fn concat<F: Format, T: Tape<f32, Cpu>>(
    first: FeatureMap<f32, Cpu>,
    rest: Vec<FeatureMap<f32, Cpu>>,
    mut tape: T,
) -> FeatureMap<f32, Cpu, T> {
    let (n, h, w, _) = first.size();
    let parts = || std::iter::once(&first).chain(&rest);
    let of: usize = parts().map(|part| part.c).sum();
    let mut y = Aligned::<F>::take(n * h * w * of);
    let mut targets = Vec::new();
    for part in parts() {
        let first = targets.last().map_or(0, |(_, at): &(Target, Channels)| at.first + at.count);
        let at = Channels { of, first, count: part.c };
        timed(Work::Sum, || concat::write(Level::best(), input(part).map(), at, &mut y));
        targets.push((Target::of(part), at));
    }
    let (out, gy) = FeatureMap::made(y, (n, h, w, of));
    tape.add_backward_op(move |grads| {
        let Some(gy) = gy.take() else { return Ok(()) };
        targets.iter().try_for_each(|(to, at)| {
            to.gather(grads, n * h * w * at.count, |gx, add| timed(Work::Sum, || concat::read_grad(&gy, *at, gx, add)))
        })
    });
    out.put_tape(tape)
}

/// relu(x * gate + residual); see [`crate::ops::Ops::excite`].
///
/// What is pending on x is an affine of every channel, and the gate makes it one of every image and channel.
pub fn excite<T: Tape<f32, Cpu>>(
    x: FeatureMap<f32, Cpu>,
    gate: Matrix<f32, Cpu, T>,
    residual: FeatureMap<f32, Cpu>,
) -> Result<FeatureMap<f32, Cpu, T>, Error> {
    let (gate, mut tape) = gate.split_tape();
    assert!(!x.held.pending.as_deref().is_some_and(|p| p.relu), "a gate follows a norm without ReLU");
    let c = x.c;
    let image = x.h * x.w * c;
    let mut y = Buffer::take(x.len());
    timed(Work::Sum, || {
        let (data, residual, gate) = (raw::<f32>(&x), input::<f32>(&residual), values(&gate));
        let residual = residual.map();
        let (scale, shift) = affine_of(&x);
        let images = y.chunks_mut(image).zip(data.chunks(image)).zip(gate.chunks(c));
        parallel::each(images, &|i, ((y, data), gate)| {
            let (scale, shift) = (times(&scale, gate), times(&shift, gate));
            let residual = MapInput { data: &residual.data[i * image..][..image], ..residual };
            let sum = Summed { data, affine: Affine { scale: &scale, shift: &shift, relu: true }, residual };
            lanes::pass(Level::best(), sum, image, c, Grad { gx: SharedPtr::new(y), add: false });
        });
    });
    let (out, gz) = FeatureMap::made(y, x.size());
    let (z, of_gate, of_residual, of_x) = (out.clone(), Slot::of(&gate), Target::of(&residual), Target::of(&x));
    tape.add_backward_op(move |grads| {
        let Some(mut g) = gz.take() else { return Ok(()) };
        let (scale, shift) = affine_of(&x);
        let zeros = vec![0.0; c];
        let (y, z) = (raw::<f32>(&x), raw::<f32>(&z));
        let maps = g.chunks_mut(image).zip(y.chunks(image)).zip(z.chunks(image));
        let sums = |((g, y), z): ((&mut [f32], &[f32]), &[f32])| {
            let to = SharedPtr::new(g);
            let parts =
                lanes::pass(Level::best(), Where { g: to, z }, image, c, NormSums { y, mean: &zeros, to: Some(to) });
            let (sum, dot) = moments::totals(&parts, c);
            (0..c).map(|i| (scale[i] as f64 * dot[i] + shift[i] as f64 * sum[i]) as f32).collect::<Vec<f32>>()
        };
        let sums: Vec<f32> = timed(Work::Norm, || parallel::map(maps, &sums).concat());
        of_gate.add(grads, &sums)?;
        of_x.gather::<f32>(grads, g.len(), |gx, add| {
            let maps = gx.chunks_mut(image).zip(g.chunks(image)).zip(values(&gate).chunks(c));
            parallel::each(maps, &|_, ((gx, g), gate)| {
                let scaled = Normed { data: g, affine: Affine { scale: gate, shift: &zeros, relu: false } };
                lanes::pass(Level::best(), scaled, image, c, Grad { gx: SharedPtr::new(gx), add });
            });
        })?;
        of_residual.give(grads, g)
    });
    Ok(out.put_tape(tape))
}

/// Factor and summand of every channel that are pending on a map.
fn affine_of(x: &FeatureMap<f32, Cpu>) -> (Vec<f32>, Vec<f32>) {
    match x.held.pending.as_deref() {
        Some(p) => (p.scale.clone(), p.shift.clone()),
        None => (vec![1.0; x.c], vec![0.0; x.c]),
    }
}

fn times(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a * b).collect()
}
