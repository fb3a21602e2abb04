//! A 1x1 convolution: every pixel is a tile, and the one matrix is the map itself, in panels.

use super::tiles::{Form, TileMatrix, Tiling, Weights};
use crate::kernels::buffer::Shared;
use crate::kernels::lanes::{Gradient, Sink, Source};
use crate::kernels::simd::{LINE, Level, Vector, by_vector, simd_kernel};

/// The form of 1x1 convolutions.
#[derive(Clone, Copy)]
pub struct Pointwise;

impl Form for Pointwise {
    const EDGE: usize = 1;
    const FREQUENCIES: usize = 1;
    const BLOCK: usize = 96;
    const TOGETHER: usize = 2048;

    fn scratch(_: &Tiling) -> usize {
        0
    }

    unsafe fn read_input<S: Source>(
        level: Level,
        x: S,
        t: Tiling,
        band: usize,
        to: TileMatrix,
        row: usize,
        _: *mut f32,
    ) {
        // SAFETY: the caller's
        unsafe { read(level, x, t, band * t.w, t.w, to, row) }
    }

    unsafe fn read_gradient<S: Source>(level: Level, gy: S, t: Tiling, band: usize, to: TileMatrix, row: usize) {
        // SAFETY: the caller's
        unsafe { read(level, gy, t, band * t.w, t.w, to, row) }
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
        // SAFETY: the caller's
        unsafe { write(level, from, row, t, band * t.w, t.w, to, sums, stride) }
    }

    unsafe fn write_input_gradient(
        level: Level,
        from: TileMatrix,
        row: usize,
        t: Tiling,
        band: usize,
        gx: Shared,
        add: bool,
        _: *mut f32,
    ) {
        // SAFETY: the caller's
        unsafe { write(level, from, row, t, band * t.w, t.w, Gradient { gx, add }, std::ptr::null_mut(), 0) }
    }

    fn transform(level: Level, w: Weights, panel: usize, to: TileMatrix, to_panel: usize) {
        assert!(w.data.len() == w.rows * w.cols && panel * LINE < w.cols);
        assert!(to.rows == w.rows && to_panel * LINE < to.cols);
        // SAFETY: the assertions
        unsafe { read_panel(level, w, panel * LINE, to, to_panel) }
    }

    unsafe fn add_gradient(level: Level, from: TileMatrix, from_panel: usize, gw: Shared, cols: usize, panel: usize) {
        // SAFETY: the caller's
        unsafe { add_panel(level, from, from_panel, gw, cols, panel * LINE) }
    }
}

simd_kernel! {
    fn read<S: Source>(x: S, t: Tiling, first: usize, count: usize, to: TileMatrix, row: usize) = read_body
}

simd_kernel! {
    fn write<K: Sink>(
        from: TileMatrix, row: usize, t: Tiling, first: usize, count: usize, to: K, sums: *mut f32, stride: usize,
    ) = write_body
}

simd_kernel! {
    fn read_panel(w: Weights<'_>, first: usize, to: TileMatrix, panel: usize) = read_panel_body
}

simd_kernel! {
    fn add_panel(from: TileMatrix, panel: usize, gw: Shared, cols: usize, first: usize) = add_panel_body
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn read_body<V: Vector, S: Source>(x: S, t: Tiling, first: usize, count: usize, to: TileMatrix, row: usize) {
    // SAFETY: the caller's
    unsafe { by_vector!(V, t.c, read_vector::<V, S>(x, t, first, count, to, row)) }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn read_vector<V: Vector, S: Source>(
    x: S,
    t: Tiling,
    first: usize,
    count: usize,
    to: TileMatrix,
    row: usize,
    c: usize,
    n: usize,
) {
    // SAFETY: pixels and rows are the caller's
    unsafe {
        let k = x.constants::<V>(c, n);
        let target = to.line(0, c, row);
        for i in 0..count {
            x.value(&k, (first + i) * t.c + c, n).store(target.add(i * LINE));
        }
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn write_body<V: Vector, K: Sink>(
    from: TileMatrix,
    row: usize,
    t: Tiling,
    first: usize,
    count: usize,
    to: K,
    sums: *mut f32,
    stride: usize,
) {
    // SAFETY: the caller's
    unsafe { by_vector!(V, t.c, write_vector::<V, K>(from, row, t, first, count, to, sums, stride)) }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn write_vector<V: Vector, K: Sink>(
    from: TileMatrix,
    row: usize,
    t: Tiling,
    first: usize,
    count: usize,
    to: K,
    sums: *mut f32,
    stride: usize,
    c: usize,
    n: usize,
) {
    // SAFETY: pixels and rows are the caller's
    unsafe {
        let mut k = to.begin::<V>(c, n, sums, stride);
        let source = from.line(0, c, row);
        for i in 0..count {
            to.put(&mut k, V::load(source.add(i * LINE)), (first + i) * t.c + c, n);
        }
        to.end(&k, c, sums, stride);
    }
}

#[inline(always)]
unsafe fn read_panel_body<V: Vector>(w: Weights, first: usize, to: TileMatrix, panel: usize) {
    for lane in (0..LINE).step_by(V::LANES) {
        let n = w.cols.saturating_sub(first + lane).min(V::LANES);
        for row in 0..w.rows {
            // SAFETY: of a last short vector `n` values are read; the panel has the rows
            unsafe {
                let values = match n {
                    0 => V::splat(0.0),
                    n => V::load_first(w.data.as_ptr().add(row * w.cols + first + lane), n),
                };
                values.store(to.line(0, panel * LINE + lane, row));
            }
        }
    }
}

#[inline(always)]
unsafe fn add_panel_body<V: Vector>(from: TileMatrix, panel: usize, gw: Shared, cols: usize, first: usize) {
    for lane in (0..LINE.min(cols - first)).step_by(V::LANES) {
        let n = (cols - first - lane).min(V::LANES);
        for row in 0..from.rows {
            // SAFETY: of a last short vector `n` values are touched; rows and columns are the caller's
            unsafe {
                let place = gw.at(row * cols + first + lane);
                let sum = V::load(from.line(0, panel * LINE + lane, row)).add(V::load_first(place, n));
                sum.store_first(place, n);
            }
        }
    }
}
