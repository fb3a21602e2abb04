//! Which mask belongs to which image: that of the same name but for its ending.

use super::super::scan;
use super::MaskedError;
use super::layout::{Layout, Place};
use crate::data::DataError;
use crate::data::image_folder::composed;
use crate::data::left_out::Tally;
use crate::files::read_text;
use std::collections::{BTreeMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// An image and its mask, below the set's directory.
pub(super) type Pair = (OsString, OsString);

/// Finds the pairs of a place; what has no other half is counted.
///
/// # Errors
/// What cannot be read, no pair at all, or more images without a mask than `share` of them.
pub(super) fn of(
    root: &Path,
    layout: &Layout,
    place: &Place,
    share: f64,
    left_out: &mut Tally,
) -> Result<Vec<Pair>, DataError> {
    let both = Both::find(root, layout, place, left_out)?;
    let wanted: Vec<(Key, OsString)> = match place {
        Place::Dirs { .. } => both.images.iter().map(|(key, image)| (key.clone(), image.clone())).collect(),
        Place::List(list) => names_in(&root.join(list))?.into_iter().map(|n| (key(n.as_bytes()), n.into())).collect(),
    };
    let (mut pairs, mut missing) = (Vec::new(), Vec::new());
    for (key, called) in &wanted {
        match (both.images.get(key), both.masks.get(key)) {
            (Some(image), Some(mask)) => {
                pairs.push((both.of_images.join(image).into(), both.of_masks.join(mask).into()));
            }
            (None, _) => missing.push((called.clone(), both.of_images.join(called).with_extension("jpg"))),
            (Some(image), None) => {
                missing.push((both.of_images.join(image).into(), both.of_masks.join(image).with_extension("png")));
            }
        }
    }
    if let Place::Dirs { .. } = place {
        let unpaired = both.masks.iter().filter(|(key, _)| !both.images.contains_key(*key));
        unpaired.for_each(|(_, mask)| left_out.add("masks without an image", shown(both.of_masks.join(mask))));
    }
    let example = missing.first().map(|(name, expected)| format!("{}, for want of {}", shown(name), shown(expected)));
    let example = example.unwrap_or_else(|| "images/train/a.jpg, for want of masks/train/a.png".into());
    if pairs.is_empty() {
        return Err(MaskedError::NoPairs {
            image_count: both.images.len(),
            mask_count: both.masks.len(),
            images: root.join(both.of_images),
            masks: root.join(both.of_masks),
            example,
            left_out: std::mem::take(left_out).list(),
        }
        .into());
    }
    if missing.len() as f64 > share * wanted.len() as f64 {
        let dir = root.join(if let Place::List(list) = place { list } else { &both.of_images });
        return Err(MaskedError::Missing { dir, missing: missing.len(), images: wanted.len(), share, example }.into());
    }
    missing.iter().for_each(|(name, _)| left_out.add("images without a mask", shown(name)));
    Ok(pairs)
}

/// By what an image and its mask find each other.
type Key = Vec<u8>;

/// The images and masks of a place, by their keys.
struct Both {
    /// Their directories, below the set's.
    of_images: PathBuf,
    of_masks: PathBuf,
    /// Paths below those.
    images: BTreeMap<Key, OsString>,
    masks: BTreeMap<Key, OsString>,
}

impl Both {
    fn find(root: &Path, layout: &Layout, place: &Place, left_out: &mut Tally) -> Result<Both, DataError> {
        // What lies beside the images of a list is of other lists, and not told.
        let mut beside = Tally::default();
        let (of_images, of_masks, tally) = match place {
            Place::Dirs { images, masks } => (images.clone(), masks.clone(), left_out),
            Place::List(_) => (PathBuf::from(&layout.images), PathBuf::from(&layout.masks), &mut beside),
        };
        let (mut images, mut masks) = (BTreeMap::new(), BTreeMap::<Key, OsString>::new());
        for image in scan::images(root, &of_images, tally)? {
            if let Some(other) = images.insert(key_of(&image), image.clone()) {
                let names = [other, image].map(|name| name.to_string_lossy().into_owned());
                return Err(MaskedError::SameName { dir: root.join(of_images), names }.into());
            }
        }
        for mask in scan::images(root, &of_masks, tally)? {
            let key = key_of(&mask);
            // A picture that shows the mask may lie beside it.
            if !masks.contains_key(&key) || is_png(&mask) {
                masks.insert(key, mask);
            }
        }
        Ok(Both { of_images, of_masks, images, masks })
    }
}

fn shown(path: impl AsRef<Path>) -> String {
    path.as_ref().display().to_string()
}

/// The key of a file: its path without the ending, accents in composed characters.
fn key_of(file: &OsStr) -> Key {
    key(Path::new(file).with_extension("").as_os_str().as_bytes())
}

fn key(bytes: &[u8]) -> Key {
    std::str::from_utf8(bytes).map_or_else(|_| bytes.to_vec(), |text| composed(text).into_bytes())
}

fn is_png(file: &OsStr) -> bool {
    Path::new(file).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"))
}

/// The names in a list, each once, in its order.
///
/// # Errors
/// A list that cannot be read, or without a name.
pub(super) fn names_in(list: &Path) -> Result<Vec<String>, DataError> {
    let text = read_text(list).map_err(|cause| MaskedError::Text { file: list.into(), cause })?;
    let mut seen = HashSet::new();
    let names: Vec<String> = text
        .lines()
        .map(str::trim)
        .filter(|name| !name.is_empty() && seen.insert(name.to_string()))
        .map(str::to_string)
        .collect();
    if names.is_empty() { Err(MaskedError::EmptyList { list: list.into() }.into()) } else { Ok(names) }
}
