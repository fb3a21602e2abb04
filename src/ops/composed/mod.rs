//! The operations of a net out of public dfdx operations, for any device.
//!
//! Convolutions and pools gather rows by an index that names, for every output pixel and tap, an input pixel or a
//! row of padding put behind the image; a convolution is then one plain matrix product, in groups one for each of them.
//! dfdx must not be asked to slice one tensor twice, to reshape a broadcast one or to multiply batches by a broadcast
//! matrix: each is wrong or panics on some device.

mod pixels;
mod update;

pub use pixels::{dropout, upsample};
pub use update::{adamw, gradient_square, put_gradient, sgd};

use super::{Activation, FeatureMap, Matrix, Mode, Norm, Ops, Real};
use crate::kernels::geometry::{Conv, ConvGeometry, Pool};
use dfdx::prelude::*;

/// Composed convolution; see [`Ops::conv2d`].
///
/// # Errors
/// The device's.
pub fn conv2d<E: Real, D: Ops<E>, T: Tape<E, D>>(
    x: FeatureMap<E, D, T>,
    w: &Matrix<E, D>,
    conv: &Conv,
) -> Result<FeatureMap<E, D, T>, D::Err> {
    let ConvGeometry { n, oh, ow, .. } = ConvGeometry::new(*conv, x.n, x.h, x.w);
    let w = w.retaped::<T>();
    if conv.groups == 1 {
        // (N*OH*OW, KH*KW*C) x (KH*KW*C, O)
        return Ok(FeatureMap::new(rows(x, conv)?.try_matmul(w)?, n, oh, ow));
    }
    let (pixels, (len, _), own) = (n * oh * ow, *w.shape(), conv.c_out / conv.groups);
    let rows = rows(by_group(x, conv.groups)?, conv)?.try_reshape_like(&(conv.groups, pixels, len))?;
    let w = w.try_reshape_like(&(len, conv.groups, own))?.try_permute::<_, Axes3<1, 0, 2>>()?.try_contiguous()?;
    // for every group (N*OH*OW, KH*KW*C/groups) x (KH*KW*C/groups, O/groups)
    let y = rows.try_matmul(w)?.try_permute::<_, Axes3<1, 0, 2>>()?;
    Ok(FeatureMap::new(y.try_reshape_like(&(pixels, conv.c_out))?, n, oh, ow))
}

/// Gradient of the weights of a convolution without groups whose output has the gradient `gy`.
///
/// # Errors
/// The device's.
pub fn weight_gradient<E: Real, D: Ops<E>>(
    x: FeatureMap<E, D>,
    conv: &Conv,
    gy: Matrix<E, D>,
) -> Result<Matrix<E, D>, D::Err> {
    // (KH*KW*C, N*OH*OW) x (N*OH*OW, O)
    rows(x, conv)?.try_permute::<_, Axes2<1, 0>>()?.try_matmul(gy)
}

/// The channels of every group as images of their own, all images of a group before those of the next.
fn by_group<E: Real, D: Ops<E>, T: Tape<E, D>>(
    x: FeatureMap<E, D, T>,
    groups: usize,
) -> Result<FeatureMap<E, D, T>, D::Err> {
    let (n, h, w, c) = x.size();
    let (pixels, own) = (n * h * w, c / groups);
    let x = D::matrix(x)?.try_reshape_like(&(pixels, groups, own))?.try_permute::<_, Axes3<1, 0, 2>>()?;
    Ok(FeatureMap::new(x.try_reshape_like(&(groups * pixels, own))?, groups * n, h, w))
}

/// What every output pixel of a convolution sees of its image, `(N*OH*OW, KH*KW*C)`.
fn rows<E: Real, D: Ops<E>, T: Tape<E, D>>(x: FeatureMap<E, D, T>, conv: &Conv) -> Result<Matrix<E, D, T>, D::Err> {
    if conv.is_pointwise() {
        return D::matrix(x);
    }
    let g = ConvGeometry::new(*conv, x.n, x.h, x.w);
    let shape = (g.n * g.oh * g.ow, conv.taps() * x.c);
    let mut index = Vec::with_capacity(g.oh * g.ow * conv.taps());
    for (oy, ox) in (0..g.oh * g.ow).map(|i| (i / g.ow, i % g.ow)) {
        for (ky, kx) in (0..conv.taps()).map(|t| (t / conv.kernel.1, t % conv.kernel.1)) {
            let y = (oy * conv.stride + ky * conv.dilation).wrapping_sub(conv.padding.0);
            let x = (ox * conv.stride + kx * conv.dilation).wrapping_sub(conv.padding.1);
            index.push(if y < g.h && x < g.w { y * g.w + x } else { g.h * g.w });
        }
    }
    gather(x, index, E::of(0.0))?.try_reshape_like(&shape)
}

/// Rows gathered from every image: `(N, index, C)`.
type Gathered<E, D, T> = Tensor<(usize, usize, usize), E, D, T>;

/// Members of every window: `(N, windows, members, C)`.
type Windows<E, D, T> = Tensor<(usize, usize, usize, usize), E, D, T>;

/// Rows of every image by `index` (pixels of an image, `h * w` being a row of `fill`).
fn gather<E: Real, D: Ops<E>, T: Tape<E, D>>(
    x: FeatureMap<E, D, T>,
    index: Vec<usize>,
    fill: E,
) -> Result<Gathered<E, D, T>, D::Err> {
    let (n, h, w, c) = x.size();
    let x = D::matrix(x)?;
    let dev = x.device().clone();
    let row: Tensor<(usize, usize, usize), E, D> = dev.try_tensor_from_vec(vec![fill; n * c], (n, 1, c))?;
    let x = x.try_reshape_like(&(n, h * w, c))?;
    let x = (x, row).try_concat_along(Axis::<1>)?;
    let len = index.len();
    let index: Tensor<(usize,), usize, D> = dev.try_tensor_from_vec(index, (len,))?;
    let index: Tensor<(usize, usize), usize, D> = index.try_broadcast_like::<_, Axis<0>>(&(n, len))?;
    x.try_gather(index)
}

/// Composed norm; see [`Ops::norm_act`].
///
/// # Errors
/// The device's.
pub fn norm_act<E: Real, D: Ops<E>, T: Tape<E, D>>(
    x: FeatureMap<E, D, T>,
    norm: Norm<E, D>,
    residual: Option<FeatureMap<E, D>>,
    relu: bool,
) -> Result<FeatureMap<E, D, T>, D::Err> {
    let (n, h, w, c) = x.size();
    let shape = (n * h * w, c);
    let row = |m: &Matrix<E, D>| m.retaped::<T>().try_reshape_like(&(c,));
    let (x, tape) = D::matrix(x)?.split_tape();
    // The tape goes with the variance; the centred values are recorded by their id.
    let (var, centred) = match norm.mode {
        Mode::Train => {
            let mean = x.clone().put_tape(tape).try_mean::<(usize,), Axis<0>>()?;
            blend(norm.mean, mean.retaped(), Norm::<E, D>::MOMENTUM, 1.0)?;
            let minus: Matrix<E, D, T> = mean.try_broadcast_like::<_, Axis<0>>(&shape)?.try_negate()?;
            let (centred, tape) = minus.try_add(x)?.split_tape();
            let var = centred.clone().put_tape(tape).try_square()?.try_mean::<(usize,), Axis<0>>()?;
            let unbiased = shape.0 as f64 / (shape.0 as f64 - 1.0).max(1.0);
            blend(norm.var, var.retaped(), Norm::<E, D>::MOMENTUM, unbiased)?;
            (var, centred)
        }
        Mode::Eval => {
            let mean: Tensor<(usize,), E, D> = norm.mean.clone().try_reshape_like(&(c,))?;
            let mean = mean.try_broadcast_like::<_, Axis<0>>(&shape)?;
            let (centred, tape) = x.put_tape(tape).try_sub(mean)?.split_tape();
            let var: Tensor<(usize,), E, D> = norm.var.clone().try_reshape_like(&(c,))?;
            (var.put_tape(tape), centred)
        }
    };
    let scale = var.try_add(E::of(norm.eps))?.try_sqrt()?.try_recip()?.try_mul(row(norm.gamma)?)?;
    let scaled = scale.try_broadcast_like::<_, Axis<0>>(&shape)?.try_mul(centred)?;
    let mut y: Matrix<E, D, T> = scaled.try_add(row(norm.beta)?.try_broadcast_like::<_, Axis<0>>(&shape)?)?;
    if let Some(residual) = residual {
        y = y.try_add(D::matrix(residual)?)?;
    }
    if relu {
        y = y.try_relu()?;
    }
    Ok(FeatureMap::new(y, n, h, w))
}

/// running = running * (1 - momentum) + batch * factor * momentum.
fn blend<E: Real, D: Ops<E>>(
    running: &mut Matrix<E, D>,
    batch: Tensor<(usize,), E, D>,
    momentum: f64,
    factor: f64,
) -> Result<(), D::Err> {
    let shape = *running.shape();
    let batch = batch.try_mul(E::of(factor * momentum))?.try_reshape_like(&shape)?;
    *running = running.clone().try_mul(E::of(1.0 - momentum))?.try_add(batch)?;
    Ok(())
}

/// Members of every window, with `fill` where a window leaves the image.
fn windows<E: Real, D: Ops<E>, T: Tape<E, D>>(
    x: FeatureMap<E, D, T>,
    pool: &Pool,
    fill: E,
) -> Result<Windows<E, D, T>, D::Err> {
    let (n, h, w, c) = x.size();
    let (oh, ow, members) = (pool.out(h), pool.out(w), pool.kernel * pool.kernel);
    let windows = (0..oh * ow).flat_map(|i| (0..members).map(move |at| (i, at)));
    let index = windows.map(|(i, at)| pool_index(pool, (h, w), (i / ow, i % ow), at)).collect();
    gather(x, index, fill)?.try_reshape_like(&(n, oh * ow, members, c))
}

/// Composed max-pool; see [`Ops::max_pool`]. The first of equal maxima has the gradient.
///
/// # Errors
/// The device's.
pub fn max_pool<E: Real, D: Ops<E>, T: Tape<E, D>>(
    x: FeatureMap<E, D, T>,
    pool: &Pool,
) -> Result<FeatureMap<E, D, T>, D::Err> {
    let (n, h, w, c) = x.size();
    let (oh, ow) = (pool.out(h), pool.out(w));
    let (x, tape) = x.split_tape();
    let member = |at: usize, tape: T| {
        let index = (0..oh * ow).map(|i| pool_index(pool, (h, w), (i / ow, i % ow), at)).collect();
        gather(x.clone().put_tape(tape), index, E::of(f32::MIN as f64))
    };
    let mut most = member(0, tape)?;
    for at in 1..pool.kernel * pool.kernel {
        let next = member(at, T::default())?;
        most = next.try_gt(&most)?.try_choose(next, most)?;
    }
    Ok(FeatureMap::new(most.try_reshape_like(&(n * oh * ow, c))?, n, oh, ow))
}

/// The pixel that a window has at a place, `h * w` when that is outside.
fn pool_index(pool: &Pool, (h, w): (usize, usize), (oy, ox): (usize, usize), at: usize) -> usize {
    let y = (oy * pool.stride + at / pool.kernel).wrapping_sub(pool.padding);
    let x = (ox * pool.stride + at % pool.kernel).wrapping_sub(pool.padding);
    if y < h && x < w { y * w + x } else { h * w }
}

/// Composed average pool; see [`Ops::average_pool`].
///
/// # Errors
/// The device's.
pub fn average_pool<E: Real, D: Ops<E>, T: Tape<E, D>>(
    x: FeatureMap<E, D, T>,
    pool: &Pool,
) -> Result<FeatureMap<E, D, T>, D::Err> {
    let (n, h, w, c) = x.size();
    let (oh, ow) = (pool.out(h), pool.out(w));
    let members = windows(x, pool, E::of(0.0))?;
    let dev = members.device().clone();
    let factors = (0..n * oh * ow).map(|i| E::of(1.0 / pool.divisor(i / ow % oh, i % ow, h, w) as f64)).collect();
    let factors: Tensor<(usize,), E, D> = dev.try_tensor_from_vec(factors, (n * oh * ow,))?;
    let sum = members.try_sum::<(usize, usize, usize), Axis<2>>()?;
    let sum: Matrix<E, D, T> = sum.try_reshape_like(&(n * oh * ow, c))?;
    let data = sum.try_mul(factors.try_broadcast_like::<_, Axis<1>>(&(n * oh * ow, c))?)?;
    Ok(FeatureMap::new(data, n, oh, ow))
}

/// Composed global average; see [`Ops::global_average`].
///
/// # Errors
/// The device's.
pub fn global_average<E: Real, D: Ops<E>, T: Tape<E, D>>(x: FeatureMap<E, D, T>) -> Result<Matrix<E, D, T>, D::Err> {
    let (n, h, w, c) = x.size();
    D::matrix(x)?.try_reshape_like(&(n, h * w, c))?.try_mean::<(usize, usize), Axis<1>>()
}

/// Composed concatenation; see [`Ops::concat`].
///
/// # Errors
/// The device's.
pub fn concat<E: Real, D: Ops<E>, T: Tape<E, D>>(
    first: FeatureMap<E, D>,
    rest: Vec<FeatureMap<E, D>>,
    tape: T,
) -> Result<FeatureMap<E, D, T>, D::Err> {
    let (n, h, w, _) = first.size();
    let joined = rest.into_iter().try_fold(D::matrix(first)?.put_tape(tape), |joined, part| {
        (joined, D::matrix(part)?).try_concat_along(Axis::<1>)
    })?;
    Ok(FeatureMap::new(joined, n, h, w))
}

/// Composed squeeze and excite; see [`Ops::excite`].
///
/// # Errors
/// The device's.
pub fn excite<E: Real, D: Ops<E>, T: Tape<E, D>>(
    x: FeatureMap<E, D>,
    gate: Matrix<E, D, T>,
    residual: FeatureMap<E, D>,
) -> Result<FeatureMap<E, D, T>, D::Err> {
    let (n, h, w, c) = x.size();
    let gate = gate.try_broadcast_like::<_, Axis<1>>(&(n, h * w, c))?;
    let scaled = gate.try_mul(D::matrix(x)?.put_tape(T::default()).try_reshape_like(&(n, h * w, c))?)?;
    let scaled: Matrix<E, D, T> = scaled.try_reshape_like(&(n * h * w, c))?;
    Ok(FeatureMap::new(scaled.try_add(D::matrix(residual)?)?.try_relu()?, n, h, w))
}

/// Composed linear layer, a row a pixel; see [`Ops::linear`].
///
/// # Errors
/// The device's.
pub fn linear<E: Real, D: Ops<E>, T: Tape<E, D>>(
    x: Matrix<E, D, T>,
    w: &Matrix<E, D>,
    b: &Matrix<E, D>,
) -> Result<Matrix<E, D, T>, D::Err> {
    let product = x.try_matmul(w.clone())?;
    add_bias(product, b)
}

/// What follows a bias.
///
/// # Errors
/// The device's.
pub fn activate<E: Real, D: Ops<E>, T: Tape<E, D>>(
    y: Matrix<E, D, T>,
    activation: Activation,
) -> Result<Matrix<E, D, T>, D::Err> {
    match activation {
        Activation::None => Ok(y),
        Activation::Relu => y.try_relu(),
        Activation::Sigmoid => y.try_sigmoid(),
    }
}

/// y + b, with y `(N, K)` and b `(1, K)`.
///
/// # Errors
/// The device's.
pub fn add_bias<E: Real, D: Ops<E>, T: Tape<E, D>>(
    y: Matrix<E, D, T>,
    b: &Matrix<E, D>,
) -> Result<Matrix<E, D, T>, D::Err> {
    let shape = *y.shape();
    let b = b.retaped::<T>().try_reshape_like(&(shape.1,))?.try_broadcast_like::<_, Axis<0>>(&shape)?;
    y.try_add(b)
}

/// The gradients of the values `y` that have the gradient `gy`.
///
/// # Errors
/// The device's.
pub fn backward<E: Real, D: Ops<E>>(
    y: Matrix<E, D, OwnedTape<E, D>>,
    gy: Matrix<E, D>,
) -> Result<Gradients<E, D>, D::Err> {
    y.try_mul(gy)?.try_sum::<Rank0, Axes2<0, 1>>()?.try_backward()
}
