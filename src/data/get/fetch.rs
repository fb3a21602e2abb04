//! Fetching one file. What has arrived stays in `NAME.part`.

use super::Remote;
use crate::http::{self, FetchError, Wanted};
use md5::{Digest, Md5};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a set was not fetched.
#[derive(Debug, Error)]
pub enum GetError {
    /// The address does not answer as it should.
    #[error(
        "{url}: {problem}; what has arrived is kept, and the same command goes on; --mirror URL names another place"
    )]
    Fetch {
        /// The address.
        url: String,
        /// What went wrong.
        problem: String,
    },
    /// The file is another one.
    #[error("{url}: {problem}; it was thrown away; --mirror URL names another place")]
    Other {
        /// The address.
        url: String,
        /// Size or hash that was found, and that was expected.
        problem: String,
    },
    /// A file or directory cannot be written or read.
    #[error("{}: {cause}", path.display())]
    Disk {
        /// The path.
        path: PathBuf,
        /// The system's reason.
        cause: io::Error,
    },
    /// An archive that holds what it must not.
    #[error("{}: {problem}; nothing of it was kept", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// What is in it.
        problem: String,
    },
}

impl GetError {
    pub(super) fn disk(path: &Path) -> impl FnOnce(io::Error) -> GetError {
        let path = path.to_path_buf();
        |cause| GetError::Disk { path, cause }
    }
}

/// Fetches `url` into `dir`, unless a file that verifies is there.
pub(super) fn fetch(
    url: &str,
    file: &Remote,
    dir: &Path,
    tell: &mut dyn FnMut(&str, u64, Option<u64>),
) -> Result<PathBuf, GetError> {
    let (path, part) = (dir.join(file.name), dir.join(format!("{}.part", file.name)));
    if path.is_file() && verify(&path, file)?.is_ok() {
        return Ok(path);
    }
    let wanted = Wanted { url, headers: &[], bytes: file.bytes };
    http::fetch(wanted, &part, &mut |have, all| tell(file.name, have, all)).map_err(|e| match e {
        FetchError::Network(problem) => GetError::Fetch { url: url.into(), problem },
        FetchError::Disk(cause) => GetError::disk(&part)(cause),
    })?;
    if let Err(problem) = verify(&part, file)? {
        fs::remove_file(&part).map_err(GetError::disk(&part))?;
        return Err(GetError::Other { url: url.into(), problem });
    }
    fs::rename(&part, &path).map_err(GetError::disk(&path))?;
    Ok(path)
}

/// Compares size and hash; the inner error says how they differ.
fn verify(path: &Path, file: &Remote) -> Result<Result<(), String>, GetError> {
    let mut input = File::open(path).map_err(GetError::disk(path))?;
    let mut hasher = Md5::new();
    let bytes = io::copy(&mut input, &mut hasher).map_err(GetError::disk(path))?;
    let found: String = hasher.finalize().iter().map(|b| format!("{b:02x}")).collect();
    Ok(match file.bytes {
        Some(expected) if expected != bytes => Err(format!("has {bytes} bytes, expected {expected}")),
        _ if found != file.md5 => Err(format!("has the MD5 {found}, expected {}", file.md5)),
        _ => Ok(()),
    })
}
