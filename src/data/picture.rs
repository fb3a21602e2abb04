//! A single picture from a file, for a net to look at and a terminal to show.

use super::broken::Broken;
use super::decode::{Picture as Decoded, Reading, decode as decode_into};
use super::resize::whole;

/// An RGB picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Height.
    pub height: usize,
    /// Width.
    pub width: usize,
    /// Pixels, HWC.
    pub pixels: Vec<u8>,
}

/// Decodes an image file, turned as it is shown where the reading wants it. Transparency is left out, grey becomes RGB.
///
/// # Errors
/// Why it cannot be.
pub fn decode(bytes: &[u8], reading: Reading) -> Result<Picture, Broken> {
    let mut picture = Decoded::default();
    decode_into(bytes, reading, &mut picture)?;
    let (pixels, [height, width]) = picture.into_shown();
    Ok(Picture { height, width, pixels })
}

impl Picture {
    /// The picture with `height` x `width` pixels, each the mean of what it covers or lies between.
    ///
    /// # Errors
    /// A size of 0.
    pub fn resized(&self, height: usize, width: usize) -> Result<Picture, Broken> {
        let shape = [self.height, self.width, 3];
        let pixels = whole(&self.pixels, shape, [height, width])?;
        Ok(Picture { height, width, pixels })
    }

    /// The pixels as a net of so many channels reads them: RGB, or grey by the weights of Rec. 601.
    pub(super) fn channels(&self, channels: usize) -> Vec<u8> {
        if channels == 3 {
            return self.pixels.clone();
        }
        let grey = |p: &[u8]| (f32::from(p[0]) * 0.299 + f32::from(p[1]) * 0.587 + f32::from(p[2]) * 0.114).round();
        self.pixels.chunks_exact(3).map(|p| grey(p) as u8).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn png(width: u32, height: u32, pixels: Vec<u8>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let image = image::RgbImage::from_raw(width, height, pixels).unwrap();
        image.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
        bytes
    }

    #[test]
    fn a_picture_is_decoded_resized_and_made_grey() {
        let picture = decode(&png(2, 1, vec![255, 0, 0, 0, 0, 255]), Reading::default()).unwrap();
        assert_eq!((picture.height, picture.width), (1, 2));
        assert_eq!(picture.channels(1), [76, 29]);
        assert_eq!(picture.resized(4, 6).unwrap().pixels.len(), 4 * 6 * 3);
        assert!(picture.resized(0, 6).map(|p| p.pixels.is_empty()).unwrap_or(true));
    }

    #[test]
    fn what_is_no_picture_is_told() {
        assert!(decode(b"no picture", Reading::default()).unwrap_err().to_string().contains("JPEG"));
        let whole = png(40, 40, vec![7; 40 * 40 * 3]);
        assert!(decode(&whole[..whole.len() / 2], Reading::default()).is_err());
    }
}
