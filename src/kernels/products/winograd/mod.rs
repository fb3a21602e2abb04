//! Winograd's F(4x4, 3x3): a 3x3 convolution in a quarter of the multiplications.

mod bands;
mod transform;
mod weights;

use super::tiles::{Form, TileMatrix, Tiling, Weights};
use crate::kernels::buffer::Shared;
use crate::kernels::geometry::ConvGeometry;
use crate::kernels::lanes::{Sink, Source};
use crate::kernels::simd::Level;

/// The form of 3x3 convolutions.
#[derive(Clone, Copy)]
pub struct Winograd;

impl Winograd {
    /// Whether a convolution is done in this form: padded tiles must not eat up what it saves, nor transforms of too few
    /// channels.
    pub fn applies(g: &ConvGeometry) -> bool {
        let c = &g.conv;
        let plain = c.kernel == (3, 3) && c.stride == 1 && c.padding == (1, 1) && c.dilation == 1 && c.groups == 1;
        let tiles = g.oh.div_ceil(Self::EDGE) * g.ow.div_ceil(Self::EDGE);
        plain && c.c_in >= 8 && c.c_out >= 8 && tiles * Self::FREQUENCIES <= g.oh * g.ow * 6
    }
}

// (the safety of the methods is that of the functions)
impl Form for Winograd {
    const EDGE: usize = transform::OUT;
    const FREQUENCIES: usize = transform::IN * transform::IN;
    const BLOCK: usize = 48;
    const TOGETHER: usize = 256;

    fn scratch(t: &Tiling) -> usize {
        bands::scratch(t)
    }

    unsafe fn read_input<S: Source>(
        level: Level,
        x: S,
        t: Tiling,
        band: usize,
        to: TileMatrix,
        row: usize,
        scratch: *mut f32,
    ) {
        unsafe { bands::read_input(level, x, t, band, to, row, scratch) }
    }

    unsafe fn read_gradient<S: Source>(level: Level, gy: S, t: Tiling, band: usize, to: TileMatrix, row: usize) {
        unsafe { bands::read_gradient(level, gy, t, band, to, row) }
    }

    unsafe fn write_output<K: Sink>(
        level: Level,
        from: TileMatrix,
        row: usize,
        t: Tiling,
        band: usize,
        to: K,
        sums: *mut f32,
        stride: usize,
    ) {
        unsafe { bands::write_output(level, from, row, t, band, to, sums, stride) }
    }

    unsafe fn write_input_gradient(
        level: Level,
        from: TileMatrix,
        row: usize,
        t: Tiling,
        band: usize,
        gx: Shared,
        add: bool,
        scratch: *mut f32,
    ) {
        unsafe { bands::write_input_gradient(level, from, row, t, band, gx, add, scratch) }
    }

    fn transform(level: Level, w: Weights, panel: usize, to: TileMatrix, to_panel: usize) {
        weights::transform_weights(level, w, panel, to, to_panel);
    }

    unsafe fn add_gradient(level: Level, from: TileMatrix, from_panel: usize, gw: Shared, cols: usize, panel: usize) {
        unsafe { weights::add_gradient(level, from, from_panel, gw, cols, panel) }
    }
}
