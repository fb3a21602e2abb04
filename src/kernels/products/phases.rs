//! Many channels: one step after the other, over as many images as stay in the last cache. A panel's weights are
//! transformed by the task that multiplies by them, so that transformed weights never go to memory.

use super::form::{self, Form};
use super::tiles::{Layout, TileMatrix, Tiling, Weights, bands_of};
use crate::kernels::buffer::{Buffer, Shared};
use crate::kernels::geometry::ConvGeometry;
use crate::kernels::lanes::{Gradient, Sink, Source, Sums};
use crate::kernels::moments::Part;
use crate::kernels::parallel;
use crate::kernels::simd::{LINE, Level};
use std::ops::Range;

/// Bands that one task transforms.
const BANDS: usize = 4;

/// Ranges of images that are taken together.
fn batches<F: Form>(n: usize, t: &Tiling) -> impl Iterator<Item = Range<usize>> + use<F> {
    let images = (F::TOGETHER / (t.bands() * t.tiles())).max(1);
    (0..n).step_by(images).map(move |first| first..(first + images).min(n))
}

/// The bands of some images.
fn all_bands(images: &Range<usize>, t: &Tiling) -> Range<usize> {
    images.start * t.bands()..images.end * t.bands()
}

/// Runs `f` for several bands at once, and gives what it makes of each run of them.
fn by_bands<R: Send>(bands: Range<usize>, f: impl Fn(Range<usize>) -> R + Sync) -> Vec<R> {
    let run = |start: usize| f(start..(start + BANDS).min(bands.end));
    parallel::map(bands.clone().step_by(BANDS), &run)
}

/// `to` = `from` times the transformed weights.
fn multiply<F: Form>(level: Level, from: TileMatrix, w: Weights, to: TileMatrix, layout: &Layout) {
    parallel::each(0..to.panels(), &|_, panel| {
        let (_room, u) = TileMatrix::room(F::WEIGHTS, w.rows, LINE);
        form::transform::<F>(level, w, panel, u, 0);
        for f in 0..F::FREQUENCIES {
            // SAFETY: u has as many lines as `from` has columns; this panel is this task's
            unsafe { form::products::<F>(level, f, from, (u, 0), (to, panel), layout) }
        }
    });
}

pub fn forward<F: Form, S: Source, K: Sink>(level: Level, g: &ConvGeometry, x: S, w: Weights, to: K) -> Vec<Part> {
    let (tx, ty) = Tiling::of::<F>(g);
    let mut parts = Vec::new();
    for images in batches::<F>(g.n, &tx) {
        let bands = all_bands(&images, &ty);
        let layout = Layout::new(ty, &bands);
        let [(_v, v), (_m, m)] = form::rooms::<F>(&layout, [tx, ty]);
        read::<F, S>(level, bands.clone(), x, tx, (v, layout));
        multiply::<F>(level, v, w, m, &layout);
        parts.extend(by_bands(bands, |bands| {
            let (mut scratch, mut sums) = (Buffer::take(F::scratch(&tx, &ty)), Sums::room::<K>(w.cols));
            for band in bands_of(bands.clone(), ty, m, layout) {
                // SAFETY: the bands exist and are this task's
                unsafe { form::write_output::<F, K>(level, band, to, scratch.as_mut_ptr(), Sums::of(&mut sums)) }
            }
            Part { rows: ty.pixels(bands), sums }
        }));
    }
    parts
}

fn read<F: Form, S: Source>(level: Level, bands: Range<usize>, x: S, t: Tiling, (to, layout): (TileMatrix, Layout)) {
    by_bands(bands, |bands| {
        let mut scratch = Buffer::take(F::scratch(&t, &layout.out));
        for band in bands_of(bands, t, to, layout) {
            // SAFETY: the bands exist; the rows of their tiles are this task's
            unsafe { form::read_input::<F, S>(level, x, band, scratch.as_mut_ptr()) }
        }
    });
}

pub fn backward<F: Form, S: Source, G: Source>(
    level: Level,
    g: &ConvGeometry,
    (x, gy): (S, G),
    w: Weights,
    gw: Shared,
    gx: Option<Gradient>,
) {
    let (tx, ty) = Tiling::of::<F>(g);
    let mut sums: Vec<Option<(Buffer, TileMatrix)>> = (0..w.cols.div_ceil(LINE)).map(|_| None).collect();
    for images in batches::<F>(g.n, &tx) {
        let bands = all_bands(&images, &ty);
        let layout = Layout::new(ty, &bands);
        let [(_v, v), (_m, m)] = form::rooms::<F>(&layout, [tx, ty]);
        read::<F, S>(level, bands.clone(), x, tx, (v, layout));
        by_bands(bands, |bands| {
            let mut scratch = Buffer::take(F::scratch(&tx, &ty));
            for band in bands_of(bands, ty, m, layout) {
                // SAFETY: the bands exist; the rows of their tiles are this task's
                unsafe { form::read_gradient::<F, G>(level, gy, band, scratch.as_mut_ptr()) }
            }
        });
        parallel::each(&mut sums, &|panel, sums| {
            let add = sums.is_some();
            let (room, du) = sums.take().unwrap_or_else(|| TileMatrix::room(F::WEIGHTS, w.rows, LINE));
            for f in 0..F::FREQUENCIES {
                // SAFETY: v and m have the tiles, du is this task's
                unsafe { form::outer_products::<F>(level, f, v, (m, panel), (du, 0), &layout, add) }
            }
            if images.end == g.n {
                // SAFETY: gw holds the gradient; the panel's channels are this task's
                unsafe { form::add_gradient::<F>(level, du, 0, gw, w.cols, panel) }
            } else {
                *sums = Some((room, du));
            }
        });
        let Some(gx) = gx else { continue };
        multiply::<F>(level, m, w.transposed(), v, &layout);
        parallel::each(images.clone(), &|_, image| {
            let mut scratch = Buffer::take(F::scratch(&tx, &ty));
            for band in bands_of(all_bands(&(image..image + 1), &ty), tx, v, layout) {
                // SAFETY: the image is this task's; its bands come in order
                unsafe { form::write_input_gradient::<F>(level, band, gx, scratch.as_mut_ptr()) }
            }
        });
    }
}
