//! A pass over a map: every value of a source goes to a sink.

use super::sinks::{Grad, Sink};
use super::sources::Source;
use super::writing::{Sums, Writing};
use crate::kernels::buffer::{Aligned, SharedPtr};
use crate::kernels::moments::PartialSums;
use crate::kernels::parallel;
use crate::kernels::simd::{LINE, Level, by_vector, simd_kernel};
use crate::kernels::value::Value;

/// Pixels that a task goes through.
///
/// They fix the parts that sums are cut into: 256 values are added in f32 one after the other, then [`moments`] joins
/// the parts in f64. With 64 channels they are 64 KiB of a map.
///
/// [`moments`]: crate::kernels::moments
const ROWS: usize = 256;
/// Values that are asked for ahead, or 16 pixels where these have more. A loop over one vector of channels steps from
/// pixel to pixel, over all other channels, which the CPU's own prefetcher does not follow. Asking made passes 1.1 to
/// 1.9 times as fast (commit 0d3c332).
const AHEAD: usize = 1 << 11;

/// The values of a source of `len` values, `c` channels a pixel: `(len / c, c)`.
pub fn collect<S: Source, T: Value>(level: Level, from: S, len: usize, c: usize) -> Aligned<T> {
    let mut out = Aligned::take(len);
    pass(level, from, len, c, Grad { gx: SharedPtr::new(&mut out), add: false });
    out
}

/// Gives the `len` values of a source, `c` channels a pixel, to a sink. Returns the sums that the sink kept, a part for
/// every 256 pixels.
pub fn pass<S: Source, K: Sink>(level: Level, from: S, len: usize, c: usize, to: K) -> Vec<PartialSums> {
    let count = len / c;
    let task = |start: usize| {
        let rows = ROWS.min(count - start);
        let mut sums = Sums::room::<K>(c);
        // SAFETY: The rows exist in source and sink, and no other task has them.
        unsafe { pass_rows(level, from, to, start, rows, c, Sums::of(&mut sums)) };
        PartialSums { rows, sums }
    };
    parallel::map((0..count).step_by(ROWS), &task)
}

simd_kernel! {
    fn pass_rows<V, S: Source, K: Sink>(from: S, to: K, start: usize, rows: usize, channels: usize, sums: Sums) {
        let ahead = (AHEAD / channels).max(16) * channels;
        // SAFETY: The caller's rows exist.
        unsafe {
            by_vector!(V, channels, |c, n| {
                let k = from.constants::<V>(c, n);
                let mut to = Writing::begin(to, c, n, sums);
                for row in start..start + rows {
                    let at = row * channels + c;
                    // Where a pixel is one line, pixels follow each other in memory and the CPU foresees them: asking
                    // was slower there.
                    if channels > LINE {
                        from.prefetch(at + ahead);
                        to.prefetch(at + ahead);
                    }
                    to.put(from.value(&k, at, n), at);
                }
                to.end(c, sums);
            });
        }
    }
}
