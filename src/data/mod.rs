//! Image sets, augmentation and batches.
//!
//! A `Source` reads single images from any thread; an [`Input`] makes numbers of them; a [`Reader`] does so ahead of the
//! trainer. Nothing but the names, labels and a few batches is held in memory, but for sets of small images that come
//! compressed.

mod augment;
mod batch;
mod broken;
mod bundled;
mod cifar;
mod decode;
mod error;
mod get;
mod idx;
mod idx_dir;
mod image_folder;
mod info;
mod kind;
mod mapped;
mod measure;
mod memory;
mod packed;
mod parts;
mod picture;
#[cfg(test)]
mod pixel_tests;
mod prepare;
mod reader;
mod resize;
mod room;
mod source;
mod statistics;
mod subset;
mod synthetic;
mod thumbnail;

pub use batch::{Batch, batch_indices, epoch_order, steps_per_epoch, test_batch, test_images, train_batch};
pub use broken::{Broken, Skipped};
pub use error::{DataError, Problem};
pub use get::{GetError, PUBLISHED, Published, Remote, get};
pub use info::{Info, info};
pub use measure::{InputSpeed, input_speed};
pub use packed::{Packed, Shrink, pack};
pub use picture::{Picture, decode};
pub use prepare::Input;
pub use reader::{Pass, Reader};
pub use source::Split;
pub use subset::{Written, make_subset};
pub use synthetic::Synthetic;
pub use thumbnail::{Thumbnail, denormalised};

use crate::files;
use crate::recipe::settings::{Data, DataKind, Normalise};
use memory::Images;
use parts::Parts;
use source::Source;
use std::path::Path;
use std::sync::Arc;

/// Edge of the square that the net sees of photographs, unless the recipe names one (section 2.1).
const PHOTOGRAPH: usize = 224;

/// Mean and deviation of the colours of photographs, 0 to 255 (section 2.1).
const PAPER: ([f32; 3], [f32; 3]) = ([123.68, 116.779, 103.939], [58.393, 57.12, 57.375]);

/// A training and a test set of the same classes.
#[derive(Clone, Debug)]
pub struct DataSet {
    /// Short name, e.g. `fashion-12k`.
    pub name: String,
    /// Training images.
    pub train: Split,
    /// Test images.
    pub test: Split,
    /// Class names in label order, at least two.
    pub classes: Vec<String>,
    /// Mean of each channel that images are normalised with, 0 to 255.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel that images are normalised with, 0 to 255.
    pub std: Vec<f32>,
    /// How an image comes to the net.
    pub input: Input,
}

impl DataSet {
    /// Normalises images with these means and deviations of the channels.
    pub fn normalise(&mut self, mean: &[f32], std: &[f32]) {
        (self.mean, self.std) = (mean.to_vec(), std.to_vec());
        self.input = Input::new(self.input.shape, self.input.edge, mean, std);
    }

    /// Leaves at most `most` test images, spread over all of them.
    pub fn spread_test(&mut self, most: usize) {
        let len = self.test.len();
        if len > most {
            let places: Vec<u32> = (0..most).map(|i| (i * len / most) as u32).collect();
            self.test = self.test.select(&places);
        }
    }
}

/// What a source has to say.
struct Opened {
    name: String,
    train: Split,
    test: Split,
    classes: Vec<String>,
}

impl Opened {
    fn new(name: String, train: Arc<dyn Source>, test: Arc<dyn Source>, classes: Vec<String>, size: u64) -> Opened {
        let size = match (size as usize, train.shape()) {
            (0, Some(_)) => None,
            (0, None) => Some(PHOTOGRAPH),
            (size, _) => Some(size),
        };
        Opened { name, train: Split::new(train, size), test: Split::new(test, size), classes }
    }

    fn in_memory(name: String, Parts { train, test, .. }: Parts, classes: Vec<String>, size: u64) -> Opened {
        Opened::new(name, Arc::new(train), Arc::new(test), classes, size)
    }

    fn ready(self, data: &Data) -> DataSet {
        let Opened { name, train, test, classes } = self;
        let shape = train.shape();
        let square = shape[0].min(shape[1]);
        let photographs = train.stored_shape().is_none();
        let edge = match data.resize as usize {
            0 if photographs => square * 8 / 7,
            edge => edge.max(square),
        };
        let paper = match data.normalise {
            Normalise::Auto => photographs,
            Normalise::Set => false,
            Normalise::Paper => true,
        };
        let (mean, std) = match paper.then_some(PAPER).filter(|_| shape[2] == 3) {
            Some((mean, std)) => (mean.to_vec(), std.to_vec()),
            None => statistics::of(&train, edge),
        };
        let input = Input::new(shape, edge, &mean, &std);
        DataSet { name, train, test, classes, mean, std, input }
    }
}

/// Opens the images that the settings name; `seed` chooses them when only some are wanted (`data.train_images`,
/// `data.test_images`), or when a folder has to be split.
///
/// # Errors
/// A missing or ambiguous directory, a damaged file, labels that do not fit, or more images asked for than there are.
pub fn open(data: &Data, seed: u64) -> Result<DataSet, DataError> {
    Ok(opened(data, seed)?.ready(data))
}

/// Says what [`open`] would, and gives height, width and channels of what a net sees, and the number of classes. No image
/// is looked at.
///
/// # Errors
/// As [`open`].
pub fn check(data: &Data, seed: u64) -> Result<([usize; 3], usize), DataError> {
    let Opened { train, classes, .. } = opened(data, seed)?;
    Ok(([train.height, train.width, train.channels], classes.len()))
}

/// The settings with the path that is opened.
fn resolved(data: &Data) -> Result<Data, DataError> {
    let path = files::resolved(&data.path)?.to_string_lossy().into_owned();
    Ok(Data { path, ..data.clone() })
}

fn opened(data: &Data, seed: u64) -> Result<Opened, DataError> {
    let data = &resolved(data)?;
    let (path, size) = (Path::new(&data.path), data.size);
    let kind = match data.kind {
        DataKind::Auto => kind::find(path)?,
        kind => kind,
    };
    let mut opened = match kind {
        DataKind::Auto | DataKind::Bundled => {
            Opened::in_memory(bundled::NAME.to_string(), bundled::open()?, bundled::classes(), size)
        }
        DataKind::Idx => {
            let parts = idx_dir::open(path)?;
            let classes = (0..parts.classes).map(|label| label.to_string()).collect();
            Opened::in_memory(kind::name(path), parts, classes, size)
        }
        DataKind::Cifar => {
            let cifar = cifar::open(path)?;
            Opened::new(kind::name(path), Arc::new(cifar.train), Arc::new(cifar.test), cifar.classes, size)
        }
        DataKind::ImageFolder => {
            let edge = if size == 0 { PHOTOGRAPH } else { size as usize };
            let folder = image_folder::open(data, edge, seed)?;
            Opened { name: kind::name(path), train: folder.train, test: folder.val, classes: folder.classes }
        }
        DataKind::Packed => {
            let pack = packed::open(path)?;
            let (train, val) = packed::parts(&pack);
            let packed::Description { name, classes, .. } = pack.description.clone();
            Opened::new(name, Arc::new(train), Arc::new(val), classes, size)
        }
    };
    let some = |split: &mut Split, what, count| -> Result<(), DataError> {
        *split = split.balanced(what, count, seed, &opened.name)?;
        Ok(())
    };
    if data.train_images > 0 {
        some(&mut opened.train, "data.train_images", data.train_images)?;
    }
    if data.test_images > 0 {
        some(&mut opened.test, "data.test_images", data.test_images)?;
    }
    Ok(opened)
}
