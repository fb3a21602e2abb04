//! Which images a run is of: a file of its directory, written when it begins. A run that is taken up or made again has
//! the images that it began with, in the same splits, whatever has come to their folder since: no image that was
//! validated with is ever trained on.
//!
//! ```text
//! images.tsv.gz   a line of JSON: where the run was begun and its images were, the classes, the hash of images in one file
//!                 a line for each image file: train, val or spare; label; bytes; path below the set's directory, with %XX
//!                 for control characters, for % and for bytes that are not UTF-8; of an image with a mask, bytes and path
//!                 of that too
//! ```

mod listed;

pub(super) use listed::{Listed, Part};

use super::gzip::write_gzip;
use super::left_out::examples;
use super::source::{Split, set_name};
use super::{DataError, DataSet, Problem};
use crate::recipe::settings::Data;
use flate2::Compression;
use flate2::read::GzDecoder;
use listed::{ListedMask, path_text};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Its name in the directory of a run.
pub const MANIFEST: &str = "images.tsv.gz";

/// What stands above the images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Head {
    /// Directory that the run was begun in: its relative paths are from there.
    #[serde(with = "path_text")]
    from: PathBuf,
    /// Directory or file of the images, a whole path; empty for those inside the program.
    #[serde(with = "path_text")]
    path: PathBuf,
    /// Names of the classes, in label order.
    classes: Vec<String>,
    /// Training images.
    train: usize,
    /// Images to validate with.
    val: usize,
    /// Hash of the images, where they are in one file.
    identity: Option<String>,
    /// Value of the first class in the masks, where images have masks in files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_class: Option<u8>,
}

/// Which images a run is of.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    head: Head,
    pub(super) images: Vec<Listed>,
}

impl Manifest {
    /// Of a set that was opened for a new run.
    pub fn of(set: &DataSet, data: &Data) -> Manifest {
        let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let root = if data.path.is_empty() { PathBuf::new() } else { whole(Path::new(&data.path)) };
        let from = std::env::current_dir().unwrap_or_default();
        let (classes, train, val) = (set.classes.clone(), set.train.len(), set.test.len());
        let identity = identity(set);
        let [all_train, all_val] = &set.whole;
        let dir = Path::new(&data.path);
        let mut images = listed(dir, all_train, &set.train, [Part::Train, Part::SpareTrain]);
        images.extend(listed(dir, all_val, &set.test, [Part::Val, Part::SpareVal]));
        let first_class = set.first_class;
        Manifest { head: Head { from, path: root, classes, train, val, identity, first_class }, images }
    }

    /// Reads the file.
    ///
    /// # Errors
    /// One that cannot be read or is damaged.
    pub fn read(file: &Path) -> Result<Manifest, DataError> {
        let wrong = |problem| DataError::File { file: file.into(), problem };
        let content = File::open(file).map_err(|e| wrong(Problem::Io(e)))?;
        let mut lines = BufReader::new(GzDecoder::new(content)).lines();
        let damaged = |n: usize| wrong(Problem::Manifest(n + 1));
        let head = lines.next().transpose().map_err(|e| wrong(Problem::Gzip(e)))?;
        let head: Head = serde_json::from_str(&head.unwrap_or_default()).map_err(|_| damaged(0))?;
        let mut images = Vec::new();
        for (n, line) in lines.enumerate() {
            let line = line.map_err(|e| wrong(Problem::Gzip(e)))?;
            let fits = |image: &Listed| {
                usize::from(image.label) < head.classes.len() && image.mask.is_some() == head.first_class.is_some()
            };
            images.push(Listed::parse(&line).filter(fits).ok_or_else(|| damaged(n + 1))?);
        }
        Ok(Manifest { head, images })
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// The system's.
    pub fn write(&self, file: &Path) -> io::Result<()> {
        let head = serde_json::to_string(&self.head)?;
        let text: String = [head + "\n"].into_iter().chain(self.images.iter().map(Listed::line)).collect();
        write_gzip(file, text.as_bytes(), Compression::fast()).map(drop)
    }

    /// The directory that the run was begun in.
    pub fn from(&self) -> &Path {
        &self.head.from
    }

    /// Where the images were; empty for those inside the program.
    pub fn path(&self) -> &Path {
        &self.head.path
    }

    /// The names of the classes, in label order.
    pub fn classes(&self) -> &[String] {
        &self.head.classes
    }

    /// The same images at another place.
    pub fn at(mut self, path: &Path) -> Manifest {
        self.head.path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        self
    }

    /// Whether it lists files; else the images are in one file.
    pub(super) fn lists_files(&self) -> bool {
        self.head.identity.is_none()
    }

    /// The value of the first class in the masks, where images have masks in files.
    pub(super) fn first_class(&self) -> Option<u8> {
        self.head.first_class
    }

    /// Compares a set whose images are in one file.
    ///
    /// # Errors
    /// Other images, or classes.
    pub(super) fn compare(&self, set: &DataSet) -> Result<(), DataError> {
        let Head { identity: known, train, val, classes, .. } = &self.head;
        let found = (set.train.len(), set.test.len());
        if (&identity(set), found, &set.classes) == (known, (*train, *val), classes) {
            return Ok(());
        }
        Err(DataError::OtherImages {
            set: set.name.clone(),
            problem: format!(
                "{} + {} images of {} classes, and the run began with {train} + {val} of {}, or with others",
                found.0,
                found.1,
                set.classes.len(),
                classes.len()
            ),
        })
    }

    /// What has become of the listed files, in their order: whether they are there, and as large as they were.
    pub(super) fn look(&self, root: &Path) -> Vec<Fate> {
        let same = |path: &OsString, bytes: Option<u64>| {
            let found = fs::metadata(root.join(path)).map(|of| of.len());
            match (found, bytes) {
                (Err(_), None) => Fate::Same,
                (Err(_), Some(_)) => Fate::Gone,
                (Ok(found), Some(bytes)) if found == bytes => Fate::Same,
                (Ok(_), _) => Fate::Changed,
            }
        };
        let both = |image: &Listed| match (same(&image.path, image.bytes), &image.mask) {
            (Fate::Same, Some(mask)) => same(&mask.path, mask.bytes),
            (fate, _) => fate,
        };
        self.images.par_iter().map(both).collect()
    }

    /// Which of the files that are used are not there any more, or are others: a sentence's part.
    pub(super) fn lacking(&self, fates: &[Fate]) -> Option<String> {
        let told = [Fate::Gone, Fate::Changed].into_iter().filter_map(|fate| self.told(fates, fate));
        Some(told.collect::<Vec<_>>().join("; ")).filter(|told| !told.is_empty())
    }

    /// That a run goes on without the files that it is lacking, as a sentence.
    pub(super) fn without(lacking: &str) -> String {
        format!("the images have changed since the run began: {lacking}; the run goes on without them")
    }

    /// Which of these files of the set's directory are new, as a sentence.
    pub(super) fn added(&self, found: impl Iterator<Item = OsString>) -> Option<String> {
        let new: Vec<String> = self.new_ones(found).iter().map(|path| path.to_string_lossy().into_owned()).collect();
        let (count, names) = (new.len(), examples(&new));
        (count > 0).then(|| {
            format!(
                "the images have changed since the run began: {count} are new ({names}) and stay out, so that none that was \
                 validated with is trained on; a new run takes them"
            )
        })
    }

    /// Images that are validated with when all are wanted, beside those that are used.
    pub(super) fn spare_val(&self) -> usize {
        self.images.iter().filter(|image| image.part == Part::SpareVal).count()
    }

    /// Which of the files that are used have become so, by example: a sentence's part, none when none has.
    fn told(&self, fates: &[Fate], fate: Fate) -> Option<String> {
        let such = self.images.iter().zip(fates).filter(|(image, f)| image.part.is_used() && **f == fate);
        let names: Vec<String> = such.map(|(image, _)| image.path.to_string_lossy().into_owned()).collect();
        let word = if fate == Fate::Gone { "gone" } else { "other files by their size" };
        (!names.is_empty()).then(|| format!("{} are {word} ({})", names.len(), examples(&names)))
    }

    /// Those of these paths that it does not list.
    fn new_ones(&self, found: impl Iterator<Item = OsString>) -> Vec<OsString> {
        let known: HashSet<&OsString> = self.images.iter().map(|image| &image.path).collect();
        found.filter(|path| !known.contains(path)).collect()
    }

    /// The name of the set.
    pub(super) fn name(&self) -> String {
        set_name(&self.head.path)
    }
}

/// What has become of a listed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Same,
    Gone,
    /// It is another one by its size.
    Changed,
}

/// The hash of the images of a set that are in one file.
fn identity(set: &DataSet) -> Option<String> {
    set.train.identity().zip(set.test.identity()).map(|(train, val)| format!("{train} {val}"))
}

/// The files of a split, those that are chosen and the others.
fn listed(root: &Path, all: &Split, chosen: &Split, [part, spare]: [Part; 2]) -> Vec<Listed> {
    let places = |split: &Split| (0..split.len()).map(|i| split.place(i)).collect::<Vec<usize>>();
    let used: HashSet<usize> = places(chosen).into_iter().collect();
    let rest = places(all).into_iter().filter(|place| !used.contains(place));
    // The chosen images keep the order that the run had.
    let order: Vec<(usize, Part)> =
        places(chosen).into_iter().map(|place| (place, part)).chain(rest.map(|place| (place, spare))).collect();
    let one = |&(place, part): &(usize, Part)| {
        let below = |file: &Path| file.strip_prefix(root).unwrap_or(file).as_os_str().to_os_string();
        let bytes = |file: &Path| fs::metadata(file).map(|of| of.len()).ok();
        let file = all.source().file(place)?;
        let mask = all.source().mask_file(place);
        let mask = mask.map(|mask| ListedMask { bytes: bytes(&mask), path: below(&mask) });
        Some(Listed { part, label: all.source().label(place) as u16, bytes: bytes(&file), path: below(&file), mask })
    };
    order.par_iter().filter_map(one).collect()
}
