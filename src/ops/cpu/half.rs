//! Feature maps in other formats than single precision: their values in another one, and half precision, which is emulated
//! in f32. There maps and their gradients are rounded wherever a GPU would store them, weights where they are used; the
//! sums are in single precision in both.

use super::held::Format;
use super::values::{Error, Slot, Target, dense, matrix, owned, values};
use crate::kernels::buffer::Buffer;
use crate::kernels::parallel;
use crate::ops::{FeatureMap, Filter, Matrix, Ops, Precision};
use dfdx::prelude::*;
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

/// Values rounded at once.
const CHUNK: usize = 4096;

/// Rounds to the nearest numbers of half precision; those too large for it become infinite.
fn round(values: &mut [f32]) {
    parallel::each(values.chunks_mut(CHUNK), &|_, values| {
        let mut narrow = [f16::ZERO; CHUNK];
        let narrow = &mut narrow[..values.len()];
        narrow.convert_from_f32_slice(values);
        narrow.convert_to_f32_slice(values);
    });
}

/// A map rounded to a format, its gradient too.
pub fn rounded<T: Tape<f32, Cpu>>(x: FeatureMap<f32, Cpu, T>, precision: Precision) -> FeatureMap<f32, Cpu, T> {
    match precision {
        Precision::Single => x.with_precision(precision),
        Precision::Half => emulated(x),
        Precision::BrainHalf => in_format::<bf16, T>(x),
    }
}

/// A map rounded to half precision, its gradient too.
fn emulated<T: Tape<f32, Cpu>>(x: FeatureMap<f32, Cpu, T>) -> FeatureMap<f32, Cpu, T> {
    let (x, mut tape) = x.split_tape();
    let mut y = Buffer::take(x.len());
    y.copy_from_slice(&dense(&x));
    round(&mut y);
    let ((out, gy), gx) = (FeatureMap::made(y, x.size()), Target::of(&x));
    tape.add_backward_op(move |grads| {
        let Some(mut gy) = gy.take() else { return Ok(()) };
        round(&mut gy);
        gx.give(grads, gy)
    });
    out.with_precision(Precision::Half).put_tape(tape)
}

/// The values of a map in a format, and their gradient.
fn in_format<F: Format, T: Tape<f32, Cpu>>(x: FeatureMap<f32, Cpu, T>) -> FeatureMap<f32, Cpu, T> {
    let (x, mut tape) = x.split_tape();
    let ((out, gy), gx) = (FeatureMap::made(owned(dense::<F>(&x)), x.size()), Target::of(&x));
    tape.add_backward_op(move |grads| match gy.take() {
        Some(gy) => gx.give(grads, gy),
        None => Ok(()),
    });
    out.put_tape(tape)
}

/// Runs an operation on `x`; what it gives is rounded to the format of `x`.
pub fn through<T: Tape<f32, Cpu>>(
    x: FeatureMap<f32, Cpu, T>,
    f: impl FnOnce(FeatureMap<f32, Cpu, T>) -> Result<FeatureMap<f32, Cpu, T>, Error>,
) -> Result<FeatureMap<f32, Cpu, T>, Error> {
    let precision = x.precision();
    Ok(rounded(f(x.with_precision(Precision::Single))?, precision))
}

/// Convolution with factors and output rounded to half precision.
pub fn conv2d<T: Tape<f32, Cpu>>(
    x: FeatureMap<f32, Cpu, T>,
    f: Filter<f32, Cpu>,
) -> Result<FeatureMap<f32, Cpu, T>, Error> {
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
        let image = Cpu::to_precision(FeatureMap::new(x.clone(), 1, 1, 1), Precision::Half).unwrap();
        let filter = Filter { weight: &w, conv: &conv, input_grad: true };
        let y = Cpu::conv2d(image.put_tape(OwnedTape::default()), filter).unwrap();
        assert_eq!(y.precision(), Precision::Half);
        let y = Cpu::matrix(y).unwrap();
        let half = |v: f32| f16::from_f32(v).to_f32();
        assert_eq!(y.as_vec(), [half(half(0.1) * half(0.3))]);
        let grads = (y * gy).sum::<Rank0, Axes2<0, 1>>().backward();
        assert_eq!(grads.get(&w).as_vec(), [half(half(0.1) * half(0.7))]);
    }
}
