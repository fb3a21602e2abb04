//! A set in one file that is mapped into memory.
//!
//! ```text
//! 0   16 bytes  "tricktop pack 1\n"
//! 16  u64       where the index begins (all numbers are little-endian)
//! 24  u64       bytes of the description
//! 32  32 bytes  BLAKE3 of the index and the description
//! 64            the images, one after the other
//!     20 bytes an image: where it begins u64, its bytes u32, their CRC-32C u32, its label u32; training images first
//!     the description as JSON, to the end of the file
//! ```

mod write;

pub use write::{Packed, Shrink, pack};

use super::broken::Broken;
use super::mapped::Mapped;
use super::source::{Source, Stored};
use super::{DataError, Problem};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const MAGIC: &[u8; 16] = b"tricktop pack 1\n";
const HEADER: usize = 64;
const ENTRY: usize = 20;

/// What the file says about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Description {
    /// Name of the set.
    pub name: String,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Training images.
    pub train: usize,
    /// Images to validate with.
    pub val: usize,
    /// Height, width and channels where images are kept as pixels; none where they are files.
    pub shape: Option<[usize; 3]>,
    /// BLAKE3 of all images together.
    pub blake3: String,
}

/// Where things are in the file.
#[derive(Debug)]
struct Parsed {
    description: Description,
    /// Where the index begins.
    index: usize,
}

/// Place, size, checksum and label of one image.
struct Entry {
    bytes: Range<usize>,
    crc: u32,
    label: usize,
}

/// A packed file.
pub(super) struct Pack {
    pub description: Description,
    file: PathBuf,
    content: Mapped,
    index: usize,
}

/// Whether a file begins as a packed one does.
pub(super) fn fits(file: &Path) -> bool {
    Mapped::open(file).is_ok_and(|content| content.starts_with(MAGIC))
}

/// Maps a file and checks all of it but the images.
///
/// # Errors
/// A file that cannot be read, is none of this kind, or is damaged.
pub(super) fn open(file: &Path) -> Result<Arc<Pack>, DataError> {
    let wrong = |problem| DataError::File { file: file.into(), problem };
    let content = Mapped::open(file).map_err(|e| wrong(Problem::Io(e)))?;
    let Parsed { description, index } = parse(&content).map_err(|why| wrong(Problem::Pack(why)))?;
    Ok(Arc::new(Pack { description, file: file.into(), content, index }))
}

/// The training images, and those to validate with.
pub(super) fn parts(pack: &Arc<Pack>) -> (Part, Part) {
    let Description { train, val, .. } = pack.description;
    let part = |images| Part { pack: Arc::clone(pack), images };
    (part(0..train), part(train..train + val))
}

/// Checks header, index and description.
fn parse(content: &[u8]) -> Result<Parsed, String> {
    if !content.starts_with(MAGIC) {
        return Err("begins otherwise".into());
    }
    let size = |at: usize| content.get(at..at + 8).and_then(|b| usize::try_from(number(b)).ok());
    let (Some(index), Some(length)) = (size(16), size(24)) else { return Err("ends inside its header".into()) };
    let text = content.len().checked_sub(length).filter(|text| (HEADER..=*text).contains(&index));
    let Some(text) = text else { return Err("is cut short, or its header is damaged".into()) };
    let found = blake3::hash(&content[index..]);
    if content[32..HEADER] != found.as_bytes()[..] && !cfg!(fuzzing) {
        return Err(format!("its index is damaged: BLAKE3 {found} is not what was written"));
    }
    let description: Description =
        serde_json::from_slice(&content[text..]).map_err(|e| format!("its description cannot be read: {e}"))?;
    let Description { train, val, classes, shape, .. } = &description;
    let count = train.checked_add(*val).filter(|n| n.checked_mul(ENTRY) == Some(text - index));
    if count.is_none_or(|n| n > u32::MAX as usize) || *train == 0 || *val == 0 {
        return Err(format!("describes {train} and {val} images; its index has {}", (text - index) / ENTRY));
    }
    if !(2..=usize::from(u16::MAX)).contains(&classes.len()) {
        return Err(format!("describes {} classes; there must be from 2 to {}", classes.len(), u16::MAX));
    }
    let pixels = shape.map(|shape| shape.into_iter().try_fold(1usize, |a, b| a.checked_mul(b)));
    if pixels.is_some_and(|n| n.is_none_or(|n| n == 0)) || shape.is_some_and(|[_, _, c]| c != 1 && c != 3) {
        return Err(format!("describes images of {shape:?}"));
    }
    for (i, entry) in content[index..text].chunks_exact(ENTRY).map(entry).enumerate() {
        let fits = entry.bytes.end <= index && entry.bytes.start >= HEADER && entry.label < classes.len();
        if !fits || pixels.flatten().is_some_and(|n| n != entry.bytes.len()) {
            return Err(format!("image {i} has label {} at bytes {:?} of {index}", entry.label, entry.bytes));
        }
    }
    Ok(Parsed { description, index })
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte))
}

fn entry(bytes: &[u8]) -> Entry {
    let start = usize::try_from(number(&bytes[..8])).unwrap_or(usize::MAX);
    let end = start.saturating_add(number(&bytes[8..12]) as usize);
    Entry { bytes: start..end, crc: number(&bytes[12..16]) as u32, label: number(&bytes[16..]) as usize }
}

impl Pack {
    fn entry(&self, i: usize) -> Entry {
        entry(&self.content[self.index + i * ENTRY..][..ENTRY])
    }

    /// Whether the images are those that were packed.
    pub fn verify(&self) -> bool {
        let mut hasher = blake3::Hasher::new();
        let images = &self.content[HEADER..self.index];
        images.chunks(1 << 24).for_each(|part| {
            hasher.update(part);
        });
        hasher.finalize().to_string() == self.description.blake3
    }
}

/// The training images of a packed file, or those to validate with.
pub(super) struct Part {
    pack: Arc<Pack>,
    images: Range<usize>,
}

impl Source for Part {
    fn len(&self) -> usize {
        self.images.len()
    }

    fn label(&self, i: usize) -> usize {
        self.pack.entry(self.images.start + i).label
    }

    fn shape(&self) -> Option<[usize; 3]> {
        self.pack.description.shape
    }

    fn read(&self, i: usize) -> Result<Stored<'_>, Broken> {
        let entry = self.pack.entry(self.images.start + i);
        let bytes = &self.pack.content[entry.bytes];
        let found = crc32c::crc32c(bytes);
        if found != entry.crc {
            return Err(Broken::Checksum { found, expected: entry.crc });
        }
        let bytes = Cow::Borrowed(bytes);
        Ok(if self.shape().is_some() { Stored::Pixels(bytes) } else { Stored::Encoded(bytes) })
    }

    fn name(&self, i: usize) -> String {
        format!("{}, image {}", self.pack.file.display(), self.images.start + i)
    }

    fn identity(&self) -> Option<String> {
        // The index and the description are hashed; the description holds the hash of the images.
        Some(self.pack.content[32..HEADER].iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that describes `classes` classes and no images.
    fn claiming(classes: usize) -> Vec<u8> {
        let names: Vec<String> = (0..classes).map(|class| class.to_string()).collect();
        let entry = [&64u64.to_le_bytes()[..], &[0; 12]].concat();
        let text = serde_json::json!({
            "name": "n", "classes": names, "train": 1, "val": 1, "shape": null, "blake3": "",
        });
        let tail = [&entry[..], &entry, text.to_string().as_bytes()].concat();
        let length = (tail.len() - 2 * ENTRY) as u64;
        let hash = blake3::hash(&tail);
        [&MAGIC[..], &64u64.to_le_bytes(), &length.to_le_bytes(), hash.as_bytes(), &tail].concat()
    }

    #[test]
    fn a_million_classes_are_too_many() {
        assert!(parse(&claiming(65_535)).is_ok());
        let why = parse(&claiming(1_000_000)).unwrap_err();
        assert_eq!(why, "describes 1000000 classes; there must be from 2 to 65535");
    }
}
