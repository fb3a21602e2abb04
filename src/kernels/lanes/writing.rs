//! A vector of channels of a sink while it is being written, and the sums that the sink keeps.

use super::sinks::{SINK_CONSTANTS, Sink};
use crate::kernels::simd::{LINE, Vector};

/// The sums that a sink keeps: two for every channel, `(2, stride)`.
#[derive(Clone, Copy)]
pub struct Sums {
    first: *mut f32,
    stride: usize,
}

impl Sums {
    /// Room for the sums of `c` channels, filled up to whole lines. Empty for a sink that keeps no sums.
    pub fn room<K: Sink>(c: usize) -> Vec<f32> {
        vec![0.0; if K::SUMS { 2 * c.next_multiple_of(LINE) } else { 0 }]
    }

    /// The sums in such room.
    pub fn of(room: &mut [f32]) -> Sums {
        Sums { stride: room.len() / 2, first: room.as_mut_ptr() }
    }
}

/// A vector of channels of a sink that is being written: the sums stay in registers until [`Writing::end`].
pub struct Writing<V, K> {
    to: K,
    constants: [V; SINK_CONSTANTS],
    sums: [V; 2],
    n: usize,
}

impl<V: Vector, K: Sink> Writing<V, K> {
    /// Begins with `n` channels from `c` on, whose sums go on from those in `from`.
    ///
    /// # Safety
    /// The machine must have the level; channels and sums must exist.
    #[inline(always)]
    pub unsafe fn begin(to: K, c: usize, n: usize, from: Sums) -> Self {
        // SAFETY: The caller's channels and sums exist.
        unsafe {
            let mut sums = [V::splat(0.0); 2];
            if K::SUMS {
                sums = [V::load(from.first.add(c)), V::load(from.first.add(from.stride + c))];
            }
            Writing { to, constants: to.constants(c, n), sums, n }
        }
    }

    /// Writes the channels of a pixel.
    ///
    /// # Safety
    /// As for [`Sink::put`].
    #[inline(always)]
    pub unsafe fn put(&mut self, v: V, at: usize) {
        // SAFETY: The caller's place exists and is this task's.
        unsafe { self.to.put(&self.constants, &mut self.sums, v, at, self.n) }
    }

    /// Asks for the cache line of place `at` ahead: see [`Sink::prefetch`].
    #[inline(always)]
    pub fn prefetch(&self, at: usize) {
        self.to.prefetch(at);
    }

    /// Puts the sums of the channels from `c` on back into `to`.
    ///
    /// # Safety
    /// As for `begin`.
    #[inline(always)]
    pub unsafe fn end(self, c: usize, to: Sums) {
        if K::SUMS {
            // SAFETY: The caller's sums exist.
            unsafe {
                self.sums[0].store(to.first.add(c));
                self.sums[1].store(to.first.add(to.stride + c));
            }
        }
    }
}
