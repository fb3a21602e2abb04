//! Few channels: every task takes blocks of tiles through all steps.

use super::MANY_WEIGHTS;
use super::form::{self, Form};
use super::tiles::{Layout, TileMatrix, Tiling, Weights, bands_of};
use crate::kernels::buffer::{Buffer, Shared};
use crate::kernels::geometry::ConvGeometry;
use crate::kernels::lanes::{Gradient, Sink, Source, Sums};
use crate::kernels::moments::Part;
use crate::kernels::parallel;
use crate::kernels::simd::{LINE, Level};
use std::ops::Range;

/// Groups of images whose weight gradients are summed apart, at most; half as many where these are large.
const GROUPS: usize = 16;

/// All weights, transformed.
fn transformed<F: Form>(level: Level, w: Weights) -> (Buffer, TileMatrix) {
    let (room, u) = TileMatrix::room(F::WEIGHTS, w.rows, w.cols);
    parallel::each(0..u.panels(), &|_, panel| form::transform::<F>(level, w, panel, u, panel));
    (room, u)
}

/// Values of a block's tiles, about: they stay in the second cache, beside what is read next.
const VALUES: usize = 144 << 10;

/// Bands of a block: as few tiles as the caches hold, as many as keep the multipliers busy.
fn bands_per_block<F: Form>(x: &Tiling, y: &Tiling) -> usize {
    let tiles = (VALUES / (F::FREQUENCIES * (x.c + y.c))).clamp(16, 48);
    ((tiles + x.tiles() / 2) / x.tiles()).max(1)
}

/// Values of a map that are read or written soon. Memory would rest while products are made, so each of them asks for a
/// share.
struct Soon {
    values: Range<usize>,
    products: usize,
}

impl Soon {
    /// The input of some bands; nothing where much of it is not read.
    fn input<F: Form>(t: &Tiling, bands: &Range<usize>, products: usize) -> Self {
        let start = if F::STRIDE > F::KERNEL { bands.end } else { bands.start };
        Soon::new(t, &(start..bands.end), products)
    }

    /// The values of some bands.
    fn new(t: &Tiling, bands: &Range<usize>, products: usize) -> Self {
        Soon { values: t.first_pixel(bands.start) * t.c..t.first_pixel(bands.end) * t.c, products }
    }

    /// Calls `prefetch` with a place in every cache line of the share of a product.
    fn share(&self, product: usize, prefetch: impl Fn(usize)) {
        let first = |product| self.values.start + self.values.len() * product / self.products / LINE * LINE;
        (first(product)..first(product + 1)).step_by(LINE).for_each(prefetch);
    }
}

pub fn forward<F: Form, S: Source, K: Sink>(level: Level, g: &ConvGeometry, x: S, w: Weights, to: K) -> Vec<Part> {
    let (tx, ty) = Tiling::of::<F>(g);
    let (_room, u) = transformed::<F>(level, w);
    let (bands, step) = (g.n * tx.bands(), bands_per_block::<F>(&tx, &ty));
    let block = |start: usize| {
        let block = start..(start + step).min(bands);
        let next = block.end..(block.end + step).min(bands);
        let products = F::FREQUENCIES * u.panels();
        let (reads, writes) = (Soon::input::<F>(&tx, &next, products), Soon::new(&ty, &block, products));
        let layout = Layout::new(ty, &block);
        let [(_v, v), (_m, m)] = form::rooms::<F>(&layout, [tx, ty]);
        let mut scratch = Buffer::take(F::scratch(&tx, &ty));
        let mut sums = Sums::room::<K>(w.cols);
        // SAFETY: the bands exist, v and m have their tiles as rows, and all of it but the disjoint outputs is ours
        unsafe {
            for band in bands_of(block.clone(), tx, v, layout) {
                form::read_input::<F, S>(level, x, band, scratch.as_mut_ptr());
            }
            for f in 0..F::FREQUENCIES {
                for panel in 0..u.panels() {
                    let product = f * u.panels() + panel;
                    reads.share(product, |at| x.prefetch(at));
                    writes.share(product, |at| to.prefetch(at));
                    form::products::<F>(level, f, v, (u, panel), (m, panel), &layout);
                }
            }
            for band in bands_of(block.clone(), ty, m, layout) {
                form::write_output::<F, K>(level, band, to, scratch.as_mut_ptr(), Sums::of(&mut sums));
            }
        }
        Part { rows: ty.pixels(block), sums }
    };
    parallel::map((0..bands).step_by(step), &block)
}

pub fn backward<F: Form, S: Source, G: Source>(
    level: Level,
    g: &ConvGeometry,
    (x, gy): (S, G),
    w: Weights,
    gw: &mut [f32],
    gx: Option<Gradient>,
) {
    let (tx, ty) = Tiling::of::<F>(g);
    let ut = gx.map(|_| transformed::<F>(level, w.transposed()));
    let ut = ut.as_ref().map(|(_, ut)| *ut);
    let groups = if w.transformed::<F>() > MANY_WEIGHTS / 4 { GROUPS / 2 } else { GROUPS };
    let (images, len) = (g.n.div_ceil(groups), gw.len());
    let group = |first: usize| {
        let (room, du) = TileMatrix::room(F::WEIGHTS, w.rows, w.cols);
        let bands = first * tx.bands()..(first + images).min(g.n) * tx.bands();
        let step = bands_per_block::<F>(&tx, &ty);
        let mut scratch = Buffer::take(F::scratch(&tx, &ty));
        for start in bands.clone().step_by(step) {
            let block = start..(start + step).min(bands.end);
            let next = block.end..(block.end + step).min(bands.end);
            let products = F::FREQUENCIES * du.panels();
            let (gradients, writes) = (Soon::new(&ty, &next, products), Soon::new(&tx, &block, products));
            let inputs = Soon::input::<F>(&tx, &next, products);
            let layout = Layout::new(ty, &block);
            let [(_v, v), (_m, m)] = form::rooms::<F>(&layout, [tx, ty]);
            // SAFETY: the bands exist, v and m have their tiles as rows, the images of the group are ours alone
            unsafe {
                for band in bands_of(block.clone(), tx, v, layout) {
                    form::read_input::<F, S>(level, x, band, scratch.as_mut_ptr());
                }
                for band in bands_of(block.clone(), ty, m, layout) {
                    form::read_gradient::<F, G>(level, gy, band, scratch.as_mut_ptr());
                }
                for f in 0..F::FREQUENCIES {
                    for panel in 0..m.panels() {
                        let product = f * m.panels() + panel;
                        inputs.share(product, |at| x.prefetch(at));
                        gradients.share(product, |at| gy.prefetch(at));
                        if let Some(gx) = gx {
                            writes.share(product, |at| gx.prefetch(at));
                        }
                        form::outer_products::<F>(level, f, v, (m, panel), (du, panel), &layout, start > bands.start);
                    }
                    if let Some(ut) = ut {
                        for panel in 0..ut.panels() {
                            form::products::<F>(level, f, m, (ut, panel), (v, panel), &layout);
                        }
                    }
                }
                let Some(gx) = gx else { continue };
                for band in bands_of(block, tx, v, layout) {
                    form::write_input_gradient::<F>(level, band, gx, scratch.as_mut_ptr());
                }
            }
        }
        if F::WEIGHTS == F::KERNEL * F::KERNEL {
            return (room, Some(du));
        }
        // (there are fewer taps than frequencies to be summed)
        let mut taps = Buffer::zeros(len);
        let to = Shared::new(&mut taps);
        // SAFETY: the taps are this task's
        (0..du.panels()).for_each(|p| unsafe { form::add_gradient::<F>(level, du, p, to, w.cols, p) });
        (taps, None)
    };
    let (mut sums, du): (Vec<Buffer>, Vec<Option<TileMatrix>>) =
        parallel::map((0..g.n).step_by(images), &group).into_iter().unzip();
    let [first, rest @ ..] = &mut sums[..] else { return };
    let Some(Some(du)) = du.first() else { return parallel::add(gw, &sums) };
    parallel::add(first, rest);
    let gw = Shared::new(gw);
    // SAFETY: gw holds the gradient, each panel's channels are one task's
    parallel::each(0..du.panels(), &|_, p| unsafe { form::add_gradient::<F>(level, *du, p, gw, w.cols, p) });
}
