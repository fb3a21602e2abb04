//! The backward pass of batch norm (Ioffe and Szegedy, "Batch Normalization", ICML 2015, section 3). The forward pass
//! is done by the convolutions around it, as they write and read ([`super::lanes`]).
//!
//! With y the norm's input, xhat = (y - mean) * inverse_deviation, z = gamma * xhat + beta the output and g its
//! gradient, over n pixels a channel:
//!
//! ```text
//! gamma's = inverse_deviation * dot      dot = sum of g * (y - mean)
//! beta's  = sum                          sum = sum of g
//! input's = scale * (g - sum / n - xhat * inverse_deviation * dot / n)  =  a * g + b * y + d
//!   a = scale    b = -scale * inverse_deviation^2 * dot / n    d = -scale * sum / n - b * mean
//! ```
//!
//! So one pass over g and y gives a, b and d ([`backward`]), and the convolution before the norm applies them as it
//! reads g and y ([`NormGrad`]). With running statistics, which do not depend on y, b = d = 0.

use super::buffer::SharedPtr;
use super::lanes::{self, Neutral, NormGrad, NormSums, Where};
use super::moments;
use super::simd::Level;
use super::value::Value;

/// What the backward pass of a norm needs of its forward pass.
#[derive(Clone, Copy)]
pub struct Saved<'a, T = f32> {
    /// Input of the norm, `(N*H*W, C)`.
    pub y: &'a [T],
    /// Mean that was subtracted, by channel.
    pub mean: &'a [f32],
    /// 1 / sqrt(var + eps), by channel.
    pub inverse_deviation: &'a [f32],
    /// gamma / sqrt(var + eps), by channel.
    pub scale: &'a [f32],
    /// beta - mean * scale, by channel.
    pub shift: &'a [f32],
    /// Whether mean and variance are those of y itself, and not the running ones.
    pub batch_statistics: bool,
}

/// Where the gradient of a norm's output counts: the ReLU behind the norm, if there is one.
#[derive(Clone, Copy)]
pub enum Mask<'a, T = f32> {
    /// Everywhere.
    No,
    /// Where the norm's output is above 0.
    Own,
    /// Where these values, outputs of a ReLU after a residual sum, are above 0. Elsewhere the gradient is set to 0,
    /// since the residual reads it too.
    Above(&'a [T]),
}

/// The gradients of a norm's parameters, and the factors by channel of the gradient of its input: a * mask(g) + b * y +
/// d.
pub struct Gradients {
    /// Of gamma.
    pub gamma: Vec<f32>,
    /// Of beta.
    pub beta: Vec<f32>,
    /// a, b, d.
    pub factors: [Vec<f32>; 3],
}

/// Sums the gradient `g` `(N*H*W, C)` of a norm's output, in one pass, to the gradients of the norm. Masks `g` in place
/// with [`Mask::Above`].
pub fn backward<T: Value>(level: Level, s: &Saved<T>, g: &mut [T], mask: Mask<T>) -> Gradients {
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
            let to = SharedPtr::new(g);
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
