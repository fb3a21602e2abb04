//! Images with their padding in memory, so that every tap of a convolution lies equally far from every pixel: a matrix
//! of gathered rows (im2col) without the copies.

use super::buffer::Aligned;
use super::gemm::Strided;
use super::geometry::ConvGeometry;
use super::parallel;
use super::value::Value;
use std::ops::Range;

/// Where the products of one class of output pixels find their inputs, and which pixels those are.
///
/// Pixel `(qy, qx)` of the grid is output pixel `q * step + phase` and reads input pixel `q * source_step + tap`, for
/// every tap and along both axes.
pub struct Grid {
    /// Height and width of the grid.
    pub size: (usize, usize),
    /// Distance of neighbouring output pixels.
    pub step: usize,
    /// First output pixel.
    phase: (usize, usize),
    /// Distance of the input pixels that neighbours read.
    source_step: usize,
    /// Pixels side by side that a tap reads.
    pub span: usize,
    /// The taps.
    pub taps: Vec<Tap>,
}

/// A tap: what every pixel of a grid reads in one place.
pub struct Tap {
    /// Its input pixel, the first one where it reads several, counted from that of the grid's pixel: row and column.
    at: (isize, isize),
    /// Its place in the weights.
    pub weight: usize,
}

impl Grid {
    /// The grid of a forward convolution. A tap is a whole row of the kernel where its pixels lie side by side, without
    /// dilation and groups: a stem of 7x7 on 3 channels then reads 7 runs of 21 values instead of 49 of 3.
    pub fn forward(g: &ConvGeometry) -> Grid {
        let c = &g.conv;
        let span = if c.dilation == 1 && c.groups == 1 { c.kernel.1 } else { 1 };
        let columns = c.kernel.1 / span;
        let offset = |k: usize, padding: usize| (k * c.dilation) as isize - padding as isize;
        let taps = (0..c.kernel.0 * columns).map(|weight| {
            let at = (offset(weight / columns, c.padding.0), offset(weight % columns, c.padding.1));
            Tap { at, weight }
        });
        Grid { size: (g.oh, g.ow), step: 1, phase: (0, 0), source_step: c.stride, span, taps: taps.collect() }
    }

    /// The grids of the gradient of the input, one for each parity class of the stride. An input pixel is read by those
    /// taps alone whose offset has its parity; in a class all pixels have the same taps, so none of them multiplies by
    /// zeros.
    pub fn backward(g: &ConvGeometry) -> Vec<Grid> {
        let c = &g.conv;
        let s = c.stride;
        let classes = (0..s * s).map(|class| (class / s, class % s));
        let grids = classes.filter(|(py, px)| *py < g.h && *px < g.w).map(|phase| {
            let offset = |phase: usize, k: usize, padding: usize| {
                let at = (phase + padding) as isize - (k * c.dilation) as isize;
                (at.rem_euclid(s as isize) == 0).then(|| at.div_euclid(s as isize))
            };
            let taps = (0..c.taps()).filter_map(|weight| {
                let row = offset(phase.0, weight / c.kernel.1, c.padding.0)?;
                let column = offset(phase.1, weight % c.kernel.1, c.padding.1)?;
                Some(Tap { at: (row, column), weight })
            });
            let size = ((g.h - phase.0).div_ceil(s), (g.w - phase.1).div_ceil(s));
            Grid { size, step: s, phase, source_step: 1, span: 1, taps: taps.collect() }
        });
        grids.collect()
    }

    /// The first output pixel of row `row` of the grid, both counted over all images, for outputs of `h` x `w`.
    pub fn output(&self, row: usize, (h, w): (usize, usize)) -> usize {
        let (image, y) = (row / self.size.0, row % self.size.0);
        (image * h + y * self.step + self.phase.0) * w + self.phase.1
    }

    /// The first and the last input pixel that the grid reads along an axis on which it has `size` pixels.
    fn reach(&self, size: usize, at: impl Fn(&Tap) -> isize, span: usize) -> (isize, isize) {
        let last = ((size - 1) * self.source_step + span - 1) as isize;
        let places = || self.taps.iter().map(&at);
        (places().min().unwrap_or(0), places().max().unwrap_or(0) + last)
    }
}

/// Images `(N, H, W, C)` with as many zeros around them as some grids read.
pub struct Padded<'a, T: Value> {
    /// Images.
    pub n: usize,
    /// The images with zeros around them. None where no grid reads beyond them: they are then read where they are.
    copy: Option<Aligned<T>>,
    data: &'a [T],
    /// Height and width, with the zeros.
    size: (usize, usize),
    /// Rows and columns of zeros before the first pixel.
    before: (usize, usize),
    /// Channels.
    pub c: usize,
}

impl<'a, T: Value> Padded<'a, T> {
    /// Pads images `(N, H, W, C)` for grids.
    pub fn new(data: &'a [T], (n, h, w, c): (usize, usize, usize, usize), grids: &[Grid]) -> Padded<'a, T> {
        assert!(data.len() == n * h * w * c);
        let (mut before, mut size) = ((0, 0), (h, w));
        for grid in grids {
            let (top, bottom) = grid.reach(grid.size.0, |tap| tap.at.0, 1);
            let (left, right) = grid.reach(grid.size.1, |tap| tap.at.1, grid.span);
            before = (before.0.max(-top), before.1.max(-left));
            size = (size.0.max((bottom + 1).max(0) as usize), size.1.max((right + 1).max(0) as usize));
        }
        let before = (before.0 as usize, before.1 as usize);
        let size = (size.0 + before.0, size.1 + before.1);
        let copy = (size != (h, w)).then(|| {
            let mut copy = Aligned::take(n * size.0 * size.1 * c);
            parallel::each(copy.chunks_exact_mut(size.0 * size.1 * c).enumerate(), &|_, (image, padded)| {
                let image = &data[image * h * w * c..][..h * w * c];
                for (y, row) in padded.chunks_exact_mut(size.1 * c).enumerate() {
                    let Some(from) = y.checked_sub(before.0).filter(|y| *y < h) else {
                        row.fill(T::ZERO);
                        continue;
                    };
                    let (left, rest) = row.split_at_mut(before.1 * c);
                    let (row, right) = rest.split_at_mut(w * c);
                    row.copy_from_slice(&image[from * w * c..][..w * c]);
                    left.fill(T::ZERO);
                    right.fill(T::ZERO);
                }
            });
            copy
        });
        Padded { n, copy, data, size, before, c }
    }

    /// The first value that pixel 0 of row `row` of a grid, counted over all images, reads of a tap at 0.
    fn first(&self, grid: &Grid, row: usize) -> *const T {
        let (image, y) = (row / grid.size.0, row % grid.size.0);
        let at = (image * self.size.0 + y * grid.source_step + self.before.0) * self.size.1 + self.before.1;
        self.copy.as_deref().unwrap_or(self.data).as_ptr().wrapping_add(at * self.c)
    }

    /// How far the values of every tap of a grid lie from [`Padded::first`].
    pub fn parts(&self, grid: &Grid) -> Vec<isize> {
        grid.taps.iter().map(|tap| (tap.at.0 * self.size.1 as isize + tap.at.1) * self.c as isize).collect()
    }

    /// What the pixels of a row of a grid read, as rows of a product: `c * span` values in every part.
    pub fn row<'b>(&self, grid: &Grid, row: usize, parts: &'b [isize]) -> Strided<'b, T> {
        Strided { first: self.first(grid, row), step: grid.source_step * self.c, parts }
    }

    /// Where the pixels of some rows of a grid read a tap at 0.
    pub fn pixels(&self, grid: &Grid, rows: Range<usize>) -> Vec<*const T> {
        let row = |row| (0..grid.size.1).map(move |x| (self.first(grid, row), x * grid.source_step * self.c));
        rows.flat_map(row).map(|(first, after)| first.wrapping_add(after)).collect()
    }
}
