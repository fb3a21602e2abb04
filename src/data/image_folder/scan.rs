//! Looking through directories: which are splits, which are classes, which files are images.

use crate::data::DataError;
use rayon::prelude::*;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Names of the directory to validate with, beside `train`.
const VAL: [&str; 4] = ["val", "valid", "validation", "test"];

/// Endings of the files that are taken for images, in small letters.
const ENDINGS: [&str; 5] = ["jpg", "jpeg", "jpe", "png", "webp"];

/// Directories inside each other that are looked through: links may lead round in circles.
const DEPTH: usize = 16;

/// The files of one class, as paths below its directory, sorted.
pub(super) struct Class {
    pub name: String,
    pub files: Vec<String>,
}

/// Where the images to train on and to validate with are.
pub(super) struct Layout {
    pub train: PathBuf,
    /// None where one tree has both.
    pub val: Option<PathBuf>,
}

impl Layout {
    /// `train/` is a split when a directory to validate with stands beside it, or when it is alone; else it would be a
    /// class of that name.
    pub fn of(root: &Path) -> Result<Layout, DataError> {
        let names = directories(root)?;
        if names.is_empty() {
            return Err(DataError::NoFolders { dir: root.into() });
        }
        let has = |name: &str| names.iter().any(|n| n == name);
        let val = VAL.into_iter().find(|name| has(name)).map(|name| root.join(name));
        if has("train") && (val.is_some() || names.len() == 1) {
            return Ok(Layout { train: root.join("train"), val });
        }
        Ok(Layout { train: root.into(), val: None })
    }
}

/// The classes below a directory that have images, sorted by name.
pub(super) fn classes(dir: &Path) -> Result<Vec<Class>, DataError> {
    let names = directories(dir)?;
    if names.is_empty() {
        return Err(DataError::NoFolders { dir: dir.into() });
    }
    let class = |name: String| {
        let mut files = Vec::new();
        collect(&dir.join(&name), "", DEPTH, &mut files)?;
        files.sort_unstable();
        Ok(Class { name, files })
    };
    let mut classes = names.into_par_iter().map(class).collect::<Result<Vec<Class>, DataError>>()?;
    classes.retain(|class| !class.files.is_empty());
    Ok(classes)
}

/// The names of the directories in a directory, sorted; hidden ones are passed over.
pub(super) fn directories(dir: &Path) -> Result<Vec<String>, DataError> {
    let mut names = Vec::new();
    for (name, is_dir) in entries(dir)? {
        names.extend(is_dir.then_some(name));
    }
    names.sort_unstable();
    Ok(names)
}

/// Adds the image files below a directory, as paths below the directory of the class.
fn collect(dir: &Path, below: &str, depth: usize, files: &mut Vec<String>) -> Result<(), DataError> {
    for (name, is_dir) in entries(dir)? {
        let path = format!("{below}{name}");
        if !is_dir {
            let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
            files.extend(ending.filter(|e| ENDINGS.contains(&e.as_str())).map(|_| path));
        } else if depth > 0 {
            collect(&dir.join(&name), &format!("{path}/"), depth - 1, files)?;
        }
    }
    Ok(())
}

/// The entries of a directory that are not hidden, and whether each is a directory; links count as what they lead to,
/// and those that lead nowhere as files.
fn entries(dir: &Path) -> Result<Vec<(String, bool)>, DataError> {
    let unreadable = |cause| DataError::Folder { dir: dir.into(), cause };
    let name = |name: OsString| {
        name.into_string().map_err(|name| DataError::FolderName { path: dir.join(&name).display().to_string() })
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let kind = entry.file_type().map_err(unreadable)?;
        let is_dir = if kind.is_symlink() { entry.path().is_dir() } else { kind.is_dir() };
        let name = name(entry.file_name())?;
        if !name.starts_with('.') {
            found.push((name, is_dir));
        }
    }
    Ok(found)
}
