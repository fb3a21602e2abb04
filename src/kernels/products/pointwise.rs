//! A 1x1 convolution: every pixel is a tile, and the one matrix is the map itself, in panels.

use super::form::Form;
use super::tiles::{Band, Tiling};
use crate::kernels::lanes::{Gradient, Sink, Source, Sums, Writing};
use crate::kernels::simd::{LINE, Vector};

/// The form of 1x1 convolutions.
#[derive(Clone, Copy)]
pub struct Pointwise;

// SAFETY (of the unsafe blocks): the callers state that the band, its rows and the channels exist
impl Form for Pointwise {
    const EDGE: usize = 1;
    const KERNEL: usize = 1;
    const STRIDE: usize = 1;
    const WEIGHTS: usize = 1;
    const TOGETHER: usize = 2048;

    fn weights(_: usize) -> (usize, bool) {
        (0, false)
    }

    fn scratch(_: &Tiling, _: &Tiling) -> usize {
        0
    }

    #[inline(always)]
    unsafe fn read_input<V: Vector, S: Source>(x: S, band: Band, scratch: *mut f32, c: usize, n: usize) {
        unsafe { Self::read_gradient::<V, S>(x, band, scratch, c, n) }
    }

    #[inline(always)]
    unsafe fn read_gradient<V: Vector, S: Source>(gy: S, band: Band, _: *mut f32, c: usize, n: usize) {
        unsafe {
            let k = gy.constants::<V>(c, n);
            let rows = band.line(0, c);
            for i in 0..band.t.w {
                let at = (band.index * band.t.w + i) * band.t.c + c;
                // (the same channels of the next band are far enough ahead)
                gy.prefetch(at + band.t.w * band.t.c);
                gy.value(&k, at, n).store(rows.add(i * LINE));
            }
        }
    }

    #[inline(always)]
    unsafe fn write_output<V: Vector, K: Sink>(band: Band, to: &mut Writing<V, K>, _: *mut f32, c: usize) {
        unsafe {
            let rows = band.line(0, c);
            for i in 0..band.t.w {
                to.put(V::load(rows.add(i * LINE)), (band.index * band.t.w + i) * band.t.c + c);
            }
        }
    }

    #[inline(always)]
    unsafe fn write_input_gradient<V: Vector>(band: Band, to: Gradient, scratch: *mut f32, c: usize, n: usize) {
        unsafe {
            let mut to = Writing::<V, Gradient>::begin(to, c, n, Sums::of(&mut []));
            Self::write_output(band, &mut to, scratch, c);
        }
    }

    #[inline(always)]
    unsafe fn transform<V: Vector>(w: *const f32, _: usize, n: usize, to: *mut f32, _: usize) {
        unsafe { V::load_first(w, n).store(to) }
    }

    #[inline(always)]
    unsafe fn add_gradient<V: Vector>(from: *const f32, _: usize, gw: *mut f32, _: usize, n: usize) {
        unsafe { V::load(from).add(V::load_first(gw, n)).store_first(gw, n) }
    }
}
