//! Small pictures of what a net sees, for screens.

use super::broken::Broken;
use super::masks::blended;
use super::resize::whole;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use std::ops::Range;
use thiserror::Error;

/// Longest edge of a thumbnail.
const EDGE: usize = 64;

/// Pixels that a net sees, HWC, normalised, as the bytes of a picture; what lies beyond black and white is cut.
pub fn denormalised(pixels: &[f32], mean: &[f32], std: &[f32]) -> Vec<u8> {
    let channels = mean.iter().zip(std).cycle();
    pixels.iter().zip(channels).map(|(v, (mean, std))| (v * std + mean).round().clamp(0.0, 255.0) as u8).collect()
}

/// Why there is no small picture.
#[derive(Debug, Error)]
pub enum ThumbnailError {
    /// The pixels have another shape.
    #[error("a picture of {height} x {width} x {channels} cannot have {bytes} bytes")]
    Shape {
        /// Height in pixels.
        height: usize,
        /// Width in pixels.
        width: usize,
        /// Bytes a pixel.
        channels: usize,
        /// Bytes that there are.
        bytes: usize,
    },
    /// It cannot be made smaller.
    #[error(transparent)]
    Resize(#[from] Broken),
    /// What was written is not base64.
    #[error("pixels: {0}")]
    Base64(#[from] base64::DecodeError),
}

/// A small picture, grey or RGB. As JSON its bytes are base64.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Thumbnail {
    height: usize,
    width: usize,
    channels: usize,
    pixels: Vec<u8>,
}

impl Thumbnail {
    /// Of one image as a net sees it, HWC; one with a side above 64 pixels is made smaller. Of channels that are no
    /// colours the first is shown.
    ///
    /// # Errors
    /// A shape that the pixels do not have.
    pub fn new(pixels: &[f32], shape: [usize; 3], mean: &[f32], std: &[f32]) -> Result<Thumbnail, ThumbnailError> {
        let [height, width, channels] = shape;
        let bytes = denormalised(pixels, mean, std);
        match channels {
            1 | 3 => Thumbnail::of(height, width, channels, bytes),
            _ => Thumbnail::of(height, width, 1, bytes.into_iter().step_by(channels.max(1)).collect()),
        }?
        .shrunk()
    }

    /// Of the classes of an image's pixels, as values of grey; of a larger one every so manieth pixel is taken.
    ///
    /// # Errors
    /// A shape that the mask does not have.
    pub fn of_mask(mask: &[u8], [height, width]: [usize; 2]) -> Result<Thumbnail, ThumbnailError> {
        let whole = Thumbnail::of(height, width, 1, mask.to_vec())?;
        let longest = height.max(width);
        if longest <= EDGE {
            return Ok(whole);
        }
        let [h, w] = [height, width].map(|side| (side * EDGE / longest).max(1));
        let at = |y: usize, x: usize| mask[(2 * y + 1) * height / (2 * h) * width + (2 * x + 1) * width / (2 * w)];
        Thumbnail::of(h, w, 1, (0..h).flat_map(|y| (0..w).map(move |x| at(y, x))).collect())
    }

    /// The same in colours, a part of which `colour` gives each pixel by its place, where it gives it one.
    pub fn coloured(&self, colour: impl Fn(usize) -> Option<[u8; 3]>) -> Thumbnail {
        let pixel = |i: usize| {
            let own = |c: usize| self.pixels[i * self.channels + c % self.channels];
            match colour(i) {
                None => [0, 1, 2].map(own),
                Some(colour) => [0, 1, 2].map(|c| blended(own(c), colour[c])),
            }
        };
        let pixels = (0..self.height * self.width).flat_map(pixel).collect();
        Thumbnail { channels: 3, pixels, ..*self }
    }

    /// Its first channel, row by row: the classes of a mask.
    pub fn values(&self) -> Vec<u8> {
        self.pixels.iter().step_by(self.channels).copied().collect()
    }

    fn of(height: usize, width: usize, channels: usize, pixels: Vec<u8>) -> Result<Thumbnail, ThumbnailError> {
        let fits = matches!(channels, 1 | 3) && !pixels.is_empty() && height * width * channels == pixels.len();
        if !fits {
            return Err(ThumbnailError::Shape { height, width, channels, bytes: pixels.len() });
        }
        Ok(Thumbnail { height, width, channels, pixels })
    }

    fn shrunk(self) -> Result<Thumbnail, ThumbnailError> {
        let Thumbnail { height, width, channels, pixels } = &self;
        let longest = *height.max(width);
        if longest <= EDGE {
            return Ok(self);
        }
        let [h, w] = [height, width].map(|side| (side * EDGE / longest).max(1));
        let pixels = whole(pixels, [*height, *width, *channels], [h, w])?;
        Thumbnail::of(h, w, *channels, pixels)
    }

    /// Height in pixels, at least 1.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Width in pixels, at least 1.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Whether it has no colours.
    pub fn is_grey(&self) -> bool {
        self.channels == 1
    }

    /// Mean colour of a part, as RGB; black where there is none of the picture.
    pub fn mean(&self, rows: Range<usize>, columns: Range<usize>) -> [u8; 3] {
        let (mut sums, mut n) = ([0u32; 3], 0);
        for y in rows.start..rows.end.min(self.height) {
            for x in columns.start..columns.end.min(self.width) {
                let pixel = &self.pixels[(y * self.width + x) * self.channels..][..self.channels];
                for (c, sum) in sums.iter_mut().enumerate() {
                    *sum += u32::from(pixel[c % self.channels]);
                }
                n += 1;
            }
        }
        sums.map(|sum| (sum + n / 2).checked_div(n).unwrap_or(0) as u8)
    }
}

/// As JSON has it.
#[derive(Serialize, Deserialize)]
struct Written {
    height: u16,
    width: u16,
    channels: u8,
    pixels: String,
}

impl From<Thumbnail> for Written {
    fn from(t: Thumbnail) -> Written {
        let pixels = BASE64_STANDARD.encode(t.pixels);
        // No side is longer than EDGE, or than what was read.
        Written { height: t.height as u16, width: t.width as u16, channels: t.channels as u8, pixels }
    }
}

impl TryFrom<Written> for Thumbnail {
    type Error = ThumbnailError;

    fn try_from(written: Written) -> Result<Thumbnail, ThumbnailError> {
        let Written { height, width, channels, pixels } = written;
        let pixels = BASE64_STANDARD.decode(pixels)?;
        Thumbnail::of(height.into(), width.into(), channels.into(), pixels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_net_sees_becomes_bytes_again() {
        let thumbnail = Thumbnail::new(&[-1.0, 0.0, 1.0, 9.0], [2, 2, 1], &[100.0], &[50.0]).unwrap();
        assert_eq!(thumbnail.pixels, [50, 100, 150, 255]);
        assert_eq!(thumbnail.mean(0..1, 0..2), [75; 3]);
        assert_eq!(thumbnail.mean(0..2, 1..9), [178; 3]);
        assert_eq!(thumbnail.mean(2..4, 0..2), [0; 3]);
        let colours = Thumbnail::new(&[1.0, 2.0, 3.0], [1, 1, 3], &[0.0, 1.0, 2.0], &[1.0, 10.0, 20.0]).unwrap();
        assert_eq!((colours.mean(0..1, 0..1), colours.is_grey()), ([1, 21, 62], false));
    }

    #[test]
    fn large_pictures_become_small_and_odd_ones_grey() {
        let flat = |shape: [usize; 3]| {
            let channels = vec![0.0; shape[2]];
            let values = vec![200.0; shape.iter().product()];
            Thumbnail::new(&values, shape, &channels, &vec![1.0; shape[2]]).unwrap()
        };
        let photograph = flat([224, 112, 3]);
        assert_eq!((photograph.height(), photograph.width()), (64, 32));
        assert_eq!(photograph.mean(0..64, 0..32), [200; 3]);
        let odd = flat([8, 9, 2]);
        assert_eq!((odd.height(), odd.width(), odd.is_grey()), (8, 9, true));
        assert_eq!(flat([300, 1, 1]).width(), 1);
        assert!(Thumbnail::new(&[0.0; 5], [2, 2, 1], &[0.0], &[1.0]).is_err());
        assert!(Thumbnail::new(&[], [0, 0, 1], &[0.0], &[1.0]).is_err());
    }

    #[test]
    fn a_mask_becomes_small_without_classes_that_it_does_not_have() {
        let mask: Vec<u8> = (0..128 * 128).map(|i| if i % 128 < 64 { 3 } else { 9 }).collect();
        let small = Thumbnail::of_mask(&mask, [128, 128]).unwrap();
        assert_eq!((small.height(), small.width()), (64, 64));
        assert!(small.values().chunks(64).all(|row| row[..32] == [3; 32] && row[32..] == [9; 32]));
        let picture = Thumbnail::new(&[100.0, 50.0], [1, 2, 1], &[0.0], &[1.0]).unwrap();
        let coloured = picture.coloured(|i| (i == 1).then_some([255, 0, 0]));
        assert_eq!(coloured.pixels, [100, 100, 100, 173, 20, 20]);
    }

    #[test]
    fn a_thumbnail_survives_its_json_and_garbage_is_refused() {
        let thumbnail = Thumbnail::new(&[7.0, 8.0, 9.0, 10.0, 11.0, 12.0], [2, 1, 3], &[0.0; 3], &[1.0; 3]).unwrap();
        let text = serde_json::to_string(&thumbnail).unwrap();
        assert_eq!(text, r#"{"height":2,"width":1,"channels":3,"pixels":"BwgJCgsM"}"#);
        assert_eq!(serde_json::from_str::<Thumbnail>(&text).unwrap(), thumbnail);
        for (from, to) in [
            ("BwgJCgsM", "BwgJCgs="),
            ("BwgJCgsM", "not base64!"),
            ("\"height\":2", "\"height\":3"),
            ("\"height\":2", "\"height\":65536"),
            ("\"channels\":3", "\"channels\":2"),
            (
                "\"height\":2,\"width\":1,\"channels\":3,\"pixels\":\"BwgJCgsM\"",
                "\"height\":0,\"width\":0,\"channels\":1,\"pixels\":\"\"",
            ),
        ] {
            let wrong = text.replace(from, to);
            assert!(serde_json::from_str::<Thumbnail>(&wrong).is_err(), "{wrong}");
        }
    }
}
