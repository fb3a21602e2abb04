//! A 1x1 convolution as a form: every pixel that is read is a tile with one frequency, and V is the map itself in
//! panels.
//!
//! `(N*OH*OW, C) x (C, O)`. The copy into panels is made on the way through the norm of the input, which has to be
//! applied somewhere, and stays in the cache until it is multiplied. With stride 2 every second pixel of every second
//! row is read.

use super::form::Form;
use super::tiles::{Band, Tiling};
use crate::kernels::gemm::Operand;
use crate::kernels::lanes::{Grad, Sink, Source, Writing};
use crate::kernels::simd::{LINE, Vector};
use crate::kernels::value::Value;
use std::marker::PhantomData;

/// The form of 1x1 convolutions of a stride, whose maps and weights are multiplied in a format.
#[derive(Clone, Copy)]
pub struct Pointwise<const STRIDE: usize, T>(PhantomData<T>);

// SAFETY: In all unsafe blocks, the callers promise that the band, its rows and the channels exist.
impl<const STRIDE: usize, T: Operand> Form for Pointwise<STRIDE, T> {
    type Operand = T;
    const EDGE: usize = 1;
    const KERNEL: usize = 1;
    const STRIDE: usize = STRIDE;
    const WEIGHTS: usize = 1;
    // A pixel has one frequency where a Winograd tile of 16 pixels has 36: 2048 pixels of 512 and 2048 channels are 20
    // MiB of V and M, in a last-level cache of 32 MiB.
    const TOGETHER: usize = 2048;

    fn weights(_: usize) -> (usize, bool) {
        (0, false)
    }

    fn scratch(_: &Tiling, _: &Tiling) -> usize {
        0
    }

    #[inline(always)]
    unsafe fn read_input<V: Vector, S: Source>(x: S, band: Band<T>, _: *mut f32, c: usize, n: usize) {
        unsafe {
            let k = x.constants::<V>(c, n);
            let (rows, first) = (band.line(0, c), band.place(0, c));
            for i in 0..band.t.tiles() {
                let at = first + i * band.t.edge * band.t.across();
                // The same channels of the next band are far enough ahead.
                x.prefetch(at + band.t.edge * band.t.down());
                T::store(x.value::<V>(&k, at, n), rows.add(i * LINE), V::LANES);
            }
        }
    }

    #[inline(always)]
    unsafe fn read_output_grad<V: Vector, S: Source>(gy: S, band: Band<T>, scratch: *mut f32, c: usize, n: usize) {
        unsafe { Self::read_input::<V, S>(gy, band, scratch, c, n) }
    }

    #[inline(always)]
    unsafe fn write_output<V: Vector, K: Sink>(band: Band, to: &mut Writing<V, K>, _: *mut f32, c: usize) {
        unsafe {
            let (rows, first) = (band.line(0, c), band.place(0, c));
            for i in 0..band.t.w {
                to.put(V::load(rows.add(i * LINE)), first + i * band.t.across());
            }
        }
    }

    #[inline(always)]
    unsafe fn write_input_grad<V: Vector, E: Value>(band: Band, to: Grad<E>, _: *mut f32, c: usize, n: usize) {
        unsafe {
            let (rows, first) = (band.line(0, c), band.place(0, c));
            for i in 0..band.t.tiles() {
                to.write(V::load(rows.add(i * LINE)), first + i * band.t.edge * band.t.across(), n);
            }
            // A pixel that the stride skips has no gradient. Where none is there yet, that is a zero to be written.
            if STRIDE > 1 && !to.add {
                let zero = V::splat(0.0);
                for y in 0..STRIDE.min(band.t.h - band.first) {
                    for x in 0..band.t.w {
                        if y + x % STRIDE > 0 {
                            to.write(zero, first + y * band.t.down() + x * band.t.across(), n);
                        }
                    }
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn transform<V: Vector>(w: *const f32, _: usize, n: usize, to: *mut T, _: usize) {
        unsafe {
            T::store(V::load_first(w, n), to, V::LANES);
        }
    }

    #[inline(always)]
    unsafe fn add_weight_grad<V: Vector>(from: *const f32, _: usize, gw: *mut f32, _: usize, n: usize) {
        unsafe { V::load(from).add(V::load_first(gw, n)).store_first(gw, n) }
    }
}
