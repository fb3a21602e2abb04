//! Many channels: one step after the other, over as many images as stay in the last cache. A panel's weights are
//! transformed by the task that multiplies by them, so that transformed weights never go to memory.

use super::form::{self, Form};
use super::tiles::{TileMatrix, Tiling, Weights, bands_of};
use crate::kernels::buffer::{Buffer, Shared};
use crate::kernels::geometry::ConvGeometry;
use crate::kernels::lanes::{Gradient, Sink, Source, Sums};
use crate::kernels::micro;
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

/// Runs `f(bands, row of the first tile)` for all bands of some images, several bands at once, and gives what it makes of
/// each run of them.
fn by_bands<R: Send>(images: &Range<usize>, t: &Tiling, f: impl Fn(Range<usize>, usize) -> R + Sync) -> Vec<R> {
    let bands = images.start * t.bands()..images.end * t.bands();
    let run = |start: usize| f(start..(start + BANDS).min(bands.end), (start - bands.start) * t.tiles());
    parallel::map(bands.clone().step_by(BANDS), &run)
}

/// Calls `multiply(frequency, panel of right-hand values)` for the transformed weights of output channels `16 * panel..`.
fn by_frequency<F: Form>(level: Level, w: Weights, panel: usize, multiply: impl Fn(usize, *const f32)) {
    let (_room, u) = TileMatrix::room::<F>(w.rows, LINE);
    form::transform::<F>(level, w, panel, u, 0);
    (0..F::FREQUENCIES).for_each(|f| multiply(f, u.panel(f, 0)));
}

pub fn forward<F: Form, S: Source, K: Sink>(level: Level, g: &ConvGeometry, x: S, w: Weights, to: K) -> Vec<Part> {
    let (tx, ty) = Tiling::of::<F>(g);
    let mut parts = Vec::new();
    for images in batches::<F>(g.n, &tx) {
        let rows = images.len() * tx.bands() * tx.tiles();
        let ((_v, v), (_m, m)) = (TileMatrix::room::<F>(rows, w.rows), TileMatrix::room::<F>(rows, w.cols));
        read::<F, S>(level, &images, x, tx, v);
        parallel::each(0..m.panels(), &|_, panel| {
            by_frequency::<F>(level, w, panel, |f, u| {
                // SAFETY: v has `rows` rows of `w.rows` values, u as many lines; this panel of m is this task's
                unsafe { micro::nn(level, v.left(f), 0, rows, 0, LINE, w.rows, u, m.panel(f, panel)) }
            });
        });
        parts.extend(by_bands(&images, &ty, |bands, row| {
            let mut sums = Sums::room::<K>(w.cols);
            for band in bands_of(bands.clone(), ty, m, row) {
                // SAFETY: the bands exist and are this task's
                unsafe { form::write_output::<F, K>(level, band, to, Sums::of(&mut sums)) }
            }
            Part { rows: ty.pixels(bands), sums }
        }));
    }
    parts
}

fn read<F: Form, S: Source>(level: Level, images: &Range<usize>, x: S, t: Tiling, to: TileMatrix) {
    by_bands(images, &t, |bands, row| {
        let mut scratch = Buffer::take(F::scratch(&t));
        for band in bands_of(bands, t, to, row) {
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
    let flipped = w.transposed();
    let flipped = Weights { data: &flipped, rows: w.cols, cols: w.rows };
    let mut sums: Vec<Option<(Buffer, TileMatrix)>> = (0..w.cols.div_ceil(LINE)).map(|_| None).collect();
    for images in batches::<F>(g.n, &tx) {
        let rows = images.len() * tx.bands() * tx.tiles();
        let ((_v, v), (_m, m)) = (TileMatrix::room::<F>(rows, w.rows), TileMatrix::room::<F>(rows, w.cols));
        read::<F, S>(level, &images, x, tx, v);
        by_bands(&images, &ty, |bands, row| {
            for band in bands_of(bands, ty, m, row) {
                // SAFETY: the bands exist; the rows of their tiles are this task's
                unsafe { form::read_gradient::<F, G>(level, gy, band) }
            }
        });
        parallel::each(&mut sums, &|panel, sums| {
            let add = sums.is_some();
            let (room, du) = sums.take().unwrap_or_else(|| TileMatrix::room::<F>(w.rows, LINE));
            for f in 0..F::FREQUENCIES {
                // SAFETY: v and m have `rows` rows, du is this task's
                unsafe { form::outer_products(level, f, v, (m, panel), (du, 0), rows, add) }
            }
            if images.end == g.n {
                // SAFETY: gw holds the gradient; the panel's channels are this task's
                unsafe { form::add_gradient::<F>(level, du, 0, gw, w.cols, panel) }
            } else {
                *sums = Some((room, du));
            }
        });
        let Some(gx) = gx else { continue };
        parallel::each(0..v.panels(), &|_, panel| {
            by_frequency::<F>(level, flipped, panel, |f, ut| {
                // SAFETY: m has `rows` rows of `w.cols` values, ut as many lines; this panel of v is this task's
                unsafe { micro::nn(level, m.left(f), 0, rows, 0, LINE, w.cols, ut, v.panel(f, panel)) }
            });
        });
        parallel::each(images.clone(), &|_, image| {
            let mut scratch = Buffer::take(F::scratch(&tx));
            let bands = image * tx.bands()..(image + 1) * tx.bands();
            for band in bands_of(bands, tx, v, (image - images.start) * tx.bands() * tx.tiles()) {
                // SAFETY: the image is this task's; its bands come in order
                unsafe { form::write_input_gradient::<F>(level, band, gx, scratch.as_mut_ptr()) }
            }
        });
    }
}
