//! What is in a set: every image is read.

use super::broken::{Broken, Skipped};
use super::decode::{Picture, Reading, Wanted, decode_part};
use super::left_out::LeftOut;
use super::masks::IGNORED;
use super::source::{Split, Stored};
use super::statistics::Sums;
use super::turn::Turn;
use super::{DataError, kind, open, packed, resolved};
use crate::recipe::settings::{Data, DataKind, Task};
use rayon::prelude::*;
use serde::Serialize;
use std::path::Path;

/// What is in a set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Info {
    /// Name.
    pub name: String,
    /// Kind of the files.
    pub kind: &'static str,
    /// Training images.
    pub train: usize,
    /// Images to validate with.
    pub val: usize,
    /// Classes in label order.
    pub classes: Vec<Class>,
    /// Channels.
    pub channels: usize,
    /// Least and largest height as they are stored.
    pub height: [usize; 2],
    /// Least and largest width as they are stored.
    pub width: [usize; 2],
    /// Mean of each channel over the pixels of all training images, 0 to 255.
    pub mean: Vec<f64>,
    /// Standard deviation of each channel over the pixels of all training images, 0 to 255.
    pub std: Vec<f64>,
    /// For a packed file: whether its images are those that were packed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verifies: Option<bool>,
    /// Images that are stored turned and shown upright, by their EXIF data.
    pub turned: usize,
    /// Where the splits come from, and what a person should know of them.
    pub notes: Vec<String>,
    /// What is in the directory and no part of the set.
    pub left_out: Vec<LeftOut>,
    /// Pixels that are ignored, where images have masks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignored: Option<Pixels>,
    /// Images that cannot be used.
    pub broken: Vec<Skipped>,
}

/// Images of one class; of a class of pixels those that contain it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Class {
    /// Name.
    pub name: String,
    /// Training images.
    pub train: usize,
    /// Images to validate with.
    pub val: usize,
    /// Pixels of a class of pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pixels: Option<Pixels>,
}

/// Pixels in the masks as they are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Pixels {
    /// In those of the training images.
    pub train: u64,
    /// In those of the images to validate with.
    pub val: u64,
}

/// Reads every image of the set that the settings name.
///
/// # Errors
/// As [`open`].
pub fn info(data: &Data, task: Task, seed: u64) -> Result<Info, DataError> {
    let data = &resolved(data)?;
    let path = Path::new(&data.path);
    let kind = kind::of(data, task)?;
    let set = open(&Data { kind, ..data.clone() }, task, seed)?;
    let verifies = (kind == DataKind::Packed).then(|| packed::open(path)).transpose()?.map(|pack| pack.verify());
    let reading = Reading::of(data);
    let (train, val) = (Seen::all(&set.train, reading), Seen::all(&set.test, reading));
    let (mean, std) = train.sums.statistics();
    let sizes = train.sizes.join(&val.sizes);
    let counts = |split: &Split, seen: &Seen| {
        let mut counts = vec![0; set.classes.len()];
        match task {
            Task::Classify => (0..split.len()).for_each(|i| counts[split.label(i)] += 1),
            Task::Segment => counts.iter_mut().zip(&seen.masks.images).for_each(|(count, images)| *count = *images),
        }
        counts
    };
    let counts = counts(&set.train, &train).into_iter().zip(counts(&set.test, &val));
    let pixels = |class: usize| {
        (task == Task::Segment).then(|| Pixels { train: train.masks.pixels[class], val: val.masks.pixels[class] })
    };
    let classes = set.classes.iter().cloned().zip(counts).enumerate();
    let classes = classes.map(|(i, (name, (train, val)))| Class { name, train, val, pixels: pixels(i) });
    Ok(Info {
        name: set.name.clone(),
        kind: kind.word(),
        train: set.train.len(),
        val: set.test.len(),
        classes: classes.collect(),
        channels: set.train.channels,
        height: sizes.height,
        width: sizes.width,
        mean,
        std,
        verifies,
        turned: train.turned + val.turned,
        notes: set.notes,
        left_out: set.left_out,
        ignored: pixels(IGNORED.into()),
        broken: train.broken.into_iter().chain(val.broken).collect(),
    })
}

/// Ranges of heights and widths.
#[derive(Clone, Copy)]
struct Sizes {
    height: [usize; 2],
    width: [usize; 2],
}

impl Sizes {
    const NONE: Sizes = Sizes { height: [usize::MAX, 0], width: [usize::MAX, 0] };

    fn of(height: usize, width: usize) -> Sizes {
        Sizes { height: [height; 2], width: [width; 2] }
    }

    fn join(&self, other: &Sizes) -> Sizes {
        let both = |a: [usize; 2], b: [usize; 2]| [a[0].min(b[0]), a[1].max(b[1])];
        Sizes { height: both(self.height, other.height), width: both(self.width, other.width) }
    }
}

/// What was seen of some images.
struct Seen {
    sums: Sums,
    sizes: Sizes,
    turned: usize,
    masks: Classes,
    broken: Vec<Skipped>,
}

/// How often each class, or [`IGNORED`], is in some masks.
struct Classes {
    /// Pixels of it.
    pixels: [u64; 256],
    /// Masks that contain it.
    images: [usize; 256],
}

impl Classes {
    const NONE: Classes = Classes { pixels: [0; 256], images: [0; 256] };

    fn of(mask: &[u8]) -> Classes {
        let mut pixels = [0; 256];
        mask.iter().for_each(|class| pixels[usize::from(*class)] += 1);
        Classes { pixels, images: pixels.map(|count| usize::from(count > 0)) }
    }

    fn and(mut self, other: &Classes) -> Classes {
        self.pixels.iter_mut().zip(other.pixels).for_each(|(a, b)| *a += b);
        self.images.iter_mut().zip(other.images).for_each(|(a, b)| *a += b);
        self
    }
}

impl Seen {
    fn none() -> Seen {
        Seen { sums: Sums::default(), sizes: Sizes::NONE, turned: 0, masks: Classes::NONE, broken: Vec::new() }
    }

    /// Looks at all images of a split.
    fn all(split: &Split, reading: Reading) -> Seen {
        let one = |picture: &mut Picture, i| {
            Seen::one(split, i, reading, picture).unwrap_or_else(|e| {
                let broken = vec![Skipped { image: split.name(i), problem: e.to_string() }];
                Seen { broken, ..Seen::none() }
            })
        };
        (0..split.len()).into_par_iter().map_init(Picture::default, one).reduce(Seen::none, Seen::and)
    }

    fn one(split: &Split, i: usize, reading: Reading, picture: &mut Picture) -> Result<Seen, Broken> {
        let image = split.read(i)?;
        let mut turn = Turn::default();
        let (pixels, channels, [height, width]) = match &image {
            Stored::Pixels(pixels) => {
                let [height, width, channels] = split.stored_shape().unwrap_or(split.shape());
                (&pixels[..], channels, [height, width])
            }
            Stored::Encoded(bytes) => {
                decode_part(bytes, reading, picture, |_, as_shown| {
                    turn = as_shown;
                    Wanted { rows: usize::MAX, shrink: 1 }
                })?;
                (&picture.pixels[..], 3, picture.full)
            }
        };
        let sums = Sums::of(pixels, channels);
        let (sizes, turned, stored) = (Sizes::of(height, width), usize::from(!turn.is_none()), [height, width]);
        picture.free();
        let masks = split.mask(i, |mask| {
            mask.fits(turn.size(stored), stored)?;
            Ok(Classes::of(mask.classes()))
        })?;
        Ok(Seen { sums, sizes, turned, masks: masks.unwrap_or(Classes::NONE), broken: Vec::new() })
    }

    fn and(mut self, other: Seen) -> Seen {
        self.broken.extend(other.broken);
        let (sums, sizes) = (self.sums.and(other.sums), self.sizes.join(&other.sizes));
        let masks = self.masks.and(&other.masks);
        Seen { sums, sizes, turned: self.turned + other.turned, masks, broken: self.broken }
    }
}
