//! Operations on maps of logits: dropout before them, upsampling, and the loss of every pixel.

use super::values::{Error, Target, dense};
use crate::kernels::buffer::Buffer;
use crate::kernels::pixel_loss::{self, Terms};
use crate::kernels::profile::{Work, timed};
use crate::kernels::upsample::Upsampling;
use crate::kernels::{Level, parallel};
use crate::ops::{FeatureMap, Loss, Mask, PixelObjective};
use dfdx::prelude::*;

/// Values of a mask that a task makes.
const CHUNK: usize = 1 << 13;

/// Values times what a mask has for their places, written or added.
fn masked(from: &[f32], mask: Mask, to: &mut [f32], add: bool) {
    parallel::each(to.chunks_mut(CHUNK).zip(from.chunks(CHUNK)), &|chunk, (to, from)| {
        for (i, (to, from)) in to.iter_mut().zip(from).enumerate() {
            let value = from * mask.factor(chunk * CHUNK + i);
            *to = if add { *to + value } else { value };
        }
    });
}

/// See [`crate::ops::Ops::dropout`].
pub fn dropout<T: Tape<f32, Cpu>>(x: FeatureMap<f32, Cpu, T>, mask: Mask) -> FeatureMap<f32, Cpu, T> {
    let (x, mut tape) = x.split_tape();
    let mut y = Buffer::take(x.len());
    timed(Work::Pixels, || masked(&dense(&x), mask, &mut y, false));
    let (out, gy) = FeatureMap::made(y, x.size());
    let gx = Target::of(&x);
    tape.add_backward_op(move |grads| {
        let Some(gy) = gy.take() else { return Ok(()) };
        gx.gather(grads, gy.len(), |gx, add| timed(Work::Pixels, || masked(&gy, mask, gx, add)))
    });
    out.put_tape(tape)
}

/// See [`crate::ops::Ops::upsample`].
pub fn upsample<T: Tape<f32, Cpu>>(
    x: FeatureMap<f32, Cpu, T>,
    to: (usize, usize),
    corners: bool,
) -> FeatureMap<f32, Cpu, T> {
    let (x, mut tape) = x.split_tape();
    let ((n, _, _, c), maps) = (x.size(), Upsampling { from: x.size(), to, corners });
    let mut y = Buffer::take(n * to.0 * to.1 * c);
    timed(Work::Pixels, || maps.forward(Level::best(), &dense(&x), &mut y));
    let (out, gy) = FeatureMap::made(y, (n, to.0, to.1, c));
    let (gx, len) = (Target::of(&x), x.len());
    tape.add_backward_op(move |grads| {
        let Some(gy) = gy.take() else { return Ok(()) };
        gx.gather(grads, len, |gx, add| timed(Work::Pixels, || maps.backward(Level::best(), &gy, gx, add)))
    });
    out.put_tape(tape)
}

/// See [`crate::ops::Ops::pixel_loss`]. The gradients are made with the loss.
pub fn pixel_loss(
    logits: FeatureMap<f32, Cpu, OwnedTape<f32, Cpu>>,
    auxiliary: Option<FeatureMap<f32, Cpu>>,
    objective: PixelObjective<f32, Cpu>,
    scale: f64,
) -> Result<Loss<f32, Cpu>, Error> {
    let (z, mut tape) = logits.split_tape();
    let labels = objective.of_pixels(z.h * z.w, z.c);
    let counted = labels.counted().max(1) as f64;
    let PixelObjective { smoothing, hard, soft, temperature, aux_weight, .. } = objective;
    let mut given = Vec::new();
    let mut run = |z: &FeatureMap<f32, Cpu>, teacher: Option<&FeatureMap<f32, Cpu>>, hard: f64| {
        let factor = |share: f64| (share * scale / counted) as f32;
        let terms =
            Terms { smoothing, hard: factor(hard), soft: factor(soft * temperature), temperature: temperature as f32 };
        let mut gz = Buffer::take(z.len());
        let teacher = teacher.map(dense);
        let sums = timed(Work::Pixels, || {
            pixel_loss::run(Level::best(), &dense(z), teacher.as_deref(), labels, terms, &mut gz)
        });
        given.push((Target::of(z), gz));
        (hard * sums.hard + soft * temperature * temperature * sums.soft) / counted
    };
    let mut value = run(&z, objective.teacher.as_ref(), hard);
    if let Some(auxiliary) = &auxiliary {
        value += run(auxiliary, None, aux_weight);
    }
    let loss = Cpu::default().try_tensor((value * scale) as f32)?;
    tape.add_backward_op(move |grads| given.into_iter().try_for_each(|(to, gz)| to.give(grads, gz)));
    Ok(Loss { on_tape: loss.put_tape(tape), scale, value: Some(value as f32) })
}
