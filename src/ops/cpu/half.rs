//! Mixed precision as a card has it, emulated: maps and their gradients are rounded to half precision wherever a card
//! would store them, weights where they are used. The sums are in single precision in both.

use super::values::{Error, Slot, Target, dense, matrix, values};
use crate::kernels::buffer::Buffer;
use crate::kernels::parallel;
use crate::ops::{Filter, Map, Matrix, Ops};
use dfdx::prelude::*;
use half::f16;
use half::slice::HalfFloatSliceExt;

/// Values rounded at once.
const CHUNK: usize = 4096;

/// Rounds to the nearest half-precision numbers; those too large become infinite.
pub fn round(values: &mut [f32]) {
    parallel::each(values.chunks_mut(CHUNK), &|_, values| {
        let mut narrow = [f16::ZERO; CHUNK];
        let narrow = &mut narrow[..values.len()];
        narrow.convert_from_f32_slice(values);
        narrow.convert_to_f32_slice(values);
    });
}

/// A map rounded to half precision, its gradient too.
pub fn rounded<T: Tape<f32, Cpu>>(x: Map<f32, Cpu, T>) -> Map<f32, Cpu, T> {
    let (x, mut tape) = x.split_tape();
    let mut y = Buffer::take(x.len());
    y.copy_from_slice(&dense(&x));
    round(&mut y);
    let out = Map::made(y, x.size()).with_half(true);
    let (gx, gy) = (Target::of(&x), Target::of(&out));
    tape.add_backward_op(move |grads| {
        let Some(mut gy) = gy.take() else { return Ok(()) };
        round(&mut gy);
        gx.give(grads, gy)
    });
    out.put_tape(tape)
}

/// Runs an operation on `x`; of a map of half precision it gives one.
pub fn through<T: Tape<f32, Cpu>>(
    x: Map<f32, Cpu, T>,
    f: impl FnOnce(Map<f32, Cpu, T>) -> Result<Map<f32, Cpu, T>, Error>,
) -> Result<Map<f32, Cpu, T>, Error> {
    let half = x.half;
    let y = f(x.with_half(false))?;
    Ok(if half { rounded(y) } else { y })
}

/// Convolution of a map of half precision.
pub fn conv2d<T: Tape<f32, Cpu>>(x: Map<f32, Cpu, T>, f: Filter<f32, Cpu>) -> Result<Map<f32, Cpu, T>, Error> {
    let (x, mut tape) = x.split_tape();
    let weight = rounded_weight(f.weight, &mut tape)?;
    through(x.put_tape(tape), |x| Cpu::conv2d(x, Filter { weight: &weight, ..f }))
}

/// A weight rounded to half precision, its gradient too.
fn rounded_weight<T: Tape<f32, Cpu>>(w: &Matrix<f32, Cpu>, tape: &mut T) -> Result<Matrix<f32, Cpu>, Error> {
    let mut narrow = values(w).to_vec();
    round(&mut narrow);
    let narrow = matrix(w.device(), narrow, *w.shape())?;
    let (gw, of_narrow) = (Slot::of(w), Slot::of(&narrow));
    tape.add_backward_op(move |grads| {
        let mut of_narrow = of_narrow.take(grads)?;
        round(&mut of_narrow);
        gw.add(grads, &of_narrow)
    });
    Ok(narrow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::geometry::Conv;

    #[test]
    fn numbers_round_as_half_precision_does() {
        let mut v = [1.0, 1.0 + 1.0 / 4096.0, 65504.0, 65520.0, -1e9, 6e-8, 1e-9, f32::NAN, 0.1];
        round(&mut v);
        assert_eq!(v[..7], [1.0, 1.0, 65504.0, f32::INFINITY, f32::NEG_INFINITY, 5.9604645e-8, 0.0]);
        assert!(v[7].is_nan());
        assert_eq!(v[8], 0.099975586);
    }

    #[test]
    fn a_convolution_rounds_its_factors_its_output_and_every_gradient() {
        let dev = Cpu::default();
        let conv = Conv::same(1, 1, 1, 1);
        let (x, w) = (0.1f32, 0.3f32);
        let tensor = |v: f32| -> Matrix<f32, Cpu> { dev.tensor_from_vec(vec![v], (1, 1)) };
        let (x, w, gy) = (tensor(x), tensor(w), tensor(0.7));
        let image = Cpu::narrow(Map::new(x.clone(), 1, 1, 1)).unwrap();
        let filter = Filter { weight: &w, conv: &conv, input_grad: true };
        let y = Cpu::conv2d(image.put_tape(OwnedTape::default()), filter).unwrap();
        assert!(y.half);
        let y = Cpu::matrix(y).unwrap();
        let half = |v: f32| f16::from_f32(v).to_f32();
        assert_eq!(y.as_vec(), [half(half(0.1) * half(0.3))]);
        let grads = (y * gy).sum::<Rank0, Axes2<0, 1>>().backward();
        assert_eq!(grads.get(&w).as_vec(), [half(half(0.1) * half(0.7))]);
    }
}
