//! Dilated convolutions as plain ones on some of the pixels.

use crate::kernels::geometry::{Conv, ConvGeometry};

/// Which pixels of a map `(N, H, W)` make the images that are cut into tiles: all of them, or every so many-th along both
/// axes, from some of the first ones on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pixels {
    /// Pixels of the map from one of an image to the next along an axis.
    pub step: usize,
    /// Size of the whole map.
    pub map: (usize, usize),
    /// The first row, and the first column, of the first image, and how many of both there are: an image for each pair.
    pub first: (usize, usize),
    pub count: (usize, usize),
}

impl Pixels {
    /// All pixels of maps of a size.
    pub(super) fn all(h: usize, w: usize) -> Pixels {
        Pixels { step: 1, map: (h, w), first: (0, 0), count: (1, 1) }
    }

    /// The first pixel of an image, counted over all maps.
    pub(super) fn origin(&self, image: usize) -> usize {
        let (map, of) = (image / (self.count.0 * self.count.1), image % (self.count.0 * self.count.1));
        let (row, column) = (self.first.0 + of / self.count.1, self.first.1 + of % self.count.1);
        (map * self.map.0 + row) * self.map.1 + column
    }
}

/// A convolution without dilation on images that are made of the pixels of larger maps: a *phase* of a dilated one.
///
/// A tap of a dilated convolution lies a multiple of the dilation away, so that the pixels of a map whose rows and columns
/// leave the same rest are convolved among themselves, as if they were all. Where the dilation does not divide the map,
/// some phases have a row or a column more: those of one size are convolved together.
#[derive(Clone, Copy, Debug)]
pub struct Phased {
    /// The convolution of the images.
    pub g: ConvGeometry,
    /// The images.
    pub pixels: Pixels,
}

impl Phased {
    /// The phases of a convolution that keeps the size of its map, by their size; what is not dilated is one.
    pub fn of(g: &ConvGeometry) -> Vec<Phased> {
        let step = g.conv.dilation;
        if step == 1 {
            return vec![Phased { g: *g, pixels: Pixels::all(g.oh, g.ow) }];
        }
        let conv = Conv { dilation: 1, padding: (g.conv.kernel.0 / 2, g.conv.kernel.1 / 2), ..g.conv };
        // First phase, number, and pixels of those with one more and of the others.
        let along = |size: usize| {
            let more = size % step;
            let both = [(0, more, size / step + 1), (more, step - more, size / step)];
            both.into_iter().filter(|(_, count, size)| count * size > 0)
        };
        let sizes = along(g.h).flat_map(|rows| along(g.w).map(move |columns| (rows, columns)));
        let phased = |((row, rows, h), (column, columns, w)): ((usize, usize, usize), (usize, usize, usize))| {
            let pixels = Pixels { step, map: (g.h, g.w), first: (row, column), count: (rows, columns) };
            Phased { g: ConvGeometry::new(conv, g.n * rows * columns, h, w), pixels }
        };
        sizes.map(phased).collect()
    }
}
