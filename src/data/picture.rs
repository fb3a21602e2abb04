//! A single picture from a file, for a net to look at and a terminal to show.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{ImageReader, Limits};
use std::io::Cursor;

/// Most bytes that a decoder may take.
const MAX_BYTES: u64 = 240 << 20;

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

/// Decodes a JPEG, PNG or WebP file. Transparency is left out, grey becomes RGB.
///
/// # Errors
/// Why it cannot be, as a sentence.
pub fn decode(bytes: &[u8]) -> Result<Picture, String> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_BYTES);
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|e| e.to_string())?;
    if reader.format().is_none() {
        return Err("is no JPEG, PNG or WebP file".into());
    }
    reader.limits(limits);
    let rgb = reader.decode().map_err(|e| format!("cannot be decoded: {e}"))?.into_rgb8();
    let (width, height) = (rgb.width() as usize, rgb.height() as usize);
    Ok(Picture { height, width, pixels: rgb.into_raw() })
}

impl Picture {
    /// The picture with `height` x `width` pixels, each the mean of what it covers or lies between.
    ///
    /// # Errors
    /// A size of 0, as a sentence.
    pub fn resized(&self, height: usize, width: usize) -> Result<Picture, String> {
        let why = |e: &dyn std::fmt::Display| format!("cannot be resized to {width} x {height}: {e}");
        let from =
            ImageRef::new(self.width as u32, self.height as u32, &self.pixels, PixelType::U8x3).map_err(|e| why(&e))?;
        let mut to = Image::new(width as u32, height as u32, PixelType::U8x3);
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        Resizer::new().resize(&from, &mut to, &options).map_err(|e| why(&e))?;
        Ok(Picture { height, width, pixels: to.into_vec() })
    }

    /// The middle of the picture, `height` x `width`, after its shorter edge was resized to `edge` (section 2.1).
    ///
    /// # Errors
    /// A size of 0, as a sentence.
    pub fn middle(&self, edge: usize, height: usize, width: usize) -> Result<Picture, String> {
        let shorter = self.height.min(self.width).max(1);
        let scaled = |size: usize, least: usize| ((size * edge + shorter / 2) / shorter).max(least);
        let whole = self.resized(scaled(self.height, height), scaled(self.width, width))?;
        let (top, left) = ((whole.height - height) / 2, (whole.width - width) / 2);
        let rows = whole.pixels.chunks_exact(whole.width * 3).skip(top).take(height);
        Ok(Picture { height, width, pixels: rows.flat_map(|row| &row[left * 3..][..width * 3]).copied().collect() })
    }

    /// The pixels as a net of so many channels reads them: RGB, or grey by the weights of Rec. 601.
    pub fn channels(&self, channels: usize) -> Vec<u8> {
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

    fn png(width: u32, height: u32, pixels: Vec<u8>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let image = image::RgbImage::from_raw(width, height, pixels).unwrap();
        image.write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Png).unwrap();
        bytes
    }

    #[test]
    fn a_picture_is_decoded_resized_and_made_grey() {
        let picture = decode(&png(2, 1, vec![255, 0, 0, 0, 0, 255])).unwrap();
        assert_eq!((picture.height, picture.width), (1, 2));
        assert_eq!(picture.channels(1), [76, 29]);
        assert_eq!(picture.resized(4, 6).unwrap().pixels.len(), 4 * 6 * 3);
        assert!(picture.resized(0, 6).map(|p| p.pixels.is_empty()).unwrap_or(true));
    }

    #[test]
    fn what_is_no_picture_is_said_to_be_none() {
        assert!(decode(b"no picture").unwrap_err().contains("no JPEG"));
        let whole = png(40, 40, vec![7; 40 * 40 * 3]);
        assert!(decode(&whole[..whole.len() / 2]).unwrap_err().contains("decoded"));
    }
}
