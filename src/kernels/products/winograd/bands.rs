//! Between maps and tile matrices, a band (one row of tiles) at a time.
//!
//! Horizontal neighbours among the tiles of the input share two columns, so a band is transformed along its columns
//! first, into a scratch that stays in the first cache, and then tile by tile along the rows.

use super::transform::{self, IN, OUT};
use crate::kernels::buffer::Shared;
use crate::kernels::lanes::{CONSTANTS, Sink, Source};
use crate::kernels::products::tiles::{TileMatrix, Tiling};
use crate::kernels::simd::{LINE, Vector, by_vector, load_all, simd_kernel, store_all};

/// Columns of a band's input, padding included.
fn columns(t: &Tiling) -> usize {
    t.tiles() * OUT + IN - OUT
}

/// Values of the scratch that a band needs.
pub fn scratch(t: &Tiling) -> usize {
    IN * columns(t) * LINE
}

simd_kernel! {
    /// V = B^T x B for the tiles of a band, rows `row..` of `to`.
    ///
    /// # Safety
    /// The band must exist in `x`; `to` must have its rows, this task's own; `scratch` [`scratch`] values.
    pub fn read_input<S: Source>(x: S, t: Tiling, band: usize, to: TileMatrix, row: usize, scratch: *mut f32) = read_input_body
}

simd_kernel! {
    /// dM = A dY A^T for the tiles of a band, rows `row..` of `to`.
    ///
    /// # Safety
    /// As for [`read_input`].
    pub fn read_gradient<S: Source>(gy: S, t: Tiling, band: usize, to: TileMatrix, row: usize) = read_gradient_body
}

simd_kernel! {
    /// Y = A^T M A for the tiles of a band, from rows `row..` of `from`.
    ///
    /// # Safety
    /// As for [`read_input`]; `sums` must hold the sink's lines of `stride` values.
    pub fn write_output<K: Sink>(
        from: TileMatrix, row: usize, t: Tiling, band: usize, to: K, sums: *mut f32, stride: usize,
    ) = write_output_body
}

simd_kernel! {
    /// Adds B dV B^T for the tiles of a band to `gx`; unless `add`, values that no earlier band of the image reaches
    /// are written. The bands of an image must come in order.
    ///
    /// # Safety
    /// As for [`read_input`].
    pub fn write_input_gradient(
        from: TileMatrix, row: usize, t: Tiling, band: usize, gx: Shared, add: bool, scratch: *mut f32,
    ) = write_input_gradient_body
}

/// N values of a column of a map of `w` pixels a row, from row `y` on; zeros outside the `h` rows.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn column<V: Vector, S: Source, const N: usize>(
    x: S,
    k: &[V; CONSTANTS],
    t: Tiling,
    at: usize,
    y: isize,
    n: usize,
) -> [V; N] {
    // SAFETY: rows within the image are the caller's
    unsafe {
        let mut values = [V::splat(0.0); N];
        if y >= 0 && y as usize + N <= t.h {
            for (i, v) in values.iter_mut().enumerate() {
                *v = x.value(k, at + (y as usize + i) * t.w * t.c, n);
            }
        } else {
            for (i, v) in values.iter_mut().enumerate() {
                let y = y + i as isize;
                if y >= 0 && (y as usize) < t.h {
                    *v = x.value(k, at + y as usize * t.w * t.c, n);
                }
            }
        }
        values
    }
}

#[inline(always)]
unsafe fn read_input_body<V: Vector, S: Source>(
    x: S,
    t: Tiling,
    band: usize,
    to: TileMatrix,
    row: usize,
    scratch: *mut f32,
) {
    // SAFETY: the caller's
    unsafe { by_vector!(V, t.c, read_input_vector::<V, S>(x, t, band, to, row, scratch)) }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn read_input_vector<V: Vector, S: Source>(
    x: S,
    t: Tiling,
    band: usize,
    to: TileMatrix,
    row: usize,
    scratch: *mut f32,
    c: usize,
    n: usize,
) {
    let (image, first) = t.place(band);
    let width = columns(&t) * V::LANES;
    // SAFETY: pixels are read only within the image, the caller's; the scratch holds six rows of `width` values
    unsafe {
        let k = x.constants::<V>(c, n);
        for i in 0..columns(&t) {
            let values = match (1..=t.w).contains(&i) {
                true => column::<V, S, IN>(x, &k, t, (image + i - 1) * t.c + c, first as isize - 1, n),
                false => [V::splat(0.0); IN],
            };
            store_all(transform::input(values), scratch.add(i * V::LANES), width);
        }
        for tile in 0..t.tiles() {
            let target = to.line(0, c, row + tile);
            for i in 0..IN {
                let values = load_all::<V, IN>(scratch.add(i * width + tile * OUT * V::LANES), V::LANES);
                store_all(transform::input(values), target.add(i * IN * to.frequency), to.frequency);
            }
        }
    }
}

#[inline(always)]
unsafe fn read_gradient_body<V: Vector, S: Source>(gy: S, t: Tiling, band: usize, to: TileMatrix, row: usize) {
    // SAFETY: the caller's
    unsafe { by_vector!(V, t.c, read_gradient_vector::<V, S>(gy, t, band, to, row)) }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn read_gradient_vector<V: Vector, S: Source>(
    gy: S,
    t: Tiling,
    band: usize,
    to: TileMatrix,
    row: usize,
    c: usize,
    n: usize,
) {
    let (image, first) = t.place(band);
    // SAFETY: pixels are read only within the image, the caller's
    unsafe {
        let k = gy.constants::<V>(c, n);
        for tile in 0..t.tiles() {
            let mut half = [[V::splat(0.0); OUT]; IN];
            for j in 0..OUT.min(t.w - tile * OUT) {
                let at = (image + tile * OUT + j) * t.c + c;
                let values = column::<V, S, OUT>(gy, &k, t, at, first as isize, n);
                for (half, v) in half.iter_mut().zip(transform::output_transposed(values)) {
                    half[j] = v;
                }
            }
            let target = to.line(0, c, row + tile);
            for (i, half) in half.into_iter().enumerate() {
                let values = transform::output_transposed(half);
                store_all(values, target.add(i * IN * to.frequency), to.frequency);
            }
        }
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn write_output_body<V: Vector, K: Sink>(
    from: TileMatrix,
    row: usize,
    t: Tiling,
    band: usize,
    to: K,
    sums: *mut f32,
    stride: usize,
) {
    // SAFETY: the caller's
    unsafe { by_vector!(V, t.c, write_output_vector::<V, K>(from, row, t, band, to, sums, stride)) }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn write_output_vector<V: Vector, K: Sink>(
    from: TileMatrix,
    row: usize,
    t: Tiling,
    band: usize,
    to: K,
    sums: *mut f32,
    stride: usize,
    c: usize,
    n: usize,
) {
    let (image, first) = t.place(band);
    // SAFETY: pixels are written only within the image, the caller's
    unsafe {
        let mut k = to.begin::<V>(c, n, sums, stride);
        for tile in 0..t.tiles() {
            let source = from.line(0, c, row + tile);
            let mut half = [[V::splat(0.0); IN]; OUT];
            for i in 0..IN {
                let values = load_all::<V, IN>(source.add(i * IN * from.frequency), from.frequency);
                for (half, v) in half.iter_mut().zip(transform::output(values)) {
                    half[i] = v;
                }
            }
            for (j, half) in half.into_iter().enumerate().take(t.w - tile * OUT) {
                for (i, v) in transform::output(half).into_iter().enumerate().take(t.h - first) {
                    to.put(&mut k, v, (image + (first + i) * t.w + tile * OUT + j) * t.c + c, n);
                }
            }
        }
        to.end(&k, c, sums, stride);
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn write_input_gradient_body<V: Vector>(
    from: TileMatrix,
    row: usize,
    t: Tiling,
    band: usize,
    gx: Shared,
    add: bool,
    scratch: *mut f32,
) {
    // SAFETY: the caller's
    unsafe { by_vector!(V, t.c, write_input_gradient_vector::<V>(from, row, t, band, gx, add, scratch)) }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn write_input_gradient_vector<V: Vector>(
    from: TileMatrix,
    row: usize,
    t: Tiling,
    band: usize,
    gx: Shared,
    add: bool,
    scratch: *mut f32,
    c: usize,
    n: usize,
) {
    let (image, first) = t.place(band);
    let width = columns(&t) * V::LANES;
    // SAFETY: pixels are written only within the image, the caller's; the scratch holds six rows of `width` values
    unsafe {
        for tile in 0..t.tiles() {
            let source = from.line(0, c, row + tile);
            for i in 0..IN {
                let values = load_all::<V, IN>(source.add(i * IN * from.frequency), from.frequency);
                let place = scratch.add(i * width + tile * OUT * V::LANES);
                let mut sums = transform::input_transposed(values);
                // (the first two columns overlap the last two of the tile before)
                if tile > 0 {
                    sums[0] = sums[0].add(V::load(place));
                    sums[1] = sums[1].add(V::load(place.add(V::LANES)));
                }
                store_all(sums, place, V::LANES);
            }
        }
        for column in 1..=t.w {
            let rows = transform::input_transposed(load_all::<V, IN>(scratch.add(column * V::LANES), width));
            for (i, v) in rows.into_iter().enumerate() {
                if first + i < 1 || first + i > t.h {
                    continue;
                }
                let place = gx.at((image + (first + i - 1) * t.w + column - 1) * t.c + c);
                let earlier = add || (i < IN - OUT && first > 0);
                let v = if earlier { v.add(V::load_first(place, n)) } else { v };
                v.store_first(place, n);
            }
        }
    }
}
