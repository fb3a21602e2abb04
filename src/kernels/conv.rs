//! Convolution, forward and backward, with what comes before and after it done on the way.

use super::buffer::Shared;
use super::geometry::ConvGeometry;
use super::lanes::{Dense, Gradient, Input, NormGrad, Normed, Sink, Source};
use super::moments::Part;
use super::profile::{Work, timed};
use super::simd::Level;
use super::{depthwise, direct, products};

/// Convolves `x` with w `(KH*KW*C/groups, O)` into `to`; gives the sums that the sink kept.
pub fn forward<K: Sink>(level: Level, g: &ConvGeometry, x: Input, w: &[f32], to: K) -> Vec<Part> {
    timed(Work::Forward, || {
        assert!(x.data.len() == g.x_len() && w.len() == g.conv.weight_shape().0 * g.conv.c_out);
        match x.pending {
            None => forward_of(level, g, Dense(x.data), w, to),
            Some(affine) => forward_of(level, g, Normed { data: x.data, affine }, w, to),
        }
    })
}

fn forward_of<S: Source, K: Sink>(level: Level, g: &ConvGeometry, x: S, w: &[f32], to: K) -> Vec<Part> {
    if products::applies(g) {
        products::forward(level, g, x, w, to)
    } else if depthwise::applies(g) {
        depthwise::forward(level, g, x, w, to)
    } else {
        x.with_values(level, g.x_len(), g.conv.c_in, |x| direct::forward(level, g, x, w, to))
    }
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
        match (x.pending, gy) {
            (None, OutputGrad::Dense(gy)) => backward_of(level, g, (Dense(x.data), Dense(gy)), w, gw, gx),
            (None, OutputGrad::Norm(gy)) => backward_of(level, g, (Dense(x.data), gy), w, gw, gx),
            (Some(affine), OutputGrad::Dense(gy)) => {
                backward_of(level, g, (Normed { data: x.data, affine }, Dense(gy)), w, gw, gx)
            }
            (Some(affine), OutputGrad::Norm(gy)) => {
                backward_of(level, g, (Normed { data: x.data, affine }, gy), w, gw, gx)
            }
        }
    });
}

fn backward_of<S: Source, G: Source>(
    level: Level,
    g: &ConvGeometry,
    (x, gy): (S, G),
    w: &[f32],
    gw: &mut [f32],
    gx: Option<(&mut [f32], bool)>,
) {
    let to = gx.map(|(gx, add)| {
        assert!(gx.len() == g.x_len());
        Gradient { gx: Shared::new(gx), add }
    });
    if products::applies(g) {
        products::backward(level, g, (x, gy), w, gw, to);
    } else if depthwise::applies(g) {
        depthwise::backward(level, g, (x, gy), w, gw, to);
    } else {
        gy.with_values(level, g.y_len(), g.conv.c_out, |gy| {
            x.with_values(level, g.x_len(), g.conv.c_in, |x| direct::weight_grad(level, g, x, gy, gw));
            if let Some(to) = to {
                direct::input_grad(level, g, gy, w, to);
            }
        });
    }
}
