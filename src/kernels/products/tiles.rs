//! Tiles as rows of matrices.

use crate::kernels::buffer::{Buffer, Shared};
use crate::kernels::geometry::ConvGeometry;
use crate::kernels::lanes::{Sink, Source};
use crate::kernels::micro::PanelRows;
use crate::kernels::simd::{LINE, Level};
use rayon::prelude::*;
use std::ops::Range;

/// Matrices `(rows, cols)`, one for each frequency, in panels `[cols / 16][row][16]`. Holds no values itself.
#[derive(Clone, Copy)]
pub struct TileMatrix {
    data: Shared,
    /// Rows of each matrix.
    pub rows: usize,
    /// Columns of each matrix.
    pub cols: usize,
    /// Values from one matrix to the next: an odd number of lines, so that the lines of a tile do not all fall into
    /// one set of a cache.
    pub frequency: usize,
}

impl TileMatrix {
    /// Room for the matrices of a form.
    pub fn buffer<F: Form>(rows: usize, cols: usize) -> Buffer {
        Buffer::take(F::FREQUENCIES * Self::stride(rows, cols))
    }

    /// The matrices in a buffer made for this shape.
    pub fn over<F: Form>(buffer: &mut Buffer, rows: usize, cols: usize) -> Self {
        let frequency = Self::stride(rows, cols);
        assert!(buffer.len() == F::FREQUENCIES * frequency);
        TileMatrix { data: Shared::new(buffer), rows, cols, frequency }
    }

    fn stride(rows: usize, cols: usize) -> usize {
        ((cols.div_ceil(LINE) * rows) | 1) * LINE
    }

    /// Where the value of a column is in a row.
    #[inline(always)]
    pub fn line(&self, frequency: usize, col: usize, row: usize) -> *mut f32 {
        self.data.at(frequency * self.frequency + (col / LINE * self.rows + row) * LINE + col % LINE)
    }

    /// Panels of a matrix.
    pub fn panels(&self) -> usize {
        self.cols.div_ceil(LINE)
    }

    /// The rows of one frequency as a left-hand operand.
    pub fn left(&self, frequency: usize) -> PanelRows {
        PanelRows { first: self.line(frequency, 0, 0), stride: self.rows * LINE }
    }

    /// A panel as a right-hand operand, or as the place of a product.
    pub fn panel(&self, frequency: usize, panel: usize) -> *mut f32 {
        self.line(frequency, panel * LINE, 0)
    }
}

/// Maps cut into square tiles of the output. A band is a row of tiles.
#[derive(Clone, Copy, Debug)]
pub struct Tiling {
    /// Height of the map.
    pub h: usize,
    /// Width of the map.
    pub w: usize,
    /// Channels.
    pub c: usize,
    /// Edge of a tile.
    pub edge: usize,
}

impl Tiling {
    /// The tilings of a convolution's input and output.
    pub fn of<F: Form>(g: &ConvGeometry) -> (Tiling, Tiling) {
        let tiling = |c| Tiling { h: g.h, w: g.w, c, edge: F::EDGE };
        (tiling(g.conv.c_in), tiling(g.conv.c_out))
    }

    /// Bands of an image.
    pub fn bands(&self) -> usize {
        self.h.div_ceil(self.edge)
    }

    /// Tiles of a band.
    pub fn tiles(&self) -> usize {
        self.w.div_ceil(self.edge)
    }

    /// First pixel of the image of a band, and the first row of the band's output.
    pub fn place(&self, band: usize) -> (usize, usize) {
        (band / self.bands() * self.h * self.w, band % self.bands() * self.edge)
    }

    /// Pixels of some bands.
    pub fn pixels(&self, bands: Range<usize>) -> usize {
        bands.map(|band| (self.h - self.place(band).1).min(self.edge) * self.w).sum()
    }
}

/// Weights of a convolution, HWIO: `(taps * rows, cols)`.
#[derive(Clone, Copy)]
pub struct Weights<'a> {
    /// Values.
    pub data: &'a [f32],
    /// Input channels.
    pub rows: usize,
    /// Output channels.
    pub cols: usize,
}

impl Weights<'_> {
    /// The same with input and output channels changed over.
    pub fn transposed(&self) -> Buffer {
        let mut out = Buffer::take(self.data.len());
        let taps = out.par_chunks_mut(self.rows * self.cols).zip(self.data.par_chunks(self.rows * self.cols));
        taps.for_each(|(out, tap)| {
            for first in (0..self.cols).step_by(LINE) {
                for (row, values) in tap.chunks_exact(self.cols).enumerate() {
                    for (col, v) in values.iter().enumerate().skip(first).take(LINE) {
                        out[col * self.rows + row] = *v;
                    }
                }
            }
        });
        out
    }
}

/// How tiles become rows of matrices.
///
/// # Safety
/// (Of the unsafe methods.) The band must exist in the map, the rows in the matrix; rows and pixels that are written
/// must be the task's own; `scratch` must hold [`Form::scratch`] values, `sums` the sink's lines of `stride` values.
pub trait Form: Copy + Send + Sync + 'static {
    /// Edge of a tile.
    const EDGE: usize;
    /// Matrices.
    const FREQUENCIES: usize;
    /// Tiles that a task takes through all steps at once, about.
    const BLOCK: usize;
    /// Tiles that are taken through a step together, at most.
    const TOGETHER: usize;

    /// Values of the scratch that a band needs.
    fn scratch(t: &Tiling) -> usize;
    /// Input of a band to rows `row..`.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn read_input<S: Source>(
        level: Level,
        x: S,
        t: Tiling,
        band: usize,
        to: TileMatrix,
        row: usize,
        scratch: *mut f32,
    );
    /// Gradient of the output of a band to rows `row..`.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn read_gradient<S: Source>(level: Level, gy: S, t: Tiling, band: usize, to: TileMatrix, row: usize);
    /// Rows `row..` to the output of a band.
    #[allow(clippy::missing_safety_doc)]
    #[allow(clippy::too_many_arguments)]
    unsafe fn write_output<K: Sink>(
        level: Level,
        from: TileMatrix,
        row: usize,
        t: Tiling,
        band: usize,
        to: K,
        sums: *mut f32,
        stride: usize,
    );
    /// Rows `row..` to the gradient of the input of a band: added, or when not `add` written where no earlier band of the
    /// image has. The bands of an image must come in order.
    #[allow(clippy::missing_safety_doc)]
    #[allow(clippy::too_many_arguments)]
    unsafe fn write_input_gradient(
        level: Level,
        from: TileMatrix,
        row: usize,
        t: Tiling,
        band: usize,
        gx: Shared,
        add: bool,
        scratch: *mut f32,
    );
    /// Weights of output channels `16 * panel..` to panel `to_panel` of `to`.
    fn transform(level: Level, w: Weights, panel: usize, to: TileMatrix, to_panel: usize);
    /// Adds panel `from_panel` of the products' gradient to that of the weights, output channels `16 * panel..` of `cols`.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn add_gradient(level: Level, from: TileMatrix, from_panel: usize, gw: Shared, cols: usize, panel: usize);
}
