//! JPEG, PNG and WebP files as RGB pixels. Nothing in a file is trusted: sizes are checked before memory is taken, a
//! fault of a decoder is one broken image.

use super::broken::Broken;
use super::room::Room;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use jpeg_decoder::PixelFormat;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// The first bytes of a JPEG file.
pub(super) const JPEG: &[u8] = &[0xff, 0xd8, 0xff];

/// Most pixels of an image.
const MAX_PIXELS: usize = 40_000_000;

/// Pixels from which on a picture has to find room among the other large ones.
const LARGE_PIXELS: usize = 1_000_000;

/// Bytes a pixel while an image is decoded: a progressive JPEG keeps two for every coefficient, and the picture three.
const BYTES: usize = 9;

/// Bytes that a decoder of PNG or WebP may take.
const MAX_BYTES: u64 = 240 << 20;

/// An RGB picture; its memory is used again for the next one.
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

    /// Checks a size and waits for room if it is large.
    fn admit(&mut self, height: usize, width: usize) -> Result<(), Broken> {
        self.free();
        let pixels = width.checked_mul(height).filter(|n| (1..=MAX_PIXELS).contains(n));
        let pixels = pixels.ok_or(Broken::Size { width, height, max: MAX_PIXELS })?;
        self.room = (pixels > LARGE_PIXELS).then(|| Room::take(pixels * BYTES));
        Ok(())
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
pub(super) fn decode(bytes: &[u8], picture: &mut Picture) -> Result<(), Broken> {
    decode_part(bytes, picture, |_, _| Wanted { rows: usize::MAX, shrink: 1 })
}

/// Decodes at least what `wanted` names for a height and width; the picture says how many rows, and how much smaller it
/// is.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn decode_part(
    bytes: &[u8],
    picture: &mut Picture,
    wanted: impl FnOnce(usize, usize) -> Wanted,
) -> Result<(), Broken> {
    let decoded = guarded(|| match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => jpeg(bytes, picture, wanted),
        Ok(format @ (ImageFormat::Png | ImageFormat::WebP)) => other(bytes, format, picture, wanted),
        _ => {
            let begin: Vec<String> = bytes.iter().take(8).map(|b| format!("{b:02x}")).collect();
            Err(Broken::Kind(if begin.is_empty() { "nothing".into() } else { begin.join(" ") }))
        }
    });
    if decoded.is_err() {
        picture.free();
    }
    decoded
}

/// Runs a decoder; its panic is a broken image.
fn guarded<T>(decode: impl FnOnce() -> Result<T, Broken>) -> Result<T, Broken> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        Err(Broken::Panic(text.unwrap_or("no message").into()))
    })
}

fn jpeg(bytes: &[u8], picture: &mut Picture, wanted: impl FnOnce(usize, usize) -> Wanted) -> Result<(), Broken> {
    let frame = Frame::find(bytes).ok_or_else(|| Broken::Decoder("it has no frame header".into()))?;
    let Frame { height, width, .. } = frame;
    if bytes[frame.scan..].windows(2).rposition(|pair| pair == [0xff, 0xd9]).is_none() {
        return Err(Broken::Cut);
    }
    picture.admit(height, width)?;
    let Wanted { rows, shrink } = wanted(height, width);
    let rows = frame.rows(rows);
    let shorter = rows.map(|rows| {
        let mut copy = bytes.to_vec();
        copy[frame.at..frame.at + 2].copy_from_slice(&(rows as u16).to_be_bytes());
        copy
    });
    let height = rows.unwrap_or(height);
    let bytes = shorter.as_deref().unwrap_or(bytes);
    if smaller(bytes, picture, (height, width), shrink)? {
        return Ok(());
    }
    let options = DecoderOptions::new_fast()
        .jpeg_set_out_colorspace(ColorSpace::RGB)
        .set_max_width(width)
        .set_max_height(height)
        .set_strict_mode(true);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    picture.pixels.resize(height * width * 3, 0);
    decoder.decode_into(&mut picture.pixels).map_err(|e| Broken::Decoder(e.to_string()))?;
    if decoder.info().map(|info| (usize::from(info.height), usize::from(info.width))) != Some((height, width)) {
        return Err(Broken::Decoder("its size changes on the way".into()));
    }
    (picture.height, picture.width, picture.shrunk) = (height, width, 1);
    Ok(())
}

/// Decodes to an eighth or a quarter of the height and width when the picture may be as small: only a part of every
/// block is transformed back. Says whether that was done.
fn smaller(
    bytes: &[u8],
    picture: &mut Picture,
    (height, width): (usize, usize),
    shrink: usize,
) -> Result<bool, Broken> {
    let Some(by) = [8, 4].into_iter().find(|by| shrink >= *by) else { return Ok(false) };
    let damaged = |e: jpeg_decoder::Error| Broken::Decoder(e.to_string());
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    decoder.set_max_decoding_buffer_size(MAX_PIXELS);
    let (w, h) = decoder.scale(width.div_ceil(by) as u16, height.div_ceil(by) as u16).map_err(damaged)?;
    let pixels = decoder.decode().map_err(damaged)?;
    picture.pixels = match decoder.info().map(|info| info.pixel_format) {
        Some(PixelFormat::RGB24) => pixels,
        Some(PixelFormat::L8) => pixels.into_iter().flat_map(|grey| [grey; 3]).collect(),
        _ => return Ok(false),
    };
    (picture.height, picture.width, picture.shrunk) = (usize::from(h), usize::from(w), by);
    let whole = picture.pixels.len() == picture.height * picture.width * 3;
    if whole { Ok(true) } else { Err(Broken::Decoder("its size changes on the way".into())) }
}

/// What the frame header of a JPEG file says.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Frame {
    height: usize,
    width: usize,
    /// Where the height stands in the file.
    at: usize,
    /// Where the first scan begins.
    scan: usize,
    /// Rows that are coded together, when all rows come in order (one scan of all colours, not progressive).
    unit: Option<usize>,
}

impl Frame {
    /// Goes from marker to marker up to the first scan.
    fn find(bytes: &[u8]) -> Option<Frame> {
        let word = |at: usize| Some(usize::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
        let (mut at, mut frame) = (2, None);
        loop {
            let marker = *bytes.get(at..at + 2)?.strip_prefix(&[0xff])?.first()?;
            if marker == 0xff {
                // (a byte that fills up)
                at += 1;
                continue;
            }
            let length = word(at + 2)?;
            match marker {
                // (all frames but the headers of Huffman tables, extensions and arithmetic conditioning)
                0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                    let components = usize::from(*bytes.get(at + 9)?);
                    let sampling = bytes.get(at + 10..at + 10 + 3 * components)?.chunks_exact(3);
                    let most = sampling.map(|c| usize::from(c[1] & 15)).max()?;
                    let unit = (matches!(marker, 0xc0 | 0xc1) && most > 0).then_some(8 * most);
                    let (height, width) = (word(at + 5)?, word(at + 7)?);
                    frame = Some((Frame { height, width, at: at + 5, scan: 0, unit }, components));
                }
                0xda => {
                    let (frame, components) = frame?;
                    let all = usize::from(*bytes.get(at + 4)?) == components;
                    return Some(Frame { scan: at, unit: frame.unit.filter(|_| all), ..frame });
                }
                _ => {}
            }
            at += 2 + length;
        }
    }

    /// The height to decode so that the rows above `wanted` are as in the whole picture: a unit more than they lie in,
    /// as colours are smoothed over its border. None when that is all.
    fn rows(&self, wanted: usize) -> Option<usize> {
        let unit = self.unit?;
        let rows = wanted.div_ceil(unit).saturating_add(1).saturating_mul(unit);
        (rows < self.height).then_some(rows)
    }
}

fn other(
    bytes: &[u8],
    format: ImageFormat,
    picture: &mut Picture,
    wanted: impl FnOnce(usize, usize) -> Wanted,
) -> Result<(), Broken> {
    let damaged = |e: image::ImageError| Broken::Decoder(e.to_string());
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    picture.admit(height, width)?;
    wanted(height, width);
    let image = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    picture.pixels = image.into_rgb8().into_raw();
    (picture.height, picture.width, picture.shrunk) = (height, width, 1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
                decode_part(&file, &mut picture, |_, _| Wanted { rows: usize::MAX, shrink }).unwrap();
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
            decode_part(&file, &mut picture, |_, _| Wanted { rows: 100, shrink: 8 }).unwrap();
            assert!((13..=17).contains(&picture.height) && picture.width == 81, "{}", picture.height);
        }
    }

    #[test]
    fn a_large_picture_that_is_broken_keeps_no_room() {
        let mut png = Cursor::new(Vec::new());
        let noise = |x: u32, y: u32| image::Luma([((x * 7919) ^ (y * 104_729)) as u8]);
        image::GrayImage::from_fn(1300, 1300, noise).write_to(&mut png, ImageFormat::Png).unwrap();
        let (png, mut picture) = (png.into_inner(), Picture::default());
        decode(&png, &mut picture).unwrap();
        assert!(picture.room.is_some());
        decode(&png[..png.len() / 2], &mut picture).unwrap_err();
        assert!(picture.room.is_none(), "another thread would wait for ever");
    }
}
