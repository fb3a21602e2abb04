//! Feature maps side by side in the channels of one: the joints of Inception and DenseNet.

use super::buffer::SharedPtr;
use super::lanes::{Dense, MapInput, Normed, Source};
use super::parallel;
use super::simd::{Level, by_vector, simd_kernel};
use super::value::Value;

/// Pixels that a task goes through. A copy has no sums, so that the number changes no result; it is that of a pass.
const ROWS: usize = 256;

/// A range of channels of a map.
#[derive(Clone, Copy, Debug)]
pub struct Channels {
    /// Channels that the map has.
    pub of: usize,
    /// The first channel of the range.
    pub first: usize,
    /// Channels of the range.
    pub count: usize,
}

/// Writes x `(N*H*W, at.count)`, with what is pending on it, into these channels of y `(N*H*W, at.of)`.
pub fn write<T: Value>(level: Level, x: MapInput<T>, at: Channels, y: &mut [T]) {
    let rows = x.data.len() / at.count;
    assert!(at.first + at.count <= at.of && y.len() == rows * at.of);
    let y = SharedPtr::new(y);
    match x.pending {
        None => write_from(level, Dense(x.data), at, rows, y),
        Some(affine) => write_from(level, Normed { data: x.data, affine }, at, rows, y),
    }
}

fn write_from<S: Source, T: Value>(level: Level, x: S, at: Channels, rows: usize, y: SharedPtr<T>) {
    parallel::each((0..rows).step_by(ROWS), &|_, start| {
        // SAFETY: `write` has asserted that rows and channels exist, and no other task has these rows.
        unsafe { write_rows(level, x, at, start, (start + ROWS).min(rows), y) }
    });
}

simd_kernel! {
    fn write_rows<V, S: Source, T: Value>(x: S, at: Channels, start: usize, end: usize, y: SharedPtr<T>) {
        // SAFETY: The caller's rows and channels exist.
        unsafe {
            by_vector!(V, at.count, |c, n| {
                let k = x.constants::<V>(c, n);
                for row in start..end {
                    T::store(x.value::<V>(&k, row * at.count + c, n), y.at(row * at.of + at.first + c), n);
                }
            });
        }
    }
}

/// Takes these channels out of the gradient `gy` `(N*H*W, at.of)` of the whole map: adds them to `gx` `(N*H*W,
/// at.count)` when `add`, else writes them.
pub fn read_grad<T: Value>(gy: &[T], at: Channels, gx: &mut [T], add: bool) {
    assert!(at.first + at.count <= at.of && gy.len() / at.of == gx.len() / at.count);
    let parts = gx.chunks_mut(ROWS * at.count).zip(gy.chunks(ROWS * at.of));
    parallel::each(parts, &|_, (gx, gy)| {
        for (gx, gy) in gx.chunks_exact_mut(at.count).zip(gy.chunks_exact(at.of)) {
            let gy = &gy[at.first..][..at.count];
            match add {
                true => gx.iter_mut().zip(gy).for_each(|(a, b)| a.add(*b)),
                false => gx.copy_from_slice(gy),
            }
        }
    });
}
