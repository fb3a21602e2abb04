//! Images of a batch in pairs: what each gets of another one, in its pixels and in its target. The trainer, the loss and
//! the screen read the same pairs.

mod mixup;

use crate::recipe::settings::Tricks;

/// What an image of a batch gets of another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Place of the other image in the batch.
    pub partner: usize,
    /// Share of its own that the image keeps; its target keeps as much.
    pub share: f32,
    /// Where the partner's pixels replace its own. Without a region the two are blended everywhere.
    pub region: Option<Region>,
}

/// A rectangle of an image, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// First row.
    pub top: usize,
    /// First column.
    pub left: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Pair {
    /// Which of two labels has the larger share of the image; the partner's only when it has more than half.
    pub fn larger<L>(&self, own: L, partner: L) -> L {
        if self.share < 0.5 { partner } else { own }
    }
}

/// Draws the pairs of the batch that `draw` names by seed, epoch and batch, for `n` images; none when no trick mixes images
/// in this epoch.
pub fn pairs(tricks: &Tricks, epochs: u64, draw: (u64, u64, u64), n: usize) -> Option<Vec<Pair>> {
    mixup::pairs(&tricks.mixup, epochs, draw, n)
}

/// The mixed pixels of images of this height, width and number of channels.
pub fn pixels(pairs: &[Pair], pixels: &[f32], [height, width, channels]: [usize; 3]) -> Vec<f32> {
    let len = height * width * channels;
    let mut mixed = Vec::with_capacity(pixels.len());
    for (i, pair) in pairs.iter().enumerate() {
        let (own, other) = (&pixels[i * len..][..len], &pixels[pair.partner * len..][..len]);
        match pair.region {
            None => mixed.extend(own.iter().zip(other).map(|(a, b)| pair.share * a + (1.0 - pair.share) * b)),
            Some(region) => {
                mixed.extend_from_slice(own);
                for row in region.top..region.top + region.height {
                    let at =
                        (row * width + region.left) * channels..(row * width + region.left + region.width) * channels;
                    mixed[i * len..][at.clone()].copy_from_slice(&other[at]);
                }
            }
        }
    }
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_blended_with_its_partner() {
        let pair = |partner, share| Pair { partner, share, region: None };
        assert_eq!(pixels(&[pair(1, 0.25), pair(0, 1.0)], &[4.0, 8.0, 0.0, 0.0], [1, 2, 1]), [1.0, 2.0, 0.0, 0.0]);
    }

    #[test]
    fn a_region_is_the_partner_s() {
        let region = Some(Region { top: 1, left: 0, height: 1, width: 2 });
        let pairs = [Pair { partner: 1, share: 2.0 / 3.0, region }, Pair { partner: 0, share: 1.0, region: None }];
        let images: Vec<f32> = (0..24).map(|v| v as f32).collect();
        let mixed = pixels(&pairs, &images, [2, 3, 2]);
        assert_eq!(mixed[..12], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 18.0, 19.0, 20.0, 21.0, 10.0, 11.0]);
        assert_eq!(mixed[12..], images[12..]);
    }
}
