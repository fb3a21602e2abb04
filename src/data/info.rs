//! What is in a set: every image is read.

use super::broken::{Broken, Skipped};
use super::decode::{Picture, Reading, Wanted, decode_part};
use super::left_out::LeftOut;
use super::source::{Split, Stored};
use super::statistics::Sums;
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
    /// Images that cannot be used.
    pub broken: Vec<Skipped>,
}

/// Images of one class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Class {
    /// Name.
    pub name: String,
    /// Training images.
    pub train: usize,
    /// Images to validate with.
    pub val: usize,
}

/// Reads every image of the set that the settings name.
///
/// # Errors
/// As [`open`].
pub fn info(data: &Data, task: Task, seed: u64) -> Result<Info, DataError> {
    let data = &resolved(data)?;
    let path = Path::new(&data.path);
    let kind = kind::of(data)?;
    let set = open(&Data { kind, ..data.clone() }, task, seed)?;
    let verifies = (kind == DataKind::Packed).then(|| packed::open(path)).transpose()?.map(|pack| pack.verify());
    let reading = Reading::of(data);
    let (train, val) = (Seen::all(&set.train, reading), Seen::all(&set.test, reading));
    let (mean, std) = train.sums.statistics();
    let sizes = train.sizes.join(&val.sizes);
    let counts = |split: &Split| {
        let mut counts = vec![0; set.classes.len()];
        (0..split.len()).for_each(|i| counts[split.label(i)] += 1);
        counts
    };
    let counts = counts(&set.train).into_iter().zip(counts(&set.test));
    let classes = set.classes.iter().cloned().zip(counts);
    Ok(Info {
        name: set.name.clone(),
        kind: kind.word(),
        train: set.train.len(),
        val: set.test.len(),
        classes: classes.map(|(name, (train, val))| Class { name, train, val }).collect(),
        channels: set.train.channels,
        height: sizes.height,
        width: sizes.width,
        mean,
        std,
        verifies,
        turned: train.turned + val.turned,
        notes: set.notes,
        left_out: set.left_out,
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
    broken: Vec<Skipped>,
}

impl Seen {
    fn none() -> Seen {
        Seen { sums: Sums::default(), sizes: Sizes::NONE, turned: 0, broken: Vec::new() }
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
        let mut turned = false;
        let (pixels, channels, [height, width]) = match &image {
            Stored::Pixels(pixels) => {
                let [height, width, channels] = split.stored_shape().unwrap_or(split.shape());
                (&pixels[..], channels, [height, width])
            }
            Stored::Encoded(bytes) => {
                decode_part(bytes, reading, picture, |_, turn| {
                    turned = !turn.is_none();
                    Wanted { rows: usize::MAX, shrink: 1 }
                })?;
                (&picture.pixels[..], 3, picture.full)
            }
        };
        let sums = Sums::of(pixels, channels);
        let seen = Seen { sums, sizes: Sizes::of(height, width), turned: usize::from(turned), broken: Vec::new() };
        picture.free();
        Ok(seen)
    }

    fn and(mut self, other: Seen) -> Seen {
        self.broken.extend(other.broken);
        let (sums, sizes) = (self.sums.and(other.sums), self.sizes.join(&other.sizes));
        Seen { sums, sizes, turned: self.turned + other.turned, broken: self.broken }
    }
}
