//! From a stored image to the numbers that a net sees: decode, cut out and resize, place, colour, normalise.

use super::augment::{Normaliser, Stages, erase};
use super::broken::Broken;
use super::decode::{Picture, Wanted, decode_part};
use super::resize::{Region, resize, shorter_edge};
use super::source::Stored;
use std::cell::RefCell;

/// How the images of a set come to the net.
#[derive(Clone, Debug)]
pub struct Input {
    /// Height, width and channels that the net sees.
    pub shape: [usize; 3],
    /// Shorter edge before the middle is cut out.
    pub edge: usize,
    pub(super) normaliser: Normaliser,
}

/// Memory that is used again for the next image.
#[derive(Default)]
struct Scratch {
    picture: Picture,
    small: Vec<u8>,
    resized: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl Input {
    /// For images of this shape, resized to the shorter edge `edge`, with means and deviations of the channels.
    pub fn new(shape: [usize; 3], edge: usize, mean: &[f32], std: &[f32]) -> Input {
        Input { shape, edge, normaliser: Normaliser::new(mean, std) }
    }

    /// A picture as the net sees it in a validation.
    ///
    /// # Errors
    /// Why it cannot be used, as a sentence.
    pub fn picture(&self, picture: &super::Picture) -> Result<Vec<f32>, String> {
        let channels = self.shape[2];
        let stored = Stored::Pixels(picture.channels(channels).into());
        let mut out = vec![0.0; self.shape.iter().product()];
        let shape = Some([picture.height, picture.width, channels]);
        self.write(&stored, shape, &Stages::Middle, &mut out).map_err(|e| e.to_string())?;
        Ok(out)
    }

    /// Writes one image, HWC; `stored` is its shape where it is kept as pixels.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(super) fn write(
        &self,
        image: &Stored<'_>,
        stored: Option<[usize; 3]>,
        stages: &Stages<'_>,
        out: &mut [f32],
    ) -> Result<(), Broken> {
        self.bytes(image, stored, stages, |bytes| {
            let [height, width, channels] = self.shape;
            self.normaliser.place(bytes, width, stages.placement(), &stages.colour(), out);
            if let Some(hole) = stages.hole(height, width) {
                erase(hole, width * channels, channels, out);
            }
        })
    }

    /// Hands over one image at the size that the net sees, as bytes.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(super) fn bytes<T>(
        &self,
        image: &Stored<'_>,
        stored: Option<[usize; 3]>,
        stages: &Stages<'_>,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, Broken> {
        SCRATCH.with_borrow_mut(|Scratch { picture, small, resized }| {
            let (pixels, shape, region): (&[u8], _, _) = match image {
                Stored::Pixels(pixels) => {
                    let shape = stored.unwrap_or(self.shape);
                    (pixels, shape, stages.region(shape[0], shape[1]))
                }
                Stored::Encoded(bytes) => {
                    let mut region = None;
                    decode_part(bytes, picture, |height, width| {
                        region = stages.region(height, width);
                        self.wanted(region, height, width)
                    })?;
                    let shape = [picture.height, picture.width, 3];
                    (&picture.pixels, shape, region.map(|region| region.shrunk(picture.shrunk, shape)))
                }
            };
            let at_size = match region {
                Some(region) => self.part(pixels, shape, region, resized),
                None => self.middle(pixels, shape, small, resized),
            };
            let taken = at_size.map(take);
            picture.free();
            taken
        })
    }

    /// What is needed of a picture: as much detail as makes every pixel a mean of two by two at least.
    pub(super) fn wanted(&self, region: Option<Region>, height: usize, width: usize) -> Wanted {
        let [h, w, _] = self.shape;
        let (rows, ratio) = match region {
            Some(region) => (region.top + region.height, (region.height / h).min(region.width / w)),
            None => (height, height.min(width) / self.edge.max(1)),
        };
        Wanted { rows, shrink: ratio / 2 }
    }

    /// A part of the image, resized to what the net sees.
    fn part<'a>(
        &self,
        pixels: &'a [u8],
        shape: [usize; 3],
        region: Region,
        resized: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], Broken> {
        let [height, width, channels] = self.shape;
        resized.resize(height * width * channels, 0);
        resize(pixels, shape, region, [height, width], resized)?;
        Ok(resized)
    }

    /// The middle of the image after its shorter edge was resized (section 2.1, validation).
    fn middle<'a>(
        &self,
        pixels: &'a [u8],
        shape: [usize; 3],
        small: &'a mut Vec<u8>,
        resized: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], Broken> {
        let [height, width, channels] = self.shape;
        let [h, w] = shorter_edge(shape[0], shape[1], self.edge);
        let [h, w] = [h.max(height), w.max(width)];
        let pixels = if [h, w] == shape[..2] {
            pixels
        } else {
            small.resize(h * w * channels, 0);
            let region = Region { top: 0, left: 0, height: shape[0], width: shape[1] };
            resize(pixels, shape, region, [h, w], small)?;
            small
        };
        if [h, w] == [height, width] {
            return Ok(pixels);
        }
        let (top, left) = (half(h.saturating_sub(height)), half(w.saturating_sub(width)));
        resized.clear();
        for row in pixels.chunks_exact(w * channels).skip(top).take(height) {
            resized.extend_from_slice(&row[left * channels..][..width * channels]);
        }
        Ok(resized)
    }
}

/// Half of a number, rounded to the even one in the middle: torchvision cuts the middle out so.
fn half(n: usize) -> usize {
    let down = n / 2;
    if n.is_multiple_of(2) { down } else { down + down % 2 }
}
