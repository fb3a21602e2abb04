//! Many channels: all tasks do one step after the other, over as many images as stay in the last-level cache. A panel's
//! weights are transformed by the task that multiplies by them, so that the transformed weights, which may be larger
//! than the caches, never go to memory.
//!
//! Nothing is asked for ahead here: it was no faster, because the maps of such layers lie in the last-level cache
//! already (`docs/dev/measurements.md`, "Asking ahead").

use super::dilated::Phased;
use super::form::{self, Form};
use super::tiles::{Layout, TileMatrix, Tiling, Weights, bands_of};
use crate::kernels::buffer::{Buffer, SharedPtr};
use crate::kernels::lanes::{Grad, Sink, Source, Sums};
use crate::kernels::moments::PartialSums;
use crate::kernels::parallel;
use crate::kernels::simd::{LINE, Level};
use crate::kernels::value::Value;
use std::ops::Range;

/// Bands that one task transforms, and that a part of the sink's sums is made of. A Winograd band is four rows of
/// pixels: of the maps of 7 and 14 pixels that have so many channels, a task takes two images or one.
const BANDS: usize = 4;

/// Ranges of images that are taken together: [`Form::TOGETHER`] tiles, one image at least.
fn batches<F: Form>(n: usize, t: &Tiling) -> impl Iterator<Item = Range<usize>> + use<F> {
    let images = (F::TOGETHER / (t.bands() * t.tiles())).max(1);
    (0..n).step_by(images).map(move |first| first..(first + images).min(n))
}

/// The bands of some images.
fn all_bands(images: &Range<usize>, t: &Tiling) -> Range<usize> {
    images.start * t.bands()..images.end * t.bands()
}

/// Runs `f` for runs of [`BANDS`] bands on all threads. Returns the results in the order of the bands.
fn by_bands<R: Send>(bands: Range<usize>, f: impl Fn(Range<usize>) -> R + Sync) -> Vec<R> {
    let run = |start: usize| f(start..(start + BANDS).min(bands.end));
    parallel::map(bands.clone().step_by(BANDS), &run)
}

/// `to` = `from` x the transformed weights, for every frequency `(tiles, C) x (C, O)`, a panel of 16 output channels a
/// task.
fn multiply<F: Form>(level: Level, from: TileMatrix<F::Operand>, w: Weights, to: TileMatrix, layout: &Layout) {
    parallel::each(0..to.panels(), &|_, panel| {
        let (_room, u) = TileMatrix::room(F::WEIGHTS, w.rows, LINE);
        form::transform::<F>(level, w, panel, u, 0);
        for f in 0..F::FREQUENCIES {
            // SAFETY: `u` has as many lines as `from` has columns, and the panel is this task's.
            unsafe { form::products::<F>(level, f, from, (u, 0), (to, panel), layout) }
        }
    });
}

/// Convolves `x` with `w` into `to`. Returns a part of the sink's sums for every run of bands.
pub fn forward<F: Form, S: Source, K: Sink>(level: Level, g: &Phased, x: S, w: Weights, to: K) -> Vec<PartialSums> {
    let (tx, ty) = Tiling::of(g, F::EDGE);
    let mut parts = Vec::new();
    for images in batches::<F>(g.g.n, &tx) {
        let bands = all_bands(&images, &ty);
        let layout = Layout::new(ty, &bands);
        let ((_v, v), (_m, m)) = (form::room::<F, F::Operand>(&layout, tx), form::room::<F, f32>(&layout, ty));
        read::<F, S>(level, bands.clone(), x, tx, (v, layout));
        multiply::<F>(level, v, w, m, &layout);
        parts.extend(by_bands(bands, |bands| {
            let (mut scratch, mut sums) = (Buffer::take(F::scratch(&tx, &ty)), Sums::room::<K>(w.cols));
            for band in bands_of(bands.clone(), ty, m, layout) {
                // SAFETY: The bands exist and are this task's.
                unsafe { form::write_output::<F, K>(level, band, to, scratch.as_mut_ptr(), Sums::of(&mut sums)) }
            }
            PartialSums { rows: ty.pixels(bands), sums }
        }));
    }
    parts
}

/// Transforms the input of bands into rows of V.
fn read<F: Form, S: Source>(
    level: Level,
    bands: Range<usize>,
    x: S,
    t: Tiling,
    (to, layout): (TileMatrix<F::Operand>, Layout),
) {
    by_bands(bands, |bands| {
        let mut scratch = Buffer::take(F::scratch(&t, &layout.out));
        for band in bands_of(bands, t, to, layout) {
            // SAFETY: The bands exist, and the rows of their tiles are this task's.
            unsafe { form::read_input::<F, S>(level, x, band, scratch.as_mut_ptr()) }
        }
    });
}

/// Adds the gradient of `w` to `gw` and gives that of `x` to `gx`. The dU of a panel is kept from batch to batch and
/// added to `gw` after the last one.
pub fn backward<F: Form, S: Source, G: Source, T: Value>(
    level: Level,
    g: &Phased,
    (x, gy): (S, G),
    w: Weights,
    gw: SharedPtr,
    gx: Option<Grad<T>>,
) {
    let (tx, ty) = Tiling::of(g, F::EDGE);
    let mut sums: Vec<Option<(Buffer, TileMatrix)>> = (0..w.cols.div_ceil(LINE)).map(|_| None).collect();
    for images in batches::<F>(g.g.n, &tx) {
        let bands = all_bands(&images, &ty);
        let layout = Layout::new(ty, &bands);
        let ((_v, v), (_m, m)) = (form::room::<F, F::Operand>(&layout, tx), form::room::<F, F::Operand>(&layout, ty));
        read::<F, S>(level, bands.clone(), x, tx, (v, layout));
        by_bands(bands, |bands| {
            let mut scratch = Buffer::take(F::scratch(&tx, &ty));
            for band in bands_of(bands, ty, m, layout) {
                // SAFETY: The bands exist, and the rows of their tiles are this task's.
                unsafe { form::read_output_grad::<F, G>(level, gy, band, scratch.as_mut_ptr()) }
            }
        });
        // SAFETY: `v` has the tiles, and the panel is this task's.
        parallel::each(0..v.panels(), &|_, panel| unsafe { form::turn::<F>(level, v, panel, &layout) });
        parallel::each(&mut sums, &|panel, sums| {
            let add = sums.is_some();
            let (room, du) = sums.take().unwrap_or_else(|| TileMatrix::room(F::WEIGHTS, w.rows, LINE));
            for f in 0..F::FREQUENCIES {
                // SAFETY: `v` and `m` have the tiles, and `du` is this task's.
                unsafe { form::outer_products::<F>(level, f, v, (m, panel), (du, 0), &layout, add) }
            }
            if images.end == g.g.n {
                // SAFETY: `gw` holds the gradient, and the panel's channels are this task's.
                unsafe { form::add_weight_grad::<F>(level, du, 0, gw, w.cols, panel) }
            } else {
                *sums = Some((room, du));
            }
        });
        let Some(gx) = gx else { continue };
        let (_dv, dv) = form::room_for_sums::<F>(v, &layout, tx);
        multiply::<F>(level, m, w.transposed(), dv, &layout);
        parallel::each(images.clone(), &|_, image| {
            let mut scratch = Buffer::take(F::scratch(&tx, &ty));
            for band in bands_of(all_bands(&(image..image + 1), &ty), tx, dv, layout) {
                // SAFETY: The image is this task's, and its bands come in order.
                unsafe { form::write_input_grad::<F, T>(level, band, gx, scratch.as_mut_ptr()) }
            }
        });
    }
}
