//! Which directories of a folder are splits: `train/` beside `val/`, in the spellings that people use.

use super::scan::{self, Entry};
use crate::data::DataError;
use crate::data::left_out::Tally;
use std::ffi::OsString;
use std::path::Path;

/// What a directory of images is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Train,
    Val,
    Test,
}

/// Names of splits in small letters, those before others that are taken first.
const NAMES: [(&str, Role); 8] = [
    ("train", Role::Train),
    ("training", Role::Train),
    ("val", Role::Val),
    ("valid", Role::Val),
    ("validation", Role::Val),
    ("dev", Role::Val),
    ("test", Role::Test),
    ("testing", Role::Test),
];

/// Words that stand beside them and mean nothing.
const FILLERS: [&str; 8] = ["set", "data", "dataset", "images", "image", "imgs", "pictures", "photos"];

impl Role {
    /// What a name stands for, and its place among the spellings.
    pub(super) fn of(name: &OsString) -> Option<(usize, Role)> {
        let name = name.to_str()?.to_lowercase();
        // For names such as training_set, test images, TrainSet.
        let words =
            name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty() && !FILLERS.contains(word));
        let name = words.collect::<Vec<_>>().join(" ");
        let name = name.strip_suffix("set").unwrap_or(&name);
        NAMES.iter().position(|(word, _)| *word == name).map(|place| (place, NAMES[place].1))
    }

    /// The role that a person calls by a word, e.g. `--split val`.
    pub(crate) fn named(word: &str) -> Option<Role> {
        Role::of(&word.into()).map(|(_, role)| role)
    }
}

/// Whether each split stands once among names, which are sorted.
///
/// # Errors
/// Two names for one.
pub(super) fn once(dir: &Path, splits: &[(usize, Role, OsString)]) -> Result<(), DataError> {
    for pair in splits.windows(2) {
        let [(first, role, a), (second, next, b)] = pair else { continue };
        if first == second || (role, next) == (&Role::Train, &Role::Train) {
            let names = [a, b].map(|name| name.to_string_lossy().into_owned());
            return Err(DataError::TwoSplits { dir: dir.into(), names });
        }
    }
    Ok(())
}

/// Whether a directory has neither images nor directories in it: annotations, say.
fn holds_nothing(dir: &Path) -> bool {
    let empty = |entries: Vec<Entry>| !entries.iter().any(|entry| entry.is_dir || Entry::is_image(entry));
    scan::entries(dir).is_ok_and(empty)
}

/// How the images of a folder are laid out.
#[derive(Debug, PartialEq)]
pub(super) enum Layout {
    /// Directories of the folder that are splits, each with a directory a class.
    Splits(Vec<(Role, OsString)>),
    /// One tree with a directory a class.
    Tree,
}

impl Layout {
    /// Finds out; directories that are neither splits nor classes are counted.
    ///
    /// # Errors
    /// A directory that cannot be read or has none in it, two directories for one split.
    pub fn of(root: &Path, left_out: &mut Tally) -> Result<Layout, DataError> {
        let dirs: Vec<OsString> = scan::directories(root, left_out)?;
        if dirs.is_empty() {
            return Err(DataError::NoFolders { dir: root.into() });
        }
        let (named, others): (Vec<OsString>, Vec<OsString>) = dirs.into_iter().partition(|dir| Role::of(dir).is_some());
        let mut splits: Vec<(usize, Role, OsString)> =
            named.into_iter().filter_map(|dir| Role::of(&dir).map(|(place, role)| (place, role, dir))).collect();
        splits.sort();
        let beside = |role: Role| splits.iter().any(|(_, r, _)| *r != role);
        let trains = splits.iter().any(|(_, role, _)| *role == Role::Train);
        // `train` among other names is a class: there are sets of vehicles.
        let alone = trains && others.iter().all(|dir| holds_nothing(&root.join(dir)));
        let are_splits = !splits.is_empty() && (others.is_empty() || alone || (trains && beside(Role::Train)));
        if !are_splits {
            return Ok(Layout::Tree);
        }
        once(root, &splits)?;
        for dir in others {
            left_out.add("directories beside the splits", dir.to_string_lossy().into_owned());
        }
        let (mut usable, mut known): (_, Vec<(scan::Id, OsString)>) = (Vec::new(), Vec::new());
        for (_, role, dir) in splits {
            let id = scan::id_of(&root.join(&dir));
            match known.iter().find(|(other, _)| Some(*other) == id) {
                Some((_, first)) if usable.contains(&(Role::Train, first.clone())) => {
                    let names = [first, &dir].map(|name| name.to_string_lossy().into_owned());
                    return Err(DataError::SameSplit { dir: root.into(), names });
                }
                Some(_) => {
                    left_out.add(scan::AGAIN, dir.to_string_lossy().into_owned());
                    continue;
                }
                None => known.extend(id.map(|id| (id, dir.clone()))),
            }
            // Contests hand out test images without labels.
            if role != Role::Train && scan::directories(&root.join(&dir), &mut Tally::default())?.is_empty() {
                let images = scan::entries(&root.join(&dir))?.iter().filter(|entry| Entry::is_image(entry)).count();
                let name = format!("{}/ with {images} images", dir.to_string_lossy());
                left_out.add("splits without a directory a class, whose images have no labels", name);
            } else {
                usable.push((role, dir));
            }
        }
        Ok(Layout::Splits(usable))
    }

    /// The directory to train on, and the one to validate with: `val`, else `test`. The rest is counted.
    ///
    /// # Errors
    /// Splits without one to train on.
    pub fn into_training(self, root: &Path, left_out: &mut Tally) -> Result<(OsString, Option<OsString>), DataError> {
        let Layout::Splits(splits) = self else { return Ok((OsString::new(), None)) };
        let (mut train, mut val) = (None, None);
        for (role, dir) in &splits {
            let place = if *role == Role::Train { &mut train } else { &mut val };
            if place.is_none() {
                *place = Some(dir.clone());
            } else {
                left_out.add("splits that are not used", dir.to_string_lossy().into_owned());
            }
        }
        let names = || splits.iter().map(|(_, dir)| dir.to_string_lossy().into_owned()).collect();
        let train = train.ok_or_else(|| DataError::NoTrain { dir: root.into(), names: names() })?;
        Ok((train, val))
    }

    /// The directories whose images are those of a role; of all when none is asked for.
    ///
    /// # Errors
    /// A split that is not there.
    pub fn into_evaluated(self, root: &Path, role: Option<Role>) -> Result<Vec<OsString>, DataError> {
        match (self, role) {
            (Layout::Tree, None) => Ok(vec![OsString::new()]),
            (Layout::Splits(splits), None) => {
                // Images to train on may be without labels where those of another split have some.
                let flat =
                    |dir: &OsString| scan::directories(&root.join(dir), &mut Tally::default()).map(|d| d.is_empty());
                let (all, mut labelled) = (splits.len(), Vec::new());
                for (_, dir) in splits {
                    if all == 1 || !flat(&dir)? {
                        labelled.push(dir);
                    }
                }
                Ok(labelled)
            }
            (layout, Some(role)) => {
                let splits = if let Layout::Splits(splits) = layout { splits } else { Vec::new() };
                let names = splits.iter().map(|(_, dir)| dir.to_string_lossy().into_owned()).collect();
                let found: Vec<OsString> = splits.into_iter().filter(|(r, _)| *r == role).map(|(_, dir)| dir).collect();
                if found.is_empty() {
                    Err(DataError::NoSplit { set: root.display().to_string(), names })
                } else {
                    Ok(found)
                }
            }
        }
    }
}
