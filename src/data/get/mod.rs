//! Fetching published sets: with resume, verified, unpacked.

mod catalogue;
mod fetch;
mod unpack;

pub use catalogue::{PUBLISHED, Published, Remote};
pub use fetch::GetError;

use std::path::{Path, PathBuf};

/// Fetches a set into `dir/NAME` and gives that directory; files that are there already and verify stay. `tell` hears
/// of progress: a file, the bytes that are there, and all of them where they are known.
///
/// # Errors
/// An address that does not answer, a file that is not what it should be, or a disk that cannot be written.
pub fn get(
    set: &Published,
    dir: &Path,
    mirror: Option<&str>,
    tell: &mut dyn FnMut(&str, u64, Option<u64>),
) -> Result<PathBuf, GetError> {
    let to = dir.join(set.name);
    let base = mirror.unwrap_or(set.base).trim_end_matches('/');
    let archive = set.files.iter().any(|file| unpack::is_archive(file.name));
    if archive && to.is_dir() {
        // It is moved there only when complete.
        return Ok(to);
    }
    let files = if archive { dir } else { &to };
    std::fs::create_dir_all(files).map_err(GetError::disk(files))?;
    for file in set.files {
        let path = fetch::fetch(&format!("{base}/{}", file.name), file, files, tell)?;
        if archive {
            unpack::unpack(&path, &to)?;
            std::fs::remove_file(&path).map_err(GetError::disk(&path))?;
        }
    }
    Ok(to)
}
