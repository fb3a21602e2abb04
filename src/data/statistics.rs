//! Mean and deviation of the colours of training images.

use super::augment::Stages;
use super::prepare::Input;
use super::source::Split;
use rayon::prelude::*;

/// Most images that are looked at: of one size, and to be decoded.
const IMAGES: usize = 100_000;
const FILES: usize = 512;

/// Mean and standard deviation of every channel, 0 to 255, of all images or of many that are evenly spread. Sums of
/// whole numbers: exact in any order. Broken images are passed over.
pub(super) fn of(split: &Split, edge: usize) -> (Vec<f32>, Vec<f32>) {
    let channels = split.channels;
    let stored = split.stored_shape();
    let input = Input::new(split.shape(), edge, &vec![0.0; channels], &vec![1.0; channels]);
    let step = split.len().div_ceil(if stored.is_some() { IMAGES } else { FILES }).max(1);
    let sums = (0..split.len().div_ceil(step)).into_par_iter().map(|i| {
        let mut sums = vec![[0u64; 2]; channels];
        let seen = split.read(i * step).and_then(|image| {
            input.bytes(&image, stored, &Stages::Middle, |bytes| {
                for pixel in bytes.chunks_exact(channels) {
                    for ([sum, squares], x) in sums.iter_mut().zip(pixel) {
                        *sum += u64::from(*x);
                        *squares += u64::from(*x) * u64::from(*x);
                    }
                }
                bytes.len() / channels
            })
        });
        (sums, seen.unwrap_or(0) as u64)
    });
    let none = || (vec![[0u64; 2]; channels], 0);
    let (sums, count) = sums.reduce(none, |(mut a, m), (b, n)| {
        a.as_flattened_mut().iter_mut().zip(b.as_flattened()).for_each(|(a, b)| *a += b);
        (a, m + n)
    });
    let count = count.max(1) as f64;
    sums.into_iter()
        .map(|[sum, squares]| {
            let mean = sum as f64 / count;
            let std = (squares as f64 / count - mean * mean).max(0.0).sqrt();
            // A channel that never changes is centred and left at that.
            (mean as f32, if std > 1e-3 { std as f32 } else { 1.0 })
        })
        .unzip()
}
