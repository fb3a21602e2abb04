//! Aligned buffers out of a pool with a bound, shared by forward and backward passes.
//!
//! A buffer that is dropped goes back to the pool. The next one of that size then has its memory at once, which the
//! system would have to hand out and clear page by page: 14 steps of a small net took 9,076 page faults without the
//! pool and 283 with it (`docs/dev/measurements.md`).
//!
//! A buffer comes with the values that it last had: whoever takes one writes all that is read later.

use super::simd::LINE;
use super::value::Value;
use libmimalloc_sys::{mi_option_set, mi_option_t};
use std::ffi::c_long;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// Bytes that the pool keeps at most: 1 GiB. What is dropped beyond that goes back to the system, so that a change of
/// the batch size or an evaluation does not hold twice the memory of a step for ever.
const BOUND: usize = 1 << 30;

/// mimalloc's option `purge_delay`, for which its crate has no name.
const PURGE_DELAY: mi_option_t = 15;
/// Milliseconds that freed memory stays with the program; of arenas ten times as long.
const STAYS: c_long = 60_000;

/// Keeps memory that is freed for longer than a step takes, where mimalloc is the allocator. Gradients are the tape's and not
/// of this pool: with mimalloc's own delay of a second those of a large net came from the system anew in every step.
pub fn keep_freed_memory() {
    // SAFETY: the option is a number, and nothing else sets it.
    unsafe { mi_option_set(PURGE_DELAY, STAYS) }
}

/// A cache line of 64 bytes. Aligned to its size, so that no vector crosses into a second line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// Values of f32 or of a narrower number format in memory aligned to 64 bytes.
pub struct Aligned<T> {
    lines: Vec<Line>,
    len: usize,
    format: PhantomData<T>,
}

/// Values of f32.
pub type Buffer = Aligned<f32>;

/// Buffers that nobody uses, and their bytes together.
struct Pool {
    free: Vec<Vec<Line>>,
    bytes: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { free: Vec::new(), bytes: 0 });

fn bytes(lines: &[Line]) -> usize {
    size_of_val(lines)
}

impl<T: Value> Aligned<T> {
    /// A buffer of `len` arbitrary values: the smallest free one that is large enough and at most twice as large, or a
    /// new one.
    pub fn take(len: usize) -> Self {
        let need = (len * size_of::<T>()).div_ceil(size_of::<Line>());
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = pool.free.iter().enumerate().filter(|(_, b)| (need..=need * 2).contains(&b.len()));
        let best = fitting.min_by_key(|(_, b)| b.len()).map(|(i, _)| i);
        let reused = best.map(|i| pool.free.swap_remove(i));
        pool.bytes -= reused.as_deref().map_or(0, bytes);
        drop(pool);
        let lines = reused.unwrap_or_else(|| vec![Line([0.0; LINE]); need]);
        Aligned { lines, len, format: PhantomData }
    }
}

impl Buffer {
    /// A buffer of zeros.
    pub fn zeros(len: usize) -> Buffer {
        let mut buffer = Buffer::take(len);
        buffer.fill(0.0);
        buffer
    }
}

impl<T> Drop for Aligned<T> {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.bytes + bytes(&lines) <= BOUND {
            pool.bytes += bytes(&lines);
            pool.free.push(lines);
        }
    }
}

impl<T: Value> Deref for Aligned<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        // SAFETY: `lines` holds at least `len` values one behind the other, and every pattern of bits is a number.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl<T: Value> DerefMut for Aligned<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: As above.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

/// The address of values that several tasks write to, each its own part.
#[derive(Clone, Copy)]
pub struct SharedPtr<T = f32>(*mut T);

// SAFETY: It is an address and no more; whoever writes through it makes sure that the parts are disjoint.
unsafe impl<T> Send for SharedPtr<T> {}
// SAFETY: As above.
unsafe impl<T> Sync for SharedPtr<T> {}

impl<T> SharedPtr<T> {
    /// The address of `values`.
    pub fn new(values: &mut [T]) -> Self {
        SharedPtr(values.as_mut_ptr())
    }

    /// The same address, of values of another type.
    pub fn cast<U>(self) -> SharedPtr<U> {
        SharedPtr(self.0.cast())
    }

    /// The address of value `at`.
    pub fn at(self, at: usize) -> *mut T {
        self.0.wrapping_add(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_that_of_the_delay() {
        // mimalloc 3 purges after a second unless it is told otherwise; nothing has told it in a test.
        // SAFETY: it reads a number.
        assert_eq!(unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) }, 1000);
    }
}
