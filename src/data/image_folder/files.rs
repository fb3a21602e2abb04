//! The names of many files, packed: the bytes of all names and their ends.

use super::scan::Class;
use crate::data::broken::Broken;
use crate::data::format::Format;
use crate::data::source::{Source, Stored};
use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Most bytes that are read of one file.
const MAX_BYTES: u64 = 128 << 20;

/// Labelled image files below one directory.
pub(super) struct Files {
    dir: PathBuf,
    /// The paths below `dir`, one after the other, as the system has them: not all names are UTF-8.
    names: Vec<u8>,
    /// Where each path ends.
    ends: Vec<u64>,
    labels: Vec<u16>,
}

impl Files {
    /// No files below a directory.
    pub fn new(dir: PathBuf) -> Files {
        Files { dir, names: Vec::new(), ends: Vec::new(), labels: Vec::new() }
    }

    /// The files of classes, labelled by their places.
    pub fn of(dir: &Path, classes: &[Class], label: impl Fn(&Class) -> u16) -> Files {
        let mut files = Files::new(dir.to_path_buf());
        for class in classes {
            class.files.iter().for_each(|file| files.push(Path::new(&class.dir).join(file).as_os_str(), label(class)));
        }
        files.names.shrink_to_fit();
        files
    }

    /// Adds a file by its path below the directory.
    pub fn push(&mut self, path: &OsStr, label: u16) {
        self.names.extend_from_slice(path.as_bytes());
        self.ends.push(self.names.len() as u64);
        self.labels.push(label);
    }

    fn path(&self, i: usize) -> PathBuf {
        let start = i.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        self.dir.join(OsStr::from_bytes(&self.names[start..self.ends[i] as usize]))
    }
}

impl Source for Files {
    fn len(&self) -> usize {
        self.labels.len()
    }

    fn label(&self, i: usize) -> usize {
        self.labels[i].into()
    }

    fn shape(&self) -> Option<[usize; 3]> {
        None
    }

    fn read(&self, i: usize) -> Result<Stored<'_>, Broken> {
        let path = self.path(i);
        let content = content(&path)?;
        // What a site gives in the place of a picture that is gone is often a GIF with the old name.
        match Format::of(&content) {
            Some(format) if !format.may_end_in(&path) => Err(Broken::Ending(format.word())),
            _ => Ok(Stored::Encoded(Cow::Owned(content))),
        }
    }

    fn name(&self, i: usize) -> String {
        self.path(i).display().to_string()
    }

    fn file(&self, i: usize) -> Option<PathBuf> {
        Some(self.path(i))
    }

    fn identity(&self) -> Option<String> {
        None
    }
}

/// The content of an image file.
pub(super) fn content(path: &Path) -> Result<Vec<u8>, Broken> {
    let about = fs::metadata(path)?;
    if !about.is_file() {
        return Err(io::Error::other("it is no file (a pipe or a device)").into());
    }
    let (file, bytes) = (File::open(path)?, about.len());
    if bytes > MAX_BYTES {
        return Err(Broken::Large { bytes, max: MAX_BYTES });
    }
    let mut content = Vec::with_capacity(bytes as usize);
    file.take(MAX_BYTES).read_to_end(&mut content)?;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_names_take_little_more_than_their_letters() {
        let file = |i| format!("n01440764_{i:06}.JPEG").into();
        let class = |c| {
            let name = format!("n{c:08}");
            Class { dir: name.clone().into(), name, files: (0..1000).map(|i| file(c * 1000 + i)).collect() }
        };
        let classes: Vec<Class> = (0..1000).map(class).collect();
        let letters: usize = classes.iter().flat_map(|c| c.files.iter().map(|f| f.len() + c.name.len() + 1)).sum();
        let files = Files::of(Path::new("d"), &classes, |class| class.name[1..].parse().unwrap());
        assert_eq!(files.len(), 1_000_000);
        assert_eq!(files.path(999_999), Path::new("d/n00000999/n01440764_999999.JPEG"));
        assert_eq!((files.label(0), files.label(999), files.label(1000)), (0, 0, 1));
        let held = files.names.capacity() + files.ends.capacity() * 8 + files.labels.capacity() * 2;
        assert!(held < letters + 20_000_000, "{held} bytes for {letters} letters");
    }
}
