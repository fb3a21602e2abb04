//! Few channels: every task takes blocks of tiles through all steps, in scratch of its own that stays in the
//! second-level cache.
//!
//! Block sizes are reckoned for the cores that everything was measured on (`docs/dev/measurements.md`): Zen 4 with 32 KiB
//! of first-level and 1 MiB of second-level cache a core, and 32 MiB of last-level cache.

use super::dilated::Phased;
use super::form::{self, Form};
use super::tiles::{Layout, TileMatrix, Tiling, Weights, bands_of};
use crate::kernels::buffer::{Aligned, Buffer, SharedPtr};
use crate::kernels::lanes::{Grad, Sink, Source, Sums};
use crate::kernels::moments::PartialSums;
use crate::kernels::parallel;
use crate::kernels::simd::{LINE, Level};
use crate::kernels::value::Value;
use std::ops::Range;

/// Transformed weights with fewer values than this are multiplied by in blocks: 4 MiB at most.
///
/// Every block reads all of U, so U should stay in the last-level cache, in which it takes an eighth at most. Larger
/// weights are transformed where they are multiplied by ([`phases`](super::phases)). 128 by 128 channels of 3x3 are
/// below (36 * 128 * 128 = 590 thousand), 512 by 2048 of 1x1 are not. Moving the limit here, from 128 * 128 weights a
/// tap, was measured with asking ahead (`docs/dev/measurements.md`, "Asking ahead").
const MANY_WEIGHTS: usize = 1 << 20;

/// Whether weights are few enough for blocks.
pub fn applies<F: Form>(w: &Weights) -> bool {
    form::transformed_len::<F>(w) < MANY_WEIGHTS
}

/// Groups of images whose weight gradients are summed apart, at most. Half as many where the transformed weights have
/// more than a quarter of [`MANY_WEIGHTS`].
///
/// The number is fixed so that the order of the sums does not depend on the threads. Each group has a dU of its own, of
/// 1 MiB at most with 16 groups and 4 MiB at most with 8: 32 MiB together.
const GROUPS: usize = 16;

/// All of U, transformed: `(F::WEIGHTS, C, O)`.
fn transformed<F: Form>(level: Level, w: Weights) -> (Aligned<F::Operand>, TileMatrix<F::Operand>) {
    let (room, u) = TileMatrix::room(F::WEIGHTS, w.rows, w.cols);
    parallel::each(0..u.panels(), &|_, panel| form::transform::<F>(level, w, panel, u, panel));
    (room, u)
}

/// Values of a block's tiles, about, in V and M together: 576 KiB. They stay in the second-level cache of 1 MiB and
/// leave room for the panel that is multiplied by, and for what is asked for ahead.
const VALUES: usize = 144 << 10;

/// Bands of a block, for about as many tiles as [`VALUES`] allows, but 16 to 48.
///
/// Fewer than 16 rows would not fill the tiles of sums of AVX-512 (14 rows), and each line of a panel would be read for
/// little. More than 48 gain nothing: blocks of 24, 48 and 96 tiles were equally fast (`docs/dev/measurements.md`, "Where
/// the time goes"), and larger blocks are fewer, so that they divide worse among the threads.
fn bands_per_block<F: Form>(x: &Tiling, y: &Tiling) -> usize {
    let tiles = (VALUES / (F::FREQUENCIES * (x.c + y.c))).clamp(16, 48);
    ((tiles + x.tiles() / 2) / x.tiles()).max(1)
}

/// Values of a map that the next step reads or writes. Memory would rest while products are made, so each product asks
/// for a share of them ahead.
struct PrefetchRange {
    /// Places in the map.
    values: Range<usize>,
    /// Products that share the asking.
    products: usize,
}

impl PrefetchRange {
    /// The input of some bands. Empty for a stride larger than the kernel, which does not read most of it: asking for
    /// all of it was slower.
    fn input<F: Form>(t: &Tiling, bands: &Range<usize>, products: usize) -> Self {
        let start = if F::STRIDE > F::KERNEL { bands.end } else { bands.start };
        PrefetchRange::new(t, &(start..bands.end), products)
    }

    /// The values of some bands.
    fn new(t: &Tiling, bands: &Range<usize>, products: usize) -> Self {
        // The bands of a phase lie among those of the others, which are asked for as they are read.
        let end = if t.pixels.step > 1 { bands.start } else { bands.end };
        PrefetchRange { values: t.first_value(bands.start)..t.first_value(end), products }
    }

    /// Calls `prefetch` with a place in every cache line of a product's share.
    fn share(&self, product: usize, prefetch: impl Fn(usize)) {
        let first = |product| self.values.start + self.values.len() * product / self.products / LINE * LINE;
        (first(product)..first(product + 1)).step_by(LINE).for_each(prefetch);
    }
}

/// Convolves `x` with `w` into `to`: V = transformed x, M = V U, y = transformed M, block by block. Returns a part of
/// the sink's sums for every block.
pub fn forward<F: Form, S: Source, K: Sink>(level: Level, g: &Phased, x: S, w: Weights, to: K) -> Vec<PartialSums> {
    let (tx, ty) = Tiling::of(g, F::EDGE);
    let (_room, u) = transformed::<F>(level, w);
    let (bands, step) = (g.g.n * tx.bands(), bands_per_block::<F>(&tx, &ty));
    let block = |start: usize| {
        let block = start..(start + step).min(bands);
        let next = block.end..(block.end + step).min(bands);
        let products = F::FREQUENCIES * u.panels();
        let (reads, writes) =
            (PrefetchRange::input::<F>(&tx, &next, products), PrefetchRange::new(&ty, &block, products));
        let layout = Layout::new(ty, &block);
        let ((_v, v), (_m, m)) = (form::room::<F, F::Operand>(&layout, tx), form::room::<F, f32>(&layout, ty));
        let mut scratch = Buffer::take(F::scratch(&tx, &ty));
        let mut sums = Sums::room::<K>(w.cols);
        // SAFETY: The bands exist, v and m have their tiles as rows, outputs of blocks are disjoint, all else is the
        // task's.
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
        PartialSums { rows: ty.pixels(block), sums }
    };
    parallel::map((0..bands).step_by(step), &block)
}

/// Adds the gradient of `w` to `gw` and gives that of `x` to `gx`, block by block: dU = V^T dM, dV = dM U^T. In f32 dV
/// takes the room of V, frequency by frequency, once the dU of that frequency was summed.
pub fn backward<F: Form, S: Source, G: Source, T: Value>(
    level: Level,
    g: &Phased,
    (x, gy): (S, G),
    w: Weights,
    gw: &mut [f32],
    gx: Option<Grad<T>>,
) {
    let (tx, ty) = Tiling::of(g, F::EDGE);
    let ut = gx.map(|_| transformed::<F>(level, w.transposed()));
    let ut = ut.as_ref().map(|(_, ut)| *ut);
    let groups = if form::transformed_len::<F>(&w) > MANY_WEIGHTS / 4 { GROUPS / 2 } else { GROUPS };
    let (images, len) = (g.g.n.div_ceil(groups), gw.len());
    let group = |first: usize| {
        let (room, du) = TileMatrix::room(F::WEIGHTS, w.rows, w.cols);
        let bands = first * tx.bands()..(first + images).min(g.g.n) * tx.bands();
        let step = bands_per_block::<F>(&tx, &ty);
        let mut scratch = Buffer::take(F::scratch(&tx, &ty));
        for start in bands.clone().step_by(step) {
            let block = start..(start + step).min(bands.end);
            let next = block.end..(block.end + step).min(bands.end);
            let products = F::FREQUENCIES * du.panels();
            let (gradients, writes) =
                (PrefetchRange::new(&ty, &next, products), PrefetchRange::new(&tx, &block, products));
            let inputs = PrefetchRange::input::<F>(&tx, &next, products);
            let layout = Layout::new(ty, &block);
            let ((_v, v), (_m, m)) =
                (form::room::<F, F::Operand>(&layout, tx), form::room::<F, F::Operand>(&layout, ty));
            let (_dv, dv) = form::room_for_sums::<F>(v, &layout, tx);
            // SAFETY: The bands exist, v and m have their tiles as rows, no other task has the images of the group.
            unsafe {
                for band in bands_of(block.clone(), tx, v, layout) {
                    form::read_input::<F, S>(level, x, band, scratch.as_mut_ptr());
                }
                for band in bands_of(block.clone(), ty, m, layout) {
                    form::read_output_grad::<F, G>(level, gy, band, scratch.as_mut_ptr());
                }
                (0..v.panels()).for_each(|panel| form::turn::<F>(level, v, panel, &layout));
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
                            form::products::<F>(level, f, m, (ut, panel), (dv, panel), &layout);
                        }
                    }
                }
                let Some(gx) = gx else { continue };
                for band in bands_of(block, tx, dv, layout) {
                    form::write_input_grad::<F, T>(level, band, gx, scratch.as_mut_ptr());
                }
            }
        }
        if F::WEIGHTS == F::KERNEL * F::KERNEL {
            return (room, Some(du));
        }
        // There are fewer taps than matrices of dU (9 and 36), so the groups are summed as taps.
        let mut taps = Buffer::zeros(len);
        let to = SharedPtr::new(&mut taps);
        // SAFETY: The taps are this task's.
        (0..du.panels()).for_each(|p| unsafe { form::add_weight_grad::<F>(level, du, p, to, w.cols, p) });
        (taps, None)
    };
    let (mut sums, du): (Vec<Buffer>, Vec<Option<TileMatrix>>) =
        parallel::map((0..g.g.n).step_by(images), &group).into_iter().unzip();
    let [first, rest @ ..] = &mut sums[..] else { return };
    let Some(Some(du)) = du.first() else { return parallel::add(gw, &sums) };
    parallel::add(first, rest);
    let gw = SharedPtr::new(gw);
    // SAFETY: `gw` holds the gradient, and each panel's channels are one task's.
    parallel::each(0..du.panels(), &|_, p| unsafe { form::add_weight_grad::<F>(level, *du, p, gw, w.cols, p) });
}
