//! A directory of IDX files: MNIST, Fashion-MNIST, EMNIST and KMNIST all come so.

use super::parts::{Input, PARTS, Part, Parts, read};
use super::{DataError, Problem};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// Whether a directory has files that are named as IDX files are.
pub(super) fn fits(dir: &Path) -> bool {
    list(dir).is_ok_and(|names| names.iter().any(|name| is_idx(name)))
}

fn is_idx(name: &str) -> bool {
    name.strip_suffix(".gz").unwrap_or(name).ends_with("ubyte")
}

/// Finds, reads and checks the four files.
pub(super) fn open(dir: &Path) -> Result<Parts, DataError> {
    let names = list(dir).map_err(|cause| DataError::Directory { dir: dir.into(), cause })?;
    let input = |part: &Part| {
        let file = dir.join(choose(dir, &names, part)?);
        match File::open(&file) {
            Ok(content) => Ok(Input { file, content: BufReader::new(content) }),
            Err(e) => Err(DataError::File { file, problem: Problem::Io(e) }),
        }
    };
    let [a, b, c, d] = &PARTS;
    read([input(a)?, input(b)?, input(c)?, input(d)?])
}

/// The file names of a directory in a fixed order.
fn list(dir: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry: PathBuf = entry?.path();
        names.extend(entry.file_name().and_then(|name| name.to_str()).map(str::to_string));
    }
    names.sort();
    Ok(names)
}

/// The one name that fits this part.
fn choose<'a>(dir: &Path, names: &'a [String], part: &Part) -> Result<&'a str, DataError> {
    let fits = |name: &str| is_idx(name) && part.words.iter().any(|word| name.contains(word));
    let fitting: Vec<&String> = names.iter().filter(|name| fits(name)).collect();
    match fitting[..] {
        [one] => Ok(one),
        [] => Err(DataError::Missing { dir: dir.into(), what: part.what, words: part.words }),
        _ => Err(DataError::Ambiguous {
            dir: dir.into(),
            what: part.what,
            candidates: fitting.into_iter().cloned().collect(),
        }),
    }
}
