//! Batch normalisation over the columns of `(pixels, channels)`, joined with the residual sum and the ReLU after it.

use rayon::prelude::*;

/// Rows whose sums are made in f32 before they are joined in f64.
const BLOCK: usize = 512;

/// Mean and variance (biased) of every column of x `(pixels, c)`.
///
/// Blocks of rows have sums of their own, centred on the block's mean, joined in order in f64.
pub fn moments(x: &[f32], c: usize) -> (Vec<f32>, Vec<f32>) {
    let blocks: Vec<(usize, Vec<f32>, Vec<f32>)> = x
        .par_chunks(BLOCK * c)
        .map(|block| {
            let rows = block.len() / c;
            let mut mean = vec![0f32; c];
            block.chunks_exact(c).for_each(|row| mean.iter_mut().zip(row).for_each(|(m, x)| *m += x));
            mean.iter_mut().for_each(|m| *m /= rows as f32);
            let mut squares = vec![0f32; c];
            for row in block.chunks_exact(c) {
                for ((s, x), m) in squares.iter_mut().zip(row).zip(&mean) {
                    *s += (x - m) * (x - m);
                }
            }
            (rows, mean, squares)
        })
        .collect();
    let (mut count, mut mean, mut squares) = (0f64, vec![0f64; c], vec![0f64; c]);
    for (rows, block_mean, block_squares) in blocks {
        let rows = rows as f64;
        let total = count + rows;
        for i in 0..c {
            let delta = block_mean[i] as f64 - mean[i];
            mean[i] += delta * rows / total;
            squares[i] += block_squares[i] as f64 + delta * delta * count * rows / total;
        }
        count = total;
    }
    let narrow = |v: Vec<f64>, by: f64| v.into_iter().map(|v| (v / by) as f32).collect();
    (narrow(mean, 1.0), narrow(squares, count))
}

/// y = x * scale + shift (+ residual), then ReLU when `relu`; scale and shift by column.
pub fn affine(x: &[f32], scale: &[f32], shift: &[f32], residual: Option<&[f32]>, relu: bool, y: &mut [f32]) {
    let c = scale.len();
    let floor = if relu { 0.0 } else { f32::NEG_INFINITY };
    y.par_chunks_mut(BLOCK * c).zip(x.par_chunks(BLOCK * c)).enumerate().for_each(|(i, (y, x))| {
        let rows = y.chunks_exact_mut(c).zip(x.chunks_exact(c));
        if let Some(residual) = residual {
            for ((y, x), r) in rows.zip(residual[i * BLOCK * c..].chunks_exact(c)) {
                for ((((y, x), a), b), r) in y.iter_mut().zip(x).zip(scale).zip(shift).zip(r) {
                    *y = at_least(x * a + b + r, floor);
                }
            }
        } else {
            for (y, x) in rows {
                for (((y, x), a), b) in y.iter_mut().zip(x).zip(scale).zip(shift) {
                    *y = at_least(x * a + b, floor);
                }
            }
        }
    });
}

/// `max` that lets NaN through, so that a run that diverges shows it.
#[inline]
fn at_least(v: f32, floor: f32) -> f32 {
    if v < floor { floor } else { v }
}

/// What the backward pass of a norm needs of its forward pass.
pub struct Saved<'a> {
    /// Input of the norm.
    pub x: &'a [f32],
    /// Output, when a ReLU came after it: its zeros are the mask.
    pub y: Option<&'a [f32]>,
    /// Mean that was taken away, by column.
    pub mean: &'a [f32],
    /// 1 / sqrt(var + eps), by column.
    pub inverse_deviation: &'a [f32],
    /// Factor after normalisation, by column.
    pub gamma: &'a [f32],
    /// Whether mean and variance came from x itself.
    pub batch_statistics: bool,
}

/// Gradients of a norm for the gradient `gy` of its output, which is replaced by the gradient of the sum before the
/// ReLU (that of the residual). Adds to `gx`, `ggamma` and `gbeta`.
pub fn backward(s: &Saved, gy: &mut [f32], gx: &mut [f32], ggamma: &mut [f32], gbeta: &mut [f32]) {
    let c = s.gamma.len();
    let partials: Vec<(Vec<f32>, Vec<f32>)> = gy
        .par_chunks_mut(BLOCK * c)
        .enumerate()
        .map(|(i, gy)| {
            if let Some(y) = s.y {
                gy.iter_mut().zip(&y[i * BLOCK * c..]).for_each(|(g, y)| *g = if *y > 0.0 { *g } else { 0.0 });
            }
            let (mut sum, mut dot) = (vec![0f32; c], vec![0f32; c]);
            for (gy, x) in gy.chunks_exact(c).zip(s.x[i * BLOCK * c..].chunks_exact(c)) {
                for ((((sum, dot), g), x), m) in sum.iter_mut().zip(&mut dot).zip(gy).zip(x).zip(s.mean) {
                    *sum += g;
                    *dot += g * (x - m);
                }
            }
            (sum, dot)
        })
        .collect();
    let (mut sum, mut dot) = (vec![0f64; c], vec![0f64; c]);
    for (block_sum, block_dot) in partials {
        sum.iter_mut().zip(block_sum).for_each(|(a, b)| *a += b as f64);
        dot.iter_mut().zip(block_dot).for_each(|(a, b)| *a += b as f64);
    }
    let rows = (gy.len() / c) as f64;
    // gx = a * gy + b * (x - mean) + d
    let (mut a, mut b, mut d) = (vec![0f32; c], vec![0f32; c], vec![0f32; c]);
    for i in 0..c {
        let inverse = s.inverse_deviation[i] as f64;
        ggamma[i] += (dot[i] * inverse) as f32;
        gbeta[i] += sum[i] as f32;
        let scale = s.gamma[i] as f64 * inverse;
        a[i] = scale as f32;
        if s.batch_statistics {
            b[i] = (-scale * inverse * inverse * dot[i] / rows) as f32;
            d[i] = (-scale * sum[i] / rows) as f32;
        }
    }
    gx.par_chunks_mut(BLOCK * c).zip(gy.par_chunks(BLOCK * c)).zip(s.x.par_chunks(BLOCK * c)).for_each(
        |((gx, gy), x)| {
            for ((gx, gy), x) in gx.chunks_exact_mut(c).zip(gy.chunks_exact(c)).zip(x.chunks_exact(c)) {
                for i in 0..c {
                    gx[i] += a[i] * gy[i] + b[i] * (x[i] - s.mean[i]) + d[i];
                }
            }
        },
    );
}
