//! Few channels: every task takes blocks of tiles through all steps.

use super::tiles::{Form, TileMatrix, Tiling, Weights};
use crate::kernels::buffer::{Buffer, Shared};
use crate::kernels::geometry::ConvGeometry;
use crate::kernels::lanes::{Sink, Source};
use crate::kernels::micro::{self, PanelRows};
use crate::kernels::moments::Part;
use crate::kernels::simd::{LINE, Level};
use rayon::prelude::*;
use std::ops::Range;

/// Groups of images whose weight gradients are summed apart, at most.
const GROUPS: usize = 16;

/// All weights, transformed.
fn transformed<F: Form>(level: Level, w: Weights) -> Buffer {
    let mut buffer = TileMatrix::buffer::<F>(w.rows, w.cols);
    let u = TileMatrix::over::<F>(&mut buffer, w.rows, w.cols);
    (0..u.panels()).into_par_iter().for_each(|panel| F::transform(level, w, panel, u, panel));
    buffer
}

/// Bands of a block: about [`Form::BLOCK`] tiles.
fn bands_per_block<F: Form>(t: &Tiling) -> usize {
    ((F::BLOCK + t.tiles() / 2) / t.tiles()).max(1)
}

/// Calls `f(first row, band)` for every band, with the row of its first tile in the block.
fn rows_of(bands: Range<usize>, t: &Tiling) -> impl Iterator<Item = (usize, usize)> + use<> {
    let tiles = t.tiles();
    bands.enumerate().map(move |(i, band)| (i * tiles, band))
}

pub fn forward<F: Form, S: Source, K: Sink>(level: Level, g: &ConvGeometry, x: S, w: Weights, to: K) -> Vec<Part> {
    let (tx, ty) = Tiling::of::<F>(g);
    let mut u = transformed::<F>(level, w);
    let u = TileMatrix::over::<F>(&mut u, w.rows, w.cols);
    let (bands, step) = (g.n * tx.bands(), bands_per_block::<F>(&tx));
    let starts: Vec<usize> = (0..bands).step_by(step).collect();
    let block = |&start: &usize| {
        let block = start..(start + step).min(bands);
        let rows = block.len() * tx.tiles();
        let (mut v, mut m) = (TileMatrix::buffer::<F>(rows, w.rows), TileMatrix::buffer::<F>(rows, w.cols));
        let (v, m) = (TileMatrix::over::<F>(&mut v, rows, w.rows), TileMatrix::over::<F>(&mut m, rows, w.cols));
        let mut scratch = Buffer::take(F::scratch(&tx));
        let stride = w.cols.next_multiple_of(LINE);
        let mut sums = vec![0f32; K::SUMS * stride];
        // SAFETY: the bands exist, v and m have their tiles as rows, and all of it but the disjoint outputs is ours
        unsafe {
            for (row, band) in rows_of(block.clone(), &tx) {
                F::read_input(level, x, tx, band, v, row, scratch.as_mut_ptr());
            }
            for f in 0..F::FREQUENCIES {
                for panel in 0..u.panels() {
                    micro::nn(level, v.left(f), 0, rows, LINE, w.rows, u.panel(f, panel), m.panel(f, panel));
                }
            }
            for (row, band) in rows_of(block.clone(), &ty) {
                F::write_output(level, m, row, ty, band, to, sums.as_mut_ptr(), stride);
            }
        }
        Part { rows: ty.pixels(block), sums }
    };
    starts.par_iter().map(block).collect()
}

pub fn backward<F: Form, S: Source, G: Source>(
    level: Level,
    g: &ConvGeometry,
    (x, gy): (S, G),
    w: Weights,
    gw: Shared,
    gx: Option<(Shared, bool)>,
) {
    let (tx, ty) = Tiling::of::<F>(g);
    let flipped = w.transposed();
    let mut ut = gx.map(|_| transformed::<F>(level, Weights { data: &flipped, rows: w.cols, cols: w.rows }));
    let ut = ut.as_mut().map(|ut| TileMatrix::over::<F>(ut, w.cols, w.rows));
    let images = g.n.div_ceil(GROUPS);
    let firsts: Vec<usize> = (0..g.n).step_by(images).collect();
    let group = |&first: &usize| {
        let mut sums = TileMatrix::buffer::<F>(w.rows, w.cols);
        let du = TileMatrix::over::<F>(&mut sums, w.rows, w.cols);
        let bands = first * tx.bands()..(first + images).min(g.n) * tx.bands();
        let step = bands_per_block::<F>(&tx);
        let mut scratch = Buffer::take(F::scratch(&tx));
        let most = step.min(bands.len()) * tx.tiles();
        let (mut v, mut m) = (TileMatrix::buffer::<F>(most, w.rows), TileMatrix::buffer::<F>(most, w.cols));
        let (v, m) = (TileMatrix::over::<F>(&mut v, most, w.rows), TileMatrix::over::<F>(&mut m, most, w.cols));
        for start in bands.clone().step_by(step) {
            let block = start..(start + step).min(bands.end);
            let rows = block.len() * tx.tiles();
            // SAFETY: the bands exist, v and m have room for their tiles, the images of the group are ours alone
            unsafe {
                for (row, band) in rows_of(block.clone(), &tx) {
                    F::read_input(level, x, tx, band, v, row, scratch.as_mut_ptr());
                    F::read_gradient(level, gy, ty, band, m, row);
                }
                for f in 0..F::FREQUENCIES {
                    products(level, (v, m, du), f, rows, start > bands.start);
                    if let Some(ut) = ut {
                        for panel in 0..ut.panels() {
                            micro::nn(level, m.left(f), 0, rows, LINE, w.cols, ut.panel(f, panel), v.panel(f, panel));
                        }
                    }
                }
                if let Some((gx, add)) = gx {
                    for (row, band) in rows_of(block, &tx) {
                        F::write_input_gradient(level, v, row, tx, band, gx, add, scratch.as_mut_ptr());
                    }
                }
            }
        }
        sums
    };
    let mut groups: Vec<Buffer> = firsts.par_iter().map(group).collect();
    let Some((first, rest)) = groups.split_first_mut() else { return };
    first.par_chunks_mut(1 << 14).enumerate().for_each(|(i, sums)| {
        for other in rest.iter() {
            sums.iter_mut().zip(&other[i << 14..]).for_each(|(a, b)| *a += b);
        }
    });
    let du = TileMatrix::over::<F>(first, w.rows, w.cols);
    // SAFETY: gw holds the gradient, each panel's channels are one task's
    (0..du.panels()).into_par_iter().for_each(|p| unsafe { F::add_gradient(level, du, p, gw, w.cols, p) });
}

/// dU = (or, with `add`, +=) V^T dM over the first `rows` tiles, for one frequency.
///
/// # Safety
/// The matrices must have those rows, and be this task's own.
unsafe fn products(level: Level, (v, m, du): (TileMatrix, TileMatrix, TileMatrix), f: usize, rows: usize, add: bool) {
    for channels in 0..v.panels() {
        let left = PanelRows { first: v.panel(f, channels), stride: 0 };
        let count = LINE.min(v.cols - channels * LINE);
        for panel in 0..m.panels() {
            let to = du.line(f, panel * LINE, channels * LINE);
            // SAFETY: the caller's
            unsafe { micro::tn(level, left, 0, 0, count, rows, m.panel(f, panel), to, LINE, add) }
        }
    }
}
