//! Finding out what kind of images a path names.

use super::image_folder::masked::{self, MaskedError};
use super::{DataError, cifar, idx_dir, image_folder, packed};
use crate::files;
use crate::recipe::settings::{Data, DataKind, Task};
use std::path::Path;

/// The kind of the images that the settings name for a task.
///
/// # Errors
/// As [`find`]; images without masks where there must be some, or masks where there must be none.
pub(super) fn of(data: &Data, task: Task) -> Result<DataKind, DataError> {
    let path = Path::new(&data.path);
    let kind = match data.kind {
        // What is wrong with the layout is told by whoever looks through it.
        DataKind::Auto if task == Task::Segment && path.is_dir() => return Ok(DataKind::ImageFolder),
        DataKind::Auto if task == Task::Classify => match masked::fits(path) {
            Some([images, masks]) if path.is_dir() => {
                return Err(MaskedError::NoClasses { path: path.into(), images, masks }.into());
            }
            _ => find(path)?,
        },
        DataKind::Auto => find(path)?,
        kind => kind,
    };
    let no_masks = |kind| Err(MaskedError::NoMasks { path: path.into(), kind }.into());
    match kind {
        DataKind::Packed if task == Task::Segment => no_masks("a packed file"),
        DataKind::Idx if task == Task::Segment => no_masks("a directory of IDX files"),
        DataKind::Cifar if task == Task::Segment => no_masks("CIFAR"),
        kind => Ok(kind),
    }
}

/// The task that the images which the settings name are made for: segmentation where they have masks.
pub fn task_of(data: &Data) -> Task {
    let path = files::resolved(&data.path).unwrap_or_default();
    if path.is_dir() && masked::fits(&path).is_some() { Task::Segment } else { Task::Classify }
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
