//! Image files as RGB pixels. Nothing in a file is trusted: sizes are checked before memory is taken, a fault of a
//! decoder is one broken image.

use super::broken::Broken;
use super::format::Format;
use super::jpeg;
use super::room::{MOST, Room};
use super::turn::Turn;
use crate::files::Foreign;
use crate::recipe::settings::{Data, Orient};
use image::metadata::Orientation;
use image::{ColorType, DynamicImage, ImageDecoder, ImageReader, Limits};
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Pixels from which on a picture has to find room among the other large ones.
const LARGE_PIXELS: usize = 1_000_000;

/// Bytes a pixel that a picture takes from its decoder to the net: planes, the picture, the part that is resized.
pub(super) const BYTES: usize = 9;

/// How files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Which way round.
    pub orient: Orient,
    /// Most pixels of an image.
    pub max_pixels: usize,
}

impl Reading {
    /// As the settings want it.
    pub fn of(data: &Data) -> Reading {
        Reading { orient: data.orient, max_pixels: data.max_megapixels as usize * 1_000_000 }
    }
}

impl Default for Reading {
    fn default() -> Reading {
        Reading::of(&Data::default())
    }
}

/// An RGB picture as it is stored; its memory is used again for the next one.
#[derive(Debug, Default)]
pub(super) struct Picture {
    /// Pixels, HWC.
    pub pixels: Vec<u8>,
    /// Height.
    pub height: usize,
    /// Width.
    pub width: usize,
    /// How many times smaller it is than in its file.
    pub shrunk: usize,
    /// Height and width in its file.
    pub full: [usize; 2],
    /// How it is to be shown; nothing where it is taken as it is stored.
    pub turn: Turn,
    /// Its part of the memory for large pictures.
    room: Option<Room>,
}

impl Picture {
    /// Gives the memory of a large picture back.
    pub fn free(&mut self) {
        if self.room.is_some() {
            *self = Picture::default();
        }
    }

    /// Checks a size in a file, which is no more than a claim.
    pub(super) fn admit(&mut self, [height, width]: [usize; 2], most: usize) -> Result<usize, Broken> {
        self.free();
        self.full = [height, width];
        let pixels = width.checked_mul(height).filter(|n| (1..=most).contains(n));
        pixels.ok_or(Broken::Size { width, height, max: most })
    }

    /// Waits for room for what decoding takes, if that is much.
    pub(super) fn take_room(&mut self, bytes: usize) -> Result<(), Broken> {
        if bytes > MOST {
            let [height, width] = self.full;
            return Err(Broken::Memory { width, height, megabytes: bytes >> 20, most: MOST >> 20 });
        }
        self.room = (bytes > LARGE_PIXELS * BYTES).then(|| Room::take(bytes));
        Ok(())
    }

    /// The pixels and their shape as they are shown.
    pub fn into_shown(mut self) -> (Vec<u8>, [usize; 2]) {
        let (pixels, size) = (std::mem::take(&mut self.pixels), [self.height, self.width]);
        if self.turn.is_none() {
            return (pixels, size);
        }
        (self.turn.shown(&pixels, [size[0], size[1], 3]), self.turn.size(size))
    }
}

/// What is wanted of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The rows above this one, in pixels of the file.
    pub rows: usize,
    /// How many times smaller it may be.
    pub shrink: usize,
}

/// Decodes a file. Transparency is left out, grey becomes RGB.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn decode(bytes: &[u8], reading: Reading, picture: &mut Picture) -> Result<(), Broken> {
    decode_part(bytes, reading, picture, |_, _| Wanted { rows: usize::MAX, shrink: 1 })
}

/// Decodes at least what `wanted` names for a height and width as they are stored and the way in which the picture is
/// shown; the picture says how many rows, and how much smaller it is.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn decode_part(
    bytes: &[u8],
    reading: Reading,
    picture: &mut Picture,
    wanted: impl FnOnce([usize; 2], Turn) -> Wanted,
) -> Result<(), Broken> {
    let decoded = guarded(|| match Format::of(bytes) {
        Some(Format::Jpeg) => jpeg::decode(bytes, reading, picture, wanted),
        Some(format) => other(bytes, format, reading, picture, wanted),
        None => Err(Broken::Kind(beginning(bytes))),
    });
    if decoded.is_err() {
        picture.free();
    }
    decoded
}

/// How a picture of this orientation is shown.
pub(super) fn turn(orientation: Option<Orientation>, reading: Reading) -> Turn {
    match reading.orient {
        Orient::Exif => orientation.unwrap_or(Orientation::NoTransforms).into(),
        Orient::Stored => Turn::default(),
    }
}

/// How a file begins that is no image, and what it is instead where that is known.
pub(super) fn beginning(bytes: &[u8]) -> String {
    let begin: Vec<String> = bytes.iter().take(8).map(|b| format!("{b:02x}")).collect();
    let begin = if begin.is_empty() { "nothing".into() } else { begin.join(" ") };
    match Foreign::of(bytes) {
        Some(what @ (Foreign::LfsPointer | Foreign::WebPage)) => {
            format!("{begin}; it {}", what.told(Path::new(""), "image"))
        }
        _ => begin,
    }
}

/// Runs a decoder; its panic is a broken image.
pub(super) fn guarded<T, E: From<Broken>>(decode: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(Broken::Panic(text.unwrap_or("no message").into()).into())
    })
}

/// Decodes all formats but JPEG; of an animation its first picture.
fn other(
    bytes: &[u8],
    format: Format,
    reading: Reading,
    picture: &mut Picture,
    wanted: impl FnOnce([usize; 2], Turn) -> Wanted,
) -> Result<(), Broken> {
    let damaged = |e: image::ImageError| Broken::Decoder(e.to_string());
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format.library());
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST as u64);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    let size @ [height, width] = [height as usize, width as usize];
    let pixels = picture.admit(size, reading.max_pixels)?;
    // What is not RGB is decoded first and becomes so then; what is resized is copied in any case.
    let copies = if decoder.color_type() == ColorType::Rgb8 { 3 } else { 6 };
    picture.take_room((decoder.total_bytes() as usize).saturating_add(copies * pixels))?;
    let turn = turn(decoder.orientation().ok(), reading);
    wanted(size, turn);
    let image = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    picture.pixels = image.into_rgb8().into_raw();
    (picture.height, picture.width, picture.shrunk, picture.turn) = (height, width, 1, turn);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::ImageFormat;

    #[test]
    fn a_picture_that_may_be_smaller_is_decoded_so() {
        let wave = |x: u32, y: u32, c: u32| 127.0 + 100.0 * (x as f32 / 40.0 + y as f32 / 60.0 + c as f32).sin();
        let colour = image::RgbImage::from_fn(645, 483, |x, y| image::Rgb([0, 1, 2].map(|c| wave(x, y, c) as u8)));
        let grey = DynamicImage::from(colour.clone()).into_luma8();
        for image in [DynamicImage::from(colour), grey.into()] {
            let mut file = Cursor::new(Vec::new());
            image.write_to(&mut file, ImageFormat::Jpeg).unwrap();
            let (file, mut picture) = (file.into_inner(), Picture::default());
            for (shrink, by, size) in [(3, 1, [483, 645]), (4, 4, [121, 162]), (7, 4, [121, 162]), (9, 8, [61, 81])] {
                decode_part(&file, Reading::default(), &mut picture, |_, _| Wanted { rows: usize::MAX, shrink })
                    .unwrap();
                assert_eq!(([picture.height, picture.width], picture.shrunk), (size, by));
                let middle = by as u32 / 2;
                let rgb = image.to_rgb8();
                for (y, x) in [(3, 5), (50, 60), (20, 70)] {
                    let at = rgb.get_pixel(x as u32 * by as u32 + middle, y as u32 * by as u32 + middle);
                    let found = &picture.pixels[(y * picture.width + x) * 3..][..3];
                    let apart = found.iter().zip(at.0).map(|(a, b)| a.abs_diff(b)).max().unwrap();
                    assert!(apart <= 12, "{shrink}: {found:?} {at:?}");
                }
            }
            decode_part(&file, Reading::default(), &mut picture, |_, _| Wanted { rows: 100, shrink: 8 }).unwrap();
            assert!((13..=17).contains(&picture.height) && picture.width == 81, "{}", picture.height);
        }
    }

    #[test]
    fn a_large_picture_that_is_broken_keeps_no_room() {
        let mut png = Cursor::new(Vec::new());
        let noise = |x: u32, y: u32| image::Luma([((x * 7919) ^ (y * 104_729)) as u8]);
        image::GrayImage::from_fn(1300, 1300, noise).write_to(&mut png, ImageFormat::Png).unwrap();
        let (png, mut picture) = (png.into_inner(), Picture::default());
        decode(&png, Reading::default(), &mut picture).unwrap();
        assert!(picture.room.is_some());
        decode(&png[..png.len() / 2], Reading::default(), &mut picture).unwrap_err();
        assert!(picture.room.is_none(), "another thread would wait for ever");
    }
}
