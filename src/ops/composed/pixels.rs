//! Operations on maps of logits.

use super::super::{FeatureMap, Matrix, Ops, Real};
use crate::kernels::upsample::{Tap, taps};
use crate::ops::dropout::Mask;
use dfdx::prelude::*;

/// Composed upsampling; see [`Ops::upsample`]. Both axes are products with a constant matrix: a sum of gathered rows would
/// have its gradient added in any order on a GPU.
///
/// # Errors
/// The device's.
pub fn upsample<E: Real, D: Ops<E>, T: Tape<E, D>>(
    x: FeatureMap<E, D, T>,
    (oh, ow): (usize, usize),
    corners: bool,
) -> Result<FeatureMap<E, D, T>, D::Err> {
    let (n, h, w, c) = x.size();
    let x = D::matrix(x)?;
    let dev = x.device().clone();
    // (H', H) x (H, N*W*C)
    let rows = x.try_reshape_like(&(n, h, w * c))?.try_permute::<_, Axes3<1, 0, 2>>()?.try_contiguous()?;
    let rows = times(&dev, (h, oh), corners, rows.try_reshape_like(&(h, n * w * c))?)?;
    // (W', W) x (W, H'*N*C)
    let columns = rows.try_reshape_like(&(oh * n, w, c))?.try_permute::<_, Axes3<1, 0, 2>>()?.try_contiguous()?;
    let columns = times(&dev, (w, ow), corners, columns.try_reshape_like(&(w, oh * n * c))?)?;
    let y = columns.try_reshape_like(&(ow, oh, n, c))?.try_permute::<_, Axes4<2, 1, 0, 3>>()?.try_contiguous()?;
    Ok(FeatureMap::new(y.try_reshape_like(&(n * oh * ow, c))?, n, oh, ow))
}

/// Rows brought from one number to another: the shares of inputs in every output, times the inputs.
fn times<E: Real, D: Ops<E>, T: Tape<E, D>>(
    dev: &D,
    (from, to): (usize, usize),
    corners: bool,
    rows: Matrix<E, D, T>,
) -> Result<Matrix<E, D, T>, D::Err> {
    let mut shares = vec![0.0; to * from];
    for (row, Tap { low, high, share }) in shares.chunks_exact_mut(from).zip(taps(from, to, corners)) {
        row[low] += 1.0 - share;
        row[high] += share;
    }
    let shares = dev.try_tensor_from_vec(shares.into_iter().map(E::of).collect(), (to, from))?;
    let (rows, tape) = rows.split_tape();
    shares.put_tape(tape).try_matmul(rows)
}

/// Composed dropout; see [`Ops::dropout`].
///
/// # Errors
/// The device's.
pub fn dropout<E: Real, D: Ops<E>, T: Tape<E, D>>(
    x: FeatureMap<E, D, T>,
    mask: Mask,
) -> Result<FeatureMap<E, D, T>, D::Err> {
    let (n, h, w, c) = x.size();
    let x = D::matrix(x)?;
    let factors = (0..n * h * w * c).map(|place| E::of(mask.factor(place).into())).collect::<Vec<E>>();
    let factors: Matrix<E, D> = x.device().try_tensor_from_vec(factors, (n * h * w, c))?;
    Ok(FeatureMap::new(x.try_mul(factors)?, n, h, w))
}
