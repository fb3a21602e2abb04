//! The transforms of Winograd's F(R x R, 3x3) and their transposes, on vectors of channels.
//!
//! y = A^T [(B^T x B) . (G g G^T)] A (Lavin and Gray 2016) with R + 2 of the points infinity, 0, 1, -1, 2, -2, in this
//! order: a smaller tile leaves out the last ones, and multiplies by the same transformed weights. Gradients run through
//! the transposes: dM = A dY A^T, dU = V^T dM, dV = dM U^T, dX = B dV B^T, dg = G^T dU G.
//!
//! A transform of fewer values than it could have gives zeros in place of the others. [`super::scheme`] puts a tile's
//! transforms together from these.

use crate::kernels::simd::Vector;

/// Largest edge of a tile of the output.
pub const OUT: usize = 4;
/// Edge of the kernel.
pub const KERNEL: usize = 3;
/// Points, at most.
pub const IN: usize = OUT + KERNEL - 1;

/// B^T x: at the point p the coefficients of the product of z - q over the other points, by the factor that [`weight`]
/// leaves.
#[inline(always)]
pub unsafe fn input<V: Vector, const R: usize>(x: [V; IN]) -> [V; IN] {
    // SAFETY: arithmetic alone; the caller has the level
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

/// B v, the transpose of [`input`].
#[inline(always)]
pub unsafe fn input_transposed<V: Vector, const R: usize>(v: [V; IN]) -> [V; IN] {
    // SAFETY: as in `input`
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

/// A^T m: the sums over the points of their powers.
#[inline(always)]
pub unsafe fn output<V: Vector, const R: usize>(m: [V; IN]) -> [V; OUT] {
    // SAFETY: as in `input`
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

/// A y, the transpose of [`output`].
#[inline(always)]
pub unsafe fn output_transposed<V: Vector, const R: usize>(y: [V; OUT]) -> [V; IN] {
    // SAFETY: as in `input`
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

/// G g.
#[inline(always)]
pub unsafe fn weight<V: Vector>(g: [V; KERNEL]) -> [V; IN] {
    // SAFETY: as in `input`
    unsafe {
        let sixth = V::splat(-1.0 / 6.0);
        let (even, odd) = (g[0].add(g[2]).mul(sixth), g[1].mul(sixth));
        let far = g[0].mul_add(V::splat(1.0 / 24.0), g[2].mul(V::splat(1.0 / 6.0)));
        let far_odd = g[1].mul(V::splat(1.0 / 12.0));
        [g[2], g[0].mul(V::splat(0.25)), even.add(odd), even.sub(odd), far.add(far_odd), far.sub(far_odd)]
    }
}

/// G^T u, the transpose of [`weight`].
#[inline(always)]
pub unsafe fn weight_transposed<V: Vector>(u: [V; IN]) -> [V; KERNEL] {
    // SAFETY: as in `input`
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
