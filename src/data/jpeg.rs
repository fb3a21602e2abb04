//! JPEG files, the most of all photographs: decoded down to the last row that is wanted, or at a part of their size.

use super::broken::Broken;
use super::decode::{BYTES, Picture, Reading, Wanted, turn};
use super::room::MOST;
use super::turn::Turn;
use image::metadata::Orientation;
use jpeg_decoder::PixelFormat;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Decodes a JPEG file; one that would take too much memory at its own size at a half, a quarter or an eighth of it.
///
/// # Errors
/// Why it cannot be used.
pub(super) fn decode(
    bytes: &[u8],
    reading: Reading,
    picture: &mut Picture,
    wanted: impl FnOnce([usize; 2], Turn) -> Wanted,
) -> Result<(), Broken> {
    let frame = Frame::find(bytes).ok_or_else(|| Broken::Decoder("it has no frame header".into()))?;
    let Frame { height, width, .. } = frame;
    let turn = turn(frame.orientation, reading);
    if bytes[frame.scan..].windows(2).rposition(|pair| pair == [0xff, 0xd9]).is_none() {
        return Err(Broken::Cut);
    }
    let pixels = picture.admit([height, width], reading.max_pixels)?;
    let least = frame.least_shrink(pixels);
    picture.take_room(frame.memory(pixels, least))?;
    picture.turn = turn;
    let Wanted { rows, shrink } = wanted([height, width], turn);
    let rows = frame.rows(rows);
    let shorter = rows.map(|rows| {
        let mut copy = bytes.to_vec();
        copy[frame.at..frame.at + 2].copy_from_slice(&(rows as u16).to_be_bytes());
        copy
    });
    let height = rows.unwrap_or(height);
    let bytes = shorter.as_deref().unwrap_or(bytes);
    let by = [8, 4].into_iter().find(|by| shrink >= *by).unwrap_or(1).max(least);
    if by > 1 && smaller(bytes, picture, (height, width), by)? {
        return Ok(());
    }
    if least > 1 {
        return Err(Broken::Decoder("its colours are of a kind that is not read at a smaller size".into()));
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

/// Decodes to a part of the height and width: only a part of every block is transformed back. Says whether that was
/// done, which depends on the colours.
fn smaller(bytes: &[u8], picture: &mut Picture, (height, width): (usize, usize), by: usize) -> Result<bool, Broken> {
    let damaged = |e: jpeg_decoder::Error| Broken::Decoder(e.to_string());
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    decoder.set_max_decoding_buffer_size(MOST);
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
#[derive(Clone, Copy, Debug)]
struct Frame {
    height: usize,
    width: usize,
    /// Where the height stands in the file.
    at: usize,
    /// Where the first scan begins.
    scan: usize,
    /// Rows that are coded together, when all rows come in order (one scan of all colours, not progressive).
    unit: Option<usize>,
    /// Samples of all colours a pixel, where they are all kept until the last scan (progressive).
    kept: f64,
    /// How it is to be shown.
    orientation: Option<Orientation>,
}

impl Frame {
    /// Goes from marker to marker up to the first scan.
    fn find(bytes: &[u8]) -> Option<Frame> {
        let word = |at: usize| Some(usize::from(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?)));
        let (mut at, mut frame, mut orientation) = (2, None, None);
        loop {
            let marker = *bytes.get(at..at + 2)?.strip_prefix(&[0xff])?.first()?;
            if marker == 0xff {
                // 0xff bytes may pad the space between markers.
                at += 1;
                continue;
            }
            let length = word(at + 2)?;
            match marker {
                // All frames but the headers of Huffman tables, extensions and arithmetic conditioning.
                0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                    let components = usize::from(*bytes.get(at + 9)?);
                    let sampling = bytes.get(at + 10..at + 10 + 3 * components)?.chunks_exact(3);
                    let sampling: Vec<[usize; 2]> = sampling.map(|c| [c[1] >> 4, c[1] & 15].map(usize::from)).collect();
                    let [wide, most] = [0, 1].map(|axis| sampling.iter().map(|s| s[axis]).max().unwrap_or(0));
                    let in_order = matches!(marker, 0xc0 | 0xc1);
                    let unit = (in_order && most > 0).then_some(8 * most);
                    let samples: usize = sampling.iter().map(|[h, v]| h * v).sum();
                    let kept = if in_order { 0.0 } else { samples as f64 / (wide * most).max(1) as f64 };
                    let (height, width) = (word(at + 5)?, word(at + 7)?);
                    let found = Frame { height, width, at: at + 5, scan: 0, unit, kept, orientation: None };
                    frame = Some((found, components));
                }
                0xda => {
                    let (frame, components) = frame?;
                    let all = usize::from(*bytes.get(at + 4)?) == components;
                    return Some(Frame { scan: at, unit: frame.unit.filter(|_| all), orientation, ..frame });
                }
                // Damaged EXIF data is ignored.
                0xe1 if orientation.is_none() => {
                    let exif = bytes.get(at + 4..at + 2 + length)?.strip_prefix(b"Exif\0\0");
                    orientation = exif.and_then(Orientation::from_exif_chunk);
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

    /// Bytes that decoding takes at a part of the size.
    fn memory(&self, pixels: usize, by: usize) -> usize {
        (pixels as f64 * self.kept * 2.0) as usize + pixels.div_ceil(by * by) * BYTES
    }

    /// How many times smaller it has to be decoded to find room.
    fn least_shrink(&self, pixels: usize) -> usize {
        [1, 2, 4].into_iter().find(|by| self.memory(pixels, *by) <= MOST).unwrap_or(8)
    }
}
