//! Convolution, forward and backward, with what comes before and after it done on the way.

use super::buffer::Buffer;
use super::geometry::ConvGeometry;
use super::lanes::{self, Dense, Input, NormGrad, Normed, Sink};
use super::moments::Part;
use super::profile::{Work, timed};
use super::simd::Level;
use super::{direct, grouped, products};

/// Convolves `x` with w `(KH*KW*C/groups, O)` into `to`; gives the sums that the sink kept.
pub fn forward<K: Sink>(level: Level, g: &ConvGeometry, x: Input, w: &[f32], to: K) -> Vec<Part> {
    timed(Work::Forward, || {
        assert!(x.data.len() == g.x_len() && w.len() == g.conv.weight_shape().0 * g.conv.c_out);
        if products::applies(g) {
            return match x.pending {
                None => products::forward(level, g, Dense(x.data), w, to),
                Some(affine) => products::forward(level, g, Normed { data: x.data, affine }, w, to),
            };
        }
        with_dense(level, x, g.conv.c_in, |x| match g.conv.groups {
            1 => direct::forward(level, g, x, w, to),
            _ => {
                let mut y = Buffer::zeros(g.y_len());
                grouped::forward(g, x, w, &mut y);
                lanes::pass(level, Dense(&y), y.len(), g.conv.c_out, to)
            }
        })
    })
}

/// The gradient of a convolution's output.
#[derive(Clone, Copy)]
pub enum OutputGrad<'a> {
    /// Values.
    Dense(&'a [f32]),
    /// By way of the norm behind it.
    Norm(NormGrad<'a>),
}

/// Adds the gradient of w to `gw`, and gives that of x to `gx`, when it is wanted: added when the flag is set, else
/// written.
pub fn backward(
    level: Level,
    g: &ConvGeometry,
    x: Input,
    gy: OutputGrad,
    w: &[f32],
    gw: &mut [f32],
    gx: Option<(&mut [f32], bool)>,
) {
    timed(Work::Backward, || {
        assert!(x.data.len() == g.x_len() && gw.len() == w.len());
        if products::applies(g) {
            return match (x.pending, gy) {
                (None, OutputGrad::Dense(gy)) => products::backward(level, g, (Dense(x.data), Dense(gy)), w, gw, gx),
                (None, OutputGrad::Norm(gy)) => products::backward(level, g, (Dense(x.data), gy), w, gw, gx),
                (Some(affine), OutputGrad::Dense(gy)) => {
                    products::backward(level, g, (Normed { data: x.data, affine }, Dense(gy)), w, gw, gx)
                }
                (Some(affine), OutputGrad::Norm(gy)) => {
                    products::backward(level, g, (Normed { data: x.data, affine }, gy), w, gw, gx)
                }
            };
        }
        let collected;
        let gy = match gy {
            OutputGrad::Dense(gy) => gy,
            OutputGrad::Norm(gy) => {
                collected = lanes::collect(level, gy, g.y_len(), g.conv.c_out);
                &collected
            }
        };
        with_dense(level, x, g.conv.c_in, |x| match g.conv.groups {
            1 => {
                direct::weight_grad(level, g, x, gy, gw);
                if let Some((gx, add)) = gx {
                    direct::input_grad(level, g, gy, w, gx, add);
                }
            }
            _ => {
                grouped::weight_grad(g, x, gy, gw);
                if let Some((gx, add)) = gx {
                    if !add {
                        gx.fill(0.0);
                    }
                    grouped::input_grad(g, gy, w, gx);
                }
            }
        })
    });
}

/// Calls `f` with the values of `x`.
fn with_dense<R>(level: Level, x: Input, c: usize, f: impl FnOnce(&[f32]) -> R) -> R {
    match x.pending {
        None => f(x.data),
        Some(affine) => f(&lanes::collect(level, Normed { data: x.data, affine }, x.data.len(), c)),
    }
}
