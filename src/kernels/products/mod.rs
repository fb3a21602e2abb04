//! Convolutions of 3x3 and 1x1 as matrix products over tiles, of stride 1 and 2, in bundles of channels where there are
//! groups: 3x3 through Winograd's transforms, 1x1 as it is.
//!
//! A [`Form`] takes tiles of a map into rows of matrices, one matrix for each frequency (36 or 81 of a Winograd tile, one
//! of a pixel), and products back into maps. Two ways through the products, chosen by the shape alone: a task takes a block
//! of tiles through all steps in scratch of its own ([`blocks`]); or, with many channels, all tasks do one step after the
//! other over tiles that stay in the last cache ([`phases`]). Every sum runs in an order that depends on the
//! shape alone.

mod blocks;
mod form;
mod groups;
mod phases;
mod pointwise;
mod tiles;
mod winograd;

use super::buffer::{Buffer, Shared};
use super::geometry::ConvGeometry;
use super::lanes::{Gradient, Sink, Source};
use super::moments::Part;
use super::simd::Level;
use form::Form;
use pointwise::Pointwise;
use tiles::Weights;
use winograd::{Stride1, Stride2, Winograd};

/// Values of the transformed weights from which on the steps are taken one after the other.
const MANY_WEIGHTS: usize = 1 << 20;

/// Whether a convolution is done here.
pub fn applies(g: &ConvGeometry) -> bool {
    let by_form = pointwise(g) || Winograd::<Stride1>::applies(g) || Winograd::<Stride2>::applies(g);
    by_form && groups::applies(&g.conv)
}

fn pointwise(g: &ConvGeometry) -> bool {
    g.conv.kernel == (1, 1) && g.conv.padding == (0, 0) && g.conv.stride <= 2
}

/// Convolves `x` with `w` into `to`; gives the sums of each part of the output that the sink kept.
pub fn forward<S: Source, K: Sink>(level: Level, g: &ConvGeometry, x: S, w: &[f32], to: K) -> Vec<Part> {
    match (g.conv.taps(), g.conv.stride) {
        (1, 1) => forward_as::<Pointwise<1>, S, K>(level, g, x, w, to),
        (1, _) => forward_as::<Pointwise<2>, S, K>(level, g, x, w, to),
        (_, 1) => forward_as::<Winograd<Stride1>, S, K>(level, g, x, w, to),
        _ => forward_as::<Winograd<Stride2>, S, K>(level, g, x, w, to),
    }
}

fn forward_as<F: Form, S: Source, K: Sink>(level: Level, g: &ConvGeometry, x: S, w: &[f32], to: K) -> Vec<Part> {
    let spread = groups::spread(&g.conv, w);
    let w = Weights::new(spread.as_deref().unwrap_or(w), &g.conv);
    match w.transformed::<F>() < MANY_WEIGHTS {
        true => blocks::forward::<F, S, K>(level, g, x, w, to),
        false => phases::forward::<F, S, K>(level, g, x, w, to),
    }
}

/// Adds the gradient of `w` to `gw`, and gives that of `x` to `gx`.
pub fn backward<S: Source, G: Source>(
    level: Level,
    g: &ConvGeometry,
    maps: (S, G),
    w: &[f32],
    gw: &mut [f32],
    gx: Option<Gradient>,
) {
    match (g.conv.taps(), g.conv.stride) {
        (1, 1) => backward_as::<Pointwise<1>, S, G>(level, g, maps, w, gw, gx),
        (1, _) => backward_as::<Pointwise<2>, S, G>(level, g, maps, w, gw, gx),
        (_, 1) => backward_as::<Winograd<Stride1>, S, G>(level, g, maps, w, gw, gx),
        _ => backward_as::<Winograd<Stride2>, S, G>(level, g, maps, w, gw, gx),
    }
}

fn backward_as<F: Form, S: Source, G: Source>(
    level: Level,
    g: &ConvGeometry,
    maps: (S, G),
    w: &[f32],
    gw: &mut [f32],
    gx: Option<Gradient>,
) {
    assert!(gw.len() == w.len());
    let spread = groups::spread(&g.conv, w);
    let w = Weights::new(spread.as_deref().unwrap_or(w), &g.conv);
    let mut spread_gw = spread.as_ref().map(|w| Buffer::zeros(w.len()));
    let to = spread_gw.as_deref_mut().unwrap_or(&mut *gw);
    match w.transformed::<F>() < MANY_WEIGHTS {
        true => blocks::backward::<F, S, G>(level, g, maps, w, to, gx),
        false => phases::backward::<F, S, G>(level, g, maps, w, Shared::new(to), gx),
    }
    if let Some(spread_gw) = spread_gw {
        groups::add_spread(&g.conv, &spread_gw, gw);
    }
}
