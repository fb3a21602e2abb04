//! The two passes of each transform of a band: along its columns and along the rows of its tiles. Between them lies the
//! scratch `[column][point down][16]`, for one vector of channels.
//!
//! R is the height of the band for a pass along columns, and the width of the tile for one along rows.
//!
//! # Safety
//! For all unsafe functions here, the machine must have the level; the band must exist in the map, its tiles in the
//! matrices, and the `n` channels from `c` on in both; the scratch must hold a line for every point of every column of
//! the band; what is written must be the task's own.

#![allow(clippy::missing_safety_doc)]

use super::scheme::{MOST, Scheme};
use super::transform::{KERNEL, OUT};
use crate::kernels::lanes::{Grad, Sink, Source, Writing};
use crate::kernels::products::form::points_of;
use crate::kernels::products::tiles::Band;
use crate::kernels::simd::{LINE, Vector, load_all, store_all};
use crate::kernels::value::Value;

/// Points along an axis of a tile of an edge, as many as the input values that it reads there.
pub const fn span<T: Scheme>(edge: usize) -> usize {
    points_of(edge, T::STRIDE, KERNEL)
}

/// Place of point `i` of a column in the scratch. Columns are counted from the padding on for the input, and from the
/// first pixel on for the output.
pub const fn scratch_line<T: Scheme>(column: usize, i: usize) -> usize {
    (column * span::<T>(OUT) + i) * LINE
}

/// How far the frequencies of point `i` down lie behind those of the first point: frequency = point down * points +
/// point across.
pub fn down_to<T: Scheme>(i: usize, band: &Band) -> usize {
    i * span::<T>(OUT) * band.tiles.frequency
}

/// B^T x along every column of a band's input, to the scratch.
#[inline(always)]
pub unsafe fn read_input_columns<V: Vector, T: Scheme, S: Source, const R: usize>(
    x: S,
    band: &Band,
    scratch: *mut f32,
    c: usize,
    n: usize,
) {
    let (t, down, rows) = (band.t, band.t.down(), span::<T>(R));
    let (top, bottom) = (band.first == 0, band.first + rows - 1 > t.h);
    // SAFETY: As promised by the callers; rows above and below the map are not read but taken as zeros.
    unsafe {
        let (k, zero) = (x.constants::<V>(c, n), V::splat(0.0));
        store_all::<V, MOST>([zero; MOST], scratch, LINE, rows);
        for column in 0..t.w {
            let at = band.place(0, c) + column * t.across();
            let mut values = [zero; MOST];
            if !top {
                values[0] = x.value(&k, at - down, n);
            }
            for (i, v) in values.iter_mut().enumerate() {
                if i > 0 && i + 1 < rows {
                    *v = x.value(&k, at + (i - 1) * down, n);
                }
            }
            for i in 0..T::STRIDE * R {
                x.prefetch(at + (rows - 1 + i) * down);
            }
            if !bottom {
                values[rows - 1] = x.value(&k, at + (rows - 2) * down, n);
            }
            store_all(T::input::<V, R>(values), scratch.add(scratch_line::<T>(column + 1, 0)), LINE, rows);
        }
        if span::<T>(band.out.w) - 1 > t.w {
            store_all::<V, MOST>([zero; MOST], scratch.add(scratch_line::<T>(t.w + 1, 0)), LINE, rows);
        }
    }
}

/// B^T x along the rows of a tile in the scratch, to its row of V.
#[inline(always)]
pub unsafe fn read_input_rows<V: Vector, T: Scheme, const R: usize>(
    band: &Band,
    scratch: *const f32,
    target: *mut f32,
) {
    for i in 0..span::<T>(band.height) {
        // SAFETY: As promised by the callers.
        unsafe {
            let from = scratch.add(scratch_line::<T>(0, i));
            let values = load_all::<V, MOST>(from, scratch_line::<T>(1, 0), span::<T>(R));
            let to = target.add(down_to::<T>(i, band));
            store_all(T::input::<V, R>(values), to, band.tiles.frequency, span::<T>(R));
        }
    }
}

/// A dy along every column of a band's output, to the scratch.
#[inline(always)]
pub unsafe fn read_grad_columns<V: Vector, T: Scheme, S: Source, const R: usize>(
    gy: S,
    band: &Band,
    scratch: *mut f32,
    c: usize,
    n: usize,
) {
    let (t, down) = (band.t, band.t.down());
    // SAFETY: As promised by the callers.
    unsafe {
        let k = gy.constants::<V>(c, n);
        for column in 0..t.w {
            let at = band.place(0, c) + column * t.across();
            let mut values = [V::splat(0.0); OUT];
            for (i, v) in values.iter_mut().enumerate() {
                if i < R {
                    *v = gy.value(&k, at + i * down, n);
                    gy.prefetch(at + (R + i) * down);
                }
            }
            let to = scratch.add(scratch_line::<T>(column, 0));
            store_all(T::output_transposed::<V, R>(values), to, LINE, span::<T>(R));
        }
    }
}

/// A dy along the rows of a tile in the scratch, to its row of dM.
#[inline(always)]
pub unsafe fn read_grad_rows<V: Vector, T: Scheme, const R: usize>(band: &Band, scratch: *const f32, target: *mut f32) {
    for i in 0..span::<T>(band.height) {
        // SAFETY: As promised by the callers.
        unsafe {
            let values = load_all::<V, OUT>(scratch.add(scratch_line::<T>(0, i)), scratch_line::<T>(1, 0), R);
            let to = target.add(down_to::<T>(i, band));
            store_all(T::output_transposed::<V, R>(values), to, band.tiles.frequency, span::<T>(R));
        }
    }
}

/// A^T m along the rows of a tile, from its row of M to the scratch.
#[inline(always)]
pub unsafe fn write_output_rows<V: Vector, T: Scheme, const R: usize>(
    band: &Band,
    source: *const f32,
    scratch: *mut f32,
) {
    for i in 0..span::<T>(band.height) {
        // SAFETY: As promised by the callers.
        unsafe {
            let from = source.add(down_to::<T>(i, band));
            let values = load_all::<V, MOST>(from, band.tiles.frequency, span::<T>(R));
            let to = scratch.add(scratch_line::<T>(0, i));
            store_all(T::output::<V, R>(values), to, scratch_line::<T>(1, 0), R);
        }
    }
}

/// A^T m along every column of the scratch, to the band's output.
#[inline(always)]
pub unsafe fn write_output_columns<V: Vector, T: Scheme, K: Sink, const R: usize>(
    band: &Band,
    to: &mut Writing<V, K>,
    scratch: *const f32,
    c: usize,
) {
    let (t, down) = (band.t, band.t.down());
    for column in 0..t.w {
        let at = band.place(0, c) + column * t.across();
        // SAFETY: As promised by the callers.
        unsafe {
            let values = load_all::<V, MOST>(scratch.add(scratch_line::<T>(column, 0)), LINE, span::<T>(R));
            for (i, v) in T::output::<V, R>(values).iter().enumerate() {
                if i < R {
                    to.put(*v, at + i * down);
                }
            }
        }
    }
}

/// B dv along the rows of a tile, from its row of dV to the scratch, where neighbouring tiles add up.
#[inline(always)]
pub unsafe fn write_grad_rows<V: Vector, T: Scheme, const R: usize>(
    band: &Band,
    source: *const f32,
    scratch: *mut f32,
    add: bool,
) {
    for i in 0..span::<T>(band.height) {
        // SAFETY: As promised by the callers.
        unsafe {
            let from = source.add(down_to::<T>(i, band));
            let values = load_all::<V, MOST>(from, band.tiles.frequency, span::<T>(R));
            let place = scratch.add(scratch_line::<T>(0, i));
            let mut sums = T::input_transposed::<V, R>(values);
            // The first columns overlap the last ones of the tile before.
            for (j, v) in sums.iter_mut().enumerate().take(KERNEL - T::STRIDE) {
                if add {
                    *v = v.add(V::load(place.add(scratch_line::<T>(j, 0))));
                }
            }
            store_all(sums, place, scratch_line::<T>(1, 0), span::<T>(R));
        }
    }
}

/// B dv along every column of the scratch, to the gradient of the band's input, where neighbouring bands add up.
#[inline(always)]
pub unsafe fn write_grad_columns<V: Vector, T: Scheme, E: Value, const R: usize>(
    band: &Band,
    to: Grad<E>,
    scratch: *const f32,
    c: usize,
    n: usize,
) {
    let (t, down, rows) = (band.t, band.t.down(), span::<T>(R));
    let (top, bottom) = (band.first == 0, band.first + rows - 1 > t.h);
    // The first rows overlap the last ones of the band before.
    let start = Grad { add: to.add || !top, ..to };
    for column in 0..t.w {
        let at = band.place(0, c) + column * t.across();
        // SAFETY: As promised by the callers.
        unsafe {
            let values = load_all::<V, MOST>(scratch.add(scratch_line::<T>(column + 1, 0)), LINE, rows);
            let values = T::input_transposed::<V, R>(values);
            if !top {
                start.write(values[0], at - down, n);
            }
            for (i, v) in values.iter().enumerate() {
                if i > 0 && i + 1 < rows {
                    let to = if i < KERNEL - T::STRIDE { start } else { to };
                    to.write(*v, at + (i - 1) * down, n);
                }
            }
            if !bottom {
                to.write(values[rows - 1], at + (rows - 2) * down, n);
            }
        }
    }
}
