//! The binary files of CIFAR-10 and CIFAR-100 as their authors lay them out: records of a label (CIFAR-100: a coarse
//! one and a fine one) and 32 x 32 pixels, one colour after the other; the names of the classes in text files.

use super::broken::Broken;
use super::mapped::Mapped;
use super::source::{Source, Stored};
use super::{DataError, Problem};
use crate::files::read_text;
use std::borrow::Cow;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const EDGE: usize = 32;
const PLANE: usize = EDGE * EDGE;

/// One of the two sets.
struct Kind {
    train: &'static [&'static str],
    test: &'static [&'static str],
    /// Bytes before the pixels; the last is the label.
    labels: usize,
    classes: usize,
    names: &'static str,
}

const KINDS: [Kind; 2] = [
    Kind {
        train: &["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"],
        test: &["test_batch.bin"],
        labels: 1,
        classes: 10,
        names: "batches.meta.txt",
    },
    Kind { train: &["train.bin"], test: &["test.bin"], labels: 2, classes: 100, names: "fine_label_names.txt" },
];

/// Training and test images, and the names of the classes.
pub(super) struct Cifar {
    pub train: Records,
    pub test: Records,
    pub classes: Vec<String>,
}

/// The files of one split.
pub(super) struct Records {
    files: Vec<(PathBuf, Mapped)>,
    labels: usize,
    /// Records in the files before each, and in all.
    before: Vec<usize>,
}

/// Whether a directory has the files.
pub(super) fn fits(dir: &Path) -> bool {
    KINDS.iter().any(|kind| dir.join(kind.test[0]).is_file())
}

/// Opens the files of a directory and checks their sizes and labels.
///
/// # Errors
/// A file that is missing or is not made of whole records, or a label that stands for no class.
pub(super) fn open(dir: &Path) -> Result<Cifar, DataError> {
    let missing = || DataError::NoCifar { dir: dir.into() };
    let kind = KINDS.iter().find(|kind| dir.join(kind.test[0]).is_file()).ok_or_else(missing)?;
    Ok(Cifar {
        train: Records::open(dir, kind.train, kind)?,
        test: Records::open(dir, kind.test, kind)?,
        classes: names(dir, kind)?,
    })
}

/// The names in the text file, numbers where it is not there or has another number of lines.
fn names(dir: &Path, kind: &Kind) -> Result<Vec<String>, DataError> {
    let file = dir.join(kind.names);
    let text = match read_text(&file) {
        Err(e) if e.kind() == ErrorKind::NotFound => String::new(),
        text => text.map_err(|e| DataError::File { file, problem: Problem::Io(e) })?,
    };
    let names: Vec<String> = text.lines().map(str::trim).filter(|l| !l.is_empty()).map(String::from).collect();
    let numbers = || (0..kind.classes).map(|label| label.to_string()).collect();
    Ok(if names.len() == kind.classes { names } else { numbers() })
}

impl Records {
    fn open(dir: &Path, names: &[&str], kind: &Kind) -> Result<Records, DataError> {
        let mut records = Records { files: Vec::new(), labels: kind.labels, before: vec![0] };
        for name in names {
            let file = dir.join(name);
            let wrong = |problem| DataError::File { file: file.clone(), problem };
            let content = Mapped::open(&file).map_err(|e| wrong(Problem::Io(e)))?;
            let count = check(&content, kind.labels, kind.classes).map_err(wrong)?;
            records.before.push(records.len() + count);
            records.files.push((file, content));
        }
        Ok(records)
    }

    /// The file of record `i`, and its place there.
    fn at(&self, i: usize) -> (&(PathBuf, Mapped), usize) {
        let file = self.before.partition_point(|before| *before <= i) - 1;
        (&self.files[file], i - self.before[file])
    }

    fn record(&self, i: usize) -> &[u8] {
        let ((_, content), i) = self.at(i);
        let size = self.labels + 3 * PLANE;
        &content[i * size..][..size]
    }
}

/// Counts the records of a file, each of `labels` bytes and an image, whose last label is below `classes`.
fn check(content: &[u8], labels: usize, classes: usize) -> Result<usize, Problem> {
    let size = labels + 3 * PLANE;
    if content.is_empty() || !content.len().is_multiple_of(size) {
        return Err(Problem::Records { bytes: content.len(), size });
    }
    let label = |record: &[u8]| usize::from(record[labels - 1]);
    match content.chunks_exact(size).position(|record| label(record) >= classes) {
        Some(record) => Err(Problem::Label { record, label: label(&content[record * size..]), classes }),
        None => Ok(content.len() / size),
    }
}

impl Source for Records {
    fn len(&self) -> usize {
        self.before.last().copied().unwrap_or_default()
    }

    fn label(&self, i: usize) -> usize {
        self.record(i)[self.labels - 1].into()
    }

    fn shape(&self) -> Option<[usize; 3]> {
        Some([EDGE, EDGE, 3])
    }

    fn read(&self, i: usize) -> Result<Stored<'_>, Broken> {
        let planes = &self.record(i)[self.labels..];
        let pixels = (0..PLANE).flat_map(|at| [planes[at], planes[PLANE + at], planes[2 * PLANE + at]]);
        Ok(Stored::Pixels(Cow::Owned(pixels.collect())))
    }

    fn name(&self, i: usize) -> String {
        let ((file, _), i) = self.at(i);
        format!("{}, image {i}", file.display())
    }

    fn identity(&self) -> Option<String> {
        let mut hasher = blake3::Hasher::new();
        for (_, content) in &self.files {
            hasher.update(content);
        }
        Some(hasher.finalize().to_string())
    }
}
