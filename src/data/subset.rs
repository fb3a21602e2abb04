//! The files of the bundled subset.

use super::balanced::balanced;
use super::gzip::write_gzip;
use super::memory::Images;
use super::parts::PARTS;
use super::source::set_name;
use super::{DataError, Problem, bundled, idx, idx_dir};
use flate2::Compression;
use std::path::{Path, PathBuf};

/// Training and test images of the bundled subset, and the seed of its choice.
const TRAIN: u64 = 12_000;
const TEST: u64 = 2_000;
const SEED: u64 = 0;

/// A file of a subset.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// The file.
    pub file: PathBuf,
    /// Its size.
    pub bytes: usize,
    /// Its BLAKE3 in hexadecimal digits.
    pub blake3: String,
    /// Whether these are the bytes inside the program.
    pub bundled: bool,
}

/// Makes the bundled subset again from the IDX files of Fashion-MNIST: 12,000 training and 2,000 test images, as many
/// of each class, in the order of the source. The same source gives the same bytes.
///
/// # Errors
/// A source that cannot be read or is too small; an output directory that is the source or cannot be written.
pub fn make_subset(idx_dir: &Path, out: &Path) -> Result<Vec<Written>, DataError> {
    let source = idx_dir::open(idx_dir)?;
    let choose = |what, images: &Images, asked| -> Result<Images, DataError> {
        let too_few = || DataError::TooFew { what, asked, set: set_name(idx_dir), have: images.len() };
        let chosen = balanced(images.len(), |i| images.label(i), asked, SEED).ok_or_else(too_few)?;
        Ok(images.select(&chosen))
    };
    let train = choose("the training subset", &source.train, TRAIN)?;
    let test = choose("the test subset", &source.test, TEST)?;
    prepare(idx_dir, out)?;

    let contents =
        [idx::encode_images(&train), idx::encode_labels(&train), idx::encode_images(&test), idx::encode_labels(&test)];
    let parts = PARTS.iter().zip(&bundled::FILES).zip(contents);
    parts
        .map(|((part, inside), content)| {
            let file = out.join(part.file);
            match write_gzip(&file, &content, Compression::best()) {
                Ok(bytes) => {
                    let blake3 = blake3::hash(&bytes).to_string();
                    Ok(Written { file, bytes: bytes.len(), bundled: blake3 == inside.blake3, blake3 })
                }
                Err(e) => Err(DataError::File { file, problem: Problem::Io(e) }),
            }
        })
        .collect()
}

/// Makes the output directory, which must not be that of the source.
fn prepare(idx_dir: &Path, out: &Path) -> Result<(), DataError> {
    let same = || {
        std::fs::create_dir_all(out)?;
        Ok(idx_dir.canonicalize()? == out.canonicalize()?)
    };
    match same() {
        Ok(false) => Ok(()),
        Ok(true) => Err(DataError::SameDirectory { dir: out.into() }),
        Err(e) => Err(DataError::File { file: out.into(), problem: Problem::Io(e) }),
    }
}
