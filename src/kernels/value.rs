//! The number formats in which feature maps are stored. All arithmetic is in f32.

use super::buffer::{Aligned, Buffer};
use super::parallel;
use super::simd::{LINE, Vector, round_bf16};
use half::bf16;
use std::ops::Deref;

/// A number as it is stored.
pub trait Value: Copy + Send + Sync + 'static {
    /// Zero.
    const ZERO: Self;
    /// The number that is nearest.
    fn nearest(v: f32) -> Self;
    /// The first `n` values, zeros after them.
    ///
    /// # Safety
    /// They must be readable, and the machine must have the level.
    unsafe fn load<V: Vector>(p: *const Self, n: usize) -> V;
    /// Writes the first `n` values, rounded. Returns all as they were rounded.
    ///
    /// # Safety
    /// They must be writable, and the machine must have the level.
    unsafe fn store<V: Vector>(v: V, p: *mut Self, n: usize) -> V;
    /// Adds another one.
    fn add(&mut self, term: Self);
    /// The values in f32.
    fn wide(values: &[Self]) -> Read<'_>;
    /// Writes values, rounded.
    fn narrow(from: &[f32], to: &mut [Self]);
    /// Has `f` change values in f32, which are rounded behind it.
    fn change(values: &mut [Self], f: impl FnOnce(&mut [f32]));
}

/// Values to be read.
pub enum Read<'a, T: Value = f32> {
    /// Where they lie.
    Own(&'a [T]),
    /// They were made.
    Made(Aligned<T>),
}

impl<T: Value> Deref for Read<'_, T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        match self {
            Read::Own(values) => values,
            Read::Made(buffer) => buffer,
        }
    }
}

/// A bfloat16 as f32.
#[inline(always)]
fn widened(v: bf16) -> f32 {
    f32::from_bits(u32::from(v.to_bits()) << 16)
}

impl Value for f32 {
    const ZERO: f32 = 0.0;

    #[inline(always)]
    fn nearest(v: f32) -> f32 {
        v
    }

    #[inline(always)]
    unsafe fn load<V: Vector>(p: *const f32, n: usize) -> V {
        // SAFETY: As promised by the caller.
        unsafe { V::load_first(p, n) }
    }

    #[inline(always)]
    unsafe fn store<V: Vector>(v: V, p: *mut f32, n: usize) -> V {
        // SAFETY: As promised by the caller.
        unsafe { v.store_first(p, n) }
        v
    }

    #[inline(always)]
    fn add(&mut self, term: f32) {
        *self += term;
    }

    fn wide(values: &[f32]) -> Read<'_> {
        Read::Own(values)
    }

    fn narrow(from: &[f32], to: &mut [f32]) {
        to.copy_from_slice(from);
    }

    fn change(values: &mut [f32], f: impl FnOnce(&mut [f32])) {
        f(values);
    }
}

/// Values that a task widens or rounds.
const CHUNK: usize = 1 << 13;

impl Value for bf16 {
    const ZERO: bf16 = bf16::ZERO;

    #[inline(always)]
    fn nearest(v: f32) -> bf16 {
        bf16::from_bits((round_bf16(v).to_bits() >> 16) as u16)
    }

    #[inline(always)]
    unsafe fn load<V: Vector>(p: *const bf16, n: usize) -> V {
        // SAFETY: The caller's `n` values are readable; the other pointer is to a line of our own.
        unsafe {
            if n >= V::LANES {
                return V::load_bf16(p);
            }
            let mut line = [bf16::ZERO; LINE];
            for (i, v) in line.iter_mut().enumerate().take(n) {
                *v = *p.add(i);
            }
            V::load_bf16(line.as_ptr())
        }
    }

    #[inline(always)]
    unsafe fn store<V: Vector>(v: V, p: *mut bf16, n: usize) -> V {
        // SAFETY: The caller's `n` values are writable; the other pointer is to a line of our own.
        unsafe {
            let v = v.round_bf16();
            if n >= V::LANES {
                v.store_bf16(p);
                return v;
            }
            let mut line = [bf16::ZERO; LINE];
            v.store_bf16(line.as_mut_ptr());
            for (i, v) in line.iter().enumerate().take(n) {
                *p.add(i) = *v;
            }
            v
        }
    }

    #[inline(always)]
    fn add(&mut self, term: bf16) {
        *self = bf16::nearest(widened(*self) + widened(term));
    }

    fn wide(values: &[bf16]) -> Read<'_> {
        let mut wide = Buffer::take(values.len());
        parallel::each(wide.chunks_mut(CHUNK).zip(values.chunks(CHUNK)), &|_, (wide, values)| {
            wide.iter_mut().zip(values).for_each(|(to, from)| *to = widened(*from));
        });
        Read::Made(wide)
    }

    fn narrow(from: &[f32], to: &mut [bf16]) {
        parallel::each(to.chunks_mut(CHUNK).zip(from.chunks(CHUNK)), &|_, (to, from)| {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = bf16::nearest(*from));
        });
    }

    fn change(values: &mut [bf16], f: impl FnOnce(&mut [f32])) {
        if let Read::Made(mut wide) = bf16::wide(values) {
            f(&mut wide);
            bf16::narrow(&wide, values);
        }
    }
}
