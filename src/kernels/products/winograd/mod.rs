//! Winograd's convolutions over tiles of 4x4: 3x3 of stride 1 in a quarter of the multiplications, of stride 2 in nine
//! sixteenths.
//!
//! Tiles at the right and lower edges are as small as what is left of the map: nothing is done for padding. Horizontal
//! neighbours among the tiles of the input share columns, so a band is transformed along its columns first, into a scratch
//! that stays in the first cache, and then tile by tile along the rows.

mod scheme;
mod transform;

use super::form::{Form, points};
use super::tiles::{Band, Tiling};
use crate::kernels::geometry::ConvGeometry;
use crate::kernels::lanes::{Gradient, Sink, Source, Writing};
use crate::kernels::simd::{LINE, Vector, load_all, store_all};
use scheme::{MOST, Scheme};
pub use scheme::{Stride1, Stride2};
use std::marker::PhantomData;
use transform::{IN, KERNEL, OUT};

/// The form of 3x3 convolutions of a stride.
#[derive(Clone, Copy)]
pub struct Winograd<T>(PhantomData<T>);

impl<T: Scheme> Winograd<T> {
    /// Whether a convolution is done in this form: transforms of small tiles or of few channels must not eat up what it
    /// saves.
    pub fn applies(g: &ConvGeometry) -> bool {
        let c = &g.conv;
        let plain = c.kernel == (3, 3) && c.stride == T::STRIDE && c.padding == (1, 1);
        let points = |size: usize| match size % OUT {
            0 => size / OUT * points::<Self>(OUT),
            rest => size / OUT * points::<Self>(OUT) + points::<Self>(rest),
        };
        plain
            && (c.dilation, c.groups) == (1, 1)
            && c.c_in.min(c.c_out) >= 8
            && points(g.oh) * points(g.ow) <= g.oh * g.ow * 6
    }
}

/// Calls `$f::<V, .., R>(..)` for the R that equals `$size`, an edge of a tile.
macro_rules! by_size {
    ($size:expr, $f:ident::<$($t:ident),*>($($arg:expr),* $(,)?)) => {
        match $size {
            1 => $f::<$($t,)* 1>($($arg),*),
            2 => $f::<$($t,)* 2>($($arg),*),
            3 => $f::<$($t,)* 3>($($arg),*),
            _ => $f::<$($t,)* OUT>($($arg),*),
        }
    };
}

/// Values that a tile of an edge reads along an axis, and its points.
const fn span<T: Scheme>(edge: usize) -> usize {
    points::<Winograd<T>>(edge)
}

/// Place in the scratch of a band of line `i` of a column, padding counted.
const fn scratch_line<T: Scheme>(column: usize, i: usize) -> usize {
    (column * span::<T>(OUT) + i) * LINE
}

/// Place in the matrices of the first frequency of point `i` down.
fn down_to<T: Scheme>(i: usize, band: &Band) -> usize {
    i * span::<T>(OUT) * band.tiles.frequency
}

/// B^T of every column of a band's input, to the scratch.
#[inline(always)]
unsafe fn read_input_columns<V: Vector, T: Scheme, S: Source, const R: usize>(
    x: S,
    band: &Band,
    scratch: *mut f32,
    c: usize,
    n: usize,
) {
    let (t, down, rows) = (band.t, band.t.w * band.t.c, span::<T>(R));
    let (top, bottom) = (band.first == 0, band.first + rows - 1 > t.h);
    // SAFETY: the callers state that the band, the scratch and the channels exist; rows above and below the map are zeros
    unsafe {
        let (k, zero) = (x.constants::<V>(c, n), V::splat(0.0));
        store_all::<V, MOST>([zero; MOST], scratch, LINE, rows);
        for column in 0..t.w {
            let at = band.place(0, c) + column * t.c;
            let mut values = [zero; MOST];
            if !top {
                values[0] = x.value(&k, at - down, n);
            }
            for (i, v) in values.iter_mut().enumerate() {
                if i > 0 && i + 1 < rows {
                    *v = x.value(&k, at + (i - 1) * down, n);
                    x.prefetch(at + (i - 1 + T::STRIDE * R) * down);
                }
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

/// B^T of the rows of a tile of the scratch, to its row of the matrices.
#[inline(always)]
unsafe fn read_input_rows<V: Vector, T: Scheme, const R: usize>(band: &Band, scratch: *const f32, target: *mut f32) {
    for i in 0..span::<T>(band.height) {
        // SAFETY: as in `read_input_columns`
        unsafe {
            let from = scratch.add(scratch_line::<T>(0, i));
            let values = load_all::<V, MOST>(from, scratch_line::<T>(1, 0), span::<T>(R));
            let to = target.add(down_to::<T>(i, band));
            store_all(T::input::<V, R>(values), to, band.tiles.frequency, span::<T>(R));
        }
    }
}

/// A of every column of a band's output, to the scratch.
#[inline(always)]
unsafe fn read_gradient_columns<V: Vector, T: Scheme, S: Source, const R: usize>(
    gy: S,
    band: &Band,
    scratch: *mut f32,
    c: usize,
    n: usize,
) {
    let (t, down) = (band.t, band.t.w * band.t.c);
    // SAFETY: as in `read_input_columns`
    unsafe {
        let k = gy.constants::<V>(c, n);
        for column in 0..t.w {
            let at = band.place(0, c) + column * t.c;
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

/// A of the rows of a tile of the scratch, to its row of the matrices.
#[inline(always)]
unsafe fn read_gradient_rows<V: Vector, T: Scheme, const R: usize>(band: &Band, scratch: *const f32, target: *mut f32) {
    for i in 0..span::<T>(band.height) {
        // SAFETY: as in `read_input_columns`
        unsafe {
            let values = load_all::<V, OUT>(scratch.add(scratch_line::<T>(0, i)), scratch_line::<T>(1, 0), R);
            let to = target.add(down_to::<T>(i, band));
            store_all(T::output_transposed::<V, R>(values), to, band.tiles.frequency, span::<T>(R));
        }
    }
}

/// A^T of the rows of a tile, to the scratch.
#[inline(always)]
unsafe fn write_output_rows<V: Vector, T: Scheme, const R: usize>(band: &Band, source: *const f32, scratch: *mut f32) {
    for i in 0..span::<T>(band.height) {
        // SAFETY: as in `read_input_columns`
        unsafe {
            let from = source.add(down_to::<T>(i, band));
            let values = load_all::<V, MOST>(from, band.tiles.frequency, span::<T>(R));
            let to = scratch.add(scratch_line::<T>(0, i));
            store_all(T::output::<V, R>(values), to, scratch_line::<T>(1, 0), R);
        }
    }
}

/// A^T of every column of the scratch, to the band's output.
#[inline(always)]
unsafe fn write_output_columns<V: Vector, T: Scheme, K: Sink, const R: usize>(
    band: &Band,
    to: &mut Writing<V, K>,
    scratch: *const f32,
    c: usize,
) {
    let (t, down) = (band.t, band.t.w * band.t.c);
    for column in 0..t.w {
        let at = band.place(0, c) + column * t.c;
        // SAFETY: as in `read_input_columns`
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

/// B of the rows of a tile's gradient, added up in the scratch.
#[inline(always)]
unsafe fn write_gradient_rows<V: Vector, T: Scheme, const R: usize>(
    band: &Band,
    source: *const f32,
    scratch: *mut f32,
    add: bool,
) {
    for i in 0..span::<T>(band.height) {
        // SAFETY: as in `read_input_columns`
        unsafe {
            let from = source.add(down_to::<T>(i, band));
            let values = load_all::<V, MOST>(from, band.tiles.frequency, span::<T>(R));
            let place = scratch.add(scratch_line::<T>(0, i));
            let mut sums = T::input_transposed::<V, R>(values);
            // (the first columns overlap the last ones of the tile before)
            for (j, v) in sums.iter_mut().enumerate().take(KERNEL - T::STRIDE) {
                if add {
                    *v = v.add(V::load(place.add(scratch_line::<T>(j, 0))));
                }
            }
            store_all(sums, place, scratch_line::<T>(1, 0), span::<T>(R));
        }
    }
}

/// B of every column of the scratch, to the gradient of the band's input.
#[inline(always)]
unsafe fn write_gradient_columns<V: Vector, T: Scheme, const R: usize>(
    band: &Band,
    to: Gradient,
    scratch: *const f32,
    c: usize,
    n: usize,
) {
    let (t, down, rows) = (band.t, band.t.w * band.t.c, span::<T>(R));
    let (top, bottom) = (band.first == 0, band.first + rows - 1 > t.h);
    // (the first rows overlap the last ones of the band before)
    let start = Gradient { add: to.add || !top, ..to };
    for column in 0..t.w {
        let at = band.place(0, c) + column * t.c;
        // SAFETY: as in `read_input_columns`
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

// SAFETY (of the unsafe blocks): the callers state that the band, its rows and the channels exist; the scratch holds a
// line for every point of every column of a band
impl<T: Scheme> Form for Winograd<T> {
    const EDGE: usize = OUT;
    const KERNEL: usize = KERNEL;
    const STRIDE: usize = T::STRIDE;
    const WEIGHTS: usize = IN * IN;
    const BLOCK: usize = 48 / T::STRIDE;
    const TOGETHER: usize = 256 / T::STRIDE;

    fn weights(frequency: usize) -> (usize, bool) {
        let (i, j) = (frequency / span::<T>(OUT), frequency % span::<T>(OUT));
        let again = |point: usize| (0..point).any(|before| T::taps_of(before) == T::taps_of(point));
        (T::taps_of(i) * IN + T::taps_of(j), again(i) || again(j))
    }

    fn scratch(x: &Tiling, out: &Tiling) -> usize {
        scratch_line::<T>(span::<T>(out.w).max(x.w + 1), 0)
    }

    #[inline(always)]
    unsafe fn read_input<V: Vector, S: Source>(x: S, band: Band, scratch: *mut f32, c: usize, n: usize) {
        unsafe {
            by_size!(band.height, read_input_columns::<V, T, S>(x, &band, scratch, c, n));
            for tile in 0..band.out.tiles() {
                let from = scratch.add(scratch_line::<T>(tile * OUT * T::STRIDE, 0));
                by_size!(band.out.width(tile), read_input_rows::<V, T>(&band, from, band.line(tile, c)));
            }
        }
    }

    #[inline(always)]
    unsafe fn read_gradient<V: Vector, S: Source>(gy: S, band: Band, scratch: *mut f32, c: usize, n: usize) {
        unsafe {
            by_size!(band.height, read_gradient_columns::<V, T, S>(gy, &band, scratch, c, n));
            for tile in 0..band.out.tiles() {
                let from = scratch.add(scratch_line::<T>(tile * OUT, 0));
                by_size!(band.out.width(tile), read_gradient_rows::<V, T>(&band, from, band.line(tile, c)));
            }
        }
    }

    #[inline(always)]
    unsafe fn write_output<V: Vector, K: Sink>(band: Band, to: &mut Writing<V, K>, scratch: *mut f32, c: usize) {
        unsafe {
            for tile in 0..band.out.tiles() {
                let place = scratch.add(scratch_line::<T>(tile * OUT, 0));
                by_size!(band.out.width(tile), write_output_rows::<V, T>(&band, band.line(tile, c), place));
            }
            by_size!(band.height, write_output_columns::<V, T, K>(&band, to, scratch, c));
        }
    }

    #[inline(always)]
    unsafe fn write_input_gradient<V: Vector>(band: Band, to: Gradient, scratch: *mut f32, c: usize, n: usize) {
        unsafe {
            for tile in 0..band.out.tiles() {
                let place = scratch.add(scratch_line::<T>(tile * OUT * T::STRIDE, 0));
                by_size!(band.out.width(tile), write_gradient_rows::<V, T>(&band, band.line(tile, c), place, tile > 0));
            }
            by_size!(band.height, write_gradient_columns::<V, T>(&band, to, scratch, c, n));
        }
    }

    #[inline(always)]
    unsafe fn transform<V: Vector>(w: *const f32, tap: usize, n: usize, to: *mut f32, frequency: usize) {
        unsafe {
            let mut half = [[V::splat(0.0); KERNEL]; IN];
            for kx in 0..KERNEL {
                let mut taps = [V::splat(0.0); KERNEL];
                for (ky, v) in taps.iter_mut().enumerate() {
                    *v = V::load_first(w.wrapping_add((ky * KERNEL + kx) * tap), n);
                }
                for (half, v) in half.iter_mut().zip(T::taps(taps)) {
                    half[kx] = v;
                }
            }
            for (i, half) in half.into_iter().enumerate() {
                store_all(T::taps(half), to.add(i * IN * frequency), frequency, IN);
            }
        }
    }

    #[inline(always)]
    unsafe fn add_gradient<V: Vector>(from: *const f32, frequency: usize, gw: *mut f32, tap: usize, n: usize) {
        unsafe {
            let mut half = [[V::splat(0.0); IN]; KERNEL];
            for j in 0..IN {
                let values = load_all::<V, IN>(from.add(j * frequency), IN * frequency, IN);
                for (half, v) in half.iter_mut().zip(T::taps_transposed(values)) {
                    half[j] = v;
                }
            }
            for (ky, half) in half.into_iter().enumerate() {
                for (kx, v) in T::taps_transposed(half).into_iter().enumerate() {
                    let place = gw.add((ky * KERNEL + kx) * tap);
                    v.add(V::load_first(place, n)).store_first(place, n);
                }
            }
        }
    }
}
