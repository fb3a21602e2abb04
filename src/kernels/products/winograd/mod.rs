//! Winograd's F(4x4, 3x3): a 3x3 convolution in a quarter of the multiplications.
//!
//! Horizontal neighbours among the tiles of the input share two columns, so a band is transformed along its columns
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
        let tiles = g.oh.div_ceil(OUT) * g.ow.div_ceil(OUT);
        plain && c.c_in >= 8 && c.c_out >= 8 && tiles * Self::FREQUENCIES <= g.oh * g.ow * 6
    }
}

/// Columns of a band's input, padding included.
fn columns(t: &Tiling) -> usize {
    t.tiles() * OUT + IN - OUT
}

/// N values of a column of a map, from row `y` on; zeros outside the map. The column's first value is at place `at`.
///
/// # Safety
/// The column must exist.
#[inline(always)]
unsafe fn column<V: Vector, S: Source, const N: usize>(
    x: S,
    k: &[V; CONSTANTS],
    t: Tiling,
    at: usize,
    y: isize,
    n: usize,
) -> [V; N] {
    // SAFETY: rows within the map are the caller's
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

// SAFETY (of the unsafe blocks): the callers state that the band, its rows and the channels exist; the scratch holds six
// rows of vectors, as many as a band has columns
impl Form for Winograd {
    const EDGE: usize = OUT;
    const KERNEL: usize = KERNEL;
    const FREQUENCIES: usize = IN * IN;
    const BLOCK: usize = 48;
    const TOGETHER: usize = 256;

    fn scratch(t: &Tiling) -> usize {
        IN * columns(t) * LINE
    }

    #[inline(always)]
    unsafe fn read_input<V: Vector, S: Source>(x: S, band: Band, scratch: *mut f32, c: usize, n: usize) {
        let (Band { t, tiles, row, .. }, (image, first)) = (band, band.place());
        let width = columns(&t) * V::LANES;
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
                let target = tiles.line(0, c, row + tile);
                for i in 0..IN {
                    let values = load_all::<V, IN>(scratch.add(i * width + tile * OUT * V::LANES), V::LANES);
                    store_all(transform::input(values), target.add(i * IN * tiles.frequency), tiles.frequency);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn read_gradient<V: Vector, S: Source>(gy: S, band: Band, c: usize, n: usize) {
        let (Band { t, tiles, row, .. }, (image, first)) = (band, band.place());
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
                let target = tiles.line(0, c, row + tile);
                for (i, half) in half.into_iter().enumerate() {
                    let values = transform::output_transposed(half);
                    store_all(values, target.add(i * IN * tiles.frequency), tiles.frequency);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn write_output<V: Vector, K: Sink>(band: Band, to: &mut Writing<V, K>, c: usize) {
        let (Band { t, tiles, row, .. }, (image, first)) = (band, band.place());
        unsafe {
            for tile in 0..t.tiles() {
                let source = tiles.line(0, c, row + tile);
                let mut half = [[V::splat(0.0); IN]; OUT];
                for i in 0..IN {
                    let values = load_all::<V, IN>(source.add(i * IN * tiles.frequency), tiles.frequency);
                    for (half, v) in half.iter_mut().zip(transform::output(values)) {
                        half[i] = v;
                    }
                }
                for (j, half) in half.into_iter().enumerate().take(t.w - tile * OUT) {
                    for (i, v) in transform::output(half).into_iter().enumerate().take(t.h - first) {
                        to.put(v, (image + (first + i) * t.w + tile * OUT + j) * t.c + c);
                    }
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn write_input_gradient<V: Vector>(band: Band, to: Gradient, scratch: *mut f32, c: usize, n: usize) {
        let (Band { t, tiles, row, .. }, (image, first)) = (band, band.place());
        let width = columns(&t) * V::LANES;
        unsafe {
            for tile in 0..t.tiles() {
                let source = tiles.line(0, c, row + tile);
                for i in 0..IN {
                    let values = load_all::<V, IN>(source.add(i * IN * tiles.frequency), tiles.frequency);
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
                    let place = to.gx.at((image + (first + i - 1) * t.w + column - 1) * t.c + c);
                    let earlier = to.add || (i < IN - OUT && first > 0);
                    let v = if earlier { v.add(V::load_first(place, n)) } else { v };
                    v.store_first(place, n);
                }
            }
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
                store_all(transform::weight(half), to.add(i * IN * frequency), frequency);
            }
        }
    }

    #[inline(always)]
    unsafe fn add_gradient<V: Vector>(from: *const f32, frequency: usize, gw: *mut f32, tap: usize, n: usize) {
        unsafe {
            let mut half = [[V::splat(0.0); IN]; KERNEL];
            for j in 0..IN {
                let values = load_all::<V, IN>(from.add(j * frequency), IN * frequency);
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
