//! Winograd's convolutions over tiles of 4x4 outputs: 3x3 of stride 1 in a quarter of the multiplications (36 instead
//! of 144), of stride 2 in nine sixteenths (81 instead of 144). [`transform`] derives the transforms, [`scheme`] those
//! of stride 2.
//!
//! Tiles at the right and lower edges are as small as what is left of the map, so that nothing is multiplied for pixels
//! that do not exist. Neighbouring tiles of the input overlap by two columns with stride 1 and by one with stride 2. So
//! a band is transformed along its columns first, into a scratch of one vector of channels, and then tile by tile along
//! the rows: no column is transformed twice. For a map of 56 pixels the scratch has 58 * 6 lines, 22 KiB of a
//! first-level cache of 32 KiB.
//!
//! Tiles of 6x6 would multiply a sixth less on maps of 32 and 16 pixels and nothing less on maps of 8 and 4, with
//! larger rounding errors (`docs/dev/measurements.md`).

mod passes;
mod scheme;
#[cfg(test)]
mod tests;
mod transform;

use super::dilated::Phased;
use super::form::{Form, points};
use super::tiles::{Band, Tiling};
use crate::kernels::geometry::ConvGeometry;
use crate::kernels::lanes::{Grad, Sink, Source, Writing};
use crate::kernels::simd::{Vector, load_all, store_all};
use crate::kernels::value::Value;
use passes::*;
use scheme::Scheme;
pub use scheme::{Stride1, Stride2};
use std::marker::PhantomData;
use transform::{IN, KERNEL, OUT};

/// The form of 3x3 convolutions of a stride.
#[derive(Clone, Copy)]
pub struct Winograd<T>(PhantomData<T>);

impl<T: Scheme> Winograd<T> {
    /// Whether a convolution is done in this form: 3x3 with padding 1 and this stride, or with stride 1 a dilation and as
    /// much padding, 8 channels at least in and out, and at most 6 multiplications an output where the definition has 9.
    ///
    /// The cost of the transforms grows with the channels in plus those out, that of the products with the channels in
    /// times those out. With few channels, or few outputs a tile, the transforms would cost more than the products
    /// save. The bound of 6 leaves out outputs of 1x1 with stride 1 (9 products for one), and with stride 2 those of
    /// one row or column and of 2x2 (25 for four).
    pub fn applies(g: &ConvGeometry) -> bool {
        let c = &g.conv;
        let plain = c.kernel == (3, 3) && c.stride == T::STRIDE && c.padding == (c.dilation, c.dilation);
        let whole = c.dilation == 1 || c.stride == 1;
        let points = |size: usize| match size % OUT {
            0 => size / OUT * points::<Self>(OUT),
            rest => size / OUT * points::<Self>(OUT) + points::<Self>(rest),
        };
        let of_part = |part: &Phased| part.pixels.count.0 * part.pixels.count.1 * points(part.g.oh) * points(part.g.ow);
        let products = || Phased::of(g).iter().map(of_part).sum::<usize>();
        plain && whole && c.c_in.min(c.c_out) >= 8 && products() <= g.oh * g.ow * 6
    }
}

/// Calls `$f::<V, .., R>(..)` for the R that equals `$size`, an edge of a tile, so that each size is compiled by
/// itself.
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

// SAFETY: In all unsafe blocks, the callers promise that the band, its rows and the channels exist, and that the
// scratch holds a line for every point of every column of a band.
impl<T: Scheme> Form for Winograd<T> {
    // In bfloat16 the products of larger tiles would err by more than those of the definition do.
    type Operand = f32;
    const EDGE: usize = OUT;
    const KERNEL: usize = KERNEL;
    const STRIDE: usize = T::STRIDE;
    const WEIGHTS: usize = IN * IN;
    // With 256 channels in and out, V and M of 256 tiles take 18 MiB (256 * 36 * 512 values), in a last-level cache of
    // 32 MiB. A tile of stride 2 has 81 frequencies and four times the pixels, so half as many tiles. Batches of 128
    // and 512 tiles were not faster.
    const TOGETHER: usize = 256 / T::STRIDE;

    fn weights(frequency: usize) -> (usize, bool) {
        let (down, down_again) = T::TAPS[frequency / span::<T>(OUT)];
        let (across, across_again) = T::TAPS[frequency % span::<T>(OUT)];
        (down * IN + across, down_again || across_again)
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
    unsafe fn read_output_grad<V: Vector, S: Source>(gy: S, band: Band, scratch: *mut f32, c: usize, n: usize) {
        unsafe {
            by_size!(band.height, read_grad_columns::<V, T, S>(gy, &band, scratch, c, n));
            for tile in 0..band.out.tiles() {
                let from = scratch.add(scratch_line::<T>(tile * OUT, 0));
                by_size!(band.out.width(tile), read_grad_rows::<V, T>(&band, from, band.line(tile, c)));
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
    unsafe fn write_input_grad<V: Vector, E: Value>(band: Band, to: Grad<E>, scratch: *mut f32, c: usize, n: usize) {
        unsafe {
            for tile in 0..band.out.tiles() {
                let place = scratch.add(scratch_line::<T>(tile * OUT * T::STRIDE, 0));
                by_size!(band.out.width(tile), write_grad_rows::<V, T>(&band, band.line(tile, c), place, tile > 0));
            }
            by_size!(band.height, write_grad_columns::<V, T, E>(&band, to, scratch, c, n));
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
    unsafe fn add_weight_grad<V: Vector>(from: *const f32, frequency: usize, gw: *mut f32, tap: usize, n: usize) {
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
