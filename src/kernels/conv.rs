//! Convolution as products of gathered rows and packed weights; forward and both gradients.
//!
//! Every sum runs in an order that depends on the shapes alone, so results do not depend on the number of threads.

use super::geometry::ConvGeometry;
use super::grouped;
use super::micro::{self, COLS, Level, ROWS, Tile};
use super::patches::{Grid, Patches, Source};
use rayon::prelude::*;

/// Pixels whose row tables are built together: a panel of weights stays in the cache for them.
const CHUNK: usize = 96;
/// Pixels summed into a tile of a weight gradient before it goes to memory.
const GRAD_CHUNK: usize = 192;
/// Weight gradients of at most this many values are summed in slices of the batch, larger ones by rows.
const SLICED_UP_TO: usize = 9 * 128 * 128;
/// Slices of the batch.
const SLICES: usize = 16;

/// y = conv(x, w), with x `(N*H*W, C)`, w `(KH*KW*C/groups, O)`, y `(N*OH*OW, O)`.
pub fn forward(level: Level, g: &ConvGeometry, x: &[f32], w: &[f32], y: &mut [f32]) {
    assert!(x.len() == g.x_len() && y.len() == g.y_len());
    if g.conv.groups > 1 {
        return grouped::forward(g, x, w, y);
    }
    let (c, o) = (g.conv.c_in, g.conv.c_out);
    let grid = Grid::forward(g);
    let panels = pack(grid.taps.len() * c, o, |row, col| w[row * o + col]);
    let images = images_per_task(&grid);
    let tasks = y.par_chunks_mut(images * g.oh * g.ow * o).zip(x.par_chunks(images * g.h * g.w * c));
    tasks.for_each(|(y, x)| {
        let source = Source { data: x, h: g.h, w: g.w, c };
        // (N*OH*OW, KH*KW*C) x (KH*KW*C, O)
        product(level, source, &grid, &panels, Output { data: y, h: g.oh, w: g.ow, c: o });
    });
}

/// Adds the gradient with regard to x to `gx`.
pub fn input_grad(level: Level, g: &ConvGeometry, gy: &[f32], w: &[f32], gx: &mut [f32]) {
    assert!(gx.len() == g.x_len() && gy.len() == g.y_len());
    if g.conv.groups > 1 {
        return grouped::input_grad(g, gy, w, gx);
    }
    let (c, o) = (g.conv.c_in, g.conv.c_out);
    for grid in Grid::backward(g).into_iter().filter(|grid| !grid.taps.is_empty()) {
        let panels = pack(grid.taps.len() * o, c, |row, col| w[(grid.taps[row / o] * c + col) * o + row % o]);
        let images = images_per_task(&grid);
        let tasks = gx.par_chunks_mut(images * g.h * g.w * c).zip(gy.par_chunks(images * g.oh * g.ow * o));
        tasks.for_each(|(gx, gy)| {
            let source = Source { data: gy, h: g.oh, w: g.ow, c: o };
            // (N*H*W of the class, taps*O) x (taps*O, C)
            product(level, source, &grid, &panels, Output { data: gx, h: g.h, w: g.w, c });
        });
    }
}

/// Adds the gradient with regard to w to `gw`.
pub fn weight_grad(level: Level, g: &ConvGeometry, x: &[f32], gy: &[f32], gw: &mut [f32]) {
    assert!(x.len() == g.x_len() && gy.len() == g.y_len());
    if g.conv.groups > 1 {
        return grouped::weight_grad(g, x, gy, gw);
    }
    let (c, o) = (g.conv.c_in, g.conv.c_out);
    let source = Source { data: x, h: g.h, w: g.w, c };
    let grid = Grid::forward(g);
    let pixels = g.n * g.oh * g.ow;
    if gw.len() <= SLICED_UP_TO {
        let slice = pixels.div_ceil(SLICES).next_multiple_of(GRAD_CHUNK);
        let starts: Vec<usize> = (0..pixels).step_by(slice).collect();
        let partials: Vec<Vec<f32>> = starts
            .par_iter()
            .map(|&start| {
                let mut sums = vec![0f32; gw.len()];
                let whole = if Patches::unfolds(c, grid.taps.len()) { grid.taps.len() * c } else { c };
                outer_products(level, source, &grid, gy, start..(start + slice).min(pixels), 0..whole, &mut sums);
                sums
            })
            .collect();
        gw.par_chunks_mut(4096).enumerate().for_each(|(i, gw)| {
            for partial in &partials {
                gw.iter_mut().zip(&partial[i * 4096..]).for_each(|(a, b)| *a += b);
            }
        });
    } else {
        let rows_per_task = c.div_ceil(c.div_ceil(96));
        let tasks: Vec<(Grid, usize, &mut [f32])> = grid
            .taps
            .iter()
            .zip(gw.chunks_exact_mut(c * o))
            .flat_map(|(tap, rows)| {
                let parts = rows.chunks_mut(rows_per_task * o).enumerate();
                parts.map(|(i, rows)| (grid.only(*tap), i * rows_per_task, rows))
            })
            .collect();
        tasks.into_par_iter().for_each(|(grid, first, rows)| {
            outer_products(level, source, &grid, gy, 0..pixels, first..first + rows.len() / o, rows);
        });
    }
}

/// Images handled by one task, so that it has at least a chunk of pixels.
fn images_per_task(grid: &Grid) -> usize {
    CHUNK.div_ceil(grid.pixels().max(1))
}

/// Cuts a matrix `(rows, cols)` into panels `[cols / 16][row][16]`, the last filled up with zeros.
fn pack(rows: usize, cols: usize, at: impl Fn(usize, usize) -> f32 + Sync) -> Vec<f32> {
    let mut panels = vec![0f32; cols.div_ceil(COLS) * rows * COLS];
    panels.par_chunks_mut(rows * COLS).enumerate().for_each(|(p, panel)| {
        for (row, line) in panel.chunks_exact_mut(COLS).enumerate() {
            for (i, v) in line.iter_mut().enumerate().take(cols - p * COLS) {
                *v = at(row, p * COLS + i);
            }
        }
    });
    panels
}

/// Splits `0..len` into the fewest blocks of at most six, of sizes that differ by at most one.
fn even_blocks(len: usize) -> impl Iterator<Item = (usize, usize)> {
    let blocks = len.div_ceil(ROWS);
    (0..blocks).map(move |i| {
        let start = i * len / blocks;
        (start, (i + 1) * len / blocks - start)
    })
}

struct Output<'a> {
    data: &'a mut [f32],
    h: usize,
    w: usize,
    c: usize,
}

/// Adds (gathered rows of the grid's pixels) x (packed panels) to the output.
fn product(level: Level, source: Source, grid: &Grid, panels: &[f32], out: Output) {
    let pixels = out.data.len() / (out.h * out.w * out.c) * grid.pixels();
    let mut patches = Patches::new(source, grid);
    let mut targets = Vec::with_capacity(CHUNK);
    let mut tile: Tile = Default::default();
    let lines = grid.taps.len() * source.c;
    for first in (0..pixels).step_by(CHUNK) {
        let count = CHUNK.min(pixels - first);
        let table = patches.rows(first, count);
        targets.clear();
        targets.extend((first..first + count).map(|q| grid.output(q, (out.h, out.w)) * out.c));
        for (p, panel) in panels.chunks_exact(lines * COLS).enumerate() {
            let cols = COLS.min(out.c - p * COLS);
            for (row, rows) in even_blocks(count) {
                micro::nn(level, &table, row, rows, panel, &mut tile);
                for (line, target) in tile.iter().zip(&targets[row..row + rows]) {
                    add(&mut out.data[target + p * COLS..][..cols], line);
                }
            }
        }
    }
}

/// Adds the sums over `pixels` of (gathered row)^T x (row of gy) to `sums`, for values `rows` of each gathered row.
///
/// `sums` is `(taps * rows, O)`.
fn outer_products(
    level: Level,
    source: Source,
    grid: &Grid,
    gy: &[f32],
    pixels: std::ops::Range<usize>,
    rows: std::ops::Range<usize>,
    sums: &mut [f32],
) {
    let o = gy.len() / (source.data.len() / (source.h * source.w * source.c) * grid.pixels());
    let mut patches = Patches::new(source, grid);
    let mut tile: Tile = Default::default();
    let mut panels = vec![0f32; o.div_ceil(COLS) * GRAD_CHUNK * COLS];
    for first in pixels.clone().step_by(GRAD_CHUNK) {
        let count = GRAD_CHUNK.min(pixels.end - first);
        for (p, panel) in panels.chunks_exact_mut(GRAD_CHUNK * COLS).enumerate() {
            let cols = COLS.min(o - p * COLS);
            for (line, row) in panel.chunks_exact_mut(COLS).zip(gy[first * o..].chunks_exact(o)).take(count) {
                line[..cols].copy_from_slice(&row[p * COLS..][..cols]);
            }
        }
        let table = patches.rows(first, count);
        for tap in 0..table.taps() {
            for (row, height) in even_blocks(rows.len()) {
                for (p, panel) in panels.chunks_exact(GRAD_CHUNK * COLS).enumerate() {
                    let cols = COLS.min(o - p * COLS);
                    let at = (rows.start + row, height);
                    micro::tn(level, &table, tap, at, &panel[..count * COLS], &mut tile);
                    for (i, line) in tile.iter().enumerate().take(height) {
                        add(&mut sums[(tap * rows.len() + row + i) * o + p * COLS..][..cols], line);
                    }
                }
            }
        }
    }
}

#[inline]
fn add(target: &mut [f32], line: &[f32; COLS]) {
    if let Ok(target) = <&mut [f32; COLS]>::try_from(&mut *target) {
        target.iter_mut().zip(line).for_each(|(a, b)| *a += b);
    } else {
        target.iter_mut().zip(line).for_each(|(a, b)| *a += b);
    }
}
