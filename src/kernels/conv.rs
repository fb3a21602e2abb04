//! Convolution, forward and backward, with the norms, sums and activations around it done on the way. Here the shape of
//! a convolution decides which way it takes: `products`, `depthwise` or `direct` (`docs/dev/kernels.md`).

use super::buffer::SharedPtr;
use super::geometry::ConvGeometry;
use super::lanes::{Grad, MapInput, Neutral, NormGrad, Normed, Sink, collect};
use super::moments::PartialSums;
use super::profile::{Work, timed};
use super::simd::Level;
use super::{depthwise, direct, products};

/// The gradient of a convolution's output `(N*OH*OW, O)`.
#[derive(Clone, Copy)]
pub enum OutputGrad<'a> {
    /// As values.
    Dense(&'a [f32]),
    /// As the gradient of the norm behind the convolution, applied as it is read.
    Norm(NormGrad<'a>),
}

/// Convolves x `(N*H*W, C)` with w `(KH*KW*C/groups, O)` into `to` `(N*OH*OW, O)`. Returns the sums that the sink kept,
/// in parts whose order depends on the shape alone.
///
/// # Panics
/// When x or w do not have the sizes of `g`.
pub fn forward<K: Sink>(level: Level, g: &ConvGeometry, x: MapInput, w: &[f32], to: K) -> Vec<PartialSums> {
    timed(Work::Forward, || {
        assert!(x.data.len() == g.x_len() && w.len() == g.conv.weight_shape().0 * g.conv.c_out);
        let neutral = Neutral::new(g.conv.c_in);
        let values = Normed { data: x.data, affine: x.pending.unwrap_or(neutral.affine()) };
        if products::applies(g) {
            products::forward(level, g, values, w, to)
        } else if depthwise::applies(g) {
            depthwise::forward(level, g, values, w, to)
        } else {
            let made = x.pending.map(|_| collect(level, values, g.x_len(), g.conv.c_in));
            direct::forward(level, g, made.as_deref().unwrap_or(x.data), w, to)
        }
    })
}

/// Adds the gradient of w to `gw` `(KH*KW*C/groups, O)`. Where the gradient of x `(N*H*W, C)` is wanted, adds it to
/// `gx` when the flag beside it is set, else writes it there.
///
/// # Panics
/// When x, `gw` or `gx` do not have the sizes of `g`.
pub fn backward(
    level: Level,
    g: &ConvGeometry,
    x: MapInput,
    gy: OutputGrad,
    w: &[f32],
    gw: &mut [f32],
    gx: Option<(&mut [f32], bool)>,
) {
    timed(Work::Backward, || {
        assert!(x.data.len() == g.x_len() && gw.len() == w.len());
        let to = gx.map(|(gx, add)| {
            assert!(gx.len() == g.x_len());
            Grad { gx: SharedPtr::new(gx), add }
        });
        let (before, behind) = (Neutral::new(g.conv.c_in), Neutral::new(g.conv.c_out));
        let x_values = Normed { data: x.data, affine: x.pending.unwrap_or(before.affine()) };
        let maps = match gy {
            OutputGrad::Dense(g) => (x_values, NormGrad { g, y: g, factors: behind.factors(), mask: None }),
            OutputGrad::Norm(gy) => (x_values, gy),
        };
        if products::applies(g) {
            products::backward(level, g, maps, w, gw, to);
        } else if depthwise::applies(g) {
            depthwise::backward(level, g, maps, w, gw, to);
        } else {
            let x_made = x.pending.map(|_| collect(level, x_values, g.x_len(), g.conv.c_in));
            let x = x_made.as_deref().unwrap_or(x.data);
            direct::weight_grad(level, g, x, maps.1, gw);
            let Some(to) = to else { return };
            let gy_made = match gy {
                OutputGrad::Dense(_) => None,
                OutputGrad::Norm(gy) => Some(collect(level, gy, g.y_len(), g.conv.c_out)),
            };
            direct::input_grad(level, g, gy_made.as_deref().unwrap_or(maps.1.g), w, to);
        }
    });
}
