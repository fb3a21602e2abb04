//! The transforms of Winograd's F(4x4, 3x3) and their transposes, on vectors of channels.
//!
//! y = A^T [(B^T x B) . (G g G^T)] A with the points 0, ±1, ±2 and infinity (Lavin and Gray 2016). Gradients run
//! through the transposes: dM = A dY A^T, dU = V^T dM, dV = dM U^T, dX = B dV B^T, dg = G^T dU G.

use crate::kernels::simd::Vector;

/// Edge of a tile of the output.
pub const OUT: usize = 4;
/// Edge of a tile of the input, and of the transformed domain.
pub const IN: usize = 6;
/// Edge of the kernel.
pub const KERNEL: usize = 3;

/// B^T x.
#[inline(always)]
pub unsafe fn input<V: Vector>(x: [V; IN]) -> [V; IN] {
    // SAFETY: arithmetic alone; the caller has the level
    unsafe {
        let (two, four, minus_five) = (V::splat(2.0), V::splat(4.0), V::splat(-5.0));
        let minus_four = V::splat(-4.0);
        let a = x[2].mul_add(minus_four, x[4]);
        let b = x[1].mul_add(minus_four, x[3]);
        let c = x[4].sub(x[2]);
        let d = x[3].sub(x[1]).mul(two);
        [
            x[0].mul_add(four, x[2].mul_add(minus_five, x[4])),
            a.add(b),
            a.sub(b),
            c.add(d),
            c.sub(d),
            x[1].mul_add(four, x[3].mul_add(minus_five, x[5])),
        ]
    }
}

/// B v, the transpose of [`input`].
#[inline(always)]
pub unsafe fn input_transposed<V: Vector>(v: [V; IN]) -> [V; IN] {
    // SAFETY: as in `input`
    unsafe {
        let (two, four, minus_five) = (V::splat(2.0), V::splat(4.0), V::splat(-5.0));
        let (p, q) = (v[1].add(v[2]), v[1].sub(v[2]));
        let (r, s) = (v[3].add(v[4]), v[3].sub(v[4]).mul(two));
        [
            v[0].mul(four),
            v[5].sub(q).mul(four).sub(s),
            v[0].mul(minus_five).sub(p.mul_add(four, r)),
            v[5].mul_add(minus_five, q.add(s)),
            v[0].add(p).add(r),
            v[5],
        ]
    }
}

/// A^T m.
#[inline(always)]
pub unsafe fn output<V: Vector>(m: [V; IN]) -> [V; OUT] {
    // SAFETY: as in `input`
    unsafe {
        let (p, q) = (m[1].add(m[2]), m[1].sub(m[2]));
        let (r, s) = (m[3].add(m[4]), m[3].sub(m[4]));
        [
            m[0].add(p).add(r),
            s.mul_add(V::splat(2.0), q),
            r.mul_add(V::splat(4.0), p),
            s.mul_add(V::splat(8.0), q).add(m[5]),
        ]
    }
}

/// A y, the transpose of [`output`].
#[inline(always)]
pub unsafe fn output_transposed<V: Vector>(y: [V; OUT]) -> [V; IN] {
    // SAFETY: as in `input`
    unsafe {
        let four = V::splat(4.0);
        let (even, odd) = (y[0].add(y[2]), y[1].add(y[3]));
        let far_even = y[2].mul_add(four, y[0]);
        let far_odd = y[3].mul_add(four, y[1]);
        let far_odd = far_odd.add(far_odd);
        [y[0], even.add(odd), even.sub(odd), far_even.add(far_odd), far_even.sub(far_odd), y[3]]
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
        [g[0].mul(V::splat(0.25)), even.add(odd), even.sub(odd), far.add(far_odd), far.sub(far_odd), g[2]]
    }
}

/// G^T u, the transpose of [`weight`].
#[inline(always)]
pub unsafe fn weight_transposed<V: Vector>(u: [V; IN]) -> [V; KERNEL] {
    // SAFETY: as in `input`
    unsafe {
        let (sixth, twelfth) = (V::splat(-1.0 / 6.0), V::splat(1.0 / 12.0));
        let (p, q) = (u[1].add(u[2]).mul(sixth), u[1].sub(u[2]).mul(sixth));
        let (r, s) = (u[3].add(u[4]), u[3].sub(u[4]));
        [
            u[0].mul_add(V::splat(0.25), r.mul_add(V::splat(1.0 / 24.0), p)),
            s.mul_add(twelfth, q),
            r.mul_add(V::splat(1.0 / 6.0), p).add(u[5]),
        ]
    }
}
