//! A folder of photographs: a directory of image files a class, in splits such as `train/` and `val/` or in one tree that
//! is split by the seed. Only the names are held in memory.

mod files;
mod layout;
pub(super) mod masked;
mod scan;

pub(crate) use layout::Role;

use super::DataError;
use super::left_out::{LeftOut, Tally, examples};
use super::manifest::{Fate, Manifest, Part};
use super::source::{Joined, Split};
use crate::random::{Purpose, rng};
use crate::recipe::settings::Data;
use files::Files;
use layout::Layout;
use rand::seq::SliceRandom;
use scan::Class;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::Arc;
use unicode_normalization::UnicodeNormalization;

/// Training and validation images, and the names of the classes.
pub(super) struct Folder {
    pub train: Split,
    pub val: Split,
    pub classes: Vec<String>,
    /// Where the splits come from, and what a person should know of them: sentences.
    pub notes: Vec<String>,
    pub left_out: Vec<LeftOut>,
    /// Images that are validated with when all are wanted, beside those here.
    pub spare_val: usize,
    /// Value of the first class in the masks, where images have masks.
    pub first: Option<u8>,
}

/// Whether a directory looks like one: directories in it, none of them hidden.
pub(super) fn fits(dir: &Path) -> bool {
    scan::directories(dir, &mut Tally::default()).is_ok_and(|names| !names.is_empty())
}

/// Looks through a folder.
///
/// # Errors
/// What is missing in it, and where.
pub(super) fn open(root: &Path, data: &Data, size: usize, seed: u64) -> Result<Folder, DataError> {
    let mut tally = Tally::default();
    let (train_dir, val_dir) = Layout::of(root, &mut tally)?.into_training(root, &mut tally)?;
    let train = scan::classes(root, &train_dir, &mut tally)?;
    let names: Vec<String> = train.iter().map(|class| class.name.clone()).collect();
    check_classes(&names, &root.join(&train_dir), &mut tally)?;
    let split = |files: Files| Split::new(Arc::new(files), Some(size));
    let label = labels(&root.join(&train_dir), &train)?;
    let all = split(Files::of(root, &train, |class| label[&class.name]));
    let (train, val, how) = match &val_dir {
        Some(dir) => {
            let val = scan::classes(root, dir, &mut tally)?;
            if val.is_empty() {
                return Err(DataError::NoImages { dir: root.join(dir), left_out: tally.list() });
            }
            if let Some(unknown) = val.iter().find(|class| !label.contains_key(&class.name)) {
                return Err(DataError::UnknownFolder { dir: root.join(dir), class: unknown.name.clone() });
            }
            let how = format!("trained on {}/, validated with {}/", shown(&train_dir), shown(dir));
            (all, split(Files::of(root, &val, |class| label[&class.name])), how)
        }
        None => {
            let (train, val) = divide(&all, names.len(), data.val_fraction, seed);
            let part =
                format!("{:.0} % of each class, chosen by the seed, are validated with", data.val_fraction * 100.0);
            let tree = if train_dir.is_empty() { "one tree".into() } else { format!("{}/ alone", shown(&train_dir)) };
            (all.select(&train), all.select(&val), format!("{tree}: {part}"))
        }
    };
    let left_out = tally.list();
    if val.is_empty() {
        return Err(DataError::NoValidation { set: root.display().to_string() });
    }
    let mut notes = vec![how];
    notes.extend(unvalidated(&val, &names));
    // This is told, because the user may have meant it otherwise.
    let as_split = val_dir.is_none() && train_dir.is_empty();
    let alike = names.iter().filter(|name| as_split && Role::named(name).is_some());
    notes.extend(
        alike.map(|name| format!("{name}/ is a class here, as it stands among directories that are no splits")),
    );
    Ok(Folder { train, val, classes: names, notes, left_out, spare_val: 0, first: None })
}

/// Looks through a folder for a run that has begun: its images are those that it began with.
///
/// # Errors
/// Classes that are gone; at another place than it began with (`moved`) any image that is not the same.
pub(super) fn kept(root: &Path, size: usize, manifest: &Manifest, moved: bool) -> Result<Folder, DataError> {
    let fates = manifest.look(root);
    let set = || root.display().to_string();
    let lacking = manifest.lacking(&fates);
    if let (true, Some(problem)) = (moved, &lacking) {
        return Err(DataError::OtherImages { set: set(), problem: problem.clone() });
    }
    let mut files = [Part::Train, Part::Val].map(|part| (part, Files::new(root.to_path_buf())));
    for (image, _) in manifest.images.iter().zip(&fates).filter(|(_, fate)| **fate == Fate::Same) {
        if let Some((_, files)) = files.iter_mut().find(|(part, _)| *part == image.part) {
            files.push(&image.path, image.label);
        }
    }
    let [train, val] = files.map(|(_, files)| Split::new(Arc::new(files), Some(size)));
    let classes = manifest.classes();
    let gone = gone(manifest, &fates);
    let (found, new_classes) = new_ones(root, manifest);
    if !gone.is_empty() {
        let now = if new_classes.is_empty() { String::new() } else { format!("; it has {}", new_classes.join(", ")) };
        let problem = format!("has no image of {} any more, a class of the run{now}", gone.join(", "));
        return Err(DataError::OtherClasses { set: set(), problem });
    }
    if val.is_empty() {
        return Err(DataError::NoValidation { set: set() });
    }
    let mut notes: Vec<String> = Vec::new();
    notes.extend(lacking.map(|lacking| Manifest::without(&lacking)));
    notes.extend(manifest.added(found.into_iter()));
    if !new_classes.is_empty() {
        notes.push(format!("no classes of the run, and left out: {}", new_classes.join(", ")));
    }
    let spare_val = manifest.spare_val();
    Ok(Folder { train, val, classes: classes.to_vec(), notes, left_out: Vec::new(), spare_val, first: None })
}

/// The classes of a run of which each image is gone or another one now.
fn gone(manifest: &Manifest, fates: &[Fate]) -> Vec<String> {
    let (mut listed, mut there) = (vec![false; manifest.classes().len()], vec![false; manifest.classes().len()]);
    for (image, fate) in manifest.images.iter().zip(fates) {
        let label = usize::from(image.label);
        listed[label] = true;
        there[label] |= *fate == Fate::Same;
    }
    let classes = manifest.classes().iter().zip(listed.iter().zip(&there));
    classes.filter(|(_, (listed, there))| **listed && !**there).map(|(name, _)| name.clone()).collect()
}

/// The images of a folder, and names of classes that a run does not have.
fn new_ones(root: &Path, manifest: &Manifest) -> (Vec<OsString>, Vec<String>) {
    let classes = || {
        let mut tally = Tally::default();
        let (train, val) = Layout::of(root, &mut tally)?.into_training(root, &mut tally)?;
        let mut classes = scan::classes(root, &train, &mut tally)?;
        if let Some(val) = val {
            classes.extend(scan::classes(root, &val, &mut tally)?);
        }
        Ok::<_, DataError>(classes)
    };
    // A folder that could not be opened anew may still have all that the run needs.
    let classes = classes().unwrap_or_default();
    let path = |class: &Class, file: &OsString| Path::new(&class.dir).join(file).into_os_string();
    let found = classes.iter().flat_map(|class| class.files.iter().map(move |file| path(class, file))).collect();
    let names = classes.iter().map(|class| class.name.clone()).filter(|name| !manifest.classes().contains(name));
    let mut names: Vec<String> = names.collect();
    names.dedup();
    (found, names)
}

/// All images of a folder, or those of one split, and the names of their classes: any number of them.
///
/// # Errors
/// What is missing in it, and where.
pub(super) fn everything(
    root: &Path,
    size: usize,
    role: Option<Role>,
) -> Result<(Split, Vec<String>, Vec<LeftOut>), DataError> {
    let mut tally = Tally::default();
    let dirs = Layout::of(root, &mut tally)?.into_evaluated(root, role)?;
    let classes = dirs.iter().map(|dir| scan::classes(root, dir, &mut tally)).collect::<Result<Vec<_>, _>>()?;
    let mut names: Vec<String> = classes.iter().flatten().map(|class| class.name.clone()).collect();
    names.sort_unstable();
    names.dedup();
    let left_out = tally.list();
    if names.is_empty() {
        return Err(DataError::NoImages { dir: root.into(), left_out });
    }
    let label = |class: &Class| names.binary_search(&class.name).unwrap_or(0) as u16;
    let split = |classes: &Vec<Class>| Split::new(Arc::new(Files::of(root, classes, label)), Some(size));
    let splits: Vec<Split> = classes.iter().map(split).collect();
    Ok((Split::new(Arc::new(Joined(splits)), Some(size)), names, left_out))
}

/// How a directory is called in a sentence.
fn shown(dir: &OsStr) -> String {
    dir.to_string_lossy().into_owned()
}

/// The labels of the classes by their names.
///
/// # Errors
/// Two directories that are one name.
fn labels(dir: &Path, classes: &[Class]) -> Result<HashMap<String, u16>, DataError> {
    let mut labels: HashMap<String, u16> = HashMap::new();
    for (label, class) in classes.iter().enumerate().take(usize::from(u16::MAX)) {
        if let Some(before) = labels.insert(class.name.clone(), label as u16) {
            let names = [&classes[usize::from(before)], class]
                .map(|class| class.dir.to_string_lossy().escape_unicode().to_string());
            return Err(DataError::SameName { dir: dir.into(), names });
        }
    }
    Ok(labels)
}

/// Whether a classifier can tell so many classes apart.
fn check_classes(names: &[String], dir: &Path, left_out: &mut Tally) -> Result<(), DataError> {
    let dir = dir.to_path_buf();
    match names {
        [] => Err(DataError::NoImages { dir, left_out: std::mem::take(left_out).list() }),
        [one] => {
            let left_out = std::mem::take(left_out).list();
            let layout = Layout::of(&dir.join(one), &mut Tally::default());
            let splits = matches!(layout, Ok(Layout::Splits(_)));
            Err(DataError::OneFolder { dir, class: one.clone(), splits, left_out })
        }
        names if names.len() > usize::from(u16::MAX) => Err(DataError::ManyFolders { dir, count: names.len() }),
        _ => Ok(()),
    }
}

/// Images of each class.
fn counts(split: &Split, classes: usize) -> Vec<usize> {
    let mut counts = vec![0; classes];
    (0..split.len()).for_each(|i| counts[split.label(i)] += 1);
    counts
}

/// Classes without an image to validate with, as a sentence.
fn unvalidated(val: &Split, names: &[String]) -> Option<String> {
    let none = names.iter().zip(counts(val, names.len())).filter(|(_, n)| *n == 0);
    let none: Vec<String> = none.map(|(name, _)| name.clone()).collect();
    let (some, all) = (none.len(), names.len());
    (some > 0).then(|| format!("no image to validate with in {some} of {all} classes: {}", examples(&none)))
}

/// The name of a class as it is compared: in composed characters.
pub(crate) fn composed(name: &str) -> String {
    name.nfc().collect()
}

/// Places to train on and places to validate with: of each class the share `fraction`, at least one image and never the
/// last one, chosen by the seed.
fn divide(all: &Split, classes: usize, fraction: f64, seed: u64) -> (Vec<u32>, Vec<u32>) {
    let mut members = vec![Vec::new(); classes];
    for i in 0..all.len() {
        members[all.label(i)].push(i as u32);
    }
    let (mut train, mut val) = (Vec::new(), Vec::new());
    for (class, mut members) in members.into_iter().enumerate() {
        members.shuffle(&mut rng(seed, Purpose::Split, 0, class as u64));
        let part = (members.len() as f64 * fraction).round() as usize;
        let part = part.max(1).min(members.len().saturating_sub(1));
        val.extend_from_slice(&members[..part]);
        train.extend_from_slice(&members[part..]);
    }
    train.sort_unstable();
    val.sort_unstable();
    (train, val)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_classes_are_too_many() {
        let named = |count: usize| (0..count).map(|class| class.to_string()).collect::<Vec<_>>();
        let said =
            |count| check_classes(&named(count), Path::new("d"), &mut Tally::default()).map_err(|e| e.to_string());
        assert_eq!(said(65_535), Ok(()));
        assert!(said(1_000_000).unwrap_err().contains("1000000 directories with images; at most 65535"));
        assert!(said(1).unwrap_err().contains("at least two classes"));
    }
}
