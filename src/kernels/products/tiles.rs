//! Tiles as rows of matrices.

use super::form::Form;
use crate::kernels::buffer::{Buffer, Shared};
use crate::kernels::geometry::ConvGeometry;
use crate::kernels::micro::PanelRows;
use crate::kernels::parallel;
use crate::kernels::simd::LINE;
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
    /// Room for the matrices of a form, and the matrices, which last as long as it.
    pub fn room<F: Form>(rows: usize, cols: usize) -> (Buffer, TileMatrix) {
        let frequency = ((cols.div_ceil(LINE) * rows) | 1) * LINE;
        let mut room = Buffer::take(F::FREQUENCIES * frequency);
        let data = Shared::new(&mut room);
        (room, TileMatrix { data, rows, cols, frequency })
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
        let taps = out.chunks_mut(self.rows * self.cols).zip(self.data.chunks(self.rows * self.cols));
        parallel::each(taps, &|_, (out, tap)| {
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

/// A band of a map, and the rows of matrices that its tiles are.
#[derive(Clone, Copy)]
pub struct Band {
    /// The map.
    pub t: Tiling,
    /// Which of its bands, counted over all images.
    pub index: usize,
    /// The matrices.
    pub tiles: TileMatrix,
    /// The row of the first tile.
    pub row: usize,
}

impl Band {
    /// First pixel of the image, and the first row of the band's output.
    pub fn place(&self) -> (usize, usize) {
        self.t.place(self.index)
    }
}

/// Bands in a row whose first tile is row `row` of the matrices.
pub fn bands_of(bands: Range<usize>, t: Tiling, tiles: TileMatrix, row: usize) -> impl Iterator<Item = Band> {
    bands.enumerate().map(move |(i, index)| Band { t, index, tiles, row: row + i * t.tiles() })
}
