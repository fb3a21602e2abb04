//! A folder of photographs: a directory a class, of JPEG, PNG and WebP files, in `train/` and `val/` or in one tree that
//! is split by the seed. Only the names are held in memory.

mod files;
mod scan;

use super::DataError;
use super::source::Split;
use crate::random::{Purpose, rng};
use crate::recipe::settings::Data;
use files::Files;
use rand::seq::SliceRandom;
use scan::{Class, Layout};
use std::path::Path;
use std::sync::Arc;

/// Training and validation images, and the names of the classes.
pub(super) struct Folder {
    pub train: Split,
    pub val: Split,
    pub classes: Vec<String>,
}

/// Whether a directory looks like one: directories in it, none of them hidden.
pub(super) fn fits(dir: &Path) -> bool {
    scan::directories(dir).is_ok_and(|names| !names.is_empty())
}

/// Looks through a folder.
///
/// # Errors
/// What is missing in it, and where.
pub(super) fn open(data: &Data, size: usize, seed: u64) -> Result<Folder, DataError> {
    let root = Path::new(&data.path);
    let layout = Layout::of(root)?;
    let train = scan::classes(&layout.train)?;
    let names: Vec<String> = train.iter().map(|class| class.name.clone()).collect();
    check_classes(&names, &layout.train)?;
    let split = |files: Files| Split::new(Arc::new(files), Some(size));
    let Some(dir) = layout.val else {
        let all = split(Files::new(layout.train, &train, &names)?);
        let (train, val) = divide(&all, names.len(), data.val_fraction, seed);
        return Ok(Folder { train: all.select(&train), val: all.select(&val), classes: names });
    };
    let val = scan::classes(&dir)?;
    if val.is_empty() {
        return Err(DataError::NoImages { dir });
    }
    Ok(Folder {
        train: split(Files::new(layout.train, &train, &names)?),
        val: split(Files::new(dir, &val, &names)?),
        classes: names,
    })
}

/// Whether a classifier can tell so many classes apart.
fn check_classes(names: &[String], dir: &Path) -> Result<(), DataError> {
    let dir = dir.to_path_buf();
    match names {
        [] => Err(DataError::NoImages { dir }),
        [one] => Err(DataError::OneFolder { dir, class: one.clone() }),
        names if names.len() > usize::from(u16::MAX) => Err(DataError::ManyFolders { dir, count: names.len() }),
        _ => Ok(()),
    }
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
        let said = |count| check_classes(&named(count), Path::new("d")).map_err(|e| e.to_string());
        assert_eq!(said(65_535), Ok(()));
        assert!(said(1_000_000).unwrap_err().contains("1000000 directories with images; at most 65535"));
        assert!(said(1).unwrap_err().contains("at least two classes"));
    }
}
