//! Mean and deviation of the colours of training images.

use super::augment::Stages;
use super::decode::Reading;
use super::prepare::Preprocessor;
use super::source::Split;
use rayon::prelude::*;

/// Most images that are looked at: of one size, and to be decoded.
const IMAGES: usize = 100_000;
const FILES: usize = 512;

/// Sums over pixels of every channel: of whole numbers, so that no order matters.
#[derive(Default)]
pub(super) struct Sums {
    pixels: u64,
    channels: Vec<[u64; 2]>,
}

impl Sums {
    /// Of the pixels of an image, HWC.
    pub fn of(bytes: &[u8], channels: usize) -> Sums {
        let mut sums = vec![[0u64; 2]; channels];
        for pixel in bytes.chunks_exact(channels) {
            for ([sum, squares], x) in sums.iter_mut().zip(pixel) {
                *sum += u64::from(*x);
                *squares += u64::from(*x) * u64::from(*x);
            }
        }
        Sums { pixels: (bytes.len() / channels) as u64, channels: sums }
    }

    pub fn and(mut self, other: Sums) -> Sums {
        self.pixels += other.pixels;
        self.channels.resize(self.channels.len().max(other.channels.len()), [0; 2]);
        let ours = self.channels.as_flattened_mut().iter_mut();
        ours.zip(other.channels.as_flattened()).for_each(|(a, b)| *a += b);
        self
    }

    /// Mean and standard deviation of every channel.
    pub fn statistics(&self) -> (Vec<f64>, Vec<f64>) {
        let n = self.pixels.max(1) as f64;
        let one = |[sum, squares]: &[u64; 2]| {
            let mean = *sum as f64 / n;
            (mean, (*squares as f64 / n - mean * mean).max(0.0).sqrt())
        };
        self.channels.iter().map(one).unzip()
    }
}

/// Mean and standard deviation of every channel, 0 to 255, of all images or of many that are evenly spread. Broken images
/// are passed over.
pub(super) fn of(split: &Split, edge: usize, reading: Reading) -> (Vec<f32>, Vec<f32>) {
    let channels = split.channels;
    let stored = split.stored_shape();
    let input = Preprocessor::new(split.shape(), edge, &vec![0.0; channels], &vec![1.0; channels]).reading(reading);
    let step = split.len().div_ceil(if stored.is_some() { IMAGES } else { FILES }).max(1);
    let sums = (0..split.len().div_ceil(step)).into_par_iter().map(|i| {
        let image = split.read(i * step);
        image.and_then(|image| input.bytes(&image, stored, &Stages::Middle, |bytes, _| Sums::of(bytes, channels)))
    });
    // Without any image every channel still has a sum.
    let none = || Sums::of(&[], channels);
    let (mean, std) = sums.map(|sums| sums.unwrap_or_else(|_| none())).reduce(none, Sums::and).statistics();
    // A channel that never changes is centred and left at that.
    let changing = |std: f64| if std > 1e-3 { std as f32 } else { 1.0 };
    (mean.into_iter().map(|mean| mean as f32).collect(), std.into_iter().map(changing).collect())
}
