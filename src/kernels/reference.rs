//! The definitions as naive loops with sums in f64, which the tests hold the kernels to. Feature maps are NHWC, weights
//! HWIO.

use super::geometry::{ConvGeometry, Pool};

/// Calls `f(x index, weight index, y index)` for every product of a convolution.
pub fn conv_products(g: &ConvGeometry, mut f: impl FnMut(usize, usize, usize)) {
    let c = &g.conv;
    let (cg, og) = (c.c_in / c.groups, c.c_out / c.groups);
    for (n, oy, ox) in (0..g.n * g.oh * g.ow).map(|i| (i / (g.oh * g.ow), i / g.ow % g.oh, i % g.ow)) {
        for (ky, kx) in (0..c.taps()).map(|t| (t / c.kernel.1, t % c.kernel.1)) {
            let (iy, ix) = (oy * c.stride + ky * c.dilation, ox * c.stride + kx * c.dilation);
            let inside = |i: usize, padding: usize, size: usize| i >= padding && i < size + padding;
            if !inside(iy, c.padding.0, g.h) || !inside(ix, c.padding.1, g.w) {
                continue;
            }
            let (iy, ix) = (iy - c.padding.0, ix - c.padding.1);
            for o in 0..c.c_out {
                for i in 0..cg {
                    let x = ((n * g.h + iy) * g.w + ix) * c.c_in + o / og * cg + i;
                    let w = ((ky * c.kernel.1 + kx) * cg + i) * c.c_out + o;
                    f(x, w, ((n * g.oh + oy) * g.ow + ox) * c.c_out + o);
                }
            }
        }
    }
}

/// y = conv(x, w).
pub fn conv(g: &ConvGeometry, x: &[f32], w: &[f32]) -> Vec<f32> {
    let mut y = vec![0f64; g.y_len()];
    conv_products(g, |xi, wi, yi| y[yi] += x[xi] as f64 * w[wi] as f64);
    y.into_iter().map(|v| v as f32).collect()
}

/// The gradients of `sum(gy * conv(x, w))` with respect to x and w.
pub fn conv_grads(g: &ConvGeometry, x: &[f32], w: &[f32], gy: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let (mut gx, mut gw) = (vec![0f64; x.len()], vec![0f64; w.len()]);
    conv_products(g, |xi, wi, yi| {
        gx[xi] += gy[yi] as f64 * w[wi] as f64;
        gw[wi] += gy[yi] as f64 * x[xi] as f64;
    });
    let narrow = |v: Vec<f64>| v.into_iter().map(|v| v as f32).collect();
    (narrow(gx), narrow(gw))
}

/// Calls `f(x index, y index, divisor)` for every input of every window of a pool over `(n, h, w, c)`.
pub fn pool_members(p: &Pool, (n, h, w, c): (usize, usize, usize, usize), mut f: impl FnMut(usize, usize, f32)) {
    let (oh, ow) = (p.out(h), p.out(w));
    for (i, oy, ox) in (0..n * oh * ow).map(|i| (i / (oh * ow), i / ow % oh, i % ow)) {
        for y in p.window(oy, h) {
            for x in p.window(ox, w) {
                for ch in 0..c {
                    let out = ((i * oh + oy) * ow + ox) * c + ch;
                    f(((i * h + y) * w + x) * c + ch, out, p.divisor(oy, ox, h, w));
                }
            }
        }
    }
}
