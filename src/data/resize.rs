//! Resizing with the filter of Pillow's `BILINEAR`: a triangle that widens with the step, so that every pixel of the
//! source counts.

use super::broken::Broken;
use fast_image_resize::images::TypedImage;
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use std::cell::RefCell;

/// A part of a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub top: usize,
    pub left: usize,
    pub height: usize,
    pub width: usize,
}

impl Region {
    /// The same part of a picture that is so many times smaller, of this shape.
    pub fn shrunk(self, by: usize, [height, width, _]: [usize; 3]) -> Region {
        let part = |first: usize, size: usize, all: usize| {
            let first = (first / by).min(all.saturating_sub(1));
            (first, (size / by).clamp(1, all - first))
        };
        let ((top, height), (left, width)) = (part(self.top, self.height, height), part(self.left, self.width, width));
        Region { top, left, height, width }
    }
}

/// A part of a picture, and the height and width that it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    pub region: Region,
    pub size: [usize; 2],
}

/// Bytes of a part whose memory is kept for the next one.
const KEPT: usize = 9 << 20;

thread_local! {
    /// The memory of a resizer, and of the part that it resizes, is used again.
    static RESIZER: RefCell<(Resizer, Vec<u8>)> = RefCell::new((Resizer::new(), Vec::new()));
}

/// Height and width when the shorter of them becomes `edge`, the other cut to a whole number.
pub(super) fn shorter_edge(height: usize, width: usize, edge: usize) -> [usize; 2] {
    let longer = |long: usize, short: usize| edge * long / short.max(1);
    if height <= width { [edge, longer(width, height).max(1)] } else { [longer(height, width).max(1), edge] }
}

/// Resizes a part of pixels of one or three channels to the size of `out`; nothing beside the part counts.
///
/// # Errors
/// A region that does not lie in the picture, or another number of channels.
pub(super) fn resize(
    pixels: &[u8],
    shape: [usize; 3],
    region: Region,
    size: [usize; 2],
    out: &mut [u8],
) -> Result<(), Broken> {
    let done = match shape[2] {
        3 => colours(pixels, shape, region, size, out),
        // The library compiles its filters for every kind of pixel; grey is rare and small enough to go as a colour.
        1 => {
            let tripled: Vec<u8> = pixels.iter().flat_map(|grey| [*grey; 3]).collect();
            let mut resized = vec![0; out.len() * 3];
            let done = colours(&tripled, shape, region, size, &mut resized);
            out.iter_mut().zip(resized.chunks_exact(3)).for_each(|(grey, colour)| *grey = colour[0]);
            done
        }
        channels => Err(format!("it has {channels} channels")),
    };
    done.map_err(|why| Broken::Decoder(format!("it cannot be resized: {why}")))
}

fn colours(
    pixels: &[u8],
    [height, width, _]: [usize; 3],
    region: Region,
    [out_height, out_width]: [usize; 2],
    out: &mut [u8],
) -> Result<(), String> {
    if width == 0 || region.left + region.width > width || region.top + region.height > height {
        return Err(format!("it is {width} x {height}, and the part is {region:?}"));
    }
    let mut to = image(out_width, out_height, out)?;
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).use_alpha(false);
    RESIZER.with_borrow_mut(|(resizer, part)| {
        // The library compiles its filters for every kind of image too: a copy of the part is of the kind it uses itself.
        part.clear();
        let rows = pixels.chunks_exact(width * 3).skip(region.top).take(region.height);
        rows.for_each(|row| part.extend_from_slice(&row[region.left * 3..][..region.width * 3]));
        let done = resizer.resize_typed(&image(region.width, region.height, part)?, &mut to, &options);
        if part.len() > KEPT {
            *part = Vec::new();
        }
        done.map_err(|e| e.to_string())
    })
}

fn image(width: usize, height: usize, pixels: &mut [u8]) -> Result<TypedImage<'_, U8x3>, String> {
    TypedImage::from_buffer(width as u32, height as u32, pixels).map_err(|e| e.to_string())
}

/// All of an image in another size.
///
/// # Errors
/// A size of 0.
pub(super) fn whole(pixels: &[u8], shape: [usize; 3], [height, width]: [usize; 2]) -> Result<Vec<u8>, Broken> {
    let mut out = vec![0; height * width * shape[2]];
    resize(pixels, shape, Region { top: 0, left: 0, height: shape[0], width: shape[1] }, [height, width], &mut out)?;
    Ok(out)
}
