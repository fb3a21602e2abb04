//! Bilinear upsampling of maps `(N*H*W, C)`, as PyTorch's `interpolate(mode="bilinear")` does it, one axis after the other:
//! rows first on the way there, columns first on the way back, so that the large map is gone through once.

use super::buffer::Buffer;
use super::parallel;
use super::pool::Nhwc;
use super::simd::{Level, simd_kernel};

/// Where an output lies between two inputs along an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tap {
    /// The input before it.
    pub low: usize,
    /// The input behind it, or the last one.
    pub high: usize,
    /// Share of that.
    pub share: f64,
}

/// The place of every output among the inputs of an axis. With `corners` the first and last of both are at the same
/// places; without, the edges of all are, and what lies outside the outermost inputs is theirs.
pub fn taps(from: usize, to: usize, corners: bool) -> impl Iterator<Item = Tap> {
    (0..to).map(move |i| {
        let place = match corners {
            true if to > 1 => i as f64 * ((from - 1) as f64 / (to - 1) as f64),
            true => 0.0,
            false => ((i as f64 + 0.5) * (from as f64 / to as f64) - 0.5).max(0.0),
        };
        let low = (place as usize).min(from - 1);
        Tap { low, high: (low + 1).min(from - 1), share: (place - low as f64).min(1.0) }
    })
}

/// The two maps.
#[derive(Clone, Copy, Debug)]
pub struct Upsampling {
    /// The size of the input.
    pub from: Nhwc,
    /// Height and width of the output.
    pub to: (usize, usize),
    /// Whether corners are at the same places, or edges.
    pub corners: bool,
}

/// Values of rows that a task goes through.
const TASK: usize = 1 << 14;

impl Upsampling {
    /// The taps of rows and of columns.
    fn taps(&self) -> [Vec<Tap>; 2] {
        let (_, h, w, _) = self.from;
        [taps(h, self.to.0, self.corners).collect(), taps(w, self.to.1, self.corners).collect()]
    }

    /// Values of a row of the input and of the output.
    fn rows(&self) -> (usize, usize) {
        let (_, _, w, c) = self.from;
        (w * c, self.to.1 * c)
    }

    /// Writes the output `(N*H'*W', C)`.
    pub fn forward(&self, level: Level, x: &[f32], y: &mut [f32]) {
        let ((_, h, _, c), [down, across], (narrow, wide)) = (self.from, self.taps(), self.rows());
        let many = TASK.div_ceil(wide);
        parallel::each(y.chunks_mut(many * wide), &|task, y| {
            let mut row = Buffer::take(narrow);
            for (i, y) in y.chunks_exact_mut(wide).enumerate() {
                let (image, tap) = ((task * many + i) / self.to.0, down[(task * many + i) % self.to.0]);
                let line = |y: usize| &x[(image * h + y) * narrow..][..narrow];
                // SAFETY: The kernels touch what their slices hold.
                unsafe {
                    between(level, (line(tap.low), line(tap.high)), tap.share as f32, &mut row);
                    spread(level, &row, &across, c, y);
                }
            }
        });
    }

    /// Writes the gradient of the input, or adds it, out of that of the output.
    pub fn backward(&self, level: Level, gy: &[f32], gx: &mut [f32], add: bool) {
        let ((_, h, _, c), [down, across], (narrow, wide)) = (self.from, self.taps(), self.rows());
        let mut gathered = Buffer::take(gy.len() / wide * narrow);
        let many = TASK.div_ceil(wide);
        let tasks = gathered.chunks_mut(many * narrow).zip(gy.chunks(many * wide));
        parallel::each(tasks, &|_, (rows, gy)| {
            for (row, gy) in rows.chunks_exact_mut(narrow).zip(gy.chunks_exact(wide)) {
                // SAFETY: The kernel touches what its slices hold.
                unsafe { gather(level, gy, &across, c, row) }
            }
        });
        // The rows of the output that read a row of the input, in their order.
        let mut readers = vec![Vec::new(); h];
        for (i, tap) in down.iter().enumerate() {
            readers[tap.low].push((i, (1.0 - tap.share) as f32));
            readers[tap.high].push((i, tap.share as f32));
        }
        parallel::each(gx.chunks_mut(narrow), &|row, gx| {
            if !add {
                gx.fill(0.0);
            }
            for (reader, share) in &readers[row % h] {
                let from = &gathered[(row / h * self.to.0 + reader) * narrow..][..narrow];
                // SAFETY: The kernel touches what its slices hold.
                unsafe { add_share(level, from, *share, gx) }
            }
        });
    }
}

simd_kernel! {
    /// What lies between two rows.
    fn between<V>(rows: (&[f32], &[f32]), share: f32, to: &mut [f32]) {
        for ((to, low), high) in to.iter_mut().zip(rows.0).zip(rows.1) {
            *to = low * (1.0 - share) + high * share;
        }
    }
}

simd_kernel! {
    /// The pixels of a wide row, of `c` channels, out of those of a narrow one.
    fn spread<V>(row: &[f32], taps: &[Tap], c: usize, to: &mut [f32]) {
        for (to, tap) in to.chunks_exact_mut(c).zip(taps) {
            let share = tap.share as f32;
            let (low, high) = (&row[tap.low * c..][..c], &row[tap.high * c..][..c]);
            for ((to, low), high) in to.iter_mut().zip(low).zip(high) {
                *to = low * (1.0 - share) + high * share;
            }
        }
    }
}

simd_kernel! {
    /// The gradient of a narrow row out of that of the wide one.
    fn gather<V>(gy: &[f32], taps: &[Tap], c: usize, row: &mut [f32]) {
        row.fill(0.0);
        for (gy, tap) in gy.chunks_exact(c).zip(taps) {
            let share = tap.share as f32;
            row[tap.low * c..][..c].iter_mut().zip(gy).for_each(|(to, g)| *to += g * (1.0 - share));
            row[tap.high * c..][..c].iter_mut().zip(gy).for_each(|(to, g)| *to += g * share);
        }
    }
}

simd_kernel! {
    fn add_share<V>(from: &[f32], share: f32, to: &mut [f32]) {
        to.iter_mut().zip(from).for_each(|(to, from)| *to += from * share);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_or_edges_are_at_the_same_places() {
        let places = |from, to, corners| -> Vec<f64> {
            taps(from, to, corners).map(|tap| tap.low as f64 + tap.share * (tap.high - tap.low) as f64).collect()
        };
        assert_eq!(places(2, 4, true), [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0]);
        assert_eq!(places(2, 4, false), [0.0, 0.25, 0.75, 1.0]);
        assert_eq!(places(3, 1, true), [0.0]);
        assert_eq!(places(4, 2, false), [0.5, 2.5]);
        assert_eq!(places(1, 3, false), [0.0; 3]);
    }

    #[test]
    fn both_passes_are_those_of_plain_loops_at_every_level_and_thread_count() {
        let number = |i: usize| ((i as u32).wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 23) as f32 - 1.0;
        for ((n, h, w, c), to) in [((2, 3, 5, 7), (24, 40)), ((1, 1, 1, 21), (5, 6)), ((3, 9, 4, 16), (4, 9))] {
            for corners in [false, true] {
                let maps = Upsampling { from: (n, h, w, c), to, corners };
                let x: Vec<f32> = (0..n * h * w * c).map(number).collect();
                let gy: Vec<f32> = (0..n * to.0 * to.1 * c).map(|i| number(i + 5)).collect();
                let (mut y, mut gx) = (vec![0.0; gy.len()], vec![0.0; x.len()]);
                let [down, across] = maps.taps();
                for (i, (image, oy, ox, k)) in (0..gy.len()).map(|i| (i, at(i, to, c))) {
                    for (row, down) in [(down[oy].low, 1.0 - down[oy].share), (down[oy].high, down[oy].share)] {
                        for (column, share) in
                            [(across[ox].low, 1.0 - across[ox].share), (across[ox].high, across[ox].share)]
                        {
                            let place = ((image * h + row) * w + column) * c + k;
                            y[i] += (down * share * f64::from(x[place])) as f32;
                            gx[place] += (down * share * f64::from(gy[i])) as f32;
                        }
                    }
                }
                for level in Level::available() {
                    let mut first: Option<(Vec<f32>, Vec<f32>)> = None;
                    for threads in [1, 2, 3, 8] {
                        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                        let (mut own_y, mut own_gx) = (vec![f32::NAN; y.len()], vec![f32::NAN; x.len()]);
                        pool.install(|| {
                            maps.forward(level, &x, &mut own_y);
                            maps.backward(level, &gy, &mut own_gx, false);
                        });
                        let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
                        assert!(near(&own_y, &y) && near(&own_gx, &gx), "{maps:?} {level:?}");
                        let mut twice = own_gx.clone();
                        maps.backward(level, &gy, &mut twice, true);
                        assert!(twice.iter().zip(&gx).all(|(a, b)| (a - 2.0 * b).abs() < 2e-4));
                        let found = (own_y, own_gx);
                        assert!(*first.get_or_insert_with(|| found.clone()) == found, "{threads} threads {level:?}");
                    }
                }
            }
        }
    }

    /// Image, row, column and channel of a value.
    fn at(i: usize, (h, w): (usize, usize), c: usize) -> (usize, usize, usize, usize) {
        (i / (h * w * c), i / (w * c) % h, i / c % w, i % c)
    }
}
