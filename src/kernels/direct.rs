//! Convolutions of any kernel, stride, dilation and groups (those that have no way of their own), as products of gathered
//! rows and packed weights.
//!
//! A panel holds the weights of 16 output channels; in groups it reads the inputs of theirs alone, with zeros where a row
//! and a column are not of one group.
//!
//! Every sum runs in an order that depends on the shapes alone.

use super::buffer::Buffer;
use super::geometry::ConvGeometry;
use super::lanes::{Gradient, Sink, Source, Sums, Writing};
use super::micro;
use super::moments::Part;
use super::parallel;
use super::patches::{self, Grid, Images, Patches};
use super::simd::{LINE, Level, by_vector, simd_kernel};
use std::ops::Range;

/// Pixels whose row tables are built together: a panel of weights stays in the cache for them.
const CHUNK: usize = 96;
/// Chunks of a task, at most.
const CHUNKS: usize = 4;
/// Tasks that small maps are cut into.
const LEAST_TASKS: usize = 16;
/// Pixels summed into a tile of a weight gradient before it goes to memory.
const GRAD_CHUNK: usize = 192;
/// Weight gradients of at most this many values are summed in slices of the batch, larger ones by rows.
const SLICED_UP_TO: usize = 9 * 128 * 128;
/// Slices of the batch.
const SLICES: usize = 16;

/// Convolves x `(N*H*W, C)` with w `(KH*KW*C, O)` into `to`; gives the sums that the sink kept.
pub fn forward<K: Sink>(level: Level, g: &ConvGeometry, x: &[f32], w: &[f32], to: K) -> Vec<Part> {
    let o = g.conv.c_out;
    patches::forward(g, x, |source, grid| {
        let ours = Groups { count: g.conv.groups, rows: source.c * grid.span, cols: o };
        let height = ours.rows / ours.count;
        let panels = pack(ours, grid.taps.len(), |tap, row, col| w[(tap * height + row % height) * o + col]);
        // (N*OH*OW, KH*KW*C) x (KH*KW*C, O)
        product(level, source, g.n, grid, &panels, ((g.oh, g.ow, o), to))
    })
}

/// Gives the gradient of x to `to`.
pub fn input_grad(level: Level, g: &ConvGeometry, gy: &[f32], w: &[f32], to: Gradient) {
    let (c, o) = (g.conv.c_in, g.conv.c_out);
    let ours = Groups { count: g.conv.groups, rows: o, cols: c };
    let height = c / ours.count;
    let grids = Grid::backward(g);
    // (a stride that is larger than the kernel leaves pixels out)
    for grid in grids.iter().filter(|grid| !to.add || !grid.taps.is_empty()) {
        let panels = pack(ours, grid.taps.len(), |tap, row, col| w[(grid.taps[tap] * height + col % height) * o + row]);
        // (N*H*W of the class, taps*O) x (taps*O, C)
        product(level, Images { data: gy, h: g.oh, w: g.ow, c: o }, g.n, grid, &panels, ((g.h, g.w, c), to));
    }
}

/// Adds the gradient of w to `gw`.
pub fn weight_grad<G: Source>(level: Level, g: &ConvGeometry, x: &[f32], gy: G, gw: &mut [f32]) {
    patches::forward(g, x, |source, grid| {
        let (o, pixels) = (g.conv.c_out, g.n * grid.pixels());
        let ours = Groups { count: g.conv.groups, rows: source.c * grid.span, cols: o };
        let width = ours.rows;
        if ours.count > 1 || gw.len() <= SLICED_UP_TO {
            let slice = pixels.div_ceil(SLICES).next_multiple_of(GRAD_CHUNK);
            let sum = |start: usize| {
                let mut sums = Buffer::zeros(gw.len());
                let pixels = start..(start + slice).min(pixels);
                outer_products(level, source, grid, (gy, ours), pixels, 0..width, &mut sums);
                sums
            };
            let partials = parallel::map((0..pixels).step_by(slice), &sum);
            parallel::add(gw, &partials);
        } else {
            let rows_per_task = width.div_ceil(width.div_ceil(96));
            let taps = grid.taps.iter().zip(gw.chunks_exact_mut(width * o));
            let tasks = taps.flat_map(|(tap, rows)| {
                let parts = rows.chunks_mut(rows_per_task * o).enumerate();
                parts.map(|(i, rows)| (grid.only(*tap), i * rows_per_task, rows))
            });
            parallel::each(tasks, &|_, (grid, first, rows)| {
                outer_products(level, source, &grid, (gy, ours), 0..pixels, first..first + rows.len() / o, rows);
            });
        }
    });
}

/// The groups that the rows and columns of a tap's weights are cut into.
#[derive(Clone, Copy)]
struct Groups {
    count: usize,
    rows: usize,
    cols: usize,
}

impl Groups {
    fn of_row(&self, row: usize) -> usize {
        row / (self.rows / self.count)
    }

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
struct Panel {
    /// Its rows among those of a tap.
    inputs: Range<usize>,
    lines: Buffer,
}

/// Cuts `taps` matrices `(rows, cols)` into panels; `at` gives tap, row and column of a weight.
fn pack(groups: Groups, taps: usize, at: impl Fn(usize, usize, usize) -> f32 + Sync) -> Vec<Panel> {
    let panel = |p: usize| {
        let inputs = groups.inputs(p);
        let mut lines = Buffer::take(taps * inputs.len() * LINE);
        for (row, line) in lines.chunks_exact_mut(LINE).enumerate() {
            let (tap, row) = (row / inputs.len(), inputs.start + row % inputs.len());
            line.fill(0.0);
            for col in groups.outputs(p, row) {
                line[col - p * LINE] = at(tap, row, col);
            }
        }
        Panel { inputs, lines }
    };
    parallel::map(0..groups.cols.div_ceil(LINE), &panel)
}

/// Multiplies the gathered rows of the grid's pixels by packed panels into maps of height, width and channels.
fn product<K: Sink>(
    level: Level,
    source: Images,
    n: usize,
    grid: &Grid,
    panels: &[Panel],
    ((h, w, c), to): ((usize, usize, usize), K),
) -> Vec<Part> {
    let pixels = n * grid.pixels();
    let task = pixels.div_ceil(LEAST_TASKS).clamp(LINE, CHUNK * CHUNKS);
    let run = |start: usize| {
        let range = start..(start + task).min(pixels);
        let mut patches = Patches::new(source, grid);
        let mut places = Vec::with_capacity(CHUNK);
        let mut tiles = Buffer::take(CHUNK * LINE);
        let mut sums = Sums::room::<K>(c);
        for first in range.clone().step_by(CHUNK) {
            let count = CHUNK.min(range.end - first);
            let table = patches.rows(first, count);
            places.clear();
            places.extend((first..first + count).map(|q| grid.output(q, (h, w)) * c));
            for (p, Panel { inputs, lines }) in panels.iter().enumerate() {
                let (from, width) = (inputs.start, inputs.len());
                let k = grid.taps.len() * width;
                // (memory would rest while the product is made)
                places.iter().for_each(|place| to.prefetch(place + p * LINE));
                // SAFETY: the table has `count` rows of which the panel reads its inputs, and it has as many lines; the
                // places are those of the task's own pixels
                unsafe {
                    micro::nn(level, table, 0, count, from, width, k, lines.as_ptr(), tiles.as_mut_ptr());
                    write(level, tiles.as_ptr(), &places, p * LINE, c, to, Sums::of(&mut sums));
                }
            }
        }
        Part { rows: range.len(), sums }
    };
    parallel::map((0..pixels).step_by(task), &run)
}

simd_kernel! {
    /// Reads rows of `cols` values into panels of [`GRAD_CHUNK`] lines.
    fn read_panels<V, S: Source>(from: S, rows: Range<usize>, cols: usize, panels: *mut f32) {
        // SAFETY: rows and panels are the caller's
        unsafe {
            by_vector!(V, cols, |col, n| {
                let k = from.constants::<V>(col, n);
                let line = panels.add(col / LINE * GRAD_CHUNK * LINE + col % LINE);
                for (i, row) in rows.clone().enumerate() {
                    from.prefetch((row + GRAD_CHUNK) * cols + col);
                    from.value(&k, row * cols + col, n).store_first(line.add(i * LINE), n);
                }
            });
        }
    }
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

/// Adds the sums over `pixels` of (gathered row)^T x (row of gy) to `sums`, for values `rows` of each gathered row: all
/// of them where there are groups. `sums` is `(taps * rows of a group, cols)`.
fn outer_products<G: Source>(
    level: Level,
    source: Images,
    grid: &Grid,
    (gy, groups): (G, Groups),
    pixels: Range<usize>,
    rows: Range<usize>,
    sums: &mut [f32],
) {
    let o = groups.cols;
    let height = groups.rows / groups.count;
    let mut patches = Patches::new(source, grid);
    let mut tile = Buffer::take(LINE * LINE);
    let mut panels = Buffer::zeros(o.div_ceil(LINE) * GRAD_CHUNK * LINE);
    for first in pixels.clone().step_by(GRAD_CHUNK) {
        let count = GRAD_CHUNK.min(pixels.end - first);
        // SAFETY: the pixels exist; every panel has as many lines
        unsafe { read_panels(level, gy, first..first + count, o, panels.as_mut_ptr()) }
        let table = patches.rows(first, count);
        for tap in 0..table.pointers.len() / table.stride {
            for row in rows.clone().step_by(LINE) {
                for (p, panel) in panels.chunks_exact(GRAD_CHUNK * LINE).enumerate() {
                    let inputs = groups.inputs(p);
                    let these = row.max(inputs.start)..(row + LINE).min(rows.end).min(inputs.end);
                    if these.is_empty() {
                        continue;
                    }
                    // SAFETY: `count` rows of the table, whose parts hold the values `rows`; as many lines of the panel
                    unsafe {
                        let tile = tile.as_mut_ptr();
                        micro::tn(level, table, tap, these.start, these.len(), count, panel.as_ptr(), tile, false);
                    }
                    for (row, line) in these.clone().zip(tile.chunks_exact(LINE)) {
                        let at = tap * rows.len().min(height) + row % height - rows.start;
                        let cols = groups.outputs(p, row);
                        let line = &line[cols.start - p * LINE..];
                        sums[at * o..][..o][cols].iter_mut().zip(line).for_each(|(a, b)| *a += b);
                    }
                }
            }
        }
    }
}
