//! The last stages: pad-and-crop, flip, colours and normalisation, in one pass over the bytes of an image.
//!
//! Every draw of a placement comes from the generator of one image in one epoch, the flip first and then the offsets,
//! whatever is switched on: no switch changes what another one draws.

use super::Colour;
use crate::random::ChaCha8Rng;
use crate::recipe::settings::Augment;
use rand::Rng;
use std::fmt;

/// How an image is laid into its place in a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::data) struct Placement {
    /// Row of the image that becomes row 0; rows outside the image are padding.
    pub top: i64,
    /// Column of the image that becomes column 0 of the crop.
    pub left: i64,
    /// Whether the crop is mirrored.
    pub flip: bool,
}

impl Placement {
    /// Draws a crop of the padded image, each offset uniform in `0..=2 * pad`, and a flip with probability 1/2.
    pub fn draw(augment: &Augment, rng: &mut ChaCha8Rng) -> Placement {
        let mut placement = Placement { flip: rng.r#gen::<bool>() && augment.flip, ..Placement::default() };
        if augment.crop.on {
            let pad = augment.crop.pad as i64;
            placement.top = rng.gen_range(0..=2 * pad) - pad;
            placement.left = rng.gen_range(0..=2 * pad) - pad;
        }
        placement
    }

    /// Row `y` of the crop out of an image of rows of `line.len()` bytes; padding is the byte 0.
    fn row(&self, image: &[u8], y: usize, channels: usize, line: &mut [u8]) {
        let row = usize::try_from(y as i64 + self.top).ok().and_then(|y| image.chunks_exact(line.len()).nth(y));
        let width = line.len() / channels;
        let (left, shift) = (self.left.max(0) as usize, (-self.left).max(0) as usize);
        line.fill(0);
        let Some(row) = row.filter(|_| left < width && shift < width) else { return };
        let count = width - left - shift;
        let source = &row[left * channels..][..count * channels];
        if self.flip {
            let to = line[..(width - shift) * channels].rchunks_exact_mut(channels);
            to.zip(source.chunks_exact(channels)).for_each(|(to, pixel)| to.copy_from_slice(pixel));
        } else {
            line[shift * channels..][..source.len()].copy_from_slice(source);
        }
    }
}

/// Turns bytes into numbers of mean 0 and deviation 1.
#[derive(Clone)]
pub(in crate::data) struct Normaliser {
    /// Mean and deviation of every channel.
    channels: Vec<(f32, f32)>,
    /// `(x - mean) / std` of every byte, a table a channel.
    tables: Vec<[f32; 256]>,
}

impl Normaliser {
    /// For these means and deviations of the channels.
    pub fn new(mean: &[f32], std: &[f32]) -> Normaliser {
        let channels: Vec<(f32, f32)> = mean.iter().copied().zip(std.iter().copied()).collect();
        let table = |(mean, std): &(f32, f32)| std::array::from_fn(|x| (x as f32 - mean) / std);
        Normaliser { tables: channels.iter().map(table).collect(), channels }
    }

    /// Writes an image of rows of `width` pixels, placed, coloured and normalised.
    pub fn place(&self, image: &[u8], width: usize, placement: Placement, colour: &Colour, out: &mut [f32]) {
        let channels = self.channels.len();
        let mut line = vec![0; width * channels];
        let mixed = self.mixed(colour);
        for (y, row) in out.chunks_exact_mut(width * channels).enumerate() {
            placement.row(image, y, channels, &mut line);
            match &mixed {
                None => self.plain(&line, row),
                Some(Mixed::Scaled(by)) => {
                    for (value, (channel, x)) in row.iter_mut().zip((0..channels).cycle().zip(&line)) {
                        let (mean, std) = self.channels[channel];
                        *value = (f32::from(*x) * by - mean) / std;
                    }
                }
                Some(Mixed::Rgb(m, k)) => {
                    for (to, x) in row.chunks_exact_mut(3).zip(line.chunks_exact(3)) {
                        let x = [f32::from(x[0]), f32::from(x[1]), f32::from(x[2])];
                        for c in 0..3 {
                            to[c] = m[c][0] * x[0] + m[c][1] * x[1] + m[c][2] * x[2] + k[c];
                        }
                    }
                }
            }
        }
    }

    fn plain(&self, line: &[u8], row: &mut [f32]) {
        let channels = self.tables.len();
        for (to, x) in row.chunks_exact_mut(channels).zip(line.chunks_exact(channels)) {
            for ((to, x), table) in to.iter_mut().zip(x).zip(&self.tables) {
                *to = table[usize::from(*x)];
            }
        }
    }

    /// Colours and normalisation as one step; none when the colours stay.
    fn mixed(&self, colour: &Colour) -> Option<Mixed> {
        if *colour == Colour::NONE {
            return None;
        }
        let Ok(channels) = <[(f32, f32); 3]>::try_from(&self.channels[..]) else {
            return Some(Mixed::Scaled(colour.brightness as f32));
        };
        let channel = |c: usize| (f64::from(channels[c].0), f64::from(channels[c].1));
        let row = |c: usize| colour.matrix[c].map(|v| (v / channel(c).1) as f32);
        let offset = |c: usize| ((colour.offset[c] - channel(c).0) / channel(c).1) as f32;
        Some(Mixed::Rgb(std::array::from_fn(row), std::array::from_fn(offset)))
    }
}

impl fmt::Debug for Normaliser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.channels).finish()
    }
}

/// What is done to a pixel whose colours change.
enum Mixed {
    /// Every channel times a number, then normalised.
    Scaled(f32),
    /// RGB times a matrix, and an offset.
    Rgb([[f32; 3]; 3], [f32; 3]),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, rng};
    use crate::recipe::settings::Crop;

    fn augment(crop: bool, pad: u64, flip: bool) -> Augment {
        Augment { crop: Crop { on: crop, pad }, flip, ..Augment::default() }
    }

    fn draws(augment: &Augment, count: u64) -> Vec<Placement> {
        (0..count).map(|i| Placement::draw(augment, &mut rng(1, Purpose::Augment, 0, i))).collect()
    }

    /// Tables that leave bytes as they are.
    fn plain(channels: usize) -> Normaliser {
        Normaliser::new(&vec![0.0; channels], &vec![1.0; channels])
    }

    #[test]
    fn offsets_are_uniform_and_independent_and_half_are_flipped() {
        const N: usize = 50_000;
        let draws = draws(&augment(true, 2, true), N as u64);
        let mut cells = [[[0f64; 2]; 5]; 5];
        for d in &draws {
            cells[(d.top + 2) as usize][(d.left + 2) as usize][usize::from(d.flip)] += 1.0;
        }
        let expected = N as f64 / 50.0;
        let chi2: f64 = cells.as_flattened().as_flattened().iter().map(|n| (n - expected).powi(2) / expected).sum();
        // 49 degrees of freedom: the 99.9th percentile.
        assert!(chi2 < 85.4, "chi squared {chi2}");
    }

    #[test]
    fn no_switch_changes_what_another_draws() {
        let both = draws(&augment(true, 3, true), 500);
        for (d, expected) in draws(&augment(true, 3, false), 500).iter().zip(&both) {
            assert_eq!(*d, Placement { flip: false, ..*expected });
        }
        for (d, expected) in draws(&augment(false, 3, true), 500).iter().zip(&both) {
            assert_eq!(*d, Placement { flip: expected.flip, ..Placement::default() });
        }
        assert!(draws(&augment(true, 0, false), 50).iter().all(|d| *d == Placement::default()));
        assert!(draws(&augment(false, 3, false), 50).iter().all(|d| *d == Placement::default()));
    }

    #[test]
    fn crops_take_exactly_these_pixels() {
        // 1 2 3
        // 4 5 6
        let image = [1, 2, 3, 4, 5, 6];
        let at = |top, left, flip| Placement { top, left, flip };
        let cases = [
            (at(0, 0, false), [1., 2., 3., 4., 5., 6.]),
            (at(0, 0, true), [3., 2., 1., 6., 5., 4.]),
            (at(-1, -1, false), [0., 0., 0., 0., 1., 2.]),
            (at(1, 1, false), [5., 6., 0., 0., 0., 0.]),
            (at(1, 1, true), [0., 6., 5., 0., 0., 0.]),
            (at(-1, 2, true), [0., 0., 0., 0., 0., 3.]),
            (at(2, 0, false), [0.; 6]),
            (at(0, -3, false), [0.; 6]),
        ];
        for (placement, expected) in cases {
            let mut out = [f32::NAN; 6];
            plain(1).place(&image, 3, placement, &Colour::NONE, &mut out);
            assert_eq!(out, expected, "{placement:?}");
        }
    }

    #[test]
    fn a_flip_keeps_the_channels_of_a_pixel_together() {
        let mut out = [f32::NAN; 6];
        let flip = Placement { flip: true, ..Placement::default() };
        plain(3).place(&[1, 2, 3, 4, 5, 6], 2, flip, &Colour::NONE, &mut out);
        assert_eq!(out, [4., 5., 6., 1., 2., 3.]);
    }
}
