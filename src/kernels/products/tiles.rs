//! Tiles of feature maps as rows of matrices: where the values of a tile lie.
//!
//! Nothing here knows what a [`Form`](super::form::Form) does with a tile: only its edge and its number of frequencies.
//! The layouts are drawn in `docs/dev/kernels.md`.

use super::dilated::{Phased, Pixels};
use crate::kernels::buffer::{Aligned, Buffer, SharedPtr};
use crate::kernels::gemm::{Operand, PanelRows};
use crate::kernels::geometry::Conv;
use crate::kernels::simd::{L2, LINE, prefetch};
use std::ops::Range;

/// Matrices `(rows, cols)`, one for each frequency, in panels: `[frequency][cols / 16][row][16]`. Rows are tiles or
/// input channels of weights, columns channels. It is only the layout: the values are in a [`Buffer`] that lasts as
/// long.
#[derive(Clone, Copy)]
pub struct TileMatrix<T = f32> {
    data: SharedPtr<T>,
    /// Rows of each matrix.
    pub rows: usize,
    /// Columns of each matrix.
    pub cols: usize,
    /// Values from one matrix to the next: an odd number of lines of 64 bytes. The lines of a tile lie this far apart,
    /// and a cache chooses the set of a line by the low bits of its number: at a distance of 2^k lines a tile's lines
    /// would share a few sets and drive each other out; at an odd distance they go through all sets.
    pub frequency: usize,
}

impl<T: Operand> TileMatrix<T> {
    /// Room for `count` matrices, and their layout, which lasts as long as the room.
    pub fn room(count: usize, rows: usize, cols: usize) -> (Aligned<T>, TileMatrix<T>) {
        let frequency = ((cols.div_ceil(LINE) * rows) | 1) * LINE;
        let mut room = Aligned::take(count * frequency);
        let data = SharedPtr::new(&mut room);
        (room, TileMatrix { data, rows, cols, frequency })
    }

    /// Where the value of column `col` of row `row` of a matrix is.
    #[inline(always)]
    pub fn line(&self, frequency: usize, col: usize, row: usize) -> *mut T {
        self.data.at(frequency * self.frequency + (col / LINE * self.rows + row) * LINE + col % LINE)
    }

    /// The same matrix for sums of products, where these take as much room as what is multiplied.
    pub fn for_sums(&self) -> Option<TileMatrix> {
        let TileMatrix { data, rows, cols, frequency } = *self;
        (size_of::<T>() == size_of::<f32>()).then(|| TileMatrix { data: data.cast(), rows, cols, frequency })
    }

    /// Panels of a matrix.
    pub fn panels(&self) -> usize {
        self.cols.div_ceil(LINE)
    }

    /// The matrix of one frequency from a column and a row on, as the left-hand operand of a product.
    pub fn left(&self, frequency: usize, col: usize, row: usize) -> PanelRows<T> {
        PanelRows { first: self.line(frequency, col, row), stride: self.rows * LINE }
    }
}

/// Feature maps cut into square tiles, with smaller ones at the right and lower edges. A *band* is a row of tiles;
/// bands are counted over all images.
#[derive(Clone, Copy, Debug)]
pub struct Tiling {
    /// Where the pixels lie; with a stride those of input and output lie in maps of their own.
    pub pixels: Pixels,
    /// Height of the map.
    pub h: usize,
    /// Width of the map.
    pub w: usize,
    /// Channels.
    pub c: usize,
    /// Edge of a tile in pixels.
    pub edge: usize,
}

impl Tiling {
    /// The tilings of a convolution's input and output into the same tiles, of `edge` output pixels.
    pub fn of(Phased { g, pixels }: &Phased, edge: usize) -> (Tiling, Tiling) {
        let of_x = if pixels.step == 1 { Pixels::all(g.h, g.w) } else { *pixels };
        let x = Tiling { pixels: of_x, h: g.h, w: g.w, c: g.conv.c_in, edge: edge * g.conv.stride };
        (x, Tiling { pixels: *pixels, h: g.oh, w: g.ow, c: g.conv.c_out, edge })
    }

    /// Values from a pixel to the next one of its row.
    #[inline(always)]
    pub fn across(&self) -> usize {
        self.pixels.step * self.c
    }

    /// Values from a pixel to the one below it.
    #[inline(always)]
    pub fn down(&self) -> usize {
        self.pixels.step * self.pixels.map.1 * self.c
    }

    /// Bands of an image.
    pub fn bands(&self) -> usize {
        self.h.div_ceil(self.edge)
    }

    /// Tiles of a band.
    pub fn tiles(&self) -> usize {
        self.w.div_ceil(self.edge)
    }

    /// Tiles of full width of a band.
    fn wide(&self) -> usize {
        self.w / self.edge
    }

    /// Width of a tile of a band.
    pub fn width(&self, tile: usize) -> usize {
        (self.w - tile * self.edge).min(self.edge)
    }

    /// Rows of pixels of a band of an image.
    fn height(&self, band: usize) -> usize {
        (self.h - band * self.edge).min(self.edge)
    }

    /// Pixels of some bands.
    pub fn pixels(&self, bands: Range<usize>) -> usize {
        bands.map(|band| self.height(band % self.bands()) * self.w).sum()
    }

    /// The first value of a band, counted over all images; those of a band follow each other where all pixels are taken.
    pub fn first_value(&self, band: usize) -> usize {
        (band / self.bands() * self.h + band % self.bands() * self.edge) * self.w * self.c
    }

    /// Bands of full height before a band of an image.
    fn high_before(&self, image: usize, band: usize) -> usize {
        let high = self.h / self.edge;
        image * high + band.min(high)
    }
}

/// Which rows of the matrices the tiles of some bands are.
///
/// Narrow tiles of full height come first, whole ones after them, then low ones of full width, then those that are both
/// narrow and low. A small tile has fewer frequencies than a whole one; in this order the tiles that have a frequency
/// are one range of rows, whichever of the two kinds lack it.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// The tiling of the output.
    pub out: Tiling,
    /// Bands before these ones, and those of full height among these.
    before: (usize, usize),
    /// Bands of full height, and others.
    high: usize,
    low: usize,
    /// Tiles of full width of a band, and narrow ones.
    wide: usize,
    narrow: usize,
}

impl Layout {
    /// The layout of some bands of an output.
    pub fn new(out: Tiling, bands: &Range<usize>) -> Self {
        let high_before = |band: usize| out.high_before(band / out.bands(), band % out.bands());
        let before = high_before(bands.start);
        let high = high_before(bands.end) - before;
        Layout {
            out,
            before: (bands.start, before),
            high,
            low: bands.len() - high,
            wide: out.wide(),
            narrow: out.tiles() - out.wide(),
        }
    }

    /// Rows of the matrices: the tiles of all bands.
    pub fn rows(&self) -> usize {
        (self.high + self.low) * self.out.tiles()
    }

    /// The rows of the whole tiles, with the low or the narrow ones when these are wanted.
    pub fn range(&self, low: bool, narrow: bool) -> Range<usize> {
        let lows = if low { self.low } else { 0 };
        let first = if narrow { 0 } else { self.high * self.narrow };
        let last = if narrow { lows * self.narrow } else { 0 };
        first..self.high * self.narrow + (self.high + lows) * self.wide + last
    }

    /// The row of the first wide tile of a band of an image, and that of its narrow one.
    fn place(&self, image: usize, band: usize) -> (usize, usize) {
        let high = self.out.high_before(image, band) - self.before.1;
        let (start, wide) = (self.high * self.narrow, self.wide);
        match self.out.height(band) == self.out.edge {
            true => (start + high * wide, high),
            false => {
                let low = image * self.out.bands() + band - self.before.0 - high;
                (start + (self.high + low) * wide, start + (self.high + self.low) * wide + low)
            }
        }
    }
}

/// Weights of a convolution, HWIO, as a matrix `(rows, cols)` for every tap.
#[derive(Clone, Copy)]
pub struct Weights<'a> {
    /// Values.
    pub data: &'a [f32],
    /// Rows: input channels of a bundle, or output channels when transposed.
    pub rows: usize,
    /// Columns: output channels, or input channels when transposed.
    pub cols: usize,
    /// Whether every bundle of `rows` channels is convolved by itself: the columns of a bundle read its channels alone.
    pub bundles: bool,
    /// Whether they are read transposed: for the gradient of the input.
    pub transposed: bool,
}

impl<'a> Weights<'a> {
    /// The weights of a convolution, in bundles if it has [groups](super::groups).
    pub fn new(data: &'a [f32], c: &Conv) -> Self {
        let rows = data.len() / (c.taps() * c.c_out);
        Weights { data, rows, cols: c.c_out, bundles: c.groups > 1, transposed: false }
    }

    /// The same weights with rows and columns exchanged.
    pub fn transposed(&self) -> Self {
        let (rows, cols) = if self.bundles { (self.rows, self.cols) } else { (self.cols, self.rows) };
        Weights { rows, cols, transposed: !self.transposed, ..*self }
    }

    /// The columns of a panel of transposed weights as lines `[tap][row][16]`, with zeros in columns that do not exist.
    pub fn lines(&self, panel: usize) -> Buffer {
        let matrix = self.rows * self.cols;
        let mut lines = Buffer::take(self.data.len() / matrix * self.rows * LINE);
        let first = panel * LINE;
        let Weights { rows: height, cols: width, .. } = self.transposed();
        for (tap, lines) in self.data.chunks_exact(matrix).zip(lines.chunks_exact_mut(self.rows * LINE)) {
            // A square of 16 by 16 values at a time, so that each cache line of the weights is read once.
            for (block, lines) in lines.chunks_mut(LINE * LINE).enumerate() {
                for lane in 0..LINE {
                    let col = first + lane;
                    let at = col % height * width + col / height * height + block * LINE;
                    prefetch::<L2>(tap.as_ptr().wrapping_add(at + LINE));
                    let row = tap.get(at..).filter(|_| col < self.cols);
                    for (i, line) in lines.chunks_exact_mut(LINE).enumerate() {
                        line[lane] = row.map_or(0.0, |row| row[i]);
                    }
                }
            }
        }
        lines
    }
}

/// A band of an input or output map, and the rows of matrices that its tiles are.
#[derive(Clone, Copy)]
pub struct Band<T = f32> {
    /// The map's tiling.
    pub t: Tiling,
    /// The output's tiling, which may be the same.
    pub out: Tiling,
    /// The matrices that hold the tiles.
    pub tiles: TileMatrix<T>,
    /// First value of the image.
    pub image: usize,
    /// First row of the band.
    pub first: usize,
    /// Rows of the band's output.
    pub height: usize,
    /// Tiles of full width.
    wide: usize,
    /// The matrix row of the first wide tile, and that of the narrow one.
    rows: (usize, usize),
}

impl<T: Operand> Band<T> {
    /// Where the value of channel `c` of a tile is in the matrix of the first frequency.
    #[inline(always)]
    pub fn line(&self, tile: usize, c: usize) -> *mut T {
        let row = if tile < self.wide { self.rows.0 + tile } else { self.rows.1 };
        self.tiles.line(0, c, row)
    }

    /// The place of channel `c` of the first pixel of a tile in the map.
    #[inline(always)]
    pub fn place(&self, tile: usize, c: usize) -> usize {
        self.image + self.first * self.t.down() + tile * self.t.edge * self.t.across() + c
    }
}

/// The bands of the input or the output, with the rows that a layout gives to their tiles.
pub fn bands_of<T: Operand>(
    bands: Range<usize>,
    t: Tiling,
    tiles: TileMatrix<T>,
    layout: Layout,
) -> impl Iterator<Item = Band<T>> {
    let (mut image, mut band) = (bands.start / t.bands(), bands.start % t.bands());
    bands.map(move |_| {
        if band == t.bands() {
            (image, band) = (image + 1, 0);
        }
        let (start, first, rows) = (t.pixels.origin(image) * t.c, band * t.edge, layout.place(image, band));
        let height = layout.out.height(band);
        band += 1;
        Band { t, out: layout.out, tiles, image: start, first, height, wide: layout.wide, rows }
    })
}
