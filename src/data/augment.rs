//! Augmentation of small images, and normalisation.
//!
//! Every draw comes from the generator of one image in one epoch, the flip first and then the offsets, whatever is
//! switched on: no switch changes what another one draws.

use super::DataSet;
use crate::random::ChaCha8Rng;
use crate::recipe::settings::Augment;
use rand::Rng;

/// How an image is laid into its place in a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Placement {
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
}

/// Turns bytes into numbers of mean 0 and deviation 1.
pub(super) struct Normaliser {
    /// `(x - mean) / std` of every byte, a table a channel.
    tables: Vec<[f32; 256]>,
}

impl Normaliser {
    /// The tables of a set's statistics.
    pub fn new(set: &DataSet) -> Normaliser {
        let table = |(mean, std): (&f32, &f32)| std::array::from_fn(|x| (x as f32 - mean) / std);
        Normaliser { tables: set.mean.iter().zip(&set.std).map(table).collect() }
    }

    /// Writes an image of `height` x `width`, placed and normalised. Padding is the byte 0, as if padded before.
    pub fn place(&self, image: &[u8], [height, width]: [usize; 2], placement: Placement, out: &mut [f32]) {
        let Placement { top, left, flip } = placement;
        let channels = self.tables.len();
        let inside = |at: i64, size: usize| usize::try_from(at).ok().filter(|at| *at < size);
        for (y, row) in out.chunks_exact_mut(width * channels).enumerate() {
            let source = inside(y as i64 + top, height).map(|y| &image[y * width * channels..][..width * channels]);
            for (x, pixel) in row.chunks_exact_mut(channels).enumerate() {
                let x = if flip { width - 1 - x } else { x };
                let source = source.zip(inside(x as i64 + left, width)).map(|(row, x)| &row[x * channels..]);
                for (c, (value, table)) in pixel.iter_mut().zip(&self.tables).enumerate() {
                    *value = table[source.map_or(0, |s| usize::from(s[c]))];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, rng};
    use crate::recipe::settings::Crop;

    fn augment(crop: bool, pad: u64, flip: bool) -> Augment {
        Augment { crop: Crop { on: crop, pad }, flip }
    }

    fn draws(augment: &Augment, count: u64) -> Vec<Placement> {
        (0..count).map(|i| Placement::draw(augment, &mut rng(1, Purpose::Augment, 0, i))).collect()
    }

    /// Tables that leave bytes as they are.
    fn plain(channels: usize) -> Normaliser {
        Normaliser { tables: vec![std::array::from_fn(|x| x as f32); channels] }
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
            plain(1).place(&image, [2, 3], placement, &mut out);
            assert_eq!(out, expected, "{placement:?}");
        }
    }

    #[test]
    fn a_flip_keeps_the_channels_of_a_pixel_together() {
        let mut out = [f32::NAN; 6];
        plain(3).place(&[1, 2, 3, 4, 5, 6], [1, 2], Placement { flip: true, ..Placement::default() }, &mut out);
        assert_eq!(out, [4., 5., 6., 1., 2., 3.]);
    }
}
