//! Resizing with the filter of Pillow's `BILINEAR`: a triangle that widens with the step, so that every pixel of the
//! source counts.

use super::broken::Broken;
use fast_image_resize::images::{CroppedImage, Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use std::cell::RefCell;

/// A part of a picture, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub top: usize,
    pub left: usize,
    pub height: usize,
    pub width: usize,
}

thread_local! {
    /// The memory of a resizer is used again.
    static RESIZER: RefCell<Resizer> = RefCell::new(Resizer::new());
}

/// Height and width when the shorter of them becomes `edge`, the other cut to a whole number.
pub(super) fn shorter_edge(height: usize, width: usize, edge: usize) -> [usize; 2] {
    let longer = |long: usize, short: usize| edge * long / short.max(1);
    if height <= width { [edge, longer(width, height).max(1)] } else { [longer(height, width).max(1), edge] }
}

/// Resizes a part of pixels of one to four channels to the size of `out`; nothing beside the part counts.
///
/// # Errors
/// A region that does not lie in the picture.
pub(super) fn resize(
    pixels: &[u8],
    [height, width, channels]: [usize; 3],
    region: Region,
    [out_height, out_width]: [usize; 2],
    out: &mut [u8],
) -> Result<(), Broken> {
    let broken = |e: String| Broken::Decoder(format!("it cannot be resized: {e}"));
    let kinds = [PixelType::U8, PixelType::U8x2, PixelType::U8x3, PixelType::U8x4];
    let kind = *kinds.get(channels.wrapping_sub(1)).ok_or_else(|| broken(format!("{channels} channels")))?;
    let source = ImageRef::new(width as u32, height as u32, pixels, kind).map_err(|e| broken(e.to_string()))?;
    let mut to =
        Image::from_slice_u8(out_width as u32, out_height as u32, out, kind).map_err(|e| broken(e.to_string()))?;
    let [left, top, width, height] = [region.left, region.top, region.width, region.height].map(|v| v as u32);
    let part = CroppedImage::new(&source, left, top, width, height).map_err(|e| broken(e.to_string()))?;
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).use_alpha(false);
    RESIZER.with_borrow_mut(|resizer| resizer.resize(&part, &mut to, &options)).map_err(|e| broken(e.to_string()))
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
