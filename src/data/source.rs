//! Where images come from, behind one trait, and the part of them that a run trains on or validates with.

use super::DataError;
use super::balanced::balanced;
use super::broken::Broken;
use super::masks::{Mask, MaskProblem};
use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One image as its source keeps it.
pub(super) enum Stored<'a> {
    /// Pixels, HWC, of the source's one shape.
    Pixels(Cow<'a, [u8]>),
    /// The bytes of an image file.
    Encoded(Cow<'a, [u8]>),
}

/// Labelled images, read one at a time from any thread.
pub(super) trait Source: Send + Sync {
    /// Number of images, below 2^32.
    fn len(&self) -> usize;
    /// Class of image `i`.
    fn label(&self, i: usize) -> usize;
    /// Height, width and channels that all images share, when they do.
    fn shape(&self) -> Option<[usize; 3]>;
    /// Image `i`.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn read(&self, i: usize) -> Result<Stored<'_>, Broken>;
    /// The mask of image `i`, in a set of images and masks.
    ///
    /// # Errors
    /// Why it cannot be had.
    fn mask(&self, _i: usize) -> Result<Option<Mask<'_>>, MaskProblem> {
        Ok(None)
    }
    /// What a person calls image `i`.
    fn name(&self, i: usize) -> String;
    /// What a person calls the mask of image `i`.
    fn mask_name(&self, i: usize) -> String {
        format!("of {}", self.name(i))
    }
    /// The file that the mask of image `i` is, where each is one.
    fn mask_file(&self, _i: usize) -> Option<PathBuf> {
        None
    }
    /// The file that image `i` is, where each is one.
    fn file(&self, _i: usize) -> Option<PathBuf> {
        None
    }
    /// A hash of all images and labels, where they are not files of their own.
    fn identity(&self) -> Option<String>;
}

/// The images of a run that are trained on, or validated with.
#[derive(Clone)]
pub struct Split {
    /// Height that the net sees.
    pub height: usize,
    /// Width that the net sees.
    pub width: usize,
    /// Channels: 1 is grey.
    pub channels: usize,
    source: Arc<dyn Source>,
    /// Their places in the source; none for all of them in order.
    chosen: Option<Arc<[u32]>>,
    /// What a label of the source means here; none where it means itself.
    meaning: Option<Arc<[usize]>>,
}

impl Split {
    /// All images of a source, which the net sees as squares of this size, or as they are.
    pub(super) fn new(source: Arc<dyn Source>, size: Option<usize>) -> Split {
        let [height, width, channels] = source.shape().unwrap_or([0, 0, 3]);
        let (height, width) = size.map_or((height, width), |size| (size, size));
        Split { height, width, channels, source, chosen: None, meaning: None }
    }

    /// These of the images alone, in this order.
    pub(super) fn select(&self, places: &[u32]) -> Split {
        let chosen = places.iter().map(|i| self.place(*i as usize) as u32).collect();
        Split { chosen: Some(chosen), ..self.clone() }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.chosen.as_ref().map_or(self.source.len(), |chosen| chosen.len())
    }

    /// Whether there are none; a set that was opened has at least one.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Height, width and channels that the net sees.
    pub fn shape(&self) -> [usize; 3] {
        [self.height, self.width, self.channels]
    }

    /// Height, width and channels of all images as they are stored, when they share them.
    pub(super) fn stored_shape(&self) -> Option<[usize; 3]> {
        self.source.shape()
    }

    /// The same images with other labels: `meaning` has one for each that the source has.
    pub(super) fn relabelled(self, meaning: Vec<usize>) -> Split {
        Split { meaning: Some(meaning.into()), ..self }
    }

    /// The class of image `i`.
    pub fn label(&self, i: usize) -> usize {
        let label = self.source.label(self.place(i));
        self.meaning.as_ref().map_or(label, |meaning| meaning[label])
    }

    /// What a person calls image `i`: a path, or a file and a number.
    pub fn name(&self, i: usize) -> String {
        self.source.name(self.place(i))
    }

    pub(super) fn read(&self, i: usize) -> Result<Stored<'_>, Broken> {
        self.source.read(self.place(i))
    }

    /// The mask of image `i`, in a set of images and masks; `use_it` says whether it can be used.
    pub(super) fn mask<T>(
        &self,
        i: usize,
        use_it: impl FnOnce(&Mask<'_>) -> Result<T, MaskProblem>,
    ) -> Result<Option<T>, Broken> {
        let place = self.place(i);
        let mask = self.source.mask(place).and_then(|mask| {
            let Some(mask) = mask else { return Ok(None) };
            let mask = match &self.meaning {
                Some(meaning) => mask.relabelled(meaning),
                None => mask,
            };
            use_it(&mask).map(Some)
        });
        mask.map_err(|problem| Broken::Mask { name: self.source.mask_name(place), problem })
    }

    /// The pixels of image `i`, HWC, where the source keeps pixels of one shape.
    pub fn pixels(&self, i: usize) -> Option<Cow<'_, [u8]>> {
        match self.read(i) {
            Ok(Stored::Pixels(pixels)) => Some(pixels),
            _ => None,
        }
    }

    /// A hash of all images and labels of the source, where it is known without reading many files.
    pub(super) fn identity(&self) -> Option<String> {
        self.source.identity()
    }

    pub(super) fn source(&self) -> &dyn Source {
        &*self.source
    }

    /// The place of image `i` in the source.
    pub(super) fn place(&self, i: usize) -> usize {
        self.chosen.as_ref().map_or(i, |chosen| chosen[i] as usize)
    }

    /// As many images of each class as their number allows, `count` in all, in their order.
    ///
    /// # Errors
    /// There are not so many.
    pub(super) fn balanced(&self, what: &'static str, count: u64, seed: u64, set: &str) -> Result<Split, DataError> {
        let chosen = balanced(self.len(), |i| self.label(i), count, seed);
        let few = || DataError::TooFew { what, asked: count, set: set.to_string(), have: self.len() };
        chosen.map(|chosen| self.select(&chosen)).ok_or_else(few)
    }
}

/// The images of several splits, one after the other.
pub(super) struct Joined(pub Vec<Split>);

impl Joined {
    /// The split that has image `i`, and its place there.
    fn find(&self, mut i: usize) -> (&Split, usize) {
        let last = self.0.len() - 1;
        for split in &self.0[..last] {
            if i < split.len() {
                return (split, i);
            }
            i -= split.len();
        }
        (&self.0[last], i)
    }
}

impl Source for Joined {
    fn len(&self) -> usize {
        self.0.iter().map(Split::len).sum()
    }

    fn label(&self, i: usize) -> usize {
        let (split, i) = self.find(i);
        split.label(i)
    }

    fn shape(&self) -> Option<[usize; 3]> {
        self.0[0].stored_shape()
    }

    fn read(&self, i: usize) -> Result<Stored<'_>, Broken> {
        let (split, i) = self.find(i);
        split.read(i)
    }

    fn mask(&self, i: usize) -> Result<Option<Mask<'_>>, MaskProblem> {
        let (split, i) = self.find(i);
        split.source.mask(split.place(i))
    }

    fn name(&self, i: usize) -> String {
        let (split, i) = self.find(i);
        split.name(i)
    }

    fn mask_name(&self, i: usize) -> String {
        let (split, i) = self.find(i);
        split.source.mask_name(split.place(i))
    }

    fn identity(&self) -> Option<String> {
        None
    }
}

impl fmt::Debug for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Split { height, width, channels, .. } = self;
        write!(f, "{} images of {height}x{width}x{channels}", self.len())
    }
}

/// A set's name: that of its directory or file.
pub(super) fn set_name(path: &Path) -> String {
    let resolved = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let name = if path.is_file() { resolved.file_stem() } else { resolved.file_name() };
    name.unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
