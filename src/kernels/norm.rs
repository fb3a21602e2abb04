//! The gradient of a batch norm. Its forward pass is done by the convolutions around it: [`super::lanes`].

use super::buffer::Shared;
use super::lanes::{self, Neutral, NormGrad, NormSums, Where};
use super::moments;
use super::simd::Level;

/// What the backward pass of a norm needs of its forward pass.
#[derive(Clone, Copy)]
pub struct Saved<'a> {
    /// Input of the norm, `(pixels, channels)`.
    pub y: &'a [f32],
    /// Mean that was taken away, by channel.
    pub mean: &'a [f32],
    /// 1 / sqrt(var + eps), by channel.
    pub inverse_deviation: &'a [f32],
    /// gamma / sqrt(var + eps), by channel.
    pub scale: &'a [f32],
    /// beta - mean * scale, by channel.
    pub shift: &'a [f32],
    /// Whether mean and variance came from y itself.
    pub batch_statistics: bool,
}

/// Where the gradient of a norm's output counts.
#[derive(Clone, Copy)]
pub enum Mask<'a> {
    /// Everywhere.
    No,
    /// Where the norm's output is above 0.
    Own,
    /// Where these values are; elsewhere the gradient is set to 0.
    Above(&'a [f32]),
}

/// The gradients of a norm's parameters, and by channel what makes that of its input out of the gradient g of its
/// output: a * mask(g) + b * y + d.
pub struct Gradients {
    /// Of gamma.
    pub gamma: Vec<f32>,
    /// Of beta.
    pub beta: Vec<f32>,
    /// a, b, d.
    pub factors: [Vec<f32>; 3],
}

/// Goes through the gradient `g` of a norm's output once.
pub fn gradients(level: Level, s: &Saved, g: &mut [f32], mask: Mask) -> Gradients {
    let (c, len) = (s.mean.len(), g.len());
    assert!(s.y.len() == len);
    let sums = |to| NormSums { y: s.y, mean: s.mean, to };
    let parts = match mask {
        Mask::No => lanes::pass(level, lanes::Dense(g), len, c, sums(None)),
        Mask::Own => {
            let neutral = Neutral::new(c);
            let own = NormGrad { g, y: s.y, factors: neutral.factors(), mask: Some((s.scale, s.shift)) };
            lanes::pass(level, own, len, c, sums(None))
        }
        Mask::Above(z) => {
            assert!(z.len() == len);
            let to = Shared::new(g);
            lanes::pass(level, Where { g: to, z }, len, c, sums(Some(to)))
        }
    };
    let (sum, dot) = moments::totals(&parts, c);
    let rows = (len / c) as f64;
    let [mut a, mut b, mut d] = [vec![0f32; c], vec![0f32; c], vec![0f32; c]];
    for i in 0..c {
        let (scale, inverse) = (s.scale[i] as f64, s.inverse_deviation[i] as f64);
        a[i] = scale as f32;
        if s.batch_statistics {
            let by_y = -scale * inverse * inverse * dot[i] / rows;
            b[i] = by_y as f32;
            d[i] = (-scale * sum[i] / rows - by_y * s.mean[i] as f64) as f32;
        }
    }
    let gamma = dot.iter().zip(s.inverse_deviation).map(|(dot, i)| (dot * *i as f64) as f32).collect();
    Gradients { gamma, beta: sum.into_iter().map(|v| v as f32).collect(), factors: [a, b, d] }
}
