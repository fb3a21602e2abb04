//! How a folder of images and masks is laid out: in which directories, and in which splits.

use super::super::layout::{Role, once};
use super::super::scan;
use super::MaskedError;
use crate::data::DataError;
use crate::data::left_out::Tally;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Whose habits a folder follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `images/`, `masks/`, `classes.txt`.
    Plain,
    /// ADE20K's: `images/`, `annotations/`; 0 is ignored.
    Ade,
    /// PASCAL VOC's: `JPEGImages/`, `SegmentationClass/`, splits as lists of names.
    Voc,
}

impl Form {
    /// The value of the first class in the masks.
    pub fn first(self) -> u8 {
        u8::from(self == Form::Ade)
    }
}

/// Names of directories in small letters: of images, and of masks.
const NAMES: [(Form, &[&str], &[&str]); 3] = [
    (Form::Voc, &["jpegimages"], &["segmentationclass"]),
    (Form::Plain, &["images", "image", "imgs", "img"], &["masks", "mask"]),
    (Form::Ade, &["images"], &["annotations"]),
];

/// Where the lists of PASCAL VOC are.
const LISTS: [&str; 2] = ["ImageSets", "Segmentation"];

/// The directories of a folder.
#[derive(Debug)]
pub(super) struct Layout {
    pub form: Form,
    pub images: OsString,
    pub masks: OsString,
}

/// Images of one split: directories below those of images and masks, or a list.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    /// Directories below the set's.
    Dirs { images: PathBuf, masks: PathBuf },
    /// A file of names.
    List(PathBuf),
}

impl Place {
    /// What a person calls it.
    pub fn shown(&self) -> String {
        match self {
            Place::Dirs { images, .. } => format!("{}/", images.display()),
            Place::List(list) => list.display().to_string(),
        }
    }
}

impl Layout {
    /// Finds out, when there are images beside masks; the other directories are counted.
    ///
    /// # Errors
    /// A directory that cannot be read.
    pub fn find(root: &Path, left_out: &mut Tally) -> Result<Option<Layout>, DataError> {
        let mut counted = Tally::default();
        let dirs = scan::directories(root, &mut counted)?;
        let called = |words: &[&str]| {
            let is = |word: &str| dirs.iter().find(|dir| dir.to_string_lossy().to_lowercase() == word);
            words.iter().find_map(|word| is(word)).cloned()
        };
        let found = NAMES.iter().find_map(|(form, images, masks)| Some((*form, called(images)?, called(masks)?)));
        let Some((form, images, masks)) = found else { return Ok(None) };
        for dir in dirs.iter().filter(|dir| **dir != images && **dir != masks) {
            if form != Form::Voc || *dir != LISTS[0] {
                left_out.add("directories beside images and masks", dir.to_string_lossy().into_owned());
            }
        }
        Ok(Some(Layout { form, images, masks }))
    }

    /// The same, when there must be one.
    ///
    /// # Errors
    /// None there.
    pub fn of(root: &Path, left_out: &mut Tally) -> Result<Layout, DataError> {
        if let Some(layout) = Layout::find(root, left_out)? {
            return Ok(layout);
        }
        let below = scan::directories(root, &mut Tally::default())?;
        let has = |dir: &PathBuf| Layout::find(dir, &mut Tally::default()).is_ok_and(|layout| layout.is_some());
        let inside = below.iter().map(|dir| root.join(dir)).find(has);
        Err(MaskedError::NoFolders { dir: root.into(), inside }.into())
    }

    /// The splits; none where all images are one.
    ///
    /// # Errors
    /// A directory that cannot be read, two for one split, a split to train on without masks.
    pub fn splits(&self, root: &Path, left_out: &mut Tally) -> Result<Vec<(Role, Place)>, DataError> {
        let lists = root.join(LISTS[0]).join(LISTS[1]);
        if self.form == Form::Voc && lists.is_dir() {
            return lists_in(&lists, root);
        }
        let of_images = roles(&root.join(&self.images), left_out)?;
        let of_masks = roles(&root.join(&self.masks), &mut Tally::default())?;
        let mut places = Vec::new();
        for (role, dir) in of_images {
            let images = Path::new(&self.images).join(&dir);
            let Some((_, masks)) = of_masks.iter().find(|(of, _)| *of == role) else {
                if role != Role::Train {
                    left_out.add("splits without masks", images.display().to_string());
                    continue;
                }
                let splits = [&dir.to_string_lossy()[..], "train", "training"].map(String::from).to_vec();
                let (images, masks) = (root.join(images), root.join(&self.masks));
                return Err(MaskedError::NoSplit { masks, images, splits }.into());
            };
            places.push((role, Place::Dirs { images, masks: Path::new(&self.masks).join(masks) }));
        }
        Ok(places)
    }

    /// Where the images and masks of a folder without splits are.
    pub fn whole(&self) -> Place {
        Place::Dirs { images: self.images.clone().into(), masks: self.masks.clone().into() }
    }
}

/// The directories of a directory that are splits, by role: the best spelling of `val` before `test`.
fn roles(dir: &Path, left_out: &mut Tally) -> Result<Vec<(Role, OsString)>, DataError> {
    let mut counted = Tally::default();
    let dirs = scan::directories(dir, &mut counted)?;
    let named = |name: &OsString| Role::of(name).is_some();
    if !dirs.iter().any(named) {
        return Ok(Vec::new());
    }
    left_out.join(counted);
    let mut splits = Vec::new();
    for name in dirs {
        match Role::of(&name) {
            Some((place, role)) => splits.push((place, role, name)),
            None => left_out.add("directories beside the splits", dir.join(name).display().to_string()),
        }
    }
    splits.sort();
    once(dir, &splits)?;
    Ok(splits.into_iter().map(|(_, role, name)| (role, name)).collect())
}

/// The lists of names in a directory that are of a split.
fn lists_in(dir: &Path, root: &Path) -> Result<Vec<(Role, Place)>, DataError> {
    let entries = scan::entries(dir)?;
    let text = |name: &OsStr| Path::new(name).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("txt"));
    let mut names: Vec<OsString> = entries.into_iter().filter(|e| !e.is_dir && text(&e.name)).map(|e| e.name).collect();
    names.sort_unstable();
    let mut lists: Vec<(usize, Role, OsString)> = Vec::new();
    for name in &names {
        let stem = Path::new(name).file_stem().unwrap_or_default().to_os_string();
        lists.extend(Role::of(&stem).map(|(place, role)| (place, role, name.clone())));
    }
    lists.sort();
    once(dir, &lists)?;
    if !lists.iter().any(|(_, role, _)| *role == Role::Train) {
        let names = names.iter().map(|name| name.to_string_lossy().into_owned()).collect();
        return Err(MaskedError::NoList { dir: dir.into(), names }.into());
    }
    let below = dir.strip_prefix(root).unwrap_or(dir);
    Ok(lists.into_iter().map(|(_, role, name)| (role, Place::List(below.join(name)))).collect())
}
