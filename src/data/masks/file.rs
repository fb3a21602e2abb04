//! The values in a mask's PNG file: grey as it is, or the indices of a palette, whose colours mean nothing.

use super::super::broken::Broken;
use super::super::decode::{beginning, guarded};
use super::super::format::Format;
use super::super::room::{MOST, Room};
use super::{Mask, MaskProblem, values::Values};
use png::{BitDepth, ColorType, Decoder, Limits, Transformations};
use std::io::Cursor;

/// Pixels from which on a mask has to find room among large pictures.
const LARGE_PIXELS: usize = 4_000_000;

/// Decodes the bytes of a file of at most so many pixels.
///
/// # Errors
/// Why it cannot be used.
pub(in crate::data) fn decode(bytes: &[u8], values: &Values, most: usize) -> Result<Mask<'static>, MaskProblem> {
    match Format::of(bytes) {
        Some(Format::Png) => guarded(|| png(bytes, values, most)),
        Some(other) => Err(MaskProblem::Kind(other.word().into())),
        None => Err(MaskProblem::Kind(format!("no image: it begins with {}", beginning(bytes)))),
    }
}

fn png(bytes: &[u8], values: &Values, most: usize) -> Result<Mask<'static>, MaskProblem> {
    let damaged = |e: png::DecodingError| MaskProblem::from(Broken::Decoder(e.to_string()));
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: MOST });
    decoder.set_transformations(Transformations::IDENTITY);
    let mut reader = decoder.read_info().map_err(damaged)?;
    let (height, width) = (reader.info().height as usize, reader.info().width as usize);
    let pixels = width.checked_mul(height).filter(|n| (1..=most).contains(n));
    let pixels = pixels.ok_or(Broken::Size { width, height, max: most })?;
    match reader.info().color_type {
        ColorType::Grayscale | ColorType::Indexed => {}
        ColorType::Rgb => return Err(MaskProblem::Colours("RGB")),
        ColorType::Rgba => return Err(MaskProblem::Colours("RGBA")),
        ColorType::GrayscaleAlpha => return Err(MaskProblem::Colours("grey and transparent")),
    }
    let depth = reader.info().bit_depth;
    let line = reader.output_line_size(width as u32).unwrap_or(usize::MAX);
    let size = reader.output_buffer_size().filter(|size| size.saturating_add(pixels) <= MOST);
    let Some(size) = size else {
        let megabytes = line.saturating_mul(height).saturating_add(pixels) >> 20;
        return Err(Broken::Memory { width, height, megabytes, most: MOST >> 20 }.into());
    };
    let room = (pixels > LARGE_PIXELS).then(|| Room::take(size + pixels));
    let mut packed = vec![0; size];
    reader.next_frame(&mut packed).map_err(damaged)?;
    let classes = values.classes(unpacked(packed, line, depth, [height, width], values)?, width)?;
    let mut mask = Mask::new([height, width], classes);
    mask.room = room;
    Ok(mask)
}

/// One value a byte, of lines of `line` bytes with values of so many bits.
fn unpacked(
    packed: Vec<u8>,
    line: usize,
    depth: BitDepth,
    [height, width]: [usize; 2],
    values: &Values,
) -> Result<Vec<u8>, MaskProblem> {
    let bits = match depth {
        BitDepth::Eight => return Ok(packed),
        BitDepth::Sixteen => {
            let value = |(at, pair): (usize, &[u8])| {
                let value = u16::from_be_bytes([pair[0], pair[1]]);
                u8::try_from(value).map_err(|_| values.unknown(value, at, width))
            };
            return packed.chunks_exact(2).enumerate().map(value).collect();
        }
        BitDepth::One => 1,
        BitDepth::Two => 2,
        BitDepth::Four => 4,
    };
    let mut out = Vec::with_capacity(height * width);
    for row in packed.chunks_exact(line.max(1)) {
        let value = |x: usize| row[x * bits / 8] >> (8 - bits - x * bits % 8) & ((1 << bits) - 1);
        out.extend((0..width).map(value));
    }
    Ok(out)
}
