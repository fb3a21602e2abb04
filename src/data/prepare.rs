//! From a stored image to the numbers that a net sees: decode, cut out and resize, place, colour, normalise.

use super::augment::{Normaliser, Stages, blur, erase};
use super::broken::Broken;
use super::decode::{Picture, Reading, Wanted, decode_part};
use super::geometry::Geometry;
use super::resize::{Cut, Region, resize, shorter_edge};
use super::source::Stored;
use super::turn::Turn;
use std::borrow::Cow;
use std::cell::RefCell;

/// How the images of a set come to the net.
#[derive(Clone, Debug)]
pub struct Preprocessor {
    /// Height, width and channels that the net sees.
    pub shape: [usize; 3],
    /// Shorter edge before the middle is cut out.
    pub edge: usize,
    /// How files are read.
    pub reading: Reading,
    pub(super) normaliser: Normaliser,
}

/// How many times longer than the edge a resized image may be.
const LONGEST: usize = 16;

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

/// An image in memory.
struct Read<'a> {
    /// Pixels, HWC, as they are stored.
    pixels: &'a [u8],
    shape: [usize; 3],
    /// Height and width in its file.
    full: [usize; 2],
    /// How many times smaller than there it was decoded.
    shrunk: usize,
    /// How it is shown.
    turn: Turn,
}

impl Read<'_> {
    /// Where the `net` pixels come from that the net sees of this part.
    fn geometry(&self, Cut { region, size }: Cut, net: [usize; 2], stages: &Stages<'_>) -> Geometry {
        let pixels = |v: usize| (v * self.shrunk) as f64;
        let (first, part) = ([region.top, region.left].map(pixels), [region.height, region.width].map(pixels));
        let [first, part] = self.turn.shown_part(first, part, self.full);
        let size = self.turn.size(size);
        Geometry {
            stored: self.full,
            shown: self.turn.size(self.full),
            first,
            part,
            size,
            cut: [0, 1].map(|axis| half(size[axis].saturating_sub(net[axis]))),
            rotation: stages.rotation(),
            placement: stages.placement(),
        }
    }
}

impl Preprocessor {
    /// For images of this shape, resized to the shorter edge `edge`, with means and deviations of the channels.
    pub fn new(shape: [usize; 3], edge: usize, mean: &[f32], std: &[f32]) -> Preprocessor {
        Preprocessor { shape, edge, reading: Reading::default(), normaliser: Normaliser::new(mean, std) }
    }

    /// The same, with files read so.
    pub fn reading(self, reading: Reading) -> Preprocessor {
        Preprocessor { reading, ..self }
    }

    /// The same for whole pictures of so many rows and columns, whose shorter edge becomes that of a validation.
    pub fn whole(&self, rows: usize, columns: usize) -> Preprocessor {
        let shorter = rows.min(columns).max(1);
        let [height, width] = [rows, columns].map(|side| (side * self.edge / shorter).max(1));
        Preprocessor { shape: [height, width, self.shape[2]], edge: height.min(width), ..self.clone() }
    }

    /// A picture as the net sees it in a validation.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn picture(&self, picture: &super::Picture) -> Result<Vec<f32>, Broken> {
        let channels = self.shape[2];
        let stored = Stored::Pixels(picture.channels(channels).into());
        let mut out = vec![0.0; self.shape.iter().product()];
        let shape = Some([picture.height, picture.width, channels]);
        self.write(&stored, shape, &Stages::Middle, &mut out)?;
        Ok(out)
    }

    /// Writes one image, HWC; `stored` is its shape where it is kept as pixels. Says where the pixels come from.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(super) fn write(
        &self,
        image: &Stored<'_>,
        stored: Option<[usize; 3]>,
        stages: &Stages<'_>,
        out: &mut [f32],
    ) -> Result<Geometry, Broken> {
        self.bytes(image, stored, stages, |bytes, geometry| {
            let [height, width, channels] = self.shape;
            self.normaliser.place(bytes, width, geometry.placement, &stages.colour(), out);
            if let Some(hole) = stages.hole(height, width) {
                erase(hole, width * channels, channels, out);
            }
            geometry
        })
    }

    /// Hands over one image at the size that the net sees, as bytes, and where they come from.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(super) fn bytes<T>(
        &self,
        image: &Stored<'_>,
        stored: Option<[usize; 3]>,
        stages: &Stages<'_>,
        take: impl FnOnce(&[u8], Geometry) -> T,
    ) -> Result<T, Broken> {
        let net = [self.shape[0], self.shape[1]];
        SCRATCH.with_borrow_mut(|Scratch { picture, small, resized }| {
            let (read, cut) = match image {
                Stored::Pixels(pixels) => {
                    let shape @ [height, width, _] = stored.unwrap_or(self.shape);
                    let full = [height, width];
                    (Read { pixels, shape, full, shrunk: 1, turn: Turn::default() }, stages.cut(full, net))
                }
                Stored::Encoded(bytes) => {
                    let mut cut = None;
                    decode_part(bytes, self.reading, picture, |size, turn| {
                        cut = self.stored_cut(stages, size, turn);
                        self.wanted(cut, size)
                    })?;
                    let &mut Picture { ref pixels, height, width, shrunk, full, turn, .. } = picture;
                    let shape = [height, width, 3];
                    let cut = cut.map(|cut| Cut { region: cut.region.shrunk(shrunk, shape), ..cut });
                    (Read { pixels, shape, full, shrunk, turn }, cut)
                }
            };
            let cut = cut.unwrap_or_else(|| self.before_the_cut(read.shape, read.turn.size(net)));
            let geometry = read.geometry(cut, net, stages);
            let taken = self.at_size(&read, cut, geometry.cut, small, resized).map(|bytes| {
                let mut bytes = Cow::Borrowed(bytes);
                if !geometry.rotation.is_none() {
                    bytes = geometry.rotation.turned(&bytes, self.shape).into();
                }
                if let Some(radius) = stages.blur() {
                    blur(bytes.to_mut(), self.shape, radius);
                }
                take(&bytes, geometry)
            });
            picture.free();
            taken
        })
    }

    /// The part of a picture that is drawn, in its pixels as they are stored.
    pub(super) fn stored_cut(&self, stages: &Stages<'_>, size: [usize; 2], turn: Turn) -> Option<Cut> {
        let cut = stages.cut(turn.size(size), [self.shape[0], self.shape[1]])?;
        Some(Cut { region: turn.stored(cut.region, size), size: turn.size(cut.size) })
    }

    /// What is needed of a picture that is stored with this height and width: as much detail as makes every pixel a mean of
    /// two by two at least.
    pub(super) fn wanted(&self, cut: Option<Cut>, [height, width]: [usize; 2]) -> Wanted {
        let (rows, ratio) = match cut {
            Some(Cut { region, size: [h, w] }) => {
                (region.top + region.height, (region.height / h).min(region.width / w))
            }
            None => (height, height.min(width) / self.edge.max(1)),
        };
        Wanted { rows, shrink: ratio / 2 }
    }

    /// A part of an image, resized and turned, its rows and columns before `top` and `left` left out; it is padded at the
    /// bottom and on the right where it is smaller than what the net sees.
    fn at_size<'a>(
        &self,
        &Read { pixels, shape, turn, .. }: &Read<'a>,
        Cut { region, size }: Cut,
        [top, left]: [usize; 2],
        small: &'a mut Vec<u8>,
        resized: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], Broken> {
        let [height, width, channels] = self.shape;
        let as_it_is = size == shape[..2] && [region.height, region.width] == size;
        if !as_it_is {
            small.resize(size[0] * size[1] * channels, 0);
            resize(pixels, shape, region, size, small)?;
        }
        let pixels: &'a [u8] = if as_it_is { pixels } else { small };
        let turned = (!turn.is_none()).then(|| turn.shown(pixels, [size[0], size[1], channels]));
        let [h, w] = turn.size(size);
        if [h, w] == [height, width] {
            let Some(turned) = turned else { return Ok(pixels) };
            *resized = turned;
            return Ok(resized);
        }
        let pixels = turned.as_deref().unwrap_or(pixels);
        resized.clear();
        let columns = w.min(width) * channels;
        for row in pixels.chunks_exact(w * channels).skip(top).take(height) {
            resized.extend_from_slice(&row[left * channels..][..columns]);
            resized.resize(resized.len() + width * channels - columns, 0);
        }
        resized.resize(height * width * channels, 0);
        Ok(resized)
    }

    /// The part of a stored image of this shape that is resized before the middle is cut out, and its size then, `least` at
    /// least: all of it, but the middle of a strip that would become much longer than what is cut out.
    fn before_the_cut(&self, [height, width, _]: [usize; 3], least: [usize; 2]) -> Cut {
        let size = shorter_edge(height, width, self.edge);
        let size = [size[0].max(least[0]), size[1].max(least[1])];
        let (mut from, mut to) = ([(0, height), (0, width)], size);
        for axis in 0..2 {
            let most = LONGEST * self.edge.max(least[axis]);
            if size[axis] > most {
                let all = from[axis].1;
                let kept = (all * most).div_ceil(size[axis]).clamp(1, all);
                (from[axis], to[axis]) = (((all - kept) / 2, kept), most);
            }
        }
        let [(top, height), (left, width)] = from;
        Cut { region: Region { top, left, height, width }, size: to }
    }
}

/// Half of a number, rounded to the even one in the middle: torchvision cuts the middle out so.
fn half(n: usize) -> usize {
    let down = n / 2;
    if n.is_multiple_of(2) { down } else { down + down % 2 }
}
