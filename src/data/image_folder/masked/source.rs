//! The files of images and masks.

use super::super::files::{Files, content};
use super::pairs::Pair;
use crate::data::broken::Broken;
use crate::data::masks::{Mask, MaskProblem, Values, decode};
use crate::data::source::{Source, Stored};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Image files and the files of their masks.
pub(super) struct MaskedFiles {
    images: Files,
    masks: Files,
    values: Values,
    /// Most pixels of a mask.
    most: usize,
}

impl MaskedFiles {
    /// No files below a directory, with masks of such values and so many pixels at most.
    pub fn new(root: &Path, values: Values, most: usize) -> MaskedFiles {
        let files = || Files::new(root.to_path_buf());
        MaskedFiles { images: files(), masks: files(), values, most }
    }

    /// These files below a directory.
    pub fn of(root: &Path, pairs: &[Pair], values: Values, most: usize) -> MaskedFiles {
        let mut files = MaskedFiles::new(root, values, most);
        pairs.iter().for_each(|(image, mask)| files.push(image, mask));
        files
    }

    /// Adds an image and its mask.
    pub fn push(&mut self, image: &OsStr, mask: &OsStr) {
        self.images.push(image, 0);
        self.masks.push(mask, 0);
    }
}

impl Source for MaskedFiles {
    fn len(&self) -> usize {
        self.images.len()
    }

    fn label(&self, _i: usize) -> usize {
        0
    }

    fn shape(&self) -> Option<[usize; 3]> {
        None
    }

    fn read(&self, i: usize) -> Result<Stored<'_>, Broken> {
        self.images.read(i)
    }

    fn mask(&self, i: usize) -> Result<Option<Mask<'_>>, MaskProblem> {
        let bytes = self.masks.file(i).map(|file| content(&file)).transpose()?;
        bytes.map(|bytes| decode(&bytes, &self.values, self.most)).transpose()
    }

    fn name(&self, i: usize) -> String {
        self.images.name(i)
    }

    fn mask_name(&self, i: usize) -> String {
        self.masks.name(i)
    }

    fn file(&self, i: usize) -> Option<PathBuf> {
        self.images.file(i)
    }

    fn mask_file(&self, i: usize) -> Option<PathBuf> {
        self.masks.file(i)
    }

    fn identity(&self) -> Option<String> {
        None
    }
}
