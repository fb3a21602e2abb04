//! How tiles become rows of matrices and come back: what a form does for one vector of channels, and the kernels that do
//! it for all.

use super::tiles::{Band, TileMatrix, Tiling, Weights};
use crate::kernels::buffer::Shared;
use crate::kernels::lanes::{Gradient, Sink, Source, Sums, Writing};
use crate::kernels::micro::{self, PanelRows};
use crate::kernels::simd::{LINE, Level, Vector, by_vector, simd_kernel};

/// A way to make products out of a convolution.
///
/// # Safety
/// (Of the unsafe methods.) The machine must have the level; the band must exist in the map, its rows in the matrices, and
/// the `n` channels from `c` on in both; what is written must be the task's own.
pub trait Form: Copy + Send + Sync + 'static {
    /// Edge of a tile.
    const EDGE: usize;
    /// Edge of the convolution's kernel.
    const KERNEL: usize;
    /// Matrices.
    const FREQUENCIES: usize;
    /// Tiles that a task takes through all steps at once, about.
    const BLOCK: usize;
    /// Tiles that are taken through a step together, at most.
    const TOGETHER: usize;

    /// Values of the scratch that a band needs.
    fn scratch(t: &Tiling) -> usize;
    /// Input of a band to its rows.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn read_input<V: Vector, S: Source>(x: S, band: Band, scratch: *mut f32, c: usize, n: usize);
    /// Gradient of the output of a band to its rows.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn read_gradient<V: Vector, S: Source>(gy: S, band: Band, c: usize, n: usize);
    /// Rows to the output of a band.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn write_output<V: Vector, K: Sink>(band: Band, to: &mut Writing<V, K>, c: usize);
    /// Rows to the gradient of the input of a band: added, or, when nothing is there, written where no earlier band of the
    /// image has. The bands of an image come in order.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn write_input_gradient<V: Vector>(band: Band, to: Gradient, scratch: *mut f32, c: usize, n: usize);
    /// The taps of a weight for `n` output channels, `tap` values apart, to a value in every matrix, `frequency` apart.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn transform<V: Vector>(w: *const f32, tap: usize, n: usize, to: *mut f32, frequency: usize);
    /// Adds a value in every matrix of the products' gradient to that of the taps.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn add_gradient<V: Vector>(from: *const f32, frequency: usize, gw: *mut f32, tap: usize, n: usize);
}

simd_kernel! {
    /// [`Form::read_input`] for all channels.
    ///
    /// # Safety
    /// That of the method; `scratch` must hold [`Form::scratch`] values.
    pub fn read_input<V, F: Form, S: Source>(x: S, band: Band, scratch: *mut f32) {
        // SAFETY: the caller's
        unsafe { by_vector!(V, band.t.c, |c, n| F::read_input::<V, S>(x, band, scratch, c, n)) }
    }
}

simd_kernel! {
    /// [`Form::read_gradient`] for all channels.
    ///
    /// # Safety
    /// That of the method.
    pub fn read_gradient<V, F: Form, S: Source>(gy: S, band: Band) {
        // SAFETY: the caller's
        unsafe { by_vector!(V, band.t.c, |c, n| F::read_gradient::<V, S>(gy, band, c, n)) }
    }
}

simd_kernel! {
    /// [`Form::write_output`] for all channels.
    ///
    /// # Safety
    /// That of the method; the sums must be of the sink's channels.
    pub fn write_output<V, F: Form, K: Sink>(band: Band, to: K, sums: Sums) {
        // SAFETY: the caller's
        unsafe {
            by_vector!(V, band.t.c, |c, n| {
                let mut to = Writing::<V, K>::begin(to, c, n, sums);
                F::write_output(band, &mut to, c);
                to.end(c, sums);
            });
        }
    }
}

simd_kernel! {
    /// [`Form::write_input_gradient`] for all channels.
    ///
    /// # Safety
    /// That of the method; `scratch` must hold [`Form::scratch`] values.
    pub fn write_input_gradient<V, F: Form>(band: Band, to: Gradient, scratch: *mut f32) {
        // SAFETY: the caller's
        unsafe { by_vector!(V, band.t.c, |c, n| F::write_input_gradient::<V>(band, to, scratch, c, n)) }
    }
}

/// Transforms the weights of output channels `16 * panel..` into panel `to_panel` of `to`, which is filled up with zeros.
pub fn transform<F: Form>(level: Level, w: Weights, panel: usize, to: TileMatrix, to_panel: usize) {
    assert!(w.data.len() == F::KERNEL * F::KERNEL * w.rows * w.cols && panel * LINE < w.cols);
    assert!(to.rows == w.rows && to_panel * LINE < to.cols);
    // SAFETY: the assertions
    unsafe { transform_panel::<F>(level, w, panel * LINE, to, to_panel * LINE) }
}

simd_kernel! {
    fn transform_panel<V, F: Form>(w: Weights<'_>, first: usize, to: TileMatrix, to_first: usize) {
        for lane in (0..LINE).step_by(V::LANES) {
            let n = w.cols.saturating_sub(first + lane).min(V::LANES);
            for row in 0..w.rows {
                let from = w.data.as_ptr().wrapping_add(row * w.cols + first + lane);
                // SAFETY: row and columns are within the weights, of which `n` a tap are read, and within the panel
                unsafe { F::transform::<V>(from, w.rows * w.cols, n, to.line(0, to_first + lane, row), to.frequency) }
            }
        }
    }
}

simd_kernel! {
    /// Adds panel `from_panel` of the products' gradient to that of weights `(taps * rows, cols)`, output channels
    /// `16 * panel..`.
    ///
    /// # Safety
    /// `gw` must hold the gradient; no other task may write to these channels.
    pub fn add_gradient<V, F: Form>(from: TileMatrix, from_panel: usize, gw: Shared, cols: usize, panel: usize) {
        let first = panel * LINE;
        // SAFETY: the caller's: `n` columns of every row are touched
        unsafe {
            by_vector!(V, LINE.min(cols - first), |lane, n| for row in 0..from.rows {
                let value = from.line(0, from_panel * LINE + lane, row);
                F::add_gradient::<V>(value, from.frequency, gw.at(row * cols + first + lane), from.rows * cols, n);
            });
        }
    }
}

/// dU = (or, with `add`, +=) V^T dM over the first `rows` tiles, for one frequency: from panel `panel` of dM to panel
/// `to_panel` of dU.
///
/// # Safety
/// The matrices must have those rows and panels; those of dU must be this task's own.
pub unsafe fn outer_products(
    level: Level,
    f: usize,
    v: TileMatrix,
    (m, panel): (TileMatrix, usize),
    (du, to_panel): (TileMatrix, usize),
    rows: usize,
    add: bool,
) {
    for channels in 0..v.panels() {
        let left = PanelRows { first: v.panel(f, channels), stride: 0 };
        let count = LINE.min(v.cols - channels * LINE);
        let to = du.line(f, to_panel * LINE, channels * LINE);
        // SAFETY: the caller's
        unsafe { micro::tn(level, left, 0, 0, count, rows, m.panel(f, panel), to, add) }
    }
}
