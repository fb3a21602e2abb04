//! Files over HTTP: what has arrived stays, and the next try asks for the rest.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;
use thiserror::Error;
use ureq::Agent;
use ureq::config::ConfigBuilder;
use ureq::typestate::AgentScope;

/// Tries in which a connection may break.
const TRIES: u32 = 4;

/// Time for an address to answer.
const ANSWER: Duration = Duration::from_secs(60);

/// Why a file was not fetched.
#[derive(Debug, Error)]
pub enum FetchError {
    /// The address does not answer as it should.
    #[error("{0}")]
    Network(String),
    /// The file cannot be written.
    #[error("{0}")]
    Disk(#[from] io::Error),
}

/// A file that is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Its address.
    pub url: &'a str,
    /// Further headers; a redirection to another place never sees an `Authorization`.
    pub headers: &'a [(&'static str, String)],
    /// Its size, where that is known.
    pub bytes: Option<u64>,
}

/// What speaks HTTP: a status is an answer, no error.
pub fn agent() -> ConfigBuilder<AgentScope> {
    Agent::config_builder()
        .timeout_connect(Some(ANSWER))
        .timeout_recv_response(Some(ANSWER))
        .http_status_as_error(false)
}

/// Adds to the file `part` what it lacks; `tell` hears the bytes that are there, and all of them where they are known.
///
/// # Errors
/// A connection that broke as often as it is tried, or a disk that cannot be written. What has arrived is kept.
pub fn fetch(wanted: Wanted<'_>, part: &Path, tell: &mut dyn FnMut(u64, Option<u64>)) -> Result<(), FetchError> {
    let mut tries = 0;
    loop {
        match more(wanted, part, tell) {
            Err(FetchError::Network(_)) if tries + 1 < TRIES => tries += 1,
            ended => return ended,
        }
    }
}

fn more(wanted: Wanted<'_>, part: &Path, tell: &mut dyn FnMut(u64, Option<u64>)) -> Result<(), FetchError> {
    let broken = |problem: String| Err(FetchError::Network(problem));
    let mut have = fs::metadata(part).map_or(0, |m| m.len());
    if wanted.bytes.is_some_and(|bytes| have >= bytes) {
        return Ok(());
    }
    let request = agent().build().new_agent().get(wanted.url).header("Range", format!("bytes={have}-"));
    let request = wanted.headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
    let mut response = match request.call() {
        Ok(response) => response,
        Err(e) => return broken(e.to_string()),
    };
    match response.status().as_u16() {
        206 => {}
        // The server sends the whole file, whatever was asked for.
        200 => have = 0,
        // The file is already complete.
        416 => return Ok(()),
        status => return broken(format!("answers with status {status}")),
    }
    let rest = response.headers().get("content-length").and_then(|n| n.to_str().ok()?.parse::<u64>().ok());
    let all = wanted.bytes.or(rest.map(|rest| have + rest));
    let mut out = File::options().create(true).append(true).open(part)?;
    out.set_len(have)?;
    let mut body = response.body_mut().as_reader();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) => return broken(format!("broke off at byte {have}: {e}")),
        };
        out.write_all(&buffer[..n])?;
        have += n as u64;
        tell(have, all);
    }
    match all {
        Some(all) if have < all => broken(format!("broke off at byte {have} of {all}")),
        _ => Ok(()),
    }
}
