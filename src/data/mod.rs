//! Image sets, augmentation and batches.
//!
//! A `Source` reads single images from any thread; a [`Preprocessor`] makes numbers of them; a [`Reader`] does so ahead of the
//! trainer. Nothing but the names, labels and a few batches is held in memory, but for sets of small images that come
//! compressed.

mod augment;
mod balanced;
mod batch;
mod broken;
mod bundled;
mod cifar;
mod decode;
mod error;
mod format;
mod geometry;
mod get;
mod gzip;
mod idx;
mod idx_dir;
mod image_folder;
mod info;
mod jpeg;
mod kind;
mod left_out;
mod manifest;
mod mapped;
mod masks;
mod measure;
mod memory;
mod opened;
mod packed;
mod parts;
mod picture;
#[cfg(test)]
mod pixel_tests;
mod prepare;
mod problem;
mod reader;
mod resize;
mod room;
mod sampler;
mod select;
mod source;
mod statistics;
mod subset;
mod synthetic;
mod thumbnail;
mod turn;

pub use batch::{Batch, batch_indices, epoch_order, steps_per_epoch, test_batch, test_images, train_batch};
pub use broken::{Broken, Skipped};
pub(crate) use bundled::classes as bundled_classes;
pub use decode::Reading;
pub use error::DataError;
pub use get::{GetError, PUBLISHED, Published, Remote, get};
pub use image_folder::masked::MaskedError;
pub(crate) use image_folder::{Role, composed};
pub use info::{Class, Info, Pixels, info};
pub use kind::task_of;
pub use left_out::LeftOut;
pub use manifest::{MANIFEST, Manifest};
pub use masks::{IGNORED, MaskProblem, blended, palette};
pub use measure::{InputSpeed, input_speed};
pub use packed::{Packed, Shrink, pack};
pub use picture::{Picture, decode};
pub use prepare::Preprocessor;
pub use problem::Problem;
pub use reader::{Pass, Reader};
pub use sampler::{class_counts, draws, image_of};
pub(crate) use select::everything;
pub use source::Split;
pub use subset::{Written, make_subset};
pub use synthetic::Synthetic;
pub use thumbnail::{Thumbnail, ThumbnailError, denormalised};

use crate::files;
use crate::recipe::settings::{Data, DataKind, Task};
use image_folder::masked;
use memory::Images;
use opened::{Opened, PHOTOGRAPH, edge};
use source::set_name;
use std::path::Path;
use std::sync::Arc;

/// A training and a test set of the same classes.
#[derive(Clone, Debug)]
pub struct DataSet {
    /// Short name, e.g. `fashion-12k`.
    pub name: String,
    /// Training images.
    pub train: Split,
    /// Test images.
    pub test: Split,
    /// What is learned of the images: with [`Task::Segment`] each has a mask, and the classes are those of pixels.
    pub task: Task,
    /// Class names in label order, at least two; of pixels at most 255.
    pub classes: Vec<String>,
    /// Mean of each channel that images are normalised with, 0 to 255.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel that images are normalised with, 0 to 255.
    pub std: Vec<f32>,
    /// How an image comes to the net.
    pub preprocessor: Preprocessor,
    /// What a person should know of the splits, and of what has changed since a run began: sentences.
    pub notes: Vec<String>,
    /// What is in its directory and not in it.
    pub left_out: Vec<LeftOut>,
    /// Test images that there are, when only some of them are evaluated.
    pub tests_there: usize,
    /// Training and test images before some were chosen.
    whole: [Split; 2],
    /// Value of the first class in the files of masks.
    first_class: Option<u8>,
}

impl DataSet {
    /// What a person should know, as lines.
    pub fn said(&self) -> Vec<String> {
        let left_out = self.left_out.iter().map(|some| format!("left out: {some}"));
        self.notes.iter().cloned().chain(left_out).collect()
    }

    /// Normalises images with these means and deviations of the channels.
    pub fn normalise(&mut self, mean: &[f32], std: &[f32]) {
        (self.mean, self.std) = (mean.to_vec(), std.to_vec());
        self.preprocessor = Preprocessor::new(self.preprocessor.shape, self.preprocessor.edge, mean, std)
            .reading(self.preprocessor.reading);
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

/// Images that settings name, found and not looked at. Finding them may mean to list a million files, so that whoever has
/// done it passes on what it found.
#[derive(Clone)]
pub struct Found {
    data: Data,
    task: Task,
    seed: u64,
    opened: Opened,
    chosen: [Split; 2],
}

impl Found {
    /// Whether these are the images that [`open`] would find.
    pub fn is_of(&self, data: &Data, task: Task, seed: u64) -> bool {
        self.data == *data && self.task == task && self.seed == seed
    }

    /// Height, width and channels of what a net sees.
    pub fn shape(&self) -> [usize; 3] {
        self.opened.train.shape()
    }

    /// The names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.opened.classes
    }

    /// Opens them.
    pub fn open(self) -> DataSet {
        self.opened.ready(&self.data, self.chosen)
    }
}

impl PartialEq for Found {
    fn eq(&self, other: &Found) -> bool {
        self.is_of(&other.data, other.task, other.seed)
    }
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Found")
            .field("data", &self.data)
            .field("task", &self.task)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

/// Opens the images that the settings name, for a task; `seed` chooses them when only some are wanted (`data.train_images`,
/// `data.test_images`), or when a folder has to be split.
///
/// # Errors
/// A missing or ambiguous directory, a damaged file, labels that do not fit, no image to validate with, or more images
/// asked for than there are.
pub fn open(data: &Data, task: Task, seed: u64) -> Result<DataSet, DataError> {
    find(data, task, seed).map(Found::open)
}

/// Opens the images of a run that has begun, at the place that the settings name: those that it began with. At another
/// place than where it began (`moved`) they must all be there.
///
/// # Errors
/// As [`open`]; images or classes that are others.
pub fn open_kept(data: &Data, task: Task, seed: u64, manifest: &Manifest, moved: bool) -> Result<DataSet, DataError> {
    if !manifest.lists_files() {
        let set = open(data, task, seed)?;
        manifest.compare(&set)?;
        return Ok(set);
    }
    let path = Path::new(&data.path);
    if !path.exists() {
        return Err(DataError::Unknown { path: path.into(), found: "does not exist" });
    }
    let edge = edge(data.size, None);
    let size = edge.unwrap_or(PHOTOGRAPH);
    let folder = match manifest.first_class() {
        Some(first) => masked::kept(path, data, size, manifest, first, moved)?,
        None => image_folder::kept(path, size, manifest, moved)?,
    };
    let chosen = [folder.train.clone(), folder.val.clone()];
    Ok(Opened::from_folder(manifest.name(), folder).ready(data, chosen))
}

/// Finds the images that [`open`] opens; none of them is looked at.
///
/// # Errors
/// As [`open`].
pub fn find(data: &Data, task: Task, seed: u64) -> Result<Found, DataError> {
    let opened = opened(data, task, seed)?;
    let chosen = opened.chosen(data, seed)?;
    Ok(Found { data: data.clone(), task, seed, opened, chosen })
}

/// The settings with the path that is opened.
fn resolved(data: &Data) -> Result<Data, DataError> {
    let path = files::resolved(&data.path)?.to_string_lossy().into_owned();
    Ok(Data { path, ..data.clone() })
}

fn opened(data: &Data, task: Task, seed: u64) -> Result<Opened, DataError> {
    let data = &resolved(data)?;
    let (path, size) = (Path::new(&data.path), data.size);
    let kind = kind::of(data, task)?;
    let photographs = edge(size, None).unwrap_or(PHOTOGRAPH);
    if task == Task::Segment {
        return Ok(match kind {
            DataKind::ImageFolder => Opened::from_folder(set_name(path), masked::open(path, data, photographs, seed)?),
            _ => {
                let [train, test] = masks::scenes(data.ignore as u8)?;
                let name = masks::SCENES.to_string();
                let opened = Opened::new(name, Arc::new(train), Arc::new(test), masks::scene_classes(), size);
                Opened { task, ..opened }
            }
        });
    }
    Ok(match kind {
        DataKind::Auto | DataKind::Bundled => {
            Opened::in_memory(bundled::NAME.to_string(), bundled::open()?, bundled::classes(), size)
        }
        DataKind::Idx => {
            let parts = idx_dir::open(path)?;
            let classes = (0..parts.classes).map(|label| label.to_string()).collect();
            Opened::in_memory(set_name(path), parts, classes, size)
        }
        DataKind::Cifar => {
            let cifar = cifar::open(path)?;
            Opened::new(set_name(path), Arc::new(cifar.train), Arc::new(cifar.test), cifar.classes, size)
        }
        DataKind::ImageFolder => {
            Opened::from_folder(set_name(path), image_folder::open(path, data, photographs, seed)?)
        }
        DataKind::Packed => {
            let pack = packed::open(path)?;
            let (train, val) = packed::parts(&pack);
            let packed::Description { name, classes, .. } = pack.description.clone();
            Opened::new(name, Arc::new(train), Arc::new(val), classes, size)
        }
    })
}
