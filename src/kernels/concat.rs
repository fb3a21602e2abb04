//! Maps side by side in the channels of one.

use super::buffer::Shared;
use super::lanes::{Dense, Input, Normed, Source};
use super::parallel;
use super::simd::{Level, by_vector, simd_kernel};

/// Rows that a task goes through.
const ROWS: usize = 256;

/// Some channels of a map.
#[derive(Clone, Copy, Debug)]
pub struct Channels {
    /// Channels of the map.
    pub of: usize,
    /// The first of them.
    pub first: usize,
    /// How many.
    pub count: usize,
}

/// Writes the values of `x`, `at.count` channels wide, into those channels of `y`.
pub fn write(level: Level, x: Input, at: Channels, y: &mut [f32]) {
    let rows = x.data.len() / at.count;
    assert!(at.first + at.count <= at.of && y.len() == rows * at.of);
    let y = Shared::new(y);
    match x.pending {
        None => write_from(level, Dense(x.data), at, rows, y),
        Some(affine) => write_from(level, Normed { data: x.data, affine }, at, rows, y),
    }
}

fn write_from<S: Source>(level: Level, x: S, at: Channels, rows: usize, y: Shared) {
    parallel::each((0..rows).step_by(ROWS), &|_, start| {
        // SAFETY: the rows exist, and so do the channels in each (asserted by `write`); no other task has these rows
        unsafe { write_rows(level, x, at, start, (start + ROWS).min(rows), y) }
    });
}

simd_kernel! {
    fn write_rows<V, S: Source>(x: S, at: Channels, start: usize, end: usize, y: Shared) {
        // SAFETY: the caller's rows and channels
        unsafe {
            by_vector!(V, at.count, |c, n| {
                let k = x.constants::<V>(c, n);
                for row in start..end {
                    x.value(&k, row * at.count + c, n).store_first(y.at(row * at.of + at.first + c), n);
                }
            });
        }
    }
}

/// Takes the gradient of some channels out of that of the whole: adds it to `gx` when `add`, else writes it.
pub fn read(gy: &[f32], at: Channels, gx: &mut [f32], add: bool) {
    assert!(at.first + at.count <= at.of && gy.len() / at.of == gx.len() / at.count);
    let parts = gx.chunks_mut(ROWS * at.count).zip(gy.chunks(ROWS * at.of));
    parallel::each(parts, &|_, (gx, gy)| {
        for (gx, gy) in gx.chunks_exact_mut(at.count).zip(gy.chunks_exact(at.of)) {
            let gy = &gy[at.first..][..at.count];
            match add {
                true => gx.iter_mut().zip(gy).for_each(|(a, b)| *a += b),
                false => gx.copy_from_slice(gy),
            }
        }
    });
}
