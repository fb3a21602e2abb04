//! Finding out what kind of images a path names.

use super::{DataError, cifar, idx_dir, image_folder, packed};
use crate::recipe::settings::{Data, DataKind};
use std::path::Path;

/// The kind of the images that the settings name.
///
/// # Errors
/// As [`find`].
pub(super) fn of(data: &Data) -> Result<DataKind, DataError> {
    match data.kind {
        DataKind::Auto => find(Path::new(&data.path)),
        kind => Ok(kind),
    }
}

/// The kind of the files at a path; the bundled images for an empty one.
///
/// # Errors
/// Nothing known is there.
pub(super) fn find(path: &Path) -> Result<DataKind, DataError> {
    let unknown = |found| Err(DataError::Unknown { path: path.into(), found });
    if path.as_os_str().is_empty() {
        Ok(DataKind::Bundled)
    } else if path.is_file() {
        if packed::fits(path) { Ok(DataKind::Packed) } else { unknown("a file, but not a packed one") }
    } else if !path.exists() {
        unknown("does not exist")
    } else if cifar::fits(path) {
        Ok(DataKind::Cifar)
    } else if idx_dir::fits(path) {
        Ok(DataKind::Idx)
    } else if image_folder::fits(path) {
        Ok(DataKind::ImageFolder)
    } else {
        unknown("nothing in it is known")
    }
}
