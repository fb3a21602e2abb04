//! Finds the input rows of a convolution: for every output pixel and tap a pointer to values that lie together, zeros
//! outside.

use super::buffer::Buffer;
use super::geometry::ConvGeometry;
use super::micro::RowTable;
use super::parallel;

/// Images with fewer channels than this get their padding in memory, so that a row of the kernel lies together.
const PADDED_BELOW: usize = 8;

/// In `Grid::inputs`: the tap lies outside the image.
const OUTSIDE: u32 = u32::MAX;

/// Where the products of one class of output pixels find their inputs, and which pixels those are.
///
/// Pixel `(qy, qx)` of the grid is output pixel `q * step + phase` and reads input pixel `q * source_step + tap`.
pub struct Grid {
    /// Height and width of the grid.
    pub size: (usize, usize),
    /// Distance of neighbouring output pixels.
    pub step: usize,
    /// First output pixel.
    pub phase: (usize, usize),
    /// Place of each tap in the weights.
    pub taps: Vec<usize>,
    /// Pixels that a tap reads, side by side.
    pub span: usize,
    /// Height and width of the images that are read.
    read: (usize, usize),
    /// For every tap and pixel of the grid the (first) input pixel within the image, or `OUTSIDE`.
    inputs: Vec<u32>,
}

/// A tap: its offset in the input, and its place in the weights.
type Tap = (isize, isize, usize);

impl Grid {
    /// The grid of a forward convolution.
    pub fn forward(g: &ConvGeometry) -> Self {
        let c = &g.conv;
        let taps = (0..c.taps()).map(|t| {
            let offset = |k: usize, padding: usize| (k * c.dilation) as isize - padding as isize;
            (offset(t / c.kernel.1, c.padding.0), offset(t % c.kernel.1, c.padding.1), t)
        });
        Grid::of((g.oh, g.ow), 1, (0, 0), 1).reading((g.h, g.w), c.stride, taps)
    }

    /// The grid of a forward convolution over images that [`padded`] made: a tap is a row of the kernel.
    fn forward_padded(g: &ConvGeometry) -> Self {
        let c = &g.conv;
        let taps = (0..c.kernel.0).map(|t| (t as isize, 0, t));
        let read = (g.h + 2 * c.padding.0, g.w + 2 * c.padding.1);
        Grid::of((g.oh, g.ow), 1, (0, 0), c.kernel.1).reading(read, c.stride, taps)
    }

    fn of(size: (usize, usize), step: usize, phase: (usize, usize), span: usize) -> Self {
        Grid { size, step, phase, taps: Vec::new(), span, read: (0, 0), inputs: Vec::new() }
    }

    /// The grids of the gradient with regard to the input: one for each parity class of the stride, so that no tap
    /// of a class misses.
    pub fn backward(g: &ConvGeometry) -> Vec<Self> {
        let c = &g.conv;
        let s = c.stride;
        let classes = (0..s * s).map(|class| (class / s, class % s));
        let grids = classes.filter(|(py, px)| *py < g.h && *px < g.w).map(|phase| {
            let offset = |phase: usize, k: usize, padding: usize| {
                let at = (phase + padding) as isize - (k * c.dilation) as isize;
                (at.rem_euclid(s as isize) == 0).then(|| at.div_euclid(s as isize))
            };
            let taps = (0..c.taps()).filter_map(|t| {
                let dy = offset(phase.0, t / c.kernel.1, c.padding.0)?;
                let dx = offset(phase.1, t % c.kernel.1, c.padding.1)?;
                Some((dy, dx, t))
            });
            let size = ((g.h - phase.0).div_ceil(s), (g.w - phase.1).div_ceil(s));
            Grid::of(size, s, phase, 1).reading((g.oh, g.ow), 1, taps)
        });
        grids.collect()
    }

    /// The same grid with these taps into an input of `h` x `w`, neighbouring pixels reading `step` apart.
    fn reading(mut self, (h, w): (usize, usize), step: usize, taps: impl Iterator<Item = Tap>) -> Self {
        self.read = (h, w);
        for (dy, dx, tap) in taps {
            self.taps.push(tap);
            for (qy, qx) in (0..self.size.0).flat_map(|qy| (0..self.size.1).map(move |qx| (qy, qx))) {
                let (y, x) = ((qy * step) as isize + dy, (qx * step) as isize + dx);
                let inside = (0..h as isize).contains(&y) && x >= 0 && x as usize + self.span <= w;
                self.inputs.push(if inside { (y as usize * w + x as usize) as u32 } else { OUTSIDE });
            }
        }
        self
    }

    /// The same grid with one of its taps alone.
    pub fn only(&self, tap: usize) -> Self {
        let inputs = self.inputs[tap * self.pixels()..][..self.pixels()].to_vec();
        Grid { taps: vec![self.taps[tap]], inputs, ..*self }
    }

    /// Pixels of the grid in one image.
    pub fn pixels(&self) -> usize {
        self.size.0 * self.size.1
    }

    /// Output pixel of grid pixel `q`, both counted over all images, for outputs of `h` x `w`.
    pub fn output(&self, q: usize, (h, w): (usize, usize)) -> usize {
        let (n, qy, qx) = (q / self.pixels(), q / self.size.1 % self.size.0, q % self.size.1);
        (n * h + qy * self.step + self.phase.0) * w + qx * self.step + self.phase.1
    }
}

/// Images as rows of `c` values.
#[derive(Clone, Copy)]
pub struct Images<'a> {
    /// Values, NHWC.
    pub data: &'a [f32],
    /// Height.
    pub h: usize,
    /// Width.
    pub w: usize,
    /// Channels.
    pub c: usize,
}

/// The images that a forward convolution reads, and its grid: small channel counts are copied into padded images.
pub fn forward<R>(g: &ConvGeometry, x: &[f32], f: impl FnOnce(Images, &Grid) -> R) -> R {
    let c = &g.conv;
    if c.c_in >= PADDED_BELOW || c.dilation > 1 || c.groups > 1 {
        return f(Images { data: x, h: g.h, w: g.w, c: c.c_in }, &Grid::forward(g));
    }
    let (h, w) = (g.h + 2 * c.padding.0, g.w + 2 * c.padding.1);
    let mut data = Buffer::take(g.n * h * w * c.c_in);
    let images = x.chunks_exact(g.h * g.w * c.c_in).zip(data.chunks_exact_mut(h * w * c.c_in));
    parallel::each(images, &|_, (image, padded)| {
        padded.fill(0.0);
        let rows = padded.chunks_exact_mut(w * c.c_in).skip(c.padding.0);
        for (row, padded) in image.chunks_exact(g.w * c.c_in).zip(rows) {
            padded[c.padding.1 * c.c_in..][..row.len()].copy_from_slice(row);
        }
    });
    f(Images { data: &data, h, w, c: c.c_in }, &Grid::forward_padded(g))
}

/// Builds row tables for ranges of grid pixels.
pub struct Patches<'a> {
    source: Images<'a>,
    grid: &'a Grid,
    zeros: Vec<f32>,
    pointers: Vec<*const f32>,
}

impl<'a> Patches<'a> {
    /// Prepares for `source`.
    pub fn new(source: Images<'a>, grid: &'a Grid) -> Self {
        assert!(source.c > 0 && source.data.len().is_multiple_of(source.h * source.w * source.c));
        assert!(grid.read == (source.h, source.w));
        Patches { source, grid, zeros: vec![0.0; source.c * grid.span], pointers: Vec::new() }
    }

    /// The rows of grid pixels `first..first + count`: every pointer can be read for `c * span` values.
    pub fn rows(&mut self, first: usize, count: usize) -> RowTable<'_> {
        let Images { data, h, w, c } = self.source;
        let (image, pixels) = (h * w * c, self.grid.pixels());
        let zeros = self.zeros.as_ptr();
        self.pointers.clear();
        for inputs in self.grid.inputs.chunks_exact(pixels) {
            let (mut n, mut q, mut left) = (first / pixels, first % pixels, count);
            while left > 0 {
                let (run, values) = (left.min(pixels - q), &data[n * image..][..image]);
                self.pointers.extend(inputs[q..q + run].iter().map(|&input| match input {
                    OUTSIDE => zeros,
                    // (an input and its span lie within the image: `Grid::reading`)
                    input => values.as_ptr().wrapping_add(input as usize * c),
                }));
                (n, q, left) = (n + 1, 0, left - run);
            }
        }
        RowTable { pointers: &self.pointers, stride: count }
    }
}
