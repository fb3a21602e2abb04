//! Image sets, augmentation and batches.

mod augment;
mod bundled;
mod error;
mod folder;
mod idx;
mod loader;
mod parts;
mod picture;
mod subset;
mod synthetic;

pub use error::{DataError, Problem};
pub use loader::{Batch, batch_indices, epoch_order, steps_per_epoch, test_batch, train_batch};
pub use picture::{Picture, decode};
pub use subset::{Written, make_subset};
pub use synthetic::Synthetic;

use crate::recipe::settings::{Data, DataKind};
use parts::Parts;
use std::path::Path;

/// Labelled images of one size, as they were stored: 0 to 255, NHWC.
#[derive(Clone, Debug, PartialEq)]
pub struct Images {
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
    /// Channels: 1 is grey.
    pub channels: usize,
    pixels: Vec<u8>,
    labels: Vec<u16>,
}

impl Images {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none; a set that was opened has at least one.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Height, width and channels.
    pub fn shape(&self) -> [usize; 3] {
        [self.height, self.width, self.channels]
    }

    /// The pixels of image `i`, HWC.
    pub fn pixels(&self, i: usize) -> &[u8] {
        let size = self.height * self.width * self.channels;
        &self.pixels[i * size..(i + 1) * size]
    }

    /// The class of image `i`.
    pub fn label(&self, i: usize) -> usize {
        self.labels[i].into()
    }

    /// These images alone, in this order.
    fn select(&self, indices: &[u32]) -> Images {
        let indices = || indices.iter().map(|i| *i as usize);
        Images {
            pixels: indices().flat_map(|i| self.pixels(i)).copied().collect(),
            labels: indices().map(|i| self.labels[i]).collect(),
            ..*self
        }
    }

    /// Mean and standard deviation of every channel, from sums of whole numbers: exact in any order.
    fn statistics(&self) -> (Vec<f32>, Vec<f32>) {
        let mut sums = vec![[0u64; 2]; self.channels];
        for pixel in self.pixels.chunks_exact(self.channels) {
            for ([sum, squares], x) in sums.iter_mut().zip(pixel) {
                *sum += u64::from(*x);
                *squares += u64::from(*x) * u64::from(*x);
            }
        }
        let count = (self.len() * self.height * self.width) as f64;
        sums.into_iter()
            .map(|[sum, squares]| {
                let mean = sum as f64 / count;
                let std = (squares as f64 / count - mean * mean).max(0.0).sqrt();
                // A channel that never changes is centred and left at that.
                (mean as f32, if std > 1e-3 { std as f32 } else { 1.0 })
            })
            .unzip()
    }
}

/// A training and a test set of the same classes and image size.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSet {
    /// Short name, e.g. `fashion-12k`.
    pub name: String,
    /// Training images.
    pub train: Images,
    /// Test images.
    pub test: Images,
    /// Class names in label order, at least two.
    pub classes: Vec<String>,
    /// Mean of each channel of the training images, 0 to 255.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel of the training images, 0 to 255.
    pub std: Vec<f32>,
}

impl DataSet {
    fn new(name: String, train: Images, test: Images, classes: Vec<String>) -> DataSet {
        let (mean, std) = train.statistics();
        DataSet { name, train, test, classes, mean, std }
    }
}

/// Opens the images that the settings name; `seed` chooses them when only some are wanted (`data.train_images`).
///
/// # Errors
/// A missing or ambiguous directory, a damaged file, labels that do not fit, or more images asked for than there are.
pub fn open(data: &Data, seed: u64) -> Result<DataSet, DataError> {
    let (name, mut parts, classes) = match data.kind {
        DataKind::Bundled => (bundled::NAME.to_string(), bundled::open()?, bundled::classes()),
        DataKind::Idx => {
            let dir = Path::new(&data.path);
            let parts = folder::open(dir)?;
            let classes = (0..parts.classes).map(|label| label.to_string()).collect();
            (folder::name(dir), parts, classes)
        }
        DataKind::ImageFolder => return Err(DataError::ImageFolder { path: data.path.clone() }),
    };
    if data.train_images > 0 {
        parts.train = subset::balanced(&parts.train, data.train_images, seed).ok_or_else(|| DataError::TooFew {
            what: "data.train_images",
            asked: data.train_images,
            set: name.clone(),
            have: parts.train.len(),
        })?;
    }
    let Parts { train, test, .. } = parts;
    Ok(DataSet::new(name, train, test, classes))
}
