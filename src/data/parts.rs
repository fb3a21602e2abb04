//! The four files of a set, read and checked against each other.

use super::memory::Images;
use super::{DataError, idx};
use std::io::BufRead;
use std::path::PathBuf;

/// What a file holds and how it is called.
pub(super) struct Part {
    /// For messages.
    pub what: &'static str,
    /// Its name in the directories that this program writes.
    pub file: &'static str,
    /// One of these stands in its name, whoever wrote it.
    pub words: &'static [&'static str],
}

/// Training images and labels, test images and labels: the order of every array of four here.
pub(super) const PARTS: [Part; 4] = [
    Part { what: "the training images", file: "train-images-idx3-ubyte.gz", words: &["train-images"] },
    Part { what: "the training labels", file: "train-labels-idx1-ubyte.gz", words: &["train-labels"] },
    Part { what: "the test images", file: "t10k-images-idx3-ubyte.gz", words: &["t10k-images", "test-images"] },
    Part { what: "the test labels", file: "t10k-labels-idx1-ubyte.gz", words: &["t10k-labels", "test-labels"] },
];

/// An opened file and its name.
pub(super) struct Input<R> {
    pub file: PathBuf,
    pub content: R,
}

/// Training and test images that fit together.
#[derive(Debug)]
pub(super) struct Parts {
    pub train: Images,
    pub test: Images,
    /// Largest label of the training set and 1, at least 2.
    pub classes: usize,
}

/// Reads the four files and checks them against each other.
pub(super) fn read<R: BufRead + Send>([a, b, c, d]: [Input<R>; 4]) -> Result<Parts, DataError> {
    let (train_file, test_file, test_labels_file) = (b.file.clone(), c.file.clone(), d.file.clone());
    let (train, test) = rayon::join(|| read_split(a, b), || read_split(c, d));
    let (train, test) = (train?, test?);
    let classes = train.labels.iter().max().map_or(0, |label| usize::from(*label) + 1);
    if classes < 2 {
        return Err(DataError::OneClass { file: train_file });
    }
    if let Some(index) = (0..test.len()).find(|i| test.label(*i) >= classes) {
        return Err(DataError::Label { file: test_labels_file, index, label: test.label(index), classes });
    }
    if train.shape() != test.shape() {
        return Err(DataError::Shapes { file: test_file, test: test.shape(), train: train.shape() });
    }
    Ok(Parts { train, test, classes })
}

fn read_split<R: BufRead>(images: Input<R>, labels: Input<R>) -> Result<Images, DataError> {
    let label_values = idx::labels(&labels.file, labels.content)?;
    let pixels = idx::images(&images.file, images.content)?;
    if label_values.len() != pixels.count {
        return Err(DataError::Lengths {
            labels: labels.file,
            label_count: label_values.len(),
            images: images.file,
            image_count: pixels.count,
        });
    }
    Ok(Images {
        height: pixels.height,
        width: pixels.width,
        channels: pixels.channels,
        pixels: pixels.bytes,
        labels: label_values.into_iter().map(u16::from).collect(),
    })
}
