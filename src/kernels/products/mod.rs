//! Convolutions of 3x3 and 1x1 with stride 1 or 2 as matrix products over tiles: 3x3 through Winograd's transforms, 1x1
//! as it is. Convolutions in groups are products in bundles of channels.
//!
//! A [`Form`] takes the tiles of a map into rows of matrices, one matrix for every frequency, and the products back
//! into maps. A Winograd tile has 36 frequencies, or 81 with stride 2; a pixel has one. There are two ways through the
//! products, and the shape alone decides between them:
//!
//! - [`blocks`]: a task takes a block of tiles through all steps in scratch of its own;
//! - [`phases`]: with many channels, all tasks do one step after the other, over tiles that stay in the last-level
//!   cache.
//!
//! Every sum runs in an order that depends on the shape alone. `docs/dev/kernels.md` draws the layouts.

mod blocks;
mod dilated;
mod form;
mod groups;
mod phases;
mod pointwise;
mod tiles;
mod winograd;

use super::buffer::{Buffer, SharedPtr};
use super::gemm::Operand;
use super::geometry::ConvGeometry;
use super::lanes::{Grad, Sink, Source};
use super::moments::PartialSums;
use super::simd::Level;
use super::value::Value;
use dilated::Phased;
use form::Form;
use pointwise::Pointwise;
use tiles::Weights;
use winograd::{Stride1, Stride2, Winograd};

/// Whether a convolution is done here: 1x1 without padding, or 3x3 as [`Winograd`] takes it, of stride 1 or 2 and with
/// stride 1 dilated too, without groups or in groups that make whole bundles.
pub fn applies<T: Operand>(g: &ConvGeometry) -> bool {
    // With stride 2 Winograd multiplies 81 times in f32 where the definition does 144 times, at twice the speed in pairs.
    let strided = T::STEP == 1 && Winograd::<Stride2>::applies(g);
    let by_form = pointwise(g) || Winograd::<Stride1>::applies(g) || strided;
    by_form && groups::applies(&g.conv)
}

fn pointwise(g: &ConvGeometry) -> bool {
    g.conv.dilation == 1 && g.conv.kernel == (1, 1) && g.conv.padding == (0, 0) && g.conv.stride <= 2
}

/// Convolves x `(N*H*W, C)` with w `(KH*KW*C/groups, O)` into `to`, 1x1 as products of numbers of format T. Returns the sums
/// of each part of the output that the sink kept.
pub fn forward<T: Operand, S: Source, K: Sink>(
    level: Level,
    g: &ConvGeometry,
    x: S,
    w: &[f32],
    to: K,
) -> Vec<PartialSums> {
    match (g.conv.taps(), g.conv.stride) {
        (1, 1) => forward_as::<Pointwise<1, T>, S, K>(level, g, x, w, to),
        (1, _) => forward_as::<Pointwise<2, T>, S, K>(level, g, x, w, to),
        (_, 1) => forward_as::<Winograd<Stride1>, S, K>(level, g, x, w, to),
        _ => forward_as::<Winograd<Stride2>, S, K>(level, g, x, w, to),
    }
}

fn forward_as<F: Form, S: Source, K: Sink>(level: Level, g: &ConvGeometry, x: S, w: &[f32], to: K) -> Vec<PartialSums> {
    let spread = groups::spread(&g.conv, w);
    let w = Weights::new(spread.as_deref().unwrap_or(w), &g.conv);
    let parts = Phased::of(g).into_iter().flat_map(|g| match blocks::applies::<F>(&w) {
        true => blocks::forward::<F, S, K>(level, &g, x, w, to),
        false => phases::forward::<F, S, K>(level, &g, x, w, to),
    });
    parts.collect()
}

/// Adds the gradient of `w` to `gw` `(KH*KW*C/groups, O)` and gives that of `x` to `gx`, out of x and the output's
/// gradient.
pub fn backward<S: Source, G: Source, T: Operand>(
    level: Level,
    g: &ConvGeometry,
    maps: (S, G),
    w: &[f32],
    gw: &mut [f32],
    gx: Option<Grad<T>>,
) {
    match (g.conv.taps(), g.conv.stride) {
        (1, 1) => backward_as::<Pointwise<1, T>, S, G, T>(level, g, maps, w, gw, gx),
        (1, _) => backward_as::<Pointwise<2, T>, S, G, T>(level, g, maps, w, gw, gx),
        (_, 1) => backward_as::<Winograd<Stride1>, S, G, T>(level, g, maps, w, gw, gx),
        _ => backward_as::<Winograd<Stride2>, S, G, T>(level, g, maps, w, gw, gx),
    }
}

fn backward_as<F: Form, S: Source, G: Source, T: Value>(
    level: Level,
    g: &ConvGeometry,
    maps: (S, G),
    w: &[f32],
    gw: &mut [f32],
    gx: Option<Grad<T>>,
) {
    assert!(gw.len() == w.len());
    let spread = groups::spread(&g.conv, w);
    let w = Weights::new(spread.as_deref().unwrap_or(w), &g.conv);
    let mut spread_gw = spread.as_ref().map(|w| Buffer::zeros(w.len()));
    let to = spread_gw.as_deref_mut().unwrap_or(&mut *gw);
    for g in Phased::of(g) {
        match blocks::applies::<F>(&w) {
            true => blocks::backward::<F, S, G, T>(level, &g, maps, w, to, gx),
            false => phases::backward::<F, S, G, T>(level, &g, maps, w, SharedPtr::new(to), gx),
        }
    }
    if let Some(spread_gw) = spread_gw {
        groups::add_spread(&g.conv, &spread_gw, gw);
    }
}
