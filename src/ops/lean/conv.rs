//! Convolutions, for some images at a time.

use super::{add, lending, taking};
use crate::kernels::geometry::{Conv, ConvGeometry};
use crate::ops::composed::{self, backward};
use crate::ops::{Map, Matrix, Ops, Real};
use dfdx::prelude::*;
use std::ops::Range;

/// Gathered values of a convolution that are made at once; more are made for some images at a time. (The kernels of
/// dfdx count to 2^32.)
pub const GATHERED: usize = 1 << 25;

/// Two matrices.
pub type Pair<E, D> = (Matrix<E, D>, Matrix<E, D>);

/// Convolution; see [`Ops::conv2d`].
///
/// # Errors
/// The device's.
pub fn conv2d<E: Real, D: Ops<E>, T: Tape<E, D>>(
    x: Map<E, D, T>,
    w: &Matrix<E, D>,
    conv: &Conv,
) -> Result<Map<E, D, T>, D::Err> {
    conv2d_in_parts(x, w, conv, GATHERED)
}

/// Convolution that gathers at most `gathered` values at once, or those of one image.
fn conv2d_in_parts<E: Real, D: Ops<E>, T: Tape<E, D>>(
    x: Map<E, D, T>,
    w: &Matrix<E, D>,
    conv: &Conv,
    gathered: usize,
) -> Result<Map<E, D, T>, D::Err> {
    let (x, mut tape) = x.split_tape();
    let parts = Parts::new(*conv, x, gathered);
    let Parts { g, .. } = parts;
    let y = joined(parts.ranges().map(|images| Ok(composed::conv2d(parts.x(&images)?, w, &g.conv)?.tensor())))?;
    let (w, take) = (w.clone(), taking(&y));
    tape.add_backward_op(move |grads| {
        let (of_x, of_w) = parts.gradients(&w, &take(grads)?)?;
        add(grads, &parts.x.tensor(), of_x)?;
        add(grads, &w, of_w)
    });
    Ok(Map::new(y.put_tape(tape), g.n, g.oh, g.ow))
}

/// Gradients of the input and the weights of a convolution whose output has the gradient `gy`.
///
/// # Errors
/// The device's.
pub fn conv2d_gradients<E: Real, D: Ops<E>>(
    x: Map<E, D>,
    w: &Matrix<E, D>,
    conv: &Conv,
    gy: &Matrix<E, D>,
) -> Result<Pair<E, D>, D::Err> {
    Parts::new(*conv, x, GATHERED).gradients(w, gy)
}

/// A convolution's images, in parts that are gathered at once.
struct Parts<E: Real, D: Ops<E>> {
    g: ConvGeometry,
    x: Map<E, D>,
    images: usize,
}

impl<E: Real, D: Ops<E>> Parts<E, D> {
    fn new(conv: Conv, x: Map<E, D>, gathered: usize) -> Self {
        let g = ConvGeometry::new(conv, x.n, x.h, x.w);
        let images = (gathered / (g.oh * g.ow * conv.taps() * conv.c_in).max(1)).max(1);
        Parts { g, x, images }
    }

    fn ranges(&self) -> impl Iterator<Item = Range<usize>> + use<E, D> {
        let (n, step) = (self.g.n, self.images);
        (0..n.max(1)).step_by(step).map(move |from| from..(from + step).min(n))
    }

    /// See [`conv2d_gradients`].
    fn gradients(&self, w: &Matrix<E, D>, gy: &Matrix<E, D>) -> Result<Pair<E, D>, D::Err> {
        let (mut of_x, mut of_w) = (Vec::new(), Gradients::leaky());
        for images in self.ranges() {
            let (x, gy) = (self.x(&images)?, rows(gy, &images, self.g.oh * self.g.ow)?);
            lending(&mut of_w, std::slice::from_ref(w), |tape| {
                let values = x.clone().tensor();
                let made = backward(composed::conv2d(x.put_tape(tape), w, &self.g.conv)?.tensor(), gy)?;
                of_x.push(Ok(made.get(&values)));
                Ok(made)
            })?;
        }
        Ok((joined(of_x.into_iter())?, of_w.get(w)))
    }

    fn x(&self, images: &Range<usize>) -> Result<Map<E, D>, D::Err> {
        let (h, w) = (self.g.h, self.g.w);
        Ok(Map::new(rows(&self.x.clone().tensor(), images, h * w)?, images.len(), h, w))
    }
}

/// Some images' rows of a map of `pixels` rows an image.
fn rows<E: Real, D: Ops<E>>(m: &Matrix<E, D>, images: &Range<usize>, pixels: usize) -> Result<Matrix<E, D>, D::Err> {
    let (all, c) = *m.shape();
    let (from, to) = (images.start * pixels, images.end * pixels);
    if to - from == all {
        return Ok(m.clone());
    }
    m.clone().try_slice((from..to, 0..c))
}

/// Parts one below the other.
fn joined<E: Real, D: Ops<E>>(
    mut parts: impl Iterator<Item = Result<Matrix<E, D>, D::Err>>,
) -> Result<Matrix<E, D>, D::Err> {
    let Some(first) = parts.next() else { unreachable!("a convolution has images") };
    parts.try_fold(first?, |joined, part| (joined, part?).try_concat_along(Axis::<0>))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{both, matrix, near};
    use super::*;

    #[test]
    fn a_convolution_in_parts_is_the_whole_one() {
        let conv = Conv { groups: 2, ..Conv::same(4, 6, 3, 2) };
        let (x, w) = (matrix(5 * 7 * 6, 4, 1), matrix(9 * 2, 6, 2));
        let map = |tape| Map::new(x.clone().put_tape(tape), 5, 7, 6);
        let whole = both(&[&x, &w], |tape| composed::conv2d(map(tape), &w, &conv).unwrap().tensor());
        // (an image gathers 4 * 3 * 9 * 4 values)
        for gathered in [1, 2 * 432, 3 * 432 + 5, usize::MAX] {
            let parts = both(&[&x, &w], |tape| conv2d_in_parts(map(tape), &w, &conv, gathered).unwrap().tensor());
            near(&parts, &whole);
        }
    }
}
