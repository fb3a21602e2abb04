//! Looking through directories: which are classes, which files are images, what is neither.

use crate::data::DataError;
use crate::data::left_out::Tally;
use rayon::prelude::*;
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use unicode_normalization::UnicodeNormalization;

/// Endings of the files that are taken for images, in small letters.
const ENDINGS: [&str; 14] =
    ["jpg", "jpeg", "jpe", "jfif", "pjpeg", "pjp", "png", "apng", "webp", "bmp", "dib", "gif", "tif", "tiff"];

/// Directories that other programs put beside a person's own, in small letters.
const OTHERS: [&str; 9] = [
    "@eadir",
    "@recycle",
    "#recycle",
    "#snapshot",
    "__macosx",
    "lost+found",
    "$recycle.bin",
    "system volume information",
    "__pycache__",
];

/// Files that other programs put beside a person's own, in small letters.
const FILES: [&str; 3] = ["thumbs.db", "desktop.ini", "ehthumbs.db"];

/// The files of one class.
pub(super) struct Class {
    /// Its name, in composed characters: a Mac writes an é as two.
    pub name: String,
    /// Its directory, below that of the set.
    pub dir: OsString,
    /// Paths below its directory, sorted.
    pub files: Vec<OsString>,
}

/// An entry of a directory.
pub(super) struct Entry {
    pub name: OsString,
    pub is_dir: bool,
    is_link: bool,
}

impl Entry {
    /// Its ending in small letters; empty when it has none.
    fn ending(&self) -> String {
        let ending = Path::new(&self.name).extension().unwrap_or_default();
        ending.to_string_lossy().to_lowercase()
    }

    /// Whether it is named as an image is.
    pub fn is_image(entry: &Entry) -> bool {
        !entry.is_dir && entry.hidden().is_none() && ENDINGS.contains(&entry.ending().as_str())
    }

    /// What it is that keeps it from being looked at.
    fn hidden(&self) -> Option<&'static str> {
        let name = self.name.to_string_lossy().to_lowercase();
        if self.is_dir && OTHERS.contains(&name.as_str()) {
            Some("directories of other programs")
        } else if !self.is_dir && FILES.contains(&name.as_str()) {
            Some("files of other programs")
        } else if name.starts_with('.') {
            Some(if self.is_dir { "hidden directories" } else { "hidden files" })
        } else {
            None
        }
    }
}

/// A directory whatever it is called by: links may lead to it on many ways.
pub(super) type Id = (u64, u64);

/// What a link to a directory is that is known already.
pub(super) const AGAIN: &str = "links to directories that are looked through already";

fn id(of: &Metadata) -> Id {
    (of.dev(), of.ino())
}

/// Which directory a path leads to.
pub(super) fn id_of(path: &Path) -> Option<Id> {
    fs::metadata(path).map(|of| id(&of)).ok()
}

/// The classes below a directory of the set, by the names of their directories. Those without images are counted.
///
/// # Errors
/// A directory that cannot be read or has none in it.
pub(super) fn classes(root: &Path, below: &OsStr, left_out: &mut Tally) -> Result<Vec<Class>, DataError> {
    let dir = root.join(below);
    // What lies beside the classes of one tree was counted when its layout was found out.
    let mut counted = Tally::default();
    let names = directories(&dir, if below.is_empty() { &mut counted } else { &mut *left_out })?;
    if names.is_empty() {
        return Err(DataError::NoFolders { dir });
    }
    // A link that leads up, or into another class, would give images a label that is not theirs.
    let above = dir.canonicalize().unwrap_or_else(|_| dir.clone());
    let known: HashSet<Id> =
        above.ancestors().filter_map(id_of).chain(names.iter().filter_map(|name| id_of(&dir.join(name)))).collect();
    let class = |name: &OsString| {
        let class = Path::new(below).join(name);
        let mut looking = Looking { class: &class, seen: known.clone(), files: Vec::new(), left_out: Tally::default() };
        looking.through(&dir.join(name), Path::new(""))?;
        looking.files.sort_unstable();
        let Looking { files, left_out, .. } = looking;
        Ok((Class { name: name.to_string_lossy().nfc().collect(), dir: class.into(), files }, left_out))
    };
    let found = names.par_iter().map(class).collect::<Result<Vec<_>, DataError>>()?;
    let mut classes = Vec::new();
    for (class, tally) in found {
        left_out.join(tally);
        if class.files.is_empty() {
            left_out.add("directories without images", class.dir.to_string_lossy().into_owned());
        } else {
            classes.push(class);
        }
    }
    Ok(classes)
}

/// The image files at any depth below a directory of the set, as paths below that directory, sorted; the rest is counted.
///
/// # Errors
/// A directory that cannot be read.
pub(super) fn images(root: &Path, below: &Path, left_out: &mut Tally) -> Result<Vec<OsString>, DataError> {
    let dir = root.join(below);
    let above = dir.canonicalize().unwrap_or_else(|_| dir.clone());
    let seen = above.ancestors().filter_map(id_of).collect();
    let mut looking = Looking { class: below, seen, files: Vec::new(), left_out: Tally::default() };
    looking.through(&dir, Path::new(""))?;
    looking.files.sort_unstable();
    left_out.join(looking.left_out);
    Ok(looking.files)
}

/// The names of the directories in a directory, sorted; hidden ones and those of other programs are counted.
///
/// # Errors
/// A directory that cannot be read.
pub(super) fn directories(dir: &Path, left_out: &mut Tally) -> Result<Vec<OsString>, DataError> {
    let mut names = Vec::new();
    for entry in entries(dir)? {
        match entry.hidden() {
            Some(kind) => left_out.add(kind, entry.name.to_string_lossy().into_owned()),
            None if entry.is_dir => names.push(entry.name),
            None => left_out.add(
                if Entry::is_image(&entry) { "images outside the directories of classes" } else { "other files" },
                entry.name.to_string_lossy().into_owned(),
            ),
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// What is found below the directory of a class.
struct Looking<'a> {
    /// The directory of the class, below that of the set.
    class: &'a Path,
    /// Directories that are not looked through (again).
    seen: HashSet<Id>,
    files: Vec<OsString>,
    left_out: Tally,
}

impl Looking<'_> {
    fn through(&mut self, dir: &Path, below: &Path) -> Result<(), DataError> {
        let mut entries = entries(dir)?;
        // A directory is known by its own name, not by that of a link to it.
        entries.sort_unstable_by(|a, b| (a.is_link, &a.name).cmp(&(b.is_link, &b.name)));
        for entry in entries {
            let (inside, path) = (dir.join(&entry.name), below.join(&entry.name));
            let name = || self.class.join(&path).display().to_string();
            if let Some(kind) = entry.hidden() {
                self.left_out.add(kind, name());
            } else if Entry::is_image(&entry) {
                self.files.push(path.into());
            } else if !entry.is_dir {
                let ending = entry.ending();
                let kind = if ending.is_empty() {
                    "files without an ending".into()
                } else {
                    format!("files that end in {ending}")
                };
                self.left_out.add(kind, name());
            } else if fs::metadata(&inside).is_ok_and(|of| self.seen.insert(id(&of))) {
                self.through(&inside, &path)?;
            } else {
                self.left_out.add(AGAIN, name());
            }
        }
        Ok(())
    }
}

/// The entries of a directory; links count as what they lead to, and those that lead nowhere as files.
///
/// # Errors
/// A directory that cannot be read.
pub(super) fn entries(dir: &Path) -> Result<Vec<Entry>, DataError> {
    let unreadable = |cause| DataError::Folder { dir: dir.into(), cause };
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let kind = entry.file_type().map_err(unreadable)?;
        let is_link = kind.is_symlink();
        let is_dir = if is_link { entry.path().is_dir() } else { kind.is_dir() };
        found.push(Entry { name: entry.file_name(), is_dir, is_link });
    }
    Ok(found)
}
