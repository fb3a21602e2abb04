//! Weights in the transformed domain, a panel of 16 output channels at a time, and gradients back from it.

use super::transform::{self, IN, KERNEL};
use crate::kernels::buffer::Shared;
use crate::kernels::products::tiles::{TileMatrix, Weights};
use crate::kernels::simd::{LINE, Level, Vector, load_all, simd_kernel, store_all};

/// U = G g G^T for output channels `16 * panel..`, into panel `to_panel` of `to`.
pub fn transform_weights(level: Level, w: Weights, panel: usize, to: TileMatrix, to_panel: usize) {
    assert!(w.data.len() == KERNEL * KERNEL * w.rows * w.cols && panel * LINE < w.cols);
    assert!(to.rows == w.rows && to_panel * LINE < to.cols);
    // SAFETY: the assertions
    unsafe { transform_panel(level, w.data.as_ptr(), w.rows, w.cols, panel * LINE, to, to_panel) }
}

/// Adds dg = G^T dU G of panel `from_panel` of `du` to the gradient of weights `(9 * rows, cols)`, output channels
/// `16 * panel..`.
///
/// # Safety
/// `gw` must hold the gradient; no other task may write to these channels.
pub unsafe fn add_gradient(level: Level, du: TileMatrix, from_panel: usize, gw: Shared, cols: usize, panel: usize) {
    // SAFETY: the caller's
    unsafe { gradient_panel(level, du, from_panel, gw, du.rows, cols, panel * LINE) }
}

simd_kernel! {
    fn transform_panel(w: *const f32, rows: usize, cols: usize, first: usize, to: TileMatrix, panel: usize) = transform_panel_body
}

simd_kernel! {
    fn gradient_panel(du: TileMatrix, panel: usize, gw: Shared, rows: usize, cols: usize, first: usize) = gradient_panel_body
}

#[inline(always)]
unsafe fn transform_panel_body<V: Vector>(
    w: *const f32,
    rows: usize,
    cols: usize,
    first: usize,
    to: TileMatrix,
    panel: usize,
) {
    for lane in (0..LINE).step_by(V::LANES) {
        let n = cols.saturating_sub(first + lane).min(V::LANES);
        for row in 0..rows {
            // SAFETY: rows and columns are the caller's; of a last short vector `n` values are read
            unsafe {
                let mut half = [[V::splat(0.0); KERNEL]; IN];
                for kx in 0..KERNEL {
                    let mut taps = [V::splat(0.0); KERNEL];
                    for (ky, tap) in taps.iter_mut().enumerate().filter(|_| n > 0) {
                        *tap = V::load_first(w.add(((ky * KERNEL + kx) * rows + row) * cols + first + lane), n);
                    }
                    for (half, v) in half.iter_mut().zip(transform::weight(taps)) {
                        half[kx] = v;
                    }
                }
                let target = to.line(0, panel * LINE + lane, row);
                for (i, half) in half.into_iter().enumerate() {
                    store_all(transform::weight(half), target.add(i * IN * to.frequency), to.frequency);
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn gradient_panel_body<V: Vector>(
    du: TileMatrix,
    panel: usize,
    gw: Shared,
    rows: usize,
    cols: usize,
    first: usize,
) {
    for lane in (0..LINE.min(cols - first)).step_by(V::LANES) {
        let n = (cols - first - lane).min(V::LANES);
        for row in 0..rows {
            // SAFETY: rows and columns are the caller's; of a last short vector `n` values are touched
            unsafe {
                let source = du.line(0, panel * LINE + lane, row);
                let mut half = [[V::splat(0.0); IN]; KERNEL];
                for j in 0..IN {
                    let values = load_all::<V, IN>(source.add(j * du.frequency), IN * du.frequency);
                    for (half, v) in half.iter_mut().zip(transform::weight_transposed(values)) {
                        half[j] = v;
                    }
                }
                for (ky, half) in half.into_iter().enumerate() {
                    for (kx, v) in transform::weight_transposed(half).into_iter().enumerate() {
                        let place = gw.at(((ky * KERNEL + kx) * rows + row) * cols + first + lane);
                        v.add(V::load_first(place, n)).store_first(place, n);
                    }
                }
            }
        }
    }
}
