//! Feature maps of other formats than single precision, emulated: maps and their gradients are rounded to the format
//! wherever a GPU would store them, weights where they are used. The sums are in single precision in both.

use super::values::{Error, Slot, Target, dense, matrix, values};
use crate::kernels::buffer::Buffer;
use crate::kernels::parallel;
use crate::ops::{FeatureMap, Filter, Matrix, Ops, Precision};
use dfdx::prelude::*;
use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

/// Values rounded at once.
const CHUNK: usize = 4096;

/// Rounds to the nearest numbers of a format; those too large for it become infinite.
pub fn round(precision: Precision, values: &mut [f32]) {
    match precision {
        Precision::Single => {}
        Precision::Half => round_to::<f16>(values),
        Precision::BrainHalf => round_to::<bf16>(values),
    }
}

fn round_to<F: Narrow>(values: &mut [f32])
where
    [F]: HalfFloatSliceExt,
{
    parallel::each(values.chunks_mut(CHUNK), &|_, values| {
        let mut narrow = [F::ZERO; CHUNK];
        let narrow = &mut narrow[..values.len()];
        narrow.convert_from_f32_slice(values);
        narrow.convert_to_f32_slice(values);
    });
}

/// A format of 16 bits.
trait Narrow: Copy + Send + Sync {
    const ZERO: Self;
}

impl Narrow for f16 {
    const ZERO: f16 = f16::ZERO;
}

impl Narrow for bf16 {
    const ZERO: bf16 = bf16::ZERO;
}

/// A map rounded to a format, its gradient too.
pub fn rounded<T: Tape<f32, Cpu>>(x: FeatureMap<f32, Cpu, T>, precision: Precision) -> FeatureMap<f32, Cpu, T> {
    if precision == Precision::Single {
        return x.with_precision(precision);
    }
    let (x, mut tape) = x.split_tape();
    let mut y = Buffer::take(x.len());
    y.copy_from_slice(&dense(&x));
    round(precision, &mut y);
    let out = FeatureMap::made(y, x.size()).with_precision(precision);
    let (gx, gy) = (Target::of(&x), Target::of(&out));
    tape.add_backward_op(move |grads| {
        let Some(mut gy) = gy.take() else { return Ok(()) };
        round(precision, &mut gy);
        gx.give(grads, gy)
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

/// Convolution with factors and output rounded to the format of the map.
pub fn conv2d<T: Tape<f32, Cpu>>(
    x: FeatureMap<f32, Cpu, T>,
    f: Filter<f32, Cpu>,
) -> Result<FeatureMap<f32, Cpu, T>, Error> {
    let precision = x.precision();
    let (x, mut tape) = x.split_tape();
    let weight = rounded_weight(f.weight, precision, &mut tape)?;
    through(x.put_tape(tape), |x| Cpu::conv2d(x, Filter { weight: &weight, ..f }))
}

/// A weight rounded to a format, its gradient too.
fn rounded_weight<T: Tape<f32, Cpu>>(
    w: &Matrix<f32, Cpu>,
    precision: Precision,
    tape: &mut T,
) -> Result<Matrix<f32, Cpu>, Error> {
    let mut narrow = values(w).to_vec();
    round(precision, &mut narrow);
    let narrow = matrix(w.device(), narrow, *w.shape())?;
    let (gw, of_narrow) = (Slot::of(w), Slot::of(&narrow));
    tape.add_backward_op(move |grads| {
        let mut of_narrow = of_narrow.take(grads)?;
        round(precision, &mut of_narrow);
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
        round(Precision::Half, &mut v);
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
