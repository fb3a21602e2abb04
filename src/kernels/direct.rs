//! Dense convolutions of any kernel, stride and dilation, as products of gathered rows and packed weights.
//!
//! Every sum runs in an order that depends on the shapes alone.

use super::buffer::{Buffer, Shared};
use super::geometry::ConvGeometry;
use super::lanes::{Gradient, Sink, Sums, Writing};
use super::micro;
use super::moments::Part;
use super::patches::{self, Grid, Images, Patches};
use super::simd::{LINE, Level, by_vector, simd_kernel};
use rayon::prelude::*;
use std::ops::Range;

/// Pixels whose row tables are built together: a panel of weights stays in the cache for them.
const CHUNK: usize = 96;
/// Chunks of a task.
const CHUNKS: usize = 4;
/// Pixels summed into a tile of a weight gradient before it goes to memory.
const GRAD_CHUNK: usize = 192;
/// Weight gradients of at most this many values are summed in slices of the batch, larger ones by rows.
const SLICED_UP_TO: usize = 9 * 128 * 128;
/// Slices of the batch.
const SLICES: usize = 16;

/// Convolves x `(N*H*W, C)` with w `(KH*KW*C, O)` into `to`; gives the sums that the sink kept.
pub fn forward<K: Sink>(level: Level, g: &ConvGeometry, x: &[f32], w: &[f32], to: K) -> Vec<Part> {
    let (c, o) = (g.conv.c_in, g.conv.c_out);
    let panels = pack(g.conv.taps() * c, o, |row, col| w[row * o + col]);
    // (N*OH*OW, KH*KW*C) x (KH*KW*C, O)
    patches::forward(g, x, |source, grid| product(level, source, g.n, grid, &panels, ((g.oh, g.ow, o), to)))
}

/// Writes the gradient of x to `gx`, or adds it when `add`.
pub fn input_grad(level: Level, g: &ConvGeometry, gy: &[f32], w: &[f32], gx: &mut [f32], add: bool) {
    let (c, o) = (g.conv.c_in, g.conv.c_out);
    let grids = Grid::backward(g);
    // (a stride that is larger than the kernel leaves pixels out)
    let zeros = !add && grids.iter().any(|grid| grid.taps.is_empty());
    if zeros {
        gx.par_chunks_mut(1 << 14).for_each(|gx| gx.fill(0.0));
    }
    let to = Gradient { gx: Shared::new(gx), add: add || zeros };
    for grid in grids.iter().filter(|grid| !grid.taps.is_empty()) {
        let panels = pack(grid.taps.len() * o, c, |row, col| w[(grid.taps[row / o] * c + col) * o + row % o]);
        // (N*H*W of the class, taps*O) x (taps*O, C)
        product(level, Images { data: gy, h: g.oh, w: g.ow, c: o }, g.n, grid, &panels, ((g.h, g.w, c), to));
    }
}

/// Adds the gradient of w to `gw`.
pub fn weight_grad(level: Level, g: &ConvGeometry, x: &[f32], gy: &[f32], gw: &mut [f32]) {
    patches::forward(g, x, |source, grid| {
        let (o, pixels) = (g.conv.c_out, g.n * grid.pixels());
        let width = source.c * grid.span;
        if gw.len() <= SLICED_UP_TO {
            let slice = pixels.div_ceil(SLICES).next_multiple_of(GRAD_CHUNK);
            let starts: Vec<usize> = (0..pixels).step_by(slice).collect();
            let sum = |&start: &usize| {
                let mut sums = Buffer::zeros(gw.len());
                let pixels = start..(start + slice).min(pixels);
                outer_products(level, source, grid, (gy, o), pixels, 0..width, &mut sums);
                sums
            };
            let partials: Vec<Buffer> = starts.par_iter().map(sum).collect();
            gw.par_chunks_mut(4096).enumerate().for_each(|(i, gw)| {
                for partial in &partials {
                    gw.iter_mut().zip(&partial[i * 4096..]).for_each(|(a, b)| *a += b);
                }
            });
        } else {
            let rows_per_task = width.div_ceil(width.div_ceil(96));
            let taps = grid.taps.iter().zip(gw.chunks_exact_mut(width * o));
            let tasks: Vec<(Grid, usize, &mut [f32])> = taps
                .flat_map(|(tap, rows)| {
                    let parts = rows.chunks_mut(rows_per_task * o).enumerate();
                    parts.map(|(i, rows)| (grid.only(*tap), i * rows_per_task, rows))
                })
                .collect();
            tasks.into_par_iter().for_each(|(grid, first, rows)| {
                outer_products(level, source, &grid, (gy, o), 0..pixels, first..first + rows.len() / o, rows);
            });
        }
    });
}

/// Cuts a matrix `(rows, cols)` into panels `[cols / 16][row][16]`, the last filled up with zeros.
fn pack(rows: usize, cols: usize, at: impl Fn(usize, usize) -> f32 + Sync) -> Buffer {
    let mut panels = Buffer::take(cols.div_ceil(LINE) * rows * LINE);
    panels.par_chunks_mut(rows * LINE).enumerate().for_each(|(p, panel)| {
        for (row, line) in panel.chunks_exact_mut(LINE).enumerate() {
            for (i, v) in line.iter_mut().enumerate() {
                let col = p * LINE + i;
                *v = if col < cols { at(row, col) } else { 0.0 };
            }
        }
    });
    panels
}

/// Multiplies the gathered rows of the grid's pixels by packed panels into maps of height, width and channels.
fn product<K: Sink>(
    level: Level,
    source: Images,
    n: usize,
    grid: &Grid,
    panels: &[f32],
    ((h, w, c), to): ((usize, usize, usize), K),
) -> Vec<Part> {
    let pixels = n * grid.pixels();
    let width = source.c * grid.span;
    let lines = grid.taps.len() * width;
    let starts: Vec<usize> = (0..pixels).step_by(CHUNK * CHUNKS).collect();
    let task = |&start: &usize| {
        let range = start..(start + CHUNK * CHUNKS).min(pixels);
        let mut patches = Patches::new(source, grid);
        let mut places = Vec::with_capacity(CHUNK);
        let mut tiles = Buffer::take(CHUNK * LINE);
        let mut sums = Sums::room::<K>(c);
        for first in range.clone().step_by(CHUNK) {
            let count = CHUNK.min(range.end - first);
            let table = patches.rows(first, count);
            places.clear();
            places.extend((first..first + count).map(|q| grid.output(q, (h, w)) * c));
            for (p, panel) in panels.chunks_exact(lines * LINE).enumerate() {
                // SAFETY: the table has `count` rows of `lines` values, the panel as many lines; the places are those
                // of the task's own pixels
                unsafe {
                    micro::nn(level, table, 0, count, width, lines, panel.as_ptr(), tiles.as_mut_ptr());
                    write(level, tiles.as_ptr(), &places, p * LINE, c, to, Sums::of(&mut sums));
                }
            }
        }
        Part { rows: range.len(), sums }
    };
    starts.par_iter().map(task).collect()
}

simd_kernel! {
    /// Gives a line a place, for channels `first..` of `c`, to the sink.
    fn write<V, K: Sink>(lines: *const f32, places: &[usize], first: usize, c: usize, to: K, sums: Sums) {
        // SAFETY: lines and places are the caller's
        unsafe {
            by_vector!(V, LINE.min(c - first), |lane, n| {
                let mut to = Writing::begin(to, first + lane, n, sums);
                for (i, place) in places.iter().enumerate() {
                    to.put(V::load(lines.add(i * LINE + lane)), place + first + lane);
                }
                to.end(first + lane, sums);
            });
        }
    }
}

/// Adds the sums over `pixels` of (gathered row)^T x (row of gy, `o` wide) to `sums` `(taps * rows, o)`, for values `rows`
/// of each gathered row.
fn outer_products(
    level: Level,
    source: Images,
    grid: &Grid,
    (gy, o): (&[f32], usize),
    pixels: Range<usize>,
    rows: Range<usize>,
    sums: &mut [f32],
) {
    let mut patches = Patches::new(source, grid);
    let mut tile = Buffer::take(LINE * LINE);
    let mut panels = Buffer::zeros(o.div_ceil(LINE) * GRAD_CHUNK * LINE);
    for first in pixels.clone().step_by(GRAD_CHUNK) {
        let count = GRAD_CHUNK.min(pixels.end - first);
        for (p, panel) in panels.chunks_exact_mut(GRAD_CHUNK * LINE).enumerate() {
            let cols = LINE.min(o - p * LINE);
            for (line, row) in panel.chunks_exact_mut(LINE).zip(gy[first * o..].chunks_exact(o)).take(count) {
                line[..cols].copy_from_slice(&row[p * LINE..][..cols]);
            }
        }
        let table = patches.rows(first, count);
        for tap in 0..table.pointers.len() / table.stride {
            for row in rows.clone().step_by(LINE) {
                let height = LINE.min(rows.end - row);
                for (p, panel) in panels.chunks_exact(GRAD_CHUNK * LINE).enumerate() {
                    // SAFETY: `count` rows of the table, whose parts hold the values `rows`; as many lines of the panel
                    unsafe {
                        let tile = tile.as_mut_ptr();
                        micro::tn(level, table, tap, row, height, count, panel.as_ptr(), tile, false);
                    }
                    let cols = LINE.min(o - p * LINE);
                    for (i, line) in tile.chunks_exact(LINE).enumerate().take(height) {
                        let at = (tap * rows.len() + row - rows.start + i) * o + p * LINE;
                        sums[at..][..cols].iter_mut().zip(line).for_each(|(a, b)| *a += b);
                    }
                }
            }
        }
    }
}
