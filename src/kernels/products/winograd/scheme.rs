//! How a 3x3 convolution of a stride becomes products, along one axis: the transforms of [`super::transform`] for
//! stride 1, and for stride 2 put together from two kinds of products.
//!
//! In two dimensions the transforms are applied along both axes, so the numbers of multiplications are the squares of
//! those along one.

use super::transform::{self, IN, KERNEL, OUT};
use crate::kernels::simd::Vector;

/// Points of a tile, at most: those of stride 2.
pub const MOST: usize = 9;

/// The transforms along one axis of a tile of R outputs. There are as many points as input values that the tile reads:
/// R + 2 with stride 1, 2 R + 1 with stride 2.
pub trait Scheme: Copy + Send + Sync + 'static {
    /// Stride of the convolution.
    const STRIDE: usize;
    /// Which of the transformed taps a point multiplies by, and whether a point before it multiplies by the same.
    const TAPS: [(usize, bool); MOST];
    /// B^T x: input values to points.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn input<V: Vector, const R: usize>(x: [V; MOST]) -> [V; MOST];
    /// B v: the gradient of points to that of input values.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn input_transposed<V: Vector, const R: usize>(v: [V; MOST]) -> [V; MOST];
    /// A^T m: products at the points to outputs.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn output<V: Vector, const R: usize>(m: [V; MOST]) -> [V; OUT];
    /// A y: the gradient of outputs to that of the products.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn output_transposed<V: Vector, const R: usize>(y: [V; OUT]) -> [V; MOST];
    /// G g: taps to transformed taps.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn taps<V: Vector>(g: [V; KERNEL]) -> [V; IN];
    /// G^T u: the gradient of transformed taps to that of the taps.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn taps_transposed<V: Vector>(u: [V; IN]) -> [V; KERNEL];
}

/// Every value, and whether a value before it is the same.
const fn with_repeats(values: [usize; MOST]) -> [(usize, bool); MOST] {
    let (mut found, mut i) = ([(0, false); MOST], 0);
    while i < MOST {
        let (mut before, mut again) = (0, false);
        while before < i {
            again |= values[before] == values[i];
            before += 1;
        }
        found[i] = (values[i], again);
        i += 1;
    }
    found
}

/// The values of six points, with zeros after them.
///
/// # Safety
/// The machine must have the level.
#[inline(always)]
unsafe fn padded<V: Vector>(v: [V; IN]) -> [V; MOST] {
    // SAFETY: The caller has the level.
    let zero = unsafe { V::splat(0.0) };
    let [a, b, c, d, e, f] = v;
    [a, b, c, d, e, f, zero, zero, zero]
}

/// Stride 1: F(R, 3) as it is. R + 2 points; for R = 4 in two dimensions 6 * 6 = 36 products for 16 outputs.
#[derive(Clone, Copy)]
pub struct Stride1;

// SAFETY: In all unsafe blocks, arithmetic alone, and the caller has the level.
impl Scheme for Stride1 {
    const STRIDE: usize = 1;
    const TAPS: [(usize, bool); MOST] = with_repeats([0, 1, 2, 3, 4, 5, 6, 7, 8]);

    #[inline(always)]
    unsafe fn input<V: Vector, const R: usize>([a, b, c, d, e, f, ..]: [V; MOST]) -> [V; MOST] {
        unsafe { padded(transform::input::<V, R>([a, b, c, d, e, f])) }
    }

    #[inline(always)]
    unsafe fn input_transposed<V: Vector, const R: usize>([a, b, c, d, e, f, ..]: [V; MOST]) -> [V; MOST] {
        unsafe { padded(transform::input_transposed::<V, R>([a, b, c, d, e, f])) }
    }

    #[inline(always)]
    unsafe fn output<V: Vector, const R: usize>([a, b, c, d, e, f, ..]: [V; MOST]) -> [V; OUT] {
        unsafe { transform::output::<V, R>([a, b, c, d, e, f]) }
    }

    #[inline(always)]
    unsafe fn output_transposed<V: Vector, const R: usize>(y: [V; OUT]) -> [V; MOST] {
        unsafe { padded(transform::output_transposed::<V, R>(y)) }
    }

    #[inline(always)]
    unsafe fn taps<V: Vector>(g: [V; KERNEL]) -> [V; IN] {
        unsafe { transform::weight(g) }
    }

    #[inline(always)]
    unsafe fn taps_transposed<V: Vector>(u: [V; IN]) -> [V; KERNEL] {
        unsafe { transform::weight_transposed(u) }
    }
}

/// Stride 2: 2 R + 1 points; for R = 4 in two dimensions 9 * 9 = 81 products for 16 outputs, instead of 144.
///
/// Output o reads the input values 2 o, 2 o + 1 and 2 o + 2 of its tile. With z the even ones of them and e the odd
/// ones,
///
/// ```text
/// y(o) = g0 z(o) + g2 z(o + 1)  +  g1 e(o)
/// ```
///
/// The first two terms are a convolution of stride 1 with two taps, an F(R, 2). It needs R + 1 points, as many as an
/// F(R - 1, 3), and B^T depends on nothing but the points, so it is that of `transform::input::<R - 1>`. G has the rows
/// (1, p) / N_p, with the N_p of the five finite points of stride 1, because smaller tiles multiply by the same taps.
/// The last term gains nothing by a transform: it takes R multiplications. That makes (R + 1) + R, 5 + 4 = 9 for R = 4.
///
/// The points infinity, 0, 1, -1, 2 of the first kind and the values of e take turns, inf, 0, e0, 1, e1, -1, e2, 2, e3,
/// so that a smaller tile has the first of them here too. All four values of e multiply by g1: six transformed taps
/// along an axis, (inf, 0, 1, -1, 2, g1), and 36 matrices of weights in two dimensions serve all 81 frequencies.
#[derive(Clone, Copy)]
pub struct Stride2;

// SAFETY: As above.
impl Scheme for Stride2 {
    const STRIDE: usize = 2;
    const TAPS: [(usize, bool); MOST] = with_repeats([0, 1, 5, 2, 5, 3, 5, 4, 5]);

    #[inline(always)]
    unsafe fn input<V: Vector, const R: usize>([z0, e0, z1, e1, z2, e2, z3, e3, z4]: [V; MOST]) -> [V; MOST] {
        unsafe {
            let z = [z0, z1, z2, z3, z4, V::splat(0.0)];
            let [far, p0, p1, p2, p3, _] = match R {
                1 => transform::input::<V, 0>(z),
                2 => transform::input::<V, 1>(z),
                3 => transform::input::<V, 2>(z),
                _ => transform::input::<V, 3>(z),
            };
            [far, p0, e0, p1, e1, p2, e2, p3, e3]
        }
    }

    #[inline(always)]
    unsafe fn input_transposed<V: Vector, const R: usize>(
        [far, p0, e0, p1, e1, p2, e2, p3, e3]: [V; MOST],
    ) -> [V; MOST] {
        unsafe {
            let p = [far, p0, p1, p2, p3, V::splat(0.0)];
            let [z0, z1, z2, z3, z4, _] = match R {
                1 => transform::input_transposed::<V, 0>(p),
                2 => transform::input_transposed::<V, 1>(p),
                3 => transform::input_transposed::<V, 2>(p),
                _ => transform::input_transposed::<V, 3>(p),
            };
            [z0, e0, z1, e1, z2, e2, z3, e3, z4]
        }
    }

    #[inline(always)]
    unsafe fn output<V: Vector, const R: usize>([far, p0, e0, p1, e1, p2, e2, p3, e3]: [V; MOST]) -> [V; OUT] {
        unsafe {
            let (zero, first) = (V::splat(0.0), p0.add(e0));
            let (even, odd) = (p1.add(p2), p1.sub(p2));
            match R {
                1 => [first.add(far), zero, zero, zero],
                2 => [first.add(p1), p1.add(far).add(e1), zero, zero],
                3 => [first.add(even), odd.add(e1), even.add(far).add(e2), zero],
                _ => [
                    first.add(even).add(p3),
                    p3.mul_add(V::splat(2.0), odd.add(e1)),
                    p3.mul_add(V::splat(4.0), even.add(e2)),
                    p3.mul_add(V::splat(8.0), odd.add(far)).add(e3),
                ],
            }
        }
    }

    #[inline(always)]
    unsafe fn output_transposed<V: Vector, const R: usize>(y: [V; OUT]) -> [V; MOST] {
        unsafe {
            let zero = V::splat(0.0);
            let [y0, y1, y2, y3] = y;
            match R {
                1 => [y0, y0, y0, zero, zero, zero, zero, zero, zero],
                2 => [y1, y0, y0, y0.add(y1), y1, zero, zero, zero, zero],
                3 => {
                    let even = y0.add(y2);
                    [y2, y0, y0, even.add(y1), y1, even.sub(y1), y2, zero, zero]
                }
                _ => {
                    let (even, odd) = (y0.add(y2), y1.add(y3));
                    let far_odd = y3.mul_add(V::splat(4.0), y1);
                    let p3 = far_odd.mul_add(V::splat(2.0), y2.mul_add(V::splat(4.0), y0));
                    [y3, y0, y0, even.add(odd), y1, even.sub(odd), y2, p3, y3]
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn taps<V: Vector>([g0, g1, g2]: [V; KERNEL]) -> [V; IN] {
        unsafe {
            let sixth = V::splat(1.0 / 6.0);
            let far = g2.mul_add(V::splat(2.0), g0).mul(V::splat(1.0 / 24.0));
            let minus = g0.add(g2).mul(V::splat(-1.0 / 6.0));
            [g2, g0.mul(V::splat(0.25)), minus, g2.sub(g0).mul(sixth), far, g1]
        }
    }

    #[inline(always)]
    unsafe fn taps_transposed<V: Vector>([far, u0, u1, u2, u3, between]: [V; IN]) -> [V; KERNEL] {
        unsafe {
            let minus_sixth = V::splat(-1.0 / 6.0);
            let p = u1.add(u2).mul(minus_sixth);
            let g0 = u0.mul_add(V::splat(0.25), u3.mul_add(V::splat(1.0 / 24.0), p));
            let g2 = u1.sub(u2).mul_add(minus_sixth, u3.mul_add(V::splat(1.0 / 12.0), far));
            [g0, between, g2]
        }
    }
}
