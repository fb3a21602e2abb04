//! What is in a set: every image is read.

use super::broken::{Broken, Skipped};
use super::decode::{Picture, decode};
use super::source::{Split, Stored};
use super::statistics::Sums;
use super::{DataError, kind, open, packed, resolved};
use crate::recipe::settings::{Data, DataKind};
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
    /// Least and largest height.
    pub height: [usize; 2],
    /// Least and largest width.
    pub width: [usize; 2],
    /// Mean of each channel over the pixels of all training images, 0 to 255.
    pub mean: Vec<f64>,
    /// Standard deviation of each channel over the pixels of all training images, 0 to 255.
    pub std: Vec<f64>,
    /// For a packed file: whether its images are those that were packed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verifies: Option<bool>,
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
pub fn info(data: &Data, seed: u64) -> Result<Info, DataError> {
    let data = &resolved(data)?;
    let path = Path::new(&data.path);
    let kind = if data.kind == DataKind::Auto { kind::find(path)? } else { data.kind };
    let set = open(&Data { kind, ..data.clone() }, seed)?;
    let verifies = (kind == DataKind::Packed).then(|| packed::open(path)).transpose()?.map(|pack| pack.verify());
    let (train, val) = (Seen::all(&set.train), Seen::all(&set.test));
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
    broken: Vec<Skipped>,
}

impl Seen {
    fn none() -> Seen {
        Seen { sums: Sums::default(), sizes: Sizes::NONE, broken: Vec::new() }
    }

    /// Looks at all images of a split.
    fn all(split: &Split) -> Seen {
        let one = |picture: &mut Picture, i| {
            Seen::one(split, i, picture).unwrap_or_else(|e| {
                let broken = vec![Skipped { image: split.name(i), problem: e.to_string() }];
                Seen { broken, ..Seen::none() }
            })
        };
        (0..split.len()).into_par_iter().map_init(Picture::default, one).reduce(Seen::none, Seen::and)
    }

    fn one(split: &Split, i: usize, picture: &mut Picture) -> Result<Seen, Broken> {
        let image = split.read(i)?;
        let (pixels, [height, width, channels]) = match &image {
            Stored::Pixels(pixels) => (&pixels[..], split.stored_shape().unwrap_or(split.shape())),
            Stored::Encoded(bytes) => {
                decode(bytes, picture)?;
                (&picture.pixels[..], [picture.height, picture.width, 3])
            }
        };
        let sums = Sums::of(pixels, channels);
        let seen = Seen { sums, sizes: Sizes::of(height, width), broken: Vec::new() };
        picture.free();
        Ok(seen)
    }

    fn and(mut self, other: Seen) -> Seen {
        self.broken.extend(other.broken);
        Seen { sums: self.sums.and(other.sums), sizes: self.sizes.join(&other.sizes), broken: self.broken }
    }
}
