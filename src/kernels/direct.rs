//! Convolutions of any kernel, stride, dilation and groups, by the definition: those that have no way of their own,
//! such as the stems of nets, whose images have 1 or 3 channels.
//!
//! Images get their padding in memory ([`Padded`]), so that the inputs of a tap lie equally far from every pixel. That
//! takes the place of im2col, which copies every value once a tap: the rows of the matrix product are read where they lie.
//!
//! ```text
//! y  = x_rows (N*OH*OW, KH*KW*C) x w (KH*KW*C, O)
//! gw = x_rows^T x gy (N*OH*OW, O)
//! gx = gy_rows (pixels of a parity class, taps*O) x w^T (taps*O, C)     for each parity class of the stride
//! ```
//!
//! A panel holds the weights of 16 output channels. In groups it has the input channels of the groups of its columns
//! alone, with zeros where a row and a column are not of one group.
//!
//! Every sum runs in an order that depends on the shapes alone.

use super::buffer::{Aligned, Buffer};
use super::gemm::{self, Operand, PanelRows};
use super::geometry::ConvGeometry;
use super::lanes::{Grad, Sink, Source, Sums, Writing};
use super::moments::PartialSums;
use super::padded::{Grid, Padded};
use super::parallel;
use super::simd::{LINE, Level, by_vector, simd_kernel};
use std::ops::Range;

/// Pixels, about, that go through a panel of weights before the next panel takes their place.
///
/// A panel is KH*KW*C lines of 64 bytes, 9 KiB for a stem of 7x7 on 3 channels, and stays in the first-level cache for
/// all of these pixels. Their inputs are read once for every panel, so they should be few enough to stay in the
/// second-level cache: 96 pixels of 512 channels are 192 KiB.
const CHUNK: usize = 96;
/// Chunks of a task, at most: enough work for a task to be worth its start, few enough for the threads to share them
/// evenly.
const CHUNKS: usize = 4;
/// Tasks that small maps are cut into, so that many threads have something to do.
const LEAST_TASKS: usize = 16;
/// Pixels, about, that are summed into a tile of a weight gradient before it goes to memory.
///
/// A panel of the output's gradient for them is 192 lines, 12 KiB, which stays in the first-level cache while all tiles
/// of the gradient are multiplied with it; the addition to memory is one for 192 multiply-adds.
const GRAD_CHUNK: usize = 192;
/// Weight gradients of at most this many values are summed in slices of the batch, each slice with a copy of its own:
/// 16 copies of 576 KiB at most. Larger ones are cut into parts, and a task sums a part over the whole batch.
const SLICED_UP_TO: usize = 9 * 128 * 128;
/// Slices of the batch. The number is fixed so that the order of the sums does not depend on the threads.
const SLICES: usize = 16;

/// Convolves x `(N*H*W, C)` with w `(KH*KW*C/groups, O)` into `to`. Returns the sums that the sink kept.
pub fn forward<T: Operand, K: Sink>(level: Level, g: &ConvGeometry, x: &[T], w: &[f32], to: K) -> Vec<PartialSums> {
    let (c, o) = (g.conv.c_in, g.conv.c_out);
    let grid = Grid::forward(g);
    let source = Padded::new(x, (g.n, g.h, g.w, c), std::slice::from_ref(&grid));
    let ours = Groups { count: g.conv.groups, rows: c * grid.span, cols: o };
    let height = ours.rows / ours.count;
    let panels = pack(ours, grid.taps.len(), |tap, row, col| w[(tap * height + row % height) * o + col]);
    // (N*OH*OW, KH*KW*C) x (KH*KW*C, O)
    product(level, &source, &grid, &panels, ((g.oh, g.ow, o), to))
}

/// Gives the gradient of x `(N*H*W, C)` to `to`, out of that of the output, gy `(N*OH*OW, O)`.
pub fn input_grad<T: Operand>(level: Level, g: &ConvGeometry, gy: &[T], w: &[f32], to: Grad<T>) {
    let (c, o) = (g.conv.c_in, g.conv.c_out);
    let ours = Groups { count: g.conv.groups, rows: o, cols: c };
    let height = c / ours.count;
    let grids = Grid::backward(g);
    let source = Padded::new(gy, (g.n, g.oh, g.ow, o), &grids);
    // A stride that is larger than the kernel leaves pixels out: their class has no taps and its gradient is zero.
    for grid in grids.iter().filter(|grid| !to.add || !grid.taps.is_empty()) {
        let at = |tap: usize, row: usize, col: usize| w[(grid.taps[tap].weight * height + col % height) * o + row];
        // (N*H*W of the class, taps*O) x (taps*O, C)
        product(level, &source, grid, &pack(ours, grid.taps.len(), at), ((g.h, g.w, c), to));
    }
}

/// Adds the gradient of w to `gw` `(KH*KW*C/groups, O)`, out of x `(N*H*W, C)` and gy `(N*OH*OW, O)`.
pub fn weight_grad<T: Operand, G: Source>(level: Level, g: &ConvGeometry, x: &[T], gy: G, gw: &mut [f32]) {
    let o = g.conv.c_out;
    let grid = Grid::forward(g);
    let source = Padded::new(x, (g.n, g.h, g.w, g.conv.c_in), std::slice::from_ref(&grid));
    let ours = Groups { count: g.conv.groups, rows: source.c * grid.span, cols: o };
    let (rows, taps, width) = (g.n * grid.size.0, grid.taps.len(), ours.rows);
    if ours.count > 1 || gw.len() <= SLICED_UP_TO {
        let slice = rows.div_ceil(SLICES).next_multiple_of(chunk(&grid, GRAD_CHUNK));
        let sum = |start: usize| {
            let mut sums = Buffer::zeros(gw.len());
            let rows = start..(start + slice).min(rows);
            outer_products(level, (&source, &grid), (gy, ours), rows, (0..taps, 0..width), &mut sums);
            sums
        };
        let partials = parallel::map((0..rows).step_by(slice), &sum);
        parallel::add(gw, &partials);
    } else {
        // Parts of at most 96 rows of gw, six tiles of 16, cut evenly.
        let values_per_task = width.div_ceil(width.div_ceil(96));
        let tasks = gw.chunks_exact_mut(width * o).enumerate().flat_map(|(tap, gw)| {
            let parts = gw.chunks_mut(values_per_task * o).enumerate();
            parts.map(move |(i, gw)| (tap, i * values_per_task, gw))
        });
        parallel::each(tasks, &|_, (tap, first, gw)| {
            let values = (tap..tap + 1, first..first + gw.len() / o);
            outer_products(level, (&source, &grid), (gy, ours), 0..rows, values, gw);
        });
    }
}

/// Rows of a grid that have about `pixels` pixels together.
fn chunk(grid: &Grid, pixels: usize) -> usize {
    (pixels / grid.size.1).max(1)
}

/// The groups that the rows and columns of a tap's weights are cut into: equally many of each.
#[derive(Clone, Copy)]
struct Groups {
    count: usize,
    rows: usize,
    cols: usize,
}

impl Groups {
    /// The group of a row.
    fn of_row(&self, row: usize) -> usize {
        row / (self.rows / self.count)
    }

    /// The group of a column.
    fn of_col(&self, col: usize) -> usize {
        col / (self.cols / self.count)
    }

    /// Columns of panel `p`.
    fn panel(&self, p: usize) -> Range<usize> {
        p * LINE..(p * LINE + LINE).min(self.cols)
    }

    /// Rows that share a group with a column of panel `p`.
    fn inputs(&self, p: usize) -> Range<usize> {
        let (cols, height) = (self.panel(p), self.rows / self.count);
        self.of_col(cols.start) * height..(self.of_col(cols.end - 1) + 1) * height
    }

    /// Columns of panel `p` that are of the group of a row.
    fn outputs(&self, p: usize, row: usize) -> Range<usize> {
        let (cols, width, group) = (self.panel(p), self.cols / self.count, self.of_row(row));
        cols.start.max(group * width)..cols.end.min((group + 1) * width)
    }
}

/// The weights of 16 columns, `[tap][row][16]`, the last panel filled up with zeros.
struct Panel<T> {
    /// Its rows among those of a tap.
    inputs: Range<usize>,
    lines: Aligned<T>,
}

/// Cuts `taps` matrices `(rows, cols)` into panels; `at` gives tap, row and column of a weight.
fn pack<T: Operand>(groups: Groups, taps: usize, at: impl Fn(usize, usize, usize) -> f32 + Sync) -> Vec<Panel<T>> {
    let panel = |p: usize| {
        let inputs = groups.inputs(p);
        let mut lines = Aligned::take(taps * inputs.len() * LINE);
        for (row, line) in lines.chunks_exact_mut(LINE).enumerate() {
            let (tap, row) = (row / inputs.len(), inputs.start + row % inputs.len());
            line.fill(T::ZERO);
            for col in groups.outputs(p, row) {
                line[col - p * LINE] = T::nearest(at(tap, row, col));
            }
        }
        Panel { inputs, lines }
    };
    parallel::map(0..groups.cols.div_ceil(LINE), &panel)
}

/// What the pixels of a grid read x packed panels: `(pixels, parts * inputs) x (parts * inputs, 16)` for every panel,
/// into maps of height, width and channels.
fn product<T: Operand, K: Sink>(
    level: Level,
    source: &Padded<T>,
    grid: &Grid,
    panels: &[Panel<T>],
    ((h, w, c), to): ((usize, usize, usize), K),
) -> Vec<PartialSums> {
    let (rows, width, apart) = (source.n * grid.size.0, grid.size.1, grid.step * c);
    let (chunk, parts) = (chunk(grid, CHUNK), source.parts(grid));
    let task = rows.div_ceil(LEAST_TASKS).min(chunk * CHUNKS);
    let run = |start: usize| {
        let range = start..(start + task).min(rows);
        let mut tiles = Buffer::take(width * LINE);
        let mut sums = Sums::room::<K>(c);
        for first in range.clone().step_by(chunk) {
            for (p, Panel { inputs, lines }) in panels.iter().enumerate() {
                let k = parts.len() * inputs.len();
                for row in first..(first + chunk).min(range.end) {
                    let (a, place) = (source.row(grid, row, &parts), grid.output(row, (h, w)) * c);
                    // Memory would rest while the product is made.
                    (0..width).for_each(|x| to.prefetch(place + x * apart + p * LINE));
                    // SAFETY: The row has `width` pixels with the panel's inputs in every part, the panel has as many
                    // lines, and the places are those of the task's own pixels.
                    unsafe {
                        let (from, count) = (inputs.start, inputs.len());
                        gemm::nn(level, a, 0, width, from, count, k, lines.as_ptr(), tiles.as_mut_ptr());
                        write(level, tiles.as_ptr(), place, apart, width, p * LINE, c, to, Sums::of(&mut sums));
                    }
                }
            }
        }
        PartialSums { rows: range.len() * width, sums }
    };
    parallel::map((0..rows).step_by(task), &run)
}

simd_kernel! {
    /// Reads rows of `cols` values into panels `[cols / 16][row][16]`, which lie `stride` values apart.
    fn read_panels<V, S: Source, T: Operand>(from: S, rows: Range<usize>, cols: usize, panels: *mut T, stride: usize) {
        // SAFETY: The caller's rows and panels exist.
        unsafe {
            by_vector!(V, cols, |col, n| {
                let k = from.constants::<V>(col, n);
                let line = panels.add(col / LINE * stride + col % LINE);
                for (i, row) in rows.clone().enumerate() {
                    from.prefetch((row + rows.len()) * cols + col);
                    T::store(from.value::<V>(&k, row * cols + col, n), line.add(i * LINE), n);
                }
            });
        }
    }
}

simd_kernel! {
    /// Gives `count` lines to the sink, as channels `first..` of `c` of pixels whose places are `apart` from `place`
    /// on.
    fn write<V, K: Sink>(
        lines: *const f32, place: usize, apart: usize, count: usize, first: usize, c: usize, to: K, sums: Sums,
    ) {
        // SAFETY: The caller's lines and places exist.
        unsafe {
            by_vector!(V, LINE.min(c - first), |lane, n| {
                let mut to = Writing::begin(to, first + lane, n, sums);
                for i in 0..count {
                    to.put(V::load(lines.add(i * LINE + lane)), place + i * apart + first + lane);
                }
                to.end(first + lane, sums);
            });
        }
    }
}

simd_kernel! {
    /// Reads `count` values of a part of every pixel, from value `from` on, into a panel `[pixel][16]`, turned.
    fn gather<V: Pairs<T>, T: Operand>(pixels: &[*const T], part: isize, from: usize, count: usize, panel: *mut T) {
        // SAFETY: The caller's pixels have the values, and the panel a line for each, the last of an odd number for two.
        unsafe {
            by_vector!(V, count, |lane, n| {
                let mut line = panel.add(lane);
                for pixel in pixels {
                    T::store(T::load::<V>(pixel.wrapping_offset(part).add(from + lane), n), line, V::LANES);
                    line = line.add(LINE);
                }
            });
            for row in (0..pixels.len()).step_by(T::STEP) {
                T::turn::<V>(panel.add(row * LINE), row + T::STEP <= pixels.len());
            }
        }
    }
}

/// Adds x_rows^T x gy over the pixels of `rows` to `sums`, for some taps and values of each; for all of them where
/// there are groups. `(pixels, values)^T x (pixels, 16)` at a time; `sums` is `(taps * values of a group, cols)`.
fn outer_products<T: Operand, G: Source>(
    level: Level,
    (source, grid): (&Padded<T>, &Grid),
    (gy, groups): (G, Groups),
    rows: Range<usize>,
    (taps, values): (Range<usize>, Range<usize>),
    sums: &mut [f32],
) {
    let (o, width, chunk) = (groups.cols, grid.size.1, chunk(grid, GRAD_CHUNK));
    let height = groups.rows / groups.count;
    let parts = source.parts(grid);
    let stride = (chunk * width).next_multiple_of(T::STEP) * LINE;
    let mut tile = Buffer::take(LINE * LINE);
    let (mut left, mut panels) = (Aligned::<T>::take(stride), Aligned::<T>::take(o.div_ceil(LINE) * stride));
    panels.fill(T::ZERO);
    for first in rows.clone().step_by(chunk) {
        let rows = first..(first + chunk).min(rows.end);
        let count = rows.len() * width;
        // SAFETY: The pixels exist, and every panel has as many lines.
        unsafe { read_panels(level, gy, first * width..first * width + count, o, panels.as_mut_ptr(), stride) }
        let pixels = source.pixels(grid, rows);
        for (i, tap) in taps.clone().enumerate() {
            for value in values.clone().step_by(LINE) {
                let all = value..(value + LINE).min(values.end);
                // SAFETY: The pixels' parts hold the values, and there is a line for each.
                unsafe { gather(level, &pixels, parts[tap], value, all.len(), left.as_mut_ptr()) }
                let table = PanelRows { first: left.as_ptr(), stride: 0 };
                for (p, panel) in panels.chunks_exact(stride).enumerate() {
                    let inputs = groups.inputs(p);
                    let these = all.start.max(inputs.start)..all.end.min(inputs.end);
                    if these.is_empty() {
                        continue;
                    }
                    // SAFETY: The table has `count` lines of the values, and so has the panel.
                    unsafe {
                        let (from, tile) = (these.start - value, tile.as_mut_ptr());
                        gemm::tn(level, table, 0, from, these.len(), count, panel.as_ptr(), tile, false);
                    }
                    for (row, line) in these.clone().zip(tile.chunks_exact(LINE)) {
                        let at = i * values.len().min(height) + row % height - values.start;
                        let cols = groups.outputs(p, row);
                        let line = &line[cols.start - p * LINE..];
                        sums[at * o..][..o][cols].iter_mut().zip(line).for_each(|(a, b)| *a += b);
                    }
                }
            }
        }
    }
}
