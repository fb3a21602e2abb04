//! How tiles become rows of matrices and come back: what a [`Form`] does for one vector of channels, and the kernels
//! that do it for all channels.
//!
//! With the tiles of a block as rows, for every frequency f:
//!
//! ```text
//! V_f  (tiles, C)       the input, transformed                      read_input
//! U_f  (C, O)           the weights, transformed                    transform
//! M_f  (tiles, O)       V_f x U_f                                   products
//!      (N*OH*OW, O)     the output, from M                          write_output
//! dM_f (tiles, O)       the output's gradient, transformed          read_output_grad
//! dU_f (C, O)           V_f^T x dM_f, to the gradient of weights    outer_products, add_weight_grad
//! dV_f (tiles, C)       dM_f x U_f^T, to the gradient of the input  products, write_input_grad
//! ```

use super::tiles::{Band, Layout, TileMatrix, Tiling, Weights};
use crate::kernels::buffer::{Aligned, Buffer, SharedPtr};
use crate::kernels::gemm::{self, Operand};
use crate::kernels::lanes::{Grad, Sink, Source, Sums, Writing};
use crate::kernels::simd::{L2, LINE, Level, Vector, by_vector, prefetch, simd_kernel};
use crate::kernels::value::Value;
use std::ops::Range;

/// A way to make products out of a convolution.
///
/// # Safety
/// For all unsafe methods, the machine must have the level; the band must exist in the map, its rows in the matrices,
/// and the `n` channels from `c` on in both; what is written must be the task's own.
pub trait Form: Copy + Send + Sync + 'static {
    /// What is multiplied.
    type Operand: Operand;
    /// Edge of a whole tile of the output in pixels.
    const EDGE: usize;
    /// Edge of the convolution's kernel.
    const KERNEL: usize;
    /// Stride of the convolution.
    const STRIDE: usize;
    /// Frequencies of a whole tile: pairs of a point down and a point across.
    const FREQUENCIES: usize = points::<Self>(Self::EDGE) * points::<Self>(Self::EDGE);
    /// Matrices of transformed weights. Fewer than frequencies where several of these multiply by the same one.
    const WEIGHTS: usize;
    /// Tiles that [`phases`](super::phases) takes through a step together, at most.
    const TOGETHER: usize;

    /// The matrix of weights that a frequency multiplies by, and whether a frequency before it multiplies by the same.
    fn weights(frequency: usize) -> (usize, bool);
    /// Values of scratch that a band needs.
    fn scratch(x: &Tiling, out: &Tiling) -> usize;
    /// Reads the input of a band and writes its rows of V.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn read_input<V: Vector, S: Source>(x: S, band: Band<Self::Operand>, scratch: *mut f32, c: usize, n: usize);
    /// Reads the output's gradient of a band and writes its rows of dM.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn read_output_grad<V: Vector, S: Source>(
        gy: S,
        band: Band<Self::Operand>,
        scratch: *mut f32,
        c: usize,
        n: usize,
    );
    /// Reads the rows of M of a band and writes its output.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn write_output<V: Vector, K: Sink>(band: Band, to: &mut Writing<V, K>, scratch: *mut f32, c: usize);
    /// Reads the rows of dV of a band and writes the gradient of its input. Adds where [`Grad::add`] says so, and
    /// where an earlier band of the image has written the same pixels. The bands of an image come in order.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn write_input_grad<V: Vector, T: Value>(band: Band, to: Grad<T>, scratch: *mut f32, c: usize, n: usize);
    /// Reads the taps of one input channel for `n` output channels, `tap` values apart, and writes them to a row of
    /// every matrix of U, `frequency` values apart.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn transform<V: Vector>(w: *const f32, tap: usize, n: usize, to: *mut Self::Operand, frequency: usize);
    /// Reads a row of every matrix of dU, `frequency` values apart, and adds it to the gradient of the taps.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn add_weight_grad<V: Vector>(from: *const f32, frequency: usize, gw: *mut f32, tap: usize, n: usize);
}

/// Points along an axis of a tile of an edge. They are as many as the input pixels that it reads there.
pub const fn points<F: Form>(edge: usize) -> usize {
    points_of(edge, F::STRIDE, F::KERNEL)
}

/// Input pixels along an axis that `edge` output pixels read: stride * (edge - 1) + kernel.
pub const fn points_of(edge: usize, stride: usize, kernel: usize) -> usize {
    (stride * edge + kernel).saturating_sub(stride)
}

/// Values of the transformed weights.
pub fn transformed_len<F: Form>(w: &Weights) -> usize {
    F::WEIGHTS * w.rows * w.cols
}

/// The rows of a layout whose tiles have a frequency.
fn rows_having<F: Form>(layout: &Layout, frequency: usize) -> Range<usize> {
    let all = points::<F>(F::EDGE);
    let has = |point: usize, size: usize| point < points::<F>(size % F::EDGE);
    layout.range(has(frequency / all, layout.out.h), has(frequency % all, layout.out.w))
}

simd_kernel! {
    /// [`Form::read_input`] for all channels.
    ///
    /// # Safety
    /// As for the method; `scratch` must hold [`Form::scratch`] values.
    pub fn read_input<V, F: Form, S: Source>(x: S, band: Band<F::Operand>, scratch: *mut f32) {
        // SAFETY: The caller's promises are those of the method.
        unsafe { by_vector!(V, band.t.c, |c, n| F::read_input::<V, S>(x, band, scratch, c, n)) }
    }
}

simd_kernel! {
    /// [`Form::read_output_grad`] for all channels.
    ///
    /// # Safety
    /// As for the method; `scratch` must hold [`Form::scratch`] values.
    pub fn read_output_grad<V, F: Form, S: Source>(gy: S, band: Band<F::Operand>, scratch: *mut f32) {
        // SAFETY: The caller's promises are those of the method.
        unsafe { by_vector!(V, band.t.c, |c, n| F::read_output_grad::<V, S>(gy, band, scratch, c, n)) }
    }
}

simd_kernel! {
    /// [`Form::write_output`] for all channels.
    ///
    /// # Safety
    /// As for the method; `scratch` must hold [`Form::scratch`] values, the sums be of the sink's channels.
    pub fn write_output<V, F: Form, K: Sink>(band: Band, to: K, scratch: *mut f32, sums: Sums) {
        // SAFETY: The caller's promises are those of the method.
        unsafe {
            by_vector!(V, band.t.c, |c, n| {
                let mut to = Writing::<V, K>::begin(to, c, n, sums);
                F::write_output(band, &mut to, scratch, c);
                to.end(c, sums);
            });
        }
    }
}

simd_kernel! {
    /// [`Form::write_input_grad`] for all channels.
    ///
    /// # Safety
    /// As for the method; `scratch` must hold [`Form::scratch`] values.
    pub fn write_input_grad<V, F: Form, T: Value>(band: Band, to: Grad<T>, scratch: *mut f32) {
        // SAFETY: The caller's promises are those of the method.
        unsafe { by_vector!(V, band.t.c, |c, n| F::write_input_grad::<V, T>(band, to, scratch, c, n)) }
    }
}

/// Rows of weights that are asked for ahead. The lines of one panel lie a whole row of weights apart, which the CPU's
/// own prefetcher does not follow.
const AHEAD: usize = 8;

/// Transforms the weights of columns `16 * panel..` into panel `to_panel` of `to`: `(taps, rows, 16)` to
/// `(F::WEIGHTS, rows, 16)`, with zeros in columns that do not exist.
pub fn transform<F: Form>(level: Level, w: Weights, panel: usize, to: TileMatrix<F::Operand>, to_panel: usize) {
    let taps = F::KERNEL * F::KERNEL;
    assert!(w.data.len() == taps * w.rows * w.cols && panel * LINE < w.cols);
    assert!(to.rows == w.rows && to_panel * LINE < to.cols);
    // SAFETY: The assertions above hold.
    unsafe {
        if w.transposed {
            let lines = w.lines(panel);
            transform_panel::<F>(level, lines.as_ptr(), LINE, LINE, to, to_panel);
        } else {
            let (from, count) = (w.data.as_ptr().add(panel * LINE), LINE.min(w.cols - panel * LINE));
            transform_panel::<F>(level, from, w.cols, count, to, to_panel);
        }
    }
}

simd_kernel! {
    /// Transforms rows that lie `stride` values apart and hold `count` values each.
    fn transform_panel<V, F: Form>(
        from: *const f32, stride: usize, count: usize, to: TileMatrix<F::Operand>, panel: usize,
    ) {
        for lane in (0..LINE).step_by(V::LANES) {
            let n = count.saturating_sub(lane).min(V::LANES);
            for row in 0..to.rows {
                let from = from.wrapping_add(row * stride + lane);
                for tap in 0..F::KERNEL * F::KERNEL {
                    prefetch::<L2>(from.wrapping_add((tap * to.rows + AHEAD) * stride));
                }
                let target = to.line(0, panel * LINE + lane, row);
                // SAFETY: The caller's row has `n` values a tap; row and lanes are within the panel.
                unsafe { F::transform::<V>(from, to.rows * stride, n, target, to.frequency) }
            }
        }
    }
}

simd_kernel! {
    /// Adds panel `from_panel` of dU `(F::WEIGHTS, rows, 16)` to the gradient of the weights `(taps * rows, cols)`,
    /// columns `16 * panel..`.
    ///
    /// # Safety
    /// `gw` must hold the gradient; no other task may write to these channels.
    pub fn add_weight_grad<V, F: Form>(from: TileMatrix, from_panel: usize, gw: SharedPtr, cols: usize, panel: usize) {
        let first = panel * LINE;
        // SAFETY: The caller's gradient has the `n` columns of every row.
        unsafe {
            by_vector!(V, LINE.min(cols - first), |lane, n| for row in 0..from.rows {
                let value = from.line(0, from_panel * LINE + lane, row);
                for tap in 0..F::KERNEL * F::KERNEL {
                    prefetch::<L2>(gw.at((tap * from.rows + row + AHEAD) * cols + first + lane));
                }
                F::add_weight_grad::<V>(value, from.frequency, gw.at(row * cols + first + lane), from.rows * cols, n);
            });
        }
    }
}

/// Room for V, M, dM or dV of the tiles of a layout: `(F::FREQUENCIES, tiles, channels of the map)`.
pub fn room<F: Form, T: Operand>(layout: &Layout, map: Tiling) -> (Aligned<T>, TileMatrix<T>) {
    // (rows that are turned together are whole)
    TileMatrix::room(F::FREQUENCIES, layout.rows().next_multiple_of(T::STEP), map.c)
}

/// Room for dV: that of V, once it was multiplied, where its values are f32 too.
pub fn room_for_sums<F: Form>(v: TileMatrix<F::Operand>, layout: &Layout, map: Tiling) -> (Option<Buffer>, TileMatrix) {
    match v.for_sums() {
        Some(dv) => (None, dv),
        None => {
            let (room, dv) = room::<F, f32>(layout, map);
            (Some(room), dv)
        }
    }
}

/// The first of the `count` columns of `from` that a panel of products is made of: all columns, or in groups those of
/// the panel's bundle.
fn first_column<T>(from: &TileMatrix<T>, count: usize, panel: usize) -> usize {
    if count == from.cols { 0 } else { panel * LINE / count * count }
}

/// Panel `panel` of `to` = `from` x panel `right_panel` of `right`, for the tiles that have frequency `f`: M = V U
/// forward, dV = dM U^T backward. `(tiles, C) x (C, 16)`; C is that of a bundle in groups.
///
/// # Safety
/// The tiles must be those of the layout, `right` must have as many rows as `from`, or each bundle of it, has columns;
/// the panel must be this task's own.
pub unsafe fn products<F: Form>(
    level: Level,
    f: usize,
    from: TileMatrix<F::Operand>,
    (right, right_panel): (TileMatrix<F::Operand>, usize),
    (to, panel): (TileMatrix, usize),
    layout: &Layout,
) {
    let rows = rows_having::<F>(layout, f);
    let left = from.left(f, first_column(&from, right.rows, panel), rows.start);
    let (panel_of_right, to) =
        (right.line(F::weights(f).0, right_panel * LINE, 0), to.line(f, panel * LINE, rows.start));
    // SAFETY: The caller's tiles and panels exist.
    unsafe { gemm::nn(level, left, 0, rows.len(), 0, LINE, right.rows, panel_of_right, to) }
}

/// Turns the rows of a panel of V, for [`outer_products`].
///
/// # Safety
/// The tiles must be those of the layout, the panel this task's own.
pub unsafe fn turn<F: Form>(level: Level, v: TileMatrix<F::Operand>, panel: usize, layout: &Layout) {
    if F::Operand::STEP > 1 {
        for f in 0..F::FREQUENCIES {
            let rows = rows_having::<F>(layout, f);
            // SAFETY: The caller's tiles and panel exist, and their rows have room to be turned together.
            unsafe { turn_rows::<F::Operand>(level, v.line(f, panel * LINE, rows.start), rows.len()) }
        }
    }
}

simd_kernel! {
    fn turn_rows<V: Pairs<T>, T: Operand>(rows: *mut T, count: usize) {
        for row in (0..count).step_by(T::STEP) {
            // SAFETY: The caller's rows exist.
            unsafe { T::turn::<V>(rows.add(row * LINE), row + T::STEP <= count) }
        }
    }
}

/// Panel `to_panel` of dU = V^T x panel `panel` of dM, or with `add` that much more, for the tiles that have frequency
/// `f`: `(tiles, C)^T x (tiles, 16) -> (C, 16)`.
///
/// # Safety
/// The tiles must be those of the layout, those of V [turned](turn); dU must have as many rows as V, or each bundle of it, has columns, and the
/// panel of dU must be this task's own.
pub unsafe fn outer_products<F: Form>(
    level: Level,
    f: usize,
    v: TileMatrix<F::Operand>,
    (m, panel): (TileMatrix<F::Operand>, usize),
    (du, to_panel): (TileMatrix, usize),
    layout: &Layout,
    add: bool,
) {
    let (rows, (weights, again)) = (rows_having::<F>(layout, f), F::weights(f));
    let right = m.line(f, panel * LINE, rows.start);
    let start = first_column(&v, du.rows, panel);
    for first in (0..du.rows).step_by(LINE) {
        let left = v.left(f, start + first, rows.start);
        let to = du.line(weights, to_panel * LINE, first);
        // SAFETY: The caller's tiles and panels exist.
        unsafe { gemm::tn(level, left, 0, 0, LINE.min(du.rows - first), rows.len(), right, to, add || again) }
    }
}
