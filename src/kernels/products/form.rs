//! How tiles become rows of matrices and come back: what a form does for one vector of channels, and the kernels that do
//! it for all.

use super::tiles::{Band, Layout, TileMatrix, Tiling, Weights};
use crate::kernels::buffer::{Buffer, Shared};
use crate::kernels::lanes::{Gradient, Sink, Source, Sums, Writing};
use crate::kernels::micro;
use crate::kernels::simd::{L2, LINE, Level, Vector, by_vector, prefetch, simd_kernel};

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
    /// Stride of the convolution.
    const STRIDE: usize;
    /// Frequencies: pairs of points down and across.
    const FREQUENCIES: usize = points::<Self>(Self::EDGE) * points::<Self>(Self::EDGE);
    /// Matrices that the transformed weights are.
    const WEIGHTS: usize;
    /// Tiles that are taken through a step together, at most.
    const TOGETHER: usize;

    /// The matrix of weights that a frequency multiplies by, and whether one before it does.
    fn weights(frequency: usize) -> (usize, bool);
    /// Values of the scratch that a band needs.
    fn scratch(x: &Tiling, out: &Tiling) -> usize;
    /// Input of a band to its rows.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn read_input<V: Vector, S: Source>(x: S, band: Band, scratch: *mut f32, c: usize, n: usize);
    /// Gradient of the output of a band to its rows.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn read_gradient<V: Vector, S: Source>(gy: S, band: Band, scratch: *mut f32, c: usize, n: usize);
    /// Rows to the output of a band.
    #[allow(clippy::missing_safety_doc)]
    unsafe fn write_output<V: Vector, K: Sink>(band: Band, to: &mut Writing<V, K>, scratch: *mut f32, c: usize);
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

/// Points along an axis of a tile of an edge, and values that it reads there.
pub const fn points<F: Form>(edge: usize) -> usize {
    (F::STRIDE * edge + F::KERNEL).saturating_sub(F::STRIDE)
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
    /// That of the method; `scratch` must hold [`Form::scratch`] values.
    pub fn read_gradient<V, F: Form, S: Source>(gy: S, band: Band, scratch: *mut f32) {
        // SAFETY: the caller's
        unsafe { by_vector!(V, band.t.c, |c, n| F::read_gradient::<V, S>(gy, band, scratch, c, n)) }
    }
}

simd_kernel! {
    /// [`Form::write_output`] for all channels.
    ///
    /// # Safety
    /// That of the method; `scratch` must hold [`Form::scratch`] values, the sums be of the sink's channels.
    pub fn write_output<V, F: Form, K: Sink>(band: Band, to: K, scratch: *mut f32, sums: Sums) {
        // SAFETY: the caller's
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
    /// [`Form::write_input_gradient`] for all channels.
    ///
    /// # Safety
    /// That of the method; `scratch` must hold [`Form::scratch`] values.
    pub fn write_input_gradient<V, F: Form>(band: Band, to: Gradient, scratch: *mut f32) {
        // SAFETY: the caller's
        unsafe { by_vector!(V, band.t.c, |c, n| F::write_input_gradient::<V>(band, to, scratch, c, n)) }
    }
}

/// Rows of weights that are asked for ahead: they lie too far apart for the processor to see what comes.
const AHEAD: usize = 8;

/// Transforms the weights of columns `16 * panel..` into panel `to_panel` of `to`, which is filled up with zeros.
pub fn transform<F: Form>(level: Level, w: Weights, panel: usize, to: TileMatrix, to_panel: usize) {
    let taps = F::KERNEL * F::KERNEL;
    assert!(w.data.len() == taps * w.rows * w.cols && panel * LINE < w.cols);
    assert!(to.rows == w.rows && to_panel * LINE < to.cols);
    // SAFETY: the assertions
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
    /// From rows that are `stride` apart and hold `count` values each.
    fn transform_panel<V, F: Form>(from: *const f32, stride: usize, count: usize, to: TileMatrix, panel: usize) {
        for lane in (0..LINE).step_by(V::LANES) {
            let n = count.saturating_sub(lane).min(V::LANES);
            for row in 0..to.rows {
                let from = from.wrapping_add(row * stride + lane);
                for tap in 0..F::KERNEL * F::KERNEL {
                    prefetch::<L2>(from.wrapping_add((tap * to.rows + AHEAD) * stride));
                }
                // SAFETY: the caller's row, of which `n` values a tap are read; the row and the lanes are within the panel
                unsafe { F::transform::<V>(from, to.rows * stride, n, to.line(0, panel * LINE + lane, row), to.frequency) }
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
                for tap in 0..F::KERNEL * F::KERNEL {
                    prefetch::<L2>(gw.at((tap * from.rows + row + AHEAD) * cols + first + lane));
                }
                F::add_gradient::<V>(value, from.frequency, gw.at(row * cols + first + lane), from.rows * cols, n);
            });
        }
    }
}

/// Room for the tiles of a layout as rows of the channels of an input, and of an output, and the matrices in it.
pub fn rooms<F: Form>(layout: &Layout, maps: [Tiling; 2]) -> [(Buffer, TileMatrix); 2] {
    maps.map(|map| TileMatrix::room(F::FREQUENCIES, layout.rows(), map.c))
}

/// The first of the `count` columns of `from` that a panel of products is made of: those of its bundle, if not all.
fn first_column(from: &TileMatrix, count: usize, panel: usize) -> usize {
    if count == from.cols { 0 } else { panel * LINE / count * count }
}

/// Panel `panel` of `to` = `from` times panel `right_panel` of `right`, over the tiles that have one frequency.
///
/// # Safety
/// The tiles must be of the layout, `right` must have as many rows as `from` or each of its bundles has columns; the panel
/// must be this task's own.
pub unsafe fn products<F: Form>(
    level: Level,
    f: usize,
    from: TileMatrix,
    (right, right_panel): (TileMatrix, usize),
    (to, panel): (TileMatrix, usize),
    layout: &Layout,
) {
    let rows = layout.having::<F>(f);
    let left = from.left(f, first_column(&from, right.rows, panel), rows.start);
    let (panel_of_right, to) =
        (right.line(F::weights(f).0, right_panel * LINE, 0), to.line(f, panel * LINE, rows.start));
    // SAFETY: the caller's
    unsafe { micro::nn(level, left, 0, rows.len(), 0, LINE, right.rows, panel_of_right, to) }
}

/// dU = (or, with `add`, +=) V^T dM over the tiles that have one frequency: from panel `panel` of dM to panel `to_panel`
/// of dU.
///
/// # Safety
/// The tiles must be of the layout; dU must have as many rows as V or each of its bundles has columns, and the panel of dU
/// must be this task's own.
pub unsafe fn outer_products<F: Form>(
    level: Level,
    f: usize,
    v: TileMatrix,
    (m, panel): (TileMatrix, usize),
    (du, to_panel): (TileMatrix, usize),
    layout: &Layout,
    add: bool,
) {
    let (rows, (weights, again)) = (layout.having::<F>(f), F::weights(f));
    let right = m.line(f, panel * LINE, rows.start);
    let start = first_column(&v, du.rows, panel);
    for first in (0..du.rows).step_by(LINE) {
        let left = v.left(f, start + first, rows.start);
        let to = du.line(weights, to_panel * LINE, first);
        // SAFETY: the caller's
        unsafe { micro::tn(level, left, 0, 0, LINE.min(du.rows - first), rows.len(), right, to, add || again) }
    }
}
