//! Convolutions in groups, depthwise ones among them: plain loops over taps, vectorised over channels.

use super::geometry::ConvGeometry;
use rayon::prelude::*;

/// Slices of the batch whose weight gradients are summed apart.
const SLICES: usize = 16;

/// Calls `f(input pixel, tap, output pixel)` for every product of one image.
fn pairs(g: &ConvGeometry, mut f: impl FnMut(usize, usize, usize)) {
    let c = &g.conv;
    for (oy, ox) in (0..g.oh * g.ow).map(|i| (i / g.ow, i % g.ow)) {
        for (ky, kx) in (0..c.taps()).map(|t| (t / c.kernel.1, t % c.kernel.1)) {
            let y = (oy * c.stride + ky * c.dilation).wrapping_sub(c.padding.0);
            let x = (ox * c.stride + kx * c.dilation).wrapping_sub(c.padding.1);
            if y < g.h && x < g.w {
                f(y * g.w + x, ky * c.kernel.1 + kx, oy * g.ow + ox);
            }
        }
    }
}

/// y += conv(x, w) for one group layout; see `conv::forward`.
pub fn forward(g: &ConvGeometry, x: &[f32], w: &[f32], y: &mut [f32]) {
    let (c, o, cg, og) = sizes(g);
    y.par_chunks_mut(g.oh * g.ow * o).zip(x.par_chunks(g.h * g.w * c)).for_each(|(y, x)| {
        pairs(g, |input, tap, output| {
            let (x, y) = (&x[input * c..][..c], &mut y[output * o..][..o]);
            let w = &w[tap * cg * o..][..cg * o];
            if cg == 1 && og == 1 {
                y.iter_mut().zip(x).zip(w).for_each(|((y, x), w)| *y += x * w);
            } else {
                for (i, w) in w.chunks_exact(o).enumerate() {
                    y.iter_mut().zip(w).enumerate().for_each(|(k, (y, w))| *y += x[k / og * cg + i] * w);
                }
            }
        });
    });
}

/// gx += gradient; see `conv::input_grad`.
pub fn input_grad(g: &ConvGeometry, gy: &[f32], w: &[f32], gx: &mut [f32]) {
    let (c, o, cg, og) = sizes(g);
    gx.par_chunks_mut(g.h * g.w * c).zip(gy.par_chunks(g.oh * g.ow * o)).for_each(|(gx, gy)| {
        pairs(g, |input, tap, output| {
            let (gx, gy) = (&mut gx[input * c..][..c], &gy[output * o..][..o]);
            let w = &w[tap * cg * o..][..cg * o];
            if cg == 1 && og == 1 {
                gx.iter_mut().zip(gy).zip(w).for_each(|((gx, gy), w)| *gx += gy * w);
            } else {
                for (i, w) in w.chunks_exact(o).enumerate() {
                    gy.iter().zip(w).enumerate().for_each(|(k, (gy, w))| gx[k / og * cg + i] += gy * w);
                }
            }
        });
    });
}

/// gw += gradient; see `conv::weight_grad`.
pub fn weight_grad(g: &ConvGeometry, x: &[f32], gy: &[f32], gw: &mut [f32]) {
    let (c, o, cg, og) = sizes(g);
    let images = g.n.div_ceil(SLICES);
    let partials: Vec<Vec<f32>> = x
        .par_chunks(images * g.h * g.w * c)
        .zip(gy.par_chunks(images * g.oh * g.ow * o))
        .map(|(x, gy)| {
            let mut sums = vec![0f32; gw.len()];
            for (x, gy) in x.chunks(g.h * g.w * c).zip(gy.chunks(g.oh * g.ow * o)) {
                pairs(g, |input, tap, output| {
                    let (x, gy) = (&x[input * c..][..c], &gy[output * o..][..o]);
                    for (i, sums) in sums[tap * cg * o..][..cg * o].chunks_exact_mut(o).enumerate() {
                        sums.iter_mut().zip(gy).enumerate().for_each(|(k, (s, gy))| *s += x[k / og * cg + i] * gy);
                    }
                });
            }
            sums
        })
        .collect();
    for partial in partials {
        gw.iter_mut().zip(partial).for_each(|(a, b)| *a += b);
    }
}

fn sizes(g: &ConvGeometry) -> (usize, usize, usize, usize) {
    let c = &g.conv;
    (c.c_in, c.c_out, c.c_in / c.groups, c.c_out / c.groups)
}
