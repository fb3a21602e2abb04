//! Dense convolutions of 3x3 and 1x1 as matrix products over tiles: 3x3 of stride 1 and 2 through Winograd's transforms,
//! 1x1 as it is.
//!
//! A [`Form`] takes tiles of a map into rows of matrices, one matrix for each frequency (36 or 81 of a Winograd tile, one
//! of a pixel), and products back into maps. Two ways through the products, chosen by the shape alone: a task takes a block
//! of tiles through all steps in scratch of its own ([`blocks`]); or, with many channels, all tasks do one step after the
//! other over tiles that stay in the last cache ([`phases`]). Every sum runs in an order that depends on the
//! shape alone.

mod blocks;
mod form;
mod phases;
mod pointwise;
mod tiles;
mod winograd;

use super::buffer::Shared;
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
    pointwise(g) || Winograd::<Stride1>::applies(g) || Winograd::<Stride2>::applies(g)
}

fn pointwise(g: &ConvGeometry) -> bool {
    g.conv.is_pointwise() && g.conv.groups == 1
}

/// Convolves `x` with `w` into `to`; gives the sums of each part of the output that the sink kept.
pub fn forward<S: Source, K: Sink>(level: Level, g: &ConvGeometry, x: S, w: &[f32], to: K) -> Vec<Part> {
    match g.conv.kernel {
        (1, 1) => forward_as::<Pointwise, S, K>(level, g, x, w, to),
        _ if g.conv.stride == 1 => forward_as::<Winograd<Stride1>, S, K>(level, g, x, w, to),
        _ => forward_as::<Winograd<Stride2>, S, K>(level, g, x, w, to),
    }
}

fn forward_as<F: Form, S: Source, K: Sink>(level: Level, g: &ConvGeometry, x: S, w: &[f32], to: K) -> Vec<Part> {
    let w = Weights::new(w, g.conv.c_in, g.conv.c_out);
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
    match g.conv.kernel {
        (1, 1) => backward_as::<Pointwise, S, G>(level, g, maps, w, gw, gx),
        _ if g.conv.stride == 1 => backward_as::<Winograd<Stride1>, S, G>(level, g, maps, w, gw, gx),
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
    let w = Weights::new(w, g.conv.c_in, g.conv.c_out);
    let gw = Shared::new(gw);
    match w.transformed::<F>() < MANY_WEIGHTS {
        true => blocks::backward::<F, S, G>(level, g, maps, w, gw, gx),
        false => phases::backward::<F, S, G>(level, g, maps, w, gw, gx),
    }
}
