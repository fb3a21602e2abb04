//! The names of many files, packed: one text and the ends of the names in it.

use super::Class;
use crate::data::DataError;
use crate::data::broken::Broken;
use crate::data::source::{Source, Stored};
use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Most bytes that are read of one file.
const MAX_BYTES: u64 = 128 << 20;

/// Labelled image files below one directory.
pub(super) struct Files {
    dir: PathBuf,
    /// The paths below `dir`, one after the other.
    names: String,
    /// Where each path ends.
    ends: Vec<u64>,
    labels: Vec<u16>,
}

impl Files {
    /// The files of `classes`, which are labelled by their places in `names` (sorted).
    ///
    /// # Errors
    /// A class that has no such name.
    pub fn new(dir: PathBuf, classes: &[Class], names: &[String]) -> Result<Files, DataError> {
        let mut files = Files { dir, names: String::new(), ends: Vec::new(), labels: Vec::new() };
        for class in classes {
            let Ok(label) = names.binary_search(&class.name) else {
                return Err(DataError::UnknownFolder { dir: files.dir, class: class.name.clone() });
            };
            for file in &class.files {
                files.names.extend([class.name.as_str(), "/", file.as_str()]);
                files.ends.push(files.names.len() as u64);
                files.labels.push(label as u16);
            }
        }
        files.names.shrink_to_fit();
        Ok(files)
    }

    fn path(&self, i: usize) -> PathBuf {
        let start = i.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        self.dir.join(&self.names[start..self.ends[i] as usize])
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
        Ok(Stored::Encoded(Cow::Owned(content(&self.path(i))?)))
    }

    fn name(&self, i: usize) -> String {
        self.path(i).display().to_string()
    }
}

/// The content of an image file.
fn content(path: &Path) -> Result<Vec<u8>, Broken> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
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
        let file = |i| format!("n01440764_{i:06}.JPEG");
        let class = |c| Class { name: format!("n{c:08}"), files: (0..1000).map(|i| file(c * 1000 + i)).collect() };
        let (mut letters, mut names) = (0, Vec::new());
        let classes: Vec<Class> = (0..1000).map(class).collect();
        for class in &classes {
            letters += class.files.iter().map(|f| f.len() + class.name.len() + 1).sum::<usize>();
            names.push(class.name.clone());
        }
        let files = Files::new("d".into(), &classes, &names).unwrap();
        assert_eq!(files.len(), 1_000_000);
        assert_eq!(files.path(999_999), Path::new("d/n00000999/n01440764_999999.JPEG"));
        assert_eq!((files.label(0), files.label(999), files.label(1000)), (0, 0, 1));
        let held = files.names.capacity() + files.ends.capacity() * 8 + files.labels.capacity() * 2;
        assert!(held < letters + 20_000_000, "{held} bytes for {letters} letters");
    }
}
