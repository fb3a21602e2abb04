//! Aligned buffers out of a pool with a bound, shared by forward and backward passes.
//!
//! A buffer comes with whatever values it last had: whoever takes one writes all that is read later.

use super::simd::LINE;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// Bytes that the pool keeps at most.
const BOUND: usize = 1 << 30;

/// A cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// Values in memory aligned to 64 bytes.
pub struct Buffer {
    lines: Vec<Line>,
    len: usize,
}

/// Buffers that nobody uses, and their bytes.
struct Pool {
    free: Vec<Vec<Line>>,
    bytes: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { free: Vec::new(), bytes: 0 });

fn bytes(lines: &[Line]) -> usize {
    size_of_val(lines)
}

impl Buffer {
    /// A buffer of `len` arbitrary values.
    pub fn take(len: usize) -> Buffer {
        let need = len.div_ceil(LINE);
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        let fitting = pool.free.iter().enumerate().filter(|(_, b)| (need..=need * 2).contains(&b.len()));
        let best = fitting.min_by_key(|(_, b)| b.len()).map(|(i, _)| i);
        let reused = best.map(|i| pool.free.swap_remove(i));
        pool.bytes -= reused.as_deref().map_or(0, bytes);
        drop(pool);
        let lines = reused.unwrap_or_else(|| vec![Line([0.0; LINE]); need]);
        Buffer { lines, len }
    }

    /// A buffer of zeros.
    pub fn zeros(len: usize) -> Buffer {
        let mut buffer = Buffer::take(len);
        buffer.fill(0.0);
        buffer
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.bytes + bytes(&lines) <= BOUND {
            pool.bytes += bytes(&lines);
            pool.free.push(lines);
        }
    }
}

impl Deref for Buffer {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        // SAFETY: `lines` holds at least `len` f32 values one behind the other
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

/// A place that several tasks write to, each its own part.
#[derive(Clone, Copy)]
pub struct Shared(*mut f32);

// SAFETY: only an address; whoever writes through it answers for the parts being disjoint
unsafe impl Send for Shared {}
// SAFETY: as above
unsafe impl Sync for Shared {}

impl Shared {
    /// The place of `values`.
    pub fn new(values: &mut [f32]) -> Self {
        Shared(values.as_mut_ptr())
    }

    /// The address `at` values on.
    pub fn at(self, at: usize) -> *mut f32 {
        self.0.wrapping_add(at)
    }
}
