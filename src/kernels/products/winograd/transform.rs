//! The transforms of Winograd's F(R, 3) along one axis and their transposes, on vectors of channels, for R from 1 to 4.
//!
//! After Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, section 4, and Winograd,
//! "Arithmetic Complexity of Computations", SIAM 1980. In two dimensions, with a tile x of the input and the taps g:
//!
//! ```text
//! y = A^T [ (G g G^T) . (B^T x B) ] A          . is the product of values in the same place
//! ```
//!
//! # Derivation
//!
//! Three taps are the polynomial g(z) = g0 + g1 z + g2 z^2, and R values d that of degree R - 1. Their product s has
//! degree R + 1, so its R + 2 coefficients follow from its values at R + 2 points, and a value of s at a point is *one*
//! multiplication, s(p) = g(p) d(p). The point infinity stands for the coefficient of the highest power, g2 d_{R-1}.
//!
//! Lagrange's formula leads from values at the points back to coefficients. With m(z) the product of (z - q) over the
//! finite points:
//!
//! ```text
//! s(z) = s(inf) m(z) + sum over p of  s(p) / N_p * m(z) / (z - p)      N_p = product of (p - q) over the points q != p
//! ```
//!
//! A convolution as nets have it, y_i = sum over k of g_k x_{i+k}, is the transpose of d -> s = g d (its matrix has g_k
//! at row i + k, column i). Transposing the three steps, evaluate, multiply, interpolate, and moving the factors 1 /
//! N_p to the taps gives:
//!
//! ```text
//! B^T  row p   the coefficients of m(z) / (z - p)           row inf   the coefficients of m(z)
//! G    row p   (1, p, p^2) / N_p                            row inf   (0, 0, 1)
//! A^T  column p   (1, p, .., p^(R-1))                       column inf   (0, .., 0, 1)
//! ```
//!
//! R = 4 takes the points infinity, 0, 1, -1, 2, -2, here in this order. Then N is 4, -6, -6, 24, 24, and m(z) is
//! z (z^2 - 1) (z^2 - 4) = z^5 - 5 z^3 + 4 z. These are the matrices of Lavin and Gray, with the row of infinity first:
//!
//! ```text
//! B^T =  0  4  0 -5  0  1      G =   0     0     1      A^T =  0  1  1  1  1  1
//!        4  0 -5  0  1  0           1/4    0     0             0  0  1 -1  2 -2
//!        0 -4 -4  1  1  0          -1/6  -1/6  -1/6            0  0  1  1  4  4
//!        0  4 -4 -1  1  0          -1/6   1/6  -1/6            1  0  1 -1  8 -8
//!        0 -2 -1  2  1  0          1/24  1/12   1/6
//!        0  2 -1 -2  1  0          1/24 -1/12   1/6
//! ```
//!
//! Six points along each axis are 6 * 6 = 36 multiplications for 16 outputs, which are 16 * 9 = 144 by the definition.
//!
//! # Smaller tiles
//!
//! A tile of R < 4 leaves out the last 4 - R points and multiplies by the same transformed taps, so that one U serves
//! all tiles. Its N_p lacks the factors (p - q) of the points q that it leaves out; G has them still, so row p of B^T
//! is multiplied by them. For R = 3, which leaves out -2, row p has the factor p + 2: row 0 has the coefficients of 2
//! (z^2 - 1) (z - 2) = 2 z^3 - 4 z^2 - 2 z + 4, row 1 those of 3 z (z + 1) (z - 2), and so on. The row of infinity has
//! no N.
//!
//! # Gradients
//!
//! All is linear in x and in g, so gradients run through the transposes:
//!
//! ```text
//! dM = A dy A^T      dU = V^T dM, summed over the tiles      dV = dM U^T      dx = B dV B^T      dg = G^T dU G
//! ```
//!
//! Functions take and give arrays of the largest size; places that a smaller tile does not have are not read, and are
//! written as zeros. [`super::scheme`] puts the transforms of a stride together from these.

use crate::kernels::simd::Vector;

/// Largest edge of a tile of the output: m in Lavin and Gray.
pub const OUT: usize = 4;
/// Edge of the kernel: r in Lavin and Gray.
pub const KERNEL: usize = 3;
/// Points, at most, and transformed taps: m + r - 1 in Lavin and Gray.
pub const IN: usize = OUT + KERNEL - 1;

/// B^T x: `R + 2` values to as many points. R = 0, one tap less than a tile, is for [`Stride2`](super::Stride2).
#[inline(always)]
pub unsafe fn input<V: Vector, const R: usize>(x: [V; IN]) -> [V; IN] {
    // SAFETY: Arithmetic alone, and the caller has the level.
    unsafe {
        let (zero, two, three, four) = (V::splat(0.0), V::splat(2.0), V::splat(3.0), V::splat(4.0));
        let [x0, x1, x2, x3, x4, x5] = x;
        match R {
            0 => [x1, x0.mul(four), zero, zero, zero, zero],
            1 => [x2.sub(x1), x0.sub(x1).mul(four), x1.mul(V::splat(-6.0)), zero, zero, zero],
            2 => {
                let (sum, difference) = (x1.add(x2), x1.sub(x2));
                [x3.sub(x1), x0.sub(x2).mul(four), sum.mul(V::splat(-3.0)), difference.mul(three), zero, zero]
            }
            3 => {
                let a = x3.sub(x1);
                let b = a.add(a);
                [
                    x4.sub(x2).sub(b),
                    x0.sub(x2).mul_add(four, b),
                    a.sub(x1.add(x2)).mul(three),
                    x2.mul_add(V::splat(-3.0), x1.mul_add(two, x3)),
                    a.mul(four),
                    zero,
                ]
            }
            _ => {
                let (minus_four, minus_five) = (V::splat(-4.0), V::splat(-5.0));
                let (a, b) = (x2.mul_add(minus_four, x4), x1.mul_add(minus_four, x3));
                let (c, d) = (x4.sub(x2), x3.sub(x1).mul(two));
                [
                    x1.mul_add(four, x3.mul_add(minus_five, x5)),
                    x0.mul_add(four, x2.mul_add(minus_five, x4)),
                    a.add(b),
                    a.sub(b),
                    c.add(d),
                    c.sub(d),
                ]
            }
        }
    }
}

/// B v, the transpose of [`input`]: points to the gradient of `R + 2` values.
#[inline(always)]
pub unsafe fn input_transposed<V: Vector, const R: usize>(v: [V; IN]) -> [V; IN] {
    // SAFETY: As in `input`.
    unsafe {
        let (zero, two, four) = (V::splat(0.0), V::splat(2.0), V::splat(4.0));
        let (minus_three, minus_four, minus_five) = (V::splat(-3.0), V::splat(-4.0), V::splat(-5.0));
        let [far, v0, v1, v2, v3, v4] = v;
        let (sum, difference) = (v1.add(v2), v1.sub(v2));
        let first = v0.mul(four);
        match R {
            0 => [first, far, zero, zero, zero, zero],
            1 => [first, v1.mul_add(V::splat(-6.0), zero.sub(first)).sub(far), far, zero, zero, zero],
            2 => {
                let second = difference.mul_add(minus_three, zero.sub(far));
                [first, second, sum.mul_add(minus_three, zero.sub(first)), far, zero, zero]
            }
            3 => {
                let a = v3.mul_add(four, v0.sub(far).mul(two));
                let b = v1.mul_add(minus_three, v2);
                [
                    first,
                    b.mul(two).sub(a),
                    sum.mul_add(minus_three, v0.mul_add(minus_four, zero.sub(far))),
                    v1.mul_add(V::splat(3.0), a.add(v2)),
                    far,
                    zero,
                ]
            }
            _ => {
                let (r, s) = (v3.add(v4), v3.sub(v4).mul(two));
                [
                    first,
                    far.sub(difference).mul(four).sub(s),
                    v0.mul(minus_five).sub(sum.mul_add(four, r)),
                    far.mul_add(minus_five, difference.add(s)),
                    v0.add(sum).add(r),
                    far,
                ]
            }
        }
    }
}

/// A^T m: `R + 2` points to R outputs, each the sum over the points of m times a power of the point.
#[inline(always)]
pub unsafe fn output<V: Vector, const R: usize>(m: [V; IN]) -> [V; OUT] {
    // SAFETY: As in `input`.
    unsafe {
        let (zero, two, four) = (V::splat(0.0), V::splat(2.0), V::splat(4.0));
        let [far, m0, m1, m2, m3, m4] = m;
        let (p, q) = (m1.add(m2), m1.sub(m2));
        let (r, s) = (m3.add(m4), m3.sub(m4));
        match R {
            1 => [m0.add(m1).add(far), zero, zero, zero],
            2 => [m0.add(p), q.add(far), zero, zero],
            3 => [m0.add(p).add(m3), m3.mul_add(two, q), m3.mul_add(four, p).add(far), zero],
            _ => {
                let last = s.mul_add(V::splat(8.0), q).add(far);
                [m0.add(p).add(r), s.mul_add(two, q), r.mul_add(four, p), last]
            }
        }
    }
}

/// A y, the transpose of [`output`]: the gradient of R outputs to that of `R + 2` points.
#[inline(always)]
pub unsafe fn output_transposed<V: Vector, const R: usize>(y: [V; OUT]) -> [V; IN] {
    // SAFETY: As in `input`.
    unsafe {
        let (zero, two, four) = (V::splat(0.0), V::splat(2.0), V::splat(4.0));
        let [y0, y1, y2, y3] = y;
        match R {
            1 => [y0, y0, y0, zero, zero, zero],
            2 => [y1, y0, y0.add(y1), y0.sub(y1), zero, zero],
            3 => {
                let even = y0.add(y2);
                [y2, y0, even.add(y1), even.sub(y1), y2.mul_add(four, y1.mul_add(two, y0)), zero]
            }
            _ => {
                let (even, odd) = (y0.add(y2), y1.add(y3));
                let (far_even, far_odd) = (y2.mul_add(four, y0), y3.mul_add(four, y1));
                let far_odd = far_odd.add(far_odd);
                [y3, y0, even.add(odd), even.sub(odd), far_even.add(far_odd), far_even.sub(far_odd)]
            }
        }
    }
}

/// G g: three taps to six points, for tiles of every R.
#[inline(always)]
pub unsafe fn weight<V: Vector>(g: [V; KERNEL]) -> [V; IN] {
    // SAFETY: As in `input`.
    unsafe {
        let sixth = V::splat(-1.0 / 6.0);
        let (even, odd) = (g[0].add(g[2]).mul(sixth), g[1].mul(sixth));
        let far = g[0].mul_add(V::splat(1.0 / 24.0), g[2].mul(V::splat(1.0 / 6.0)));
        let far_odd = g[1].mul(V::splat(1.0 / 12.0));
        [g[2], g[0].mul(V::splat(0.25)), even.add(odd), even.sub(odd), far.add(far_odd), far.sub(far_odd)]
    }
}

/// G^T u, the transpose of [`weight`]: the gradient of six points to that of three taps.
#[inline(always)]
pub unsafe fn weight_transposed<V: Vector>(u: [V; IN]) -> [V; KERNEL] {
    // SAFETY: As in `input`.
    unsafe {
        let (sixth, twelfth) = (V::splat(-1.0 / 6.0), V::splat(1.0 / 12.0));
        let [far, u0, u1, u2, u3, u4] = u;
        let (p, q) = (u1.add(u2).mul(sixth), u1.sub(u2).mul(sixth));
        let (r, s) = (u3.add(u4), u3.sub(u4));
        [
            u0.mul_add(V::splat(0.25), r.mul_add(V::splat(1.0 / 24.0), p)),
            s.mul_add(twelfth, q),
            r.mul_add(V::splat(1.0 / 6.0), p).add(far),
        ]
    }
}
