//! Convolution, forward and backward, with the norms, sums and activations around it done on the way. Here the shape of
//! a convolution decides which way it takes: `products`, `depthwise` or `direct` (`docs/dev/kernels.md`).

use super::buffer::SharedPtr;
use super::gemm::Operand;
use super::geometry::ConvGeometry;
use super::lanes::{Grad, MapInput, Neutral, NormGrad, Normed, Sink, collect};
use super::moments::PartialSums;
use super::profile::{Work, timed};
use super::simd::Level;
use super::value::Read;
use super::{depthwise, direct, products};

/// The gradient of a convolution's output `(N*OH*OW, O)`.
#[derive(Clone, Copy)]
pub enum OutputGrad<'a, T = f32> {
    /// As values.
    Dense(&'a [T]),
    /// As the gradient of the norm behind the convolution, applied as it is read.
    Norm(NormGrad<'a, T>),
}

/// Convolves x `(N*H*W, C)` with w `(KH*KW*C/groups, O)` into `to` `(N*OH*OW, O)`. Returns the sums that the sink kept,
/// in parts whose order depends on the shape alone.
///
/// # Panics
/// When x or w do not have the sizes of `g`.
pub fn forward<T: Operand, K: Sink>(
    level: Level,
    g: &ConvGeometry,
    x: MapInput<T>,
    w: &[f32],
    to: K,
) -> Vec<PartialSums> {
    timed(Work::Forward, || {
        assert!(x.data.len() == g.x_len() && w.len() == g.conv.weight_shape().0 * g.conv.c_out);
        let neutral = Neutral::new(g.conv.c_in);
        let values = Normed { data: x.data, affine: x.pending.unwrap_or(neutral.affine()) };
        if products::applies::<T>(g) {
            products::forward::<T, _, _>(level, g, values, w, to)
        } else if depthwise::applies(g) {
            depthwise::forward(level, g, values, w, to)
        } else {
            direct::forward(level, g, &made(level, x, values, g.conv.c_in), w, to)
        }
    })
}

/// Adds the gradient of w to `gw` `(KH*KW*C/groups, O)`. Where the gradient of x `(N*H*W, C)` is wanted, adds it to
/// `gx` when the flag beside it is set, else writes it there.
///
/// # Panics
/// When x, `gw` or `gx` do not have the sizes of `g`.
pub fn backward<T: Operand>(
    level: Level,
    g: &ConvGeometry,
    x: MapInput<T>,
    gy: OutputGrad<T>,
    w: &[f32],
    gw: &mut [f32],
    gx: Option<(&mut [T], bool)>,
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
        if products::applies::<T>(g) {
            products::backward(level, g, maps, w, gw, to);
        } else if depthwise::applies(g) {
            depthwise::backward(level, g, maps, w, gw, to);
        } else {
            direct::weight_grad(level, g, &made(level, x, x_values, g.conv.c_in), maps.1, gw);
            let Some(to) = to else { return };
            let gy = match gy {
                OutputGrad::Dense(gy) => Read::Own(gy),
                OutputGrad::Norm(gy) => Read::Made(collect(level, gy, g.y_len(), g.conv.c_out)),
            };
            direct::input_grad(level, g, &gy, w, to);
        }
    });
}

/// The values of a map, with the norm that was pending, where there was one.
fn made<'a, T: Operand>(level: Level, x: MapInput<'a, T>, normed: Normed<T>, c: usize) -> Read<'a, T> {
    match x.pending {
        Some(_) => Read::Made(collect(level, normed, x.data.len(), c)),
        None => Read::Own(x.data),
    }
}
