//! A folder of images and their masks, in the layouts of people's own sets, of ADE20K and of PASCAL VOC. Only the names are
//! held in memory.

mod check;
mod error;
mod layout;
mod names;
mod pairs;
mod source;

pub use error::MaskedError;

use super::layout::Role;
use super::{Folder, divide, scan};
use crate::data::DataError;
use crate::data::decode::Reading;
use crate::data::left_out::{LeftOut, Tally};
use crate::data::manifest::{Fate, Listed, Manifest, Part};
use crate::data::masks::Values;
use crate::data::source::Split;
use crate::recipe::settings::Data;
use layout::{Layout, Place};
use pairs::Pair;
use source::MaskedFiles;
use std::collections::HashSet;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

/// The names of the directories of images and masks, when a directory is a folder of both.
pub(in crate::data) fn fits(dir: &Path) -> Option<[String; 2]> {
    let Layout { images, masks, .. } = Layout::find(dir, &mut Tally::default()).ok()??;
    Some([images, masks].map(|name| name.to_string_lossy().into_owned()))
}

/// Looks through a folder, and at some of its masks.
///
/// # Errors
/// What is missing in it, and where; masks of which none can be used.
pub(in crate::data) fn open(root: &Path, data: &Data, size: usize, seed: u64) -> Result<Folder, DataError> {
    let mut tally = Tally::default();
    let layout = Layout::of(root, &mut tally)?;
    let (classes, numbered) = names::of(root, layout.form)?;
    let files = Opening { root, data, size, first: layout.form.first(), classes: classes.len() };
    let (mut train, mut val) = (None, None);
    for (role, place) in layout.splits(root, &mut tally)? {
        let to = if role == Role::Train { &mut train } else { &mut val };
        match to {
            None => *to = Some(place),
            Some(_) => tally.add("splits that are not used", place.shown()),
        }
    }
    if let (None, Some(place)) = (&train, &val) {
        return Err(DataError::NoTrain { dir: root.join(&layout.images), names: vec![place.shown()] });
    }
    let mut read = |place: &Place| pairs::of(root, &layout, place, data.broken_share, &mut tally);
    let no_validation = || DataError::from(MaskedError::NoValidation { set: root.display().to_string() });
    let place = train.unwrap_or_else(|| layout.whole());
    let of_train = read(&place)?;
    let (train, val, how) = match &val {
        Some(other) => {
            let of_val = read(other)?;
            apart(root, &place, &of_train, other, &of_val)?;
            let how = format!("trained on {}, validated with {}", place.shown(), other.shown());
            (files.split(&of_train), files.split(&of_val), how)
        }
        None => {
            let all = files.split(&of_train);
            let (train, val) = divide(&all, 1, data.val_fraction, seed);
            let percent = data.val_fraction * 100.0;
            let how = format!(
                "{} alone: {percent:.0} % of the images, chosen by the seed, are validated with",
                place.shown()
            );
            (all.select(&train), all.select(&val), how)
        }
    };
    if val.is_empty() {
        return Err(no_validation());
    }
    let mut notes = vec![how];
    if numbered {
        notes.push(format!(
            "neither classes.txt nor objectInfo150.txt names the classes: they are numbered 1 to {}, as in the masks",
            classes.len()
        ));
    }
    notes.extend(check::look(&root.display().to_string(), &train, &classes, files.first, Reading::of(data))?);
    Ok(Folder { train, val, classes, notes, left_out: tally.list(), spare_val: 0, first: Some(files.first) })
}

/// All images of a folder that have masks, or those of one split, and the names of their classes.
///
/// # Errors
/// What is missing in it, and where.
pub(in crate::data) fn everything(
    root: &Path,
    data: &Data,
    size: usize,
    role: Option<Role>,
) -> Result<(Split, Vec<String>, Vec<LeftOut>), DataError> {
    let mut tally = Tally::default();
    let layout = Layout::of(root, &mut tally)?;
    let (classes, _) = names::of(root, layout.form)?;
    let splits = layout.splits(root, &mut tally)?;
    let names = splits.iter().map(|(_, place)| place.shown()).collect();
    let mut places: Vec<Place> =
        splits.into_iter().filter(|(of, _)| role.is_none_or(|role| role == *of)).map(|(_, place)| place).collect();
    if places.is_empty() {
        if role.is_some() {
            return Err(DataError::NoSplit { set: root.display().to_string(), names });
        }
        places.push(layout.whole());
    }
    let mut all: Vec<Pair> = Vec::new();
    for place in &places {
        all.extend(pairs::of(root, &layout, place, data.broken_share, &mut tally)?);
    }
    let files = Opening { root, data, size, first: layout.form.first(), classes: classes.len() };
    Ok((files.split(&all), classes, tally.list()))
}

/// The images and masks of a run that has begun, those that it began with; `first` is the value of the first class.
///
/// # Errors
/// At another place than it began with (`moved`) any file that is not the same; no image to validate with.
pub(in crate::data) fn kept(
    root: &Path,
    data: &Data,
    size: usize,
    manifest: &Manifest,
    first: u8,
    moved: bool,
) -> Result<Folder, DataError> {
    let fates = manifest.look(root);
    let lacking = manifest.lacking(&fates);
    let set = root.display().to_string();
    if let (true, Some(problem)) = (moved, &lacking) {
        return Err(DataError::OtherImages { set, problem: problem.clone() });
    }
    let files = Opening { root, data, size, first, classes: manifest.classes().len() };
    let pairs = |part: Part| -> Vec<Pair> {
        let kept =
            manifest.images.iter().zip(&fates).filter(|(image, fate)| image.part == part && **fate == Fate::Same);
        kept.filter_map(|(Listed { path, mask, .. }, _)| Some((path.clone(), mask.as_ref()?.path.clone()))).collect()
    };
    let [train, val] = [Part::Train, Part::Val].map(|part| files.split(&pairs(part)));
    if train.is_empty() {
        return Err(DataError::OtherImages { set, problem: "no image is left to train on".into() });
    }
    if val.is_empty() {
        return Err(MaskedError::NoValidation { set }.into());
    }
    let mut notes = Vec::new();
    notes.extend(lacking.map(|lacking| Manifest::without(&lacking)));
    notes.extend(manifest.added(found(root).into_iter()));
    let spare_val = manifest.spare_val();
    Ok(Folder {
        train,
        val,
        classes: manifest.classes().to_vec(),
        notes,
        left_out: Vec::new(),
        spare_val,
        first: Some(first),
    })
}

/// The images that a folder has now, by their names.
fn found(root: &Path) -> Vec<OsString> {
    // A folder that could not be opened anew may still have all that the run needs.
    let pairs = || {
        let layout = Layout::of(root, &mut Tally::default())?;
        let mut places: Vec<Place> =
            layout.splits(root, &mut Tally::default())?.into_iter().map(|(_, place)| place).collect();
        if places.is_empty() {
            places.push(layout.whole());
        }
        let of = |place: &Place| pairs::of(root, &layout, place, 1.0, &mut Tally::default());
        places.iter().map(of).collect::<Result<Vec<_>, DataError>>()
    };
    pairs().unwrap_or_default().into_iter().flatten().map(|(image, _)| image).collect()
}

/// What the splits of a folder have in common.
struct Opening<'a> {
    root: &'a Path,
    data: &'a Data,
    size: usize,
    /// Value of the first class.
    first: u8,
    classes: usize,
}

impl Opening<'_> {
    fn split(&self, pairs: &[Pair]) -> Split {
        let values = Values::new(self.first, self.classes, self.data.ignore as u8);
        let files = MaskedFiles::of(self.root, pairs, values, Reading::of(self.data).max_pixels);
        Split::new(Arc::new(files), Some(self.size))
    }
}

/// Whether no image of a split is one of the other.
///
/// # Errors
/// One directory under two names, an image in two lists.
fn apart(root: &Path, place: &Place, ours: &[Pair], other: &Place, theirs: &[Pair]) -> Result<(), DataError> {
    if let (Place::Dirs { images: a, .. }, Place::Dirs { images: b, .. }) = (place, other) {
        let same = scan::id_of(&root.join(a)) == scan::id_of(&root.join(b));
        let names = [a, b].map(|dir| dir.display().to_string());
        return if same { Err(DataError::SameSplit { dir: root.into(), names }) } else { Ok(()) };
    }
    let known: HashSet<&OsString> = ours.iter().map(|(image, _)| image).collect();
    match theirs.iter().find(|(image, _)| known.contains(image)) {
        None => Ok(()),
        Some((image, _)) => {
            let name = Path::new(image).file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let list = if let Place::List(list) = other { root.join(list) } else { root.into() };
            Err(MaskedError::TwoLists { list, other: place.shown(), name }.into())
        }
    }
}
