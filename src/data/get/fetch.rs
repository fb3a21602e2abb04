//! Fetching one file over HTTP. What has arrived stays in `NAME.part`, and the next try asks for the rest.

use super::Remote;
use md5::{Digest, Md5};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;

/// Tries in which a connection may break.
const TRIES: u32 = 4;

/// Time for an address to answer.
const ANSWER: Duration = Duration::from_secs(60);

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
    let mut tries = 0;
    while let Err(problem) = more(url, file, &part, tell)? {
        tries += 1;
        if tries == TRIES {
            return Err(GetError::Fetch { url: url.into(), problem });
        }
    }
    if let Err(problem) = verify(&part, file)? {
        fs::remove_file(&part).map_err(GetError::disk(&part))?;
        return Err(GetError::Other { url: url.into(), problem });
    }
    fs::rename(&part, &path).map_err(GetError::disk(&path))?;
    Ok(path)
}

/// Adds to `part` what it lacks. The inner error is one of the network.
fn more(
    url: &str,
    file: &Remote,
    part: &Path,
    tell: &mut dyn FnMut(&str, u64, Option<u64>),
) -> Result<Result<(), String>, GetError> {
    let disk = || GetError::disk(part);
    let mut have = fs::metadata(part).map_or(0, |m| m.len());
    if file.bytes.is_some_and(|bytes| have >= bytes) {
        return Ok(Ok(()));
    }
    let agent = ureq::Agent::config_builder()
        .timeout_connect(Some(ANSWER))
        .timeout_recv_response(Some(ANSWER))
        .http_status_as_error(false)
        .build()
        .new_agent();
    let mut response = match agent.get(url).header("Range", format!("bytes={have}-")).call() {
        Ok(response) => response,
        Err(e) => return Ok(Err(e.to_string())),
    };
    match response.status().as_u16() {
        206 => {}
        // The server sends the whole file, whatever was asked for.
        200 => have = 0,
        // The file is already complete.
        416 => return Ok(Ok(())),
        status => return Ok(Err(format!("answers with status {status}"))),
    }
    let rest = response.headers().get("content-length").and_then(|n| n.to_str().ok()?.parse::<u64>().ok());
    let all = file.bytes.or(rest.map(|rest| have + rest));
    let mut out = File::options().create(true).append(true).open(part).map_err(disk())?;
    out.set_len(have).map_err(disk())?;
    let mut body = response.body_mut().as_reader();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) => return Ok(Err(format!("broke off at byte {have}: {e}"))),
        };
        out.write_all(&buffer[..n]).map_err(disk())?;
        have += n as u64;
        tell(file.name, have, all);
    }
    match all {
        Some(all) if have < all => Ok(Err(format!("broke off at byte {have} of {all}"))),
        _ => Ok(Ok(())),
    }
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
