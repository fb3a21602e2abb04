//! Convolutions, for some images at a time.

use super::{add, lending, taking};
use crate::kernels::geometry::ConvGeometry;
use crate::ops::composed::{self, backward};
use crate::ops::{FeatureMap, Filter, Matrix, Ops, Real};
use dfdx::prelude::*;
use std::ops::Range;

/// Gathered values of a convolution that are made at once; more are made for some images at a time. (The kernels of
/// dfdx count to 2^32.)
pub const GATHERED: usize = 1 << 25;

/// The gradient of a convolution's input, where it is wanted, and that of its weights.
pub type Both<E, D> = (Option<Matrix<E, D>>, Matrix<E, D>);

/// Convolution; see [`Ops::conv2d`].
///
/// # Errors
/// The device's.
pub fn conv2d<E: Real, D: Ops<E>, T: Tape<E, D>>(
    x: FeatureMap<E, D, T>,
    filter: Filter<E, D>,
) -> Result<FeatureMap<E, D, T>, D::Err> {
    conv2d_in_parts(x, filter, GATHERED)
}

/// Convolution that gathers at most `gathered` values at once, or those of one image.
fn conv2d_in_parts<E: Real, D: Ops<E>, T: Tape<E, D>>(
    x: FeatureMap<E, D, T>,
    filter: Filter<E, D>,
    gathered: usize,
) -> Result<FeatureMap<E, D, T>, D::Err> {
    let (x, mut tape) = x.split_tape();
    let parts = Parts::new(x, filter, gathered);
    let Parts { g, .. } = parts;
    let of = |images| D::matrix(composed::conv2d(parts.x(&images)?, &parts.w, &g.conv)?);
    let y = joined(parts.ranges().map(of))?;
    let take = taking(&y);
    tape.add_backward_op(move |grads| {
        let (of_x, of_w) = parts.gradients(&take(grads)?)?;
        if let Some(of_x) = of_x {
            add(grads, &D::matrix(parts.x)?, of_x)?;
        }
        add(grads, &parts.w, of_w)
    });
    Ok(FeatureMap::new(y.put_tape(tape), g.n, g.oh, g.ow))
}

/// Gradients of a convolution whose output has the gradient `gy`.
///
/// # Errors
/// The device's.
pub fn conv2d_gradients<E: Real, D: Ops<E>>(
    x: FeatureMap<E, D>,
    filter: Filter<E, D>,
    gy: &Matrix<E, D>,
) -> Result<Both<E, D>, D::Err> {
    Parts::new(x, filter, GATHERED).gradients(gy)
}

/// A convolution's images, in parts that are gathered at once.
struct Parts<E: Real, D: Ops<E>> {
    g: ConvGeometry,
    x: FeatureMap<E, D>,
    w: Matrix<E, D>,
    input_grad: bool,
    images: usize,
}

impl<E: Real, D: Ops<E>> Parts<E, D> {
    fn new(x: FeatureMap<E, D>, filter: Filter<E, D>, gathered: usize) -> Self {
        let Filter { weight, conv, input_grad } = filter;
        let g = ConvGeometry::new(*conv, x.n, x.h, x.w);
        let images = (gathered / (g.oh * g.ow * conv.taps() * conv.c_in).max(1)).max(1);
        Parts { g, x, w: weight.clone(), input_grad, images }
    }

    fn ranges(&self) -> impl Iterator<Item = Range<usize>> + use<E, D> {
        let (n, step) = (self.g.n, self.images);
        (0..n.max(1)).step_by(step).map(move |from| from..(from + step).min(n))
    }

    /// See [`conv2d_gradients`].
    fn gradients(&self, gy: &Matrix<E, D>) -> Result<Both<E, D>, D::Err> {
        let (w, conv, mut of_x, mut of_w) = (&self.w, &self.g.conv, Vec::new(), Gradients::leaky());
        for images in self.ranges() {
            let (x, gy) = (self.x(&images)?, rows(gy, &images, self.g.oh * self.g.ow)?);
            // A product on the tape would make both gradients.
            if !self.input_grad && conv.groups == 1 {
                add(&mut of_w, w, composed::weight_gradient(x, conv, gy)?)?;
                continue;
            }
            lending(&mut of_w, std::slice::from_ref(w), |tape| {
                let values = D::matrix(x.clone())?;
                let made = backward(D::matrix(composed::conv2d(x.put_tape(tape), w, conv)?)?, gy)?;
                of_x.push(Ok(made.get(&values)));
                Ok(made)
            })?;
        }
        let of_x = self.input_grad.then(|| joined(of_x.into_iter())).transpose()?;
        Ok((of_x, of_w.get(w)))
    }

    fn x(&self, images: &Range<usize>) -> Result<FeatureMap<E, D>, D::Err> {
        let (h, w) = (self.g.h, self.g.w);
        Ok(FeatureMap::new(rows(&D::matrix(self.x.clone())?, images, h * w)?, images.len(), h, w))
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
    use super::super::tests::{both, matrix, near, values_of};
    use super::*;
    use crate::kernels::geometry::Conv;

    #[test]
    fn a_convolution_in_parts_is_the_whole_one() {
        let conv = Conv { groups: 2, ..Conv::same(4, 6, 3, 2) };
        let (x, w) = (matrix(5 * 7 * 6, 4, 1), matrix(9 * 2, 6, 2));
        let map = |tape| FeatureMap::new(x.clone().put_tape(tape), 5, 7, 6);
        let whole = both(&[&x, &w], |tape| values_of(composed::conv2d(map(tape), &w, &conv).unwrap()));
        // An image gathers 4 * 3 * 9 * 4 values.
        for gathered in [1, 2 * 432, 3 * 432 + 5, usize::MAX] {
            let filter = Filter { weight: &w, conv: &conv, input_grad: true };
            let parts = both(&[&x, &w], |tape| values_of(conv2d_in_parts(map(tape), filter, gathered).unwrap()));
            near(&parts, &whole);
        }
    }

    #[test]
    fn weights_have_their_gradient_without_the_input_s() {
        for (groups, kernel) in [(1, 3), (1, 1), (2, 3)] {
            let conv = Conv { groups, ..Conv::same(4, 6, kernel, 1) };
            let (rows, cols) = conv.weight_shape();
            let (x, w) = (matrix(5 * 7 * 6, 4, 1), matrix(rows, cols, 2));
            let map = |tape| FeatureMap::new(x.clone().put_tape(tape), 5, 7, 6);
            let of = |input_grad, gathered| {
                let filter = Filter { weight: &w, conv: &conv, input_grad };
                both(&[&w], |tape| values_of(conv2d_in_parts(map(tape), filter, gathered).unwrap()))
            };
            near(&of(false, usize::MAX), &of(true, usize::MAX));
            near(&of(false, 1), &of(true, usize::MAX));
            let filter = Filter { weight: &w, conv: &conv, input_grad: false };
            let y = values_of(conv2d(map(OwnedTape::default()), filter).unwrap());
            assert!(y.sum::<Rank0, Axes2<0, 1>>().backward().get_or_alloc_mut(&x).unwrap().iter().all(|v| *v == 0.0));
        }
    }
}
