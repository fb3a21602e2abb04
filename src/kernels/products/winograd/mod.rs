//! Winograd's F(4x4, 3x3): a 3x3 convolution in a quarter of the multiplications.
//!
//! Tiles at the right and lower edges are as small as what is left of the map: nothing is done for padding. Horizontal
//! neighbours among the tiles of the input share two columns, so a band is transformed along its columns
//! first, into a scratch that stays in the first cache, and then tile by tile along the rows.

mod transform;

use super::form::Form;
use super::tiles::{Band, Tiling};
use crate::kernels::geometry::ConvGeometry;
use crate::kernels::lanes::{CONSTANTS, Gradient, Sink, Source, Writing};
use crate::kernels::simd::{LINE, Vector, load_all, store_all};
use transform::{IN, KERNEL, OUT};

/// The form of 3x3 convolutions.
#[derive(Clone, Copy)]
pub struct Winograd;

impl Winograd {
    /// Whether a convolution is done in this form: padded tiles must not eat up what it saves, nor transforms of too few
    /// channels.
    pub fn applies(g: &ConvGeometry) -> bool {
        let c = &g.conv;
        let plain = c.kernel == (3, 3) && c.stride == 1 && c.padding == (1, 1) && c.dilation == 1 && c.groups == 1;
        let points = |size: usize| size / OUT * IN + if size % OUT > 0 { size % OUT + KERNEL - 1 } else { 0 };
        plain && c.c_in >= 8 && c.c_out >= 8 && points(g.oh) * points(g.ow) <= g.oh * g.ow * 6
    }
}

/// Calls `$f::<V, .., R>(..)` for the R that equals `$size`, an edge of a tile; `$f::<V, .., R, Q>(..)` for two of them.
macro_rules! by_size {
    ($size:expr, $f:ident::<$($t:ident),*>$args:tt) => { by_size!(@ $size, $f, [$($t),*], $args, []) };
    ($size:expr, $other:expr, $f:ident::<$($t:ident),*>$args:tt) => {
        match $other {
            1 => by_size!(@ $size, $f, [$($t),*], $args, [, 1]),
            2 => by_size!(@ $size, $f, [$($t),*], $args, [, 2]),
            3 => by_size!(@ $size, $f, [$($t),*], $args, [, 3]),
            _ => by_size!(@ $size, $f, [$($t),*], $args, [, OUT]),
        }
    };
    (@ $size:expr, $f:ident, [$($t:ident),*], ($($arg:expr),*), [$($other:tt)*]) => {
        match $size {
            1 => $f::<$($t,)* 1 $($other)*>($($arg),*),
            2 => $f::<$($t,)* 2 $($other)*>($($arg),*),
            3 => $f::<$($t,)* 3 $($other)*>($($arg),*),
            _ => $f::<$($t,)* OUT $($other)*>($($arg),*),
        }
    };
}

/// Place in the scratch of a band of line `i` of a column, padding counted.
const fn scratch_line(column: usize, i: usize) -> usize {
    (column * IN + i) * LINE
}

/// B^T of every column of a band's input, to the scratch.
#[inline(always)]
unsafe fn read_columns<V: Vector, S: Source, const R: usize>(x: S, band: Band, scratch: *mut f32, c: usize, n: usize) {
    let (t, down) = (band.t, band.t.w * band.t.c);
    let (top, bottom) = (band.first == 0, band.first + R == t.h);
    // SAFETY: the callers state that the band, the scratch and the channels exist; rows above and below the map are zeros
    unsafe {
        let (k, zero) = (x.constants::<V>(c, n), V::splat(0.0));
        store_all::<V, IN>([zero; IN], scratch, LINE, R + 2);
        let first = (band.image + band.first * t.w) * t.c + c;
        for column in 0..t.w {
            let at = first + column * t.c;
            let mut values = [zero; IN];
            if !top {
                values[0] = x.value(&k, at - down, n);
            }
            for i in 0..R {
                values[i + 1] = x.value(&k, at + i * down, n);
                x.prefetch(at + (R + 1 + i) * down);
            }
            if !bottom {
                values[R + 1] = x.value(&k, at + R * down, n);
            }
            store_all(transform::input::<V, R>(values), scratch.add(scratch_line(column + 1, 0)), LINE, R + 2);
        }
        store_all::<V, IN>([zero; IN], scratch.add(scratch_line(t.w + 1, 0)), LINE, R + 2);
    }
}

/// B^T of the rows of a tile of the scratch, to its row of the matrices.
#[inline(always)]
unsafe fn read_rows<V: Vector, const R: usize>(band: &Band, scratch: *const f32, target: *mut f32) {
    let step = band.tiles.frequency;
    for i in 0..band.height + 2 {
        // SAFETY: as in `read_columns`
        unsafe {
            let values = load_all::<V, IN>(scratch.add(scratch_line(0, i)), scratch_line(1, 0), R + 2);
            store_all(transform::input::<V, R>(values), target.add(i * IN * step), step, R + 2);
        }
    }
}

/// A dY A^T of a tile of H x W.
#[inline(always)]
unsafe fn read_tile<V: Vector, S: Source, const H: usize, const W: usize>(
    (gy, k): (S, &[V; CONSTANTS]),
    band: &Band,
    at: usize,
    target: *mut f32,
    n: usize,
) {
    let (t, down, step) = (band.t, band.t.w * band.t.c, band.tiles.frequency);
    // SAFETY: as in `read_columns`
    unsafe {
        let mut half = [[V::splat(0.0); OUT]; IN];
        for j in 0..W {
            let at = at + j * t.c;
            let mut values = [V::splat(0.0); OUT];
            for (i, v) in values.iter_mut().enumerate() {
                if i < H {
                    *v = gy.value(k, at + i * down, n);
                    gy.prefetch(at + (H + i) * down);
                }
            }
            for (half, v) in half.iter_mut().zip(transform::output_transposed::<V, H>(values)) {
                half[j] = v;
            }
        }
        for (i, half) in half.iter().enumerate() {
            if i < H + 2 {
                store_all(transform::output_transposed::<V, W>(*half), target.add(i * IN * step), step, W + 2);
            }
        }
    }
}

/// A^T M A of a tile of H x W.
#[inline(always)]
unsafe fn write_tile<V: Vector, K: Sink, const H: usize, const W: usize>(
    band: &Band,
    source: *const f32,
    to: &mut Writing<V, K>,
    at: usize,
) {
    let (t, down, step) = (band.t, band.t.w * band.t.c, band.tiles.frequency);
    // SAFETY: as in `read_columns`
    unsafe {
        let mut half = [[V::splat(0.0); IN]; OUT];
        for i in 0..H + 2 {
            let values = load_all::<V, IN>(source.add(i * IN * step), step, W + 2);
            for (half, v) in half.iter_mut().zip(transform::output::<V, W>(values)) {
                half[i] = v;
            }
        }
        for (j, half) in half.iter().enumerate() {
            for (i, v) in transform::output::<V, H>(*half).iter().enumerate() {
                if i < H && j < W {
                    to.put(*v, at + j * t.c + i * down);
                }
            }
        }
    }
}

/// B of the rows of a tile's gradient, added up in the scratch.
#[inline(always)]
unsafe fn write_rows<V: Vector, const R: usize>(band: &Band, source: *const f32, scratch: *mut f32, add: bool) {
    let step = band.tiles.frequency;
    for i in 0..band.height + 2 {
        // SAFETY: as in `read_columns`
        unsafe {
            let values = load_all::<V, IN>(source.add(i * IN * step), step, R + 2);
            let place = scratch.add(scratch_line(0, i));
            let mut sums = transform::input_transposed::<V, R>(values);
            // (the first two columns overlap the last two of the tile before)
            if add {
                sums[0] = sums[0].add(V::load(place));
                sums[1] = sums[1].add(V::load(place.add(scratch_line(1, 0))));
            }
            store_all(sums, place, scratch_line(1, 0), R + 2);
        }
    }
}

/// B of every column of the scratch, to the gradient of the band's input.
#[inline(always)]
unsafe fn write_columns<V: Vector, const R: usize>(band: Band, to: Gradient, scratch: *const f32, c: usize, n: usize) {
    let (t, down) = (band.t, band.t.w * band.t.c);
    let (top, bottom) = (band.first == 0, band.first + R == t.h);
    let first = (band.image + band.first * t.w) * t.c + c;
    // (the first two rows overlap the last two of the band before)
    let (start, rest) = (Gradient { add: to.add || !top, ..to }, to);
    for column in 0..t.w {
        let at = first + column * t.c;
        // SAFETY: as in `read_columns`
        unsafe {
            let values = load_all::<V, IN>(scratch.add(scratch_line(column + 1, 0)), LINE, R + 2);
            let values = transform::input_transposed::<V, R>(values);
            if !top {
                start.write(values[0], at - down, n);
            }
            start.write(values[1], at, n);
            for i in 2..R + 1 {
                rest.write(values[i], at + (i - 1) * down, n);
            }
            if !bottom {
                rest.write(values[R + 1], at + R * down, n);
            }
        }
    }
}

// SAFETY (of the unsafe blocks): the callers state that the band, its rows and the channels exist; the scratch holds six
// lines for every column of a band
impl Form for Winograd {
    const EDGE: usize = OUT;
    const KERNEL: usize = KERNEL;
    const BLOCK: usize = 48;
    const TOGETHER: usize = 256;

    fn scratch(t: &Tiling) -> usize {
        scratch_line(t.w + KERNEL - 1, 0)
    }

    #[inline(always)]
    unsafe fn read_input<V: Vector, S: Source>(x: S, band: Band, scratch: *mut f32, c: usize, n: usize) {
        unsafe {
            by_size!(band.height, read_columns::<V, S>(x, band, scratch, c, n));
            for tile in 0..band.t.tiles() {
                let from = scratch.add(scratch_line(tile * OUT, 0));
                by_size!(band.t.width(tile), read_rows::<V>(&band, from, band.line(tile, c)));
            }
        }
    }

    #[inline(always)]
    unsafe fn read_gradient<V: Vector, S: Source>(gy: S, band: Band, c: usize, n: usize) {
        let t = band.t;
        unsafe {
            let k = gy.constants::<V>(c, n);
            for tile in 0..t.tiles() {
                let at = (band.image + band.first * t.w + tile * OUT) * t.c + c;
                let target = band.line(tile, c);
                by_size!(band.height, t.width(tile), read_tile::<V, S>((gy, &k), &band, at, target, n));
            }
        }
    }

    #[inline(always)]
    unsafe fn write_output<V: Vector, K: Sink>(band: Band, to: &mut Writing<V, K>, c: usize) {
        let t = band.t;
        unsafe {
            for tile in 0..t.tiles() {
                let at = (band.image + band.first * t.w + tile * OUT) * t.c + c;
                let source = band.line(tile, c);
                by_size!(band.height, t.width(tile), write_tile::<V, K>(&band, source, to, at));
            }
        }
    }

    #[inline(always)]
    unsafe fn write_input_gradient<V: Vector>(band: Band, to: Gradient, scratch: *mut f32, c: usize, n: usize) {
        unsafe {
            for tile in 0..band.t.tiles() {
                let (source, place) = (band.line(tile, c), scratch.add(scratch_line(tile * OUT, 0)));
                by_size!(band.t.width(tile), write_rows::<V>(&band, source, place, tile > 0));
            }
            by_size!(band.height, write_columns::<V>(band, to, scratch, c, n));
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
                for (half, v) in half.iter_mut().zip(transform::weight(taps)) {
                    half[kx] = v;
                }
            }
            for (i, half) in half.into_iter().enumerate() {
                store_all(transform::weight(half), to.add(i * IN * frequency), frequency, IN);
            }
        }
    }

    #[inline(always)]
    unsafe fn add_gradient<V: Vector>(from: *const f32, frequency: usize, gw: *mut f32, tap: usize, n: usize) {
        unsafe {
            let mut half = [[V::splat(0.0); IN]; KERNEL];
            for j in 0..IN {
                let values = load_all::<V, IN>(from.add(j * frequency), IN * frequency, IN);
                for (half, v) in half.iter_mut().zip(transform::weight_transposed(values)) {
                    half[j] = v;
                }
            }
            for (ky, half) in half.into_iter().enumerate() {
                for (kx, v) in transform::weight_transposed(half).into_iter().enumerate() {
                    let place = gw.add((ky * KERNEL + kx) * tap);
                    v.add(V::load_first(place, n)).store_first(place, n);
                }
            }
        }
    }
}
