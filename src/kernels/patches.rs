//! Finds the input rows of a convolution: for every output pixel and tap a pointer to `C` values, zeros outside.

use super::geometry::ConvGeometry;
use super::micro::RowTable;

/// Channel counts below this are copied side by side, so that a row is long enough to be worth its pointer.
const UNFOLD_BELOW: usize = 8;

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
    /// For every tap and pixel of the grid the input pixel within the image, or `OUTSIDE`.
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
        let whole = Grid { size: (g.oh, g.ow), step: 1, phase: (0, 0), taps: Vec::new(), inputs: Vec::new() };
        whole.reading((g.h, g.w), c.stride, taps)
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
            let class = Grid { size, step: s, phase, taps: Vec::new(), inputs: Vec::new() };
            class.reading((g.oh, g.ow), 1, taps)
        });
        grids.collect()
    }

    /// The same grid with these taps into an input of `h` x `w`, neighbouring pixels reading `step` apart.
    fn reading(mut self, (h, w): (usize, usize), step: usize, taps: impl Iterator<Item = Tap>) -> Self {
        for (dy, dx, tap) in taps {
            self.taps.push(tap);
            for (qy, qx) in (0..self.pixels()).map(|q| (q / self.size.1, q % self.size.1)) {
                let (y, x) = ((qy * step) as isize + dy, (qx * step) as isize + dx);
                let inside = (0..h as isize).contains(&y) && (0..w as isize).contains(&x);
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
pub struct Source<'a> {
    /// Values, NHWC.
    pub data: &'a [f32],
    /// Height.
    pub h: usize,
    /// Width.
    pub w: usize,
    /// Channels.
    pub c: usize,
}

/// Builds row tables for ranges of grid pixels.
pub struct Patches<'a> {
    source: Source<'a>,
    grid: &'a Grid,
    zeros: Vec<f32>,
    pointers: Vec<*const f32>,
    unfolded: Vec<f32>,
}

impl<'a> Patches<'a> {
    /// Prepares for `source`.
    pub fn new(source: Source<'a>, grid: &'a Grid) -> Self {
        assert!(source.c > 0 && source.data.len().is_multiple_of(source.h * source.w * source.c));
        assert!(grid.inputs.iter().all(|i| *i == OUTSIDE || (*i as usize) < source.h * source.w));
        Patches { source, grid, zeros: vec![0.0; source.c], pointers: Vec::new(), unfolded: Vec::new() }
    }

    /// Whether the taps are copied side by side, as one tap with `taps * c` channels.
    pub fn unfolds(c: usize, taps: usize) -> bool {
        c < UNFOLD_BELOW && taps > 1
    }

    /// The rows of grid pixels `first..first + count`.
    pub fn rows(&mut self, first: usize, count: usize) -> RowTable<'_> {
        let Source { data, h, w, c } = self.source;
        let taps = self.grid.taps.len();
        let (image, pixels) = (h * w * c, self.grid.pixels());
        let zeros = self.zeros.as_ptr();
        self.pointers.clear();
        for inputs in self.grid.inputs.chunks_exact(pixels) {
            let (mut n, mut q, mut left) = (first / pixels, first % pixels, count);
            while left > 0 {
                let (run, values) = (left.min(pixels - q), &data[n * image..][..image]);
                self.pointers.extend(inputs[q..q + run].iter().map(|&input| match input {
                    OUTSIDE => zeros,
                    // (an input lies within the image: `Grid::reading`)
                    input => values.as_ptr().wrapping_add(input as usize * c),
                }));
                (n, q, left) = (n + 1, 0, left - run);
            }
        }
        if !Self::unfolds(c, taps) {
            // SAFETY: every pointer is the start of a row of `c` values of an image of `data` or of `zeros`, both
            // borrowed by self; the assertion in `new` says that the grid fits the images
            return unsafe { RowTable::new(&self.pointers, count, c) };
        }
        self.unfolded.clear();
        for i in 0..count {
            for t in 0..taps {
                // SAFETY: as above
                let row = unsafe { std::slice::from_raw_parts(self.pointers[t * count + i], c) };
                self.unfolded.extend_from_slice(row);
            }
        }
        self.pointers.clear();
        self.pointers.extend(self.unfolded.chunks_exact(taps * c).map(|row| row.as_ptr()));
        // SAFETY: every pointer is the start of a row of `taps * c` values of `unfolded`
        unsafe { RowTable::new(&self.pointers, count, taps * c) }
    }
}
