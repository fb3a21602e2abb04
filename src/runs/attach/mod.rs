//! Screens on a run that another process trains: they talk through a Unix socket in the run directory, or one that a file
//! there names.
//!
//! Both sides write JSON, one message a line. The first line of each is a [`Hello`]; then the run sends events, the
//! screen commands. Edits of all screens are taken in the order in which they arrive.

mod client;
mod hub;
mod place;
#[cfg(test)]
mod tests;

pub use client::{Attached, attach};
pub(super) use hub::{Hub, Server};

use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, Read};
use std::os::unix::net::UnixStream;

/// The socket in the run directory.
const SOCKET: &str = "socket";
/// Version of the protocol; others are refused.
const PROTOCOL: u32 = 4;
/// Longest line that a run takes from a screen.
const COMMAND: u64 = 64 << 10;
/// Longest line that a screen takes from a run: the confusion matrix of some thousand classes.
const EVENT: u64 = 64 << 20;

/// What both sides say first.
#[derive(Debug, Serialize, Deserialize)]
struct Hello {
    /// Version of the protocol.
    tricktop: u32,
    /// Version of the program.
    version: String,
}

impl Hello {
    fn ours() -> Hello {
        Hello { tricktop: PROTOCOL, version: env!("CARGO_PKG_VERSION").into() }
    }

    /// Reads the other side's.
    fn read(from: &mut impl BufRead) -> io::Result<()> {
        let hello: Hello = next(from, COMMAND)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if hello.tricktop != PROTOCOL {
            let theirs = format!("tricktop {} speaks protocol {}", hello.version, hello.tricktop);
            return Err(io::Error::other(format!("{theirs}, this one {PROTOCOL}: use the same program for both")));
        }
        Ok(())
    }
}

/// The next message, in a line of at most `longest` bytes; none at the end.
///
/// # Errors
/// A line that is too long or torn off or no such message, and the system's.
pub fn next<T: for<'de> Deserialize<'de>>(from: &mut impl BufRead, longest: u64) -> io::Result<Option<T>> {
    let mut line = Vec::new();
    from.take(longest).read_until(b'\n', &mut line)?;
    match line.last() {
        None => Ok(None),
        Some(b'\n') => serde_json::from_slice(&line).map(Some).map_err(io::Error::from),
        Some(_) => Err(io::Error::other(format!("a line was torn off, or is longer than {longest} bytes"))),
    }
}

/// A message as its line.
fn line(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

/// Who is at the other end, for the journal: the process and its terminal.
fn person(stream: &UnixStream) -> String {
    if let Some(pid) = peer(stream) {
        let terminal = std::fs::read_link(format!("/proc/{pid}/fd/0"));
        let terminal = terminal.ok().filter(|t| t.starts_with("/dev")).map(|t| format!(" at {}", t.display()));
        return format!("attached screen, process {pid}{}", terminal.unwrap_or_default());
    }
    "attached screen".to_string()
}

/// The process at the other end, where the system tells.
fn peer(stream: &UnixStream) -> Option<u32> {
    #[cfg(target_os = "linux")]
    return rustix::net::sockopt::socket_peercred(stream).ok()?.pid.as_raw_nonzero().get().try_into().ok();
    #[cfg(not(target_os = "linux"))]
    {
        let _ = stream;
        None
    }
}

/// Whether the other side is this user or root.
fn same_user(stream: &UnixStream) -> bool {
    #[cfg(target_os = "linux")]
    {
        let ours = rustix::process::geteuid();
        rustix::net::sockopt::socket_peercred(stream).is_ok_and(|peer| peer.uid == ours || peer.uid.is_root())
    }
    // Elsewhere the permissions of the socket alone keep others away.
    #[cfg(not(target_os = "linux"))]
    {
        let _ = stream;
        true
    }
}
