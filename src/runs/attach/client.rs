//! The side of the screen.

use super::{EVENT, Hello, line, next, peer, place};
use crate::runs::{RunError, history};
use crate::train::{Command, Event};
use std::io::{self, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Builder;

/// A screen's hold of a run that another process trains. Dropping it leaves the run alone.
pub struct Attached {
    /// Takes commands to the run.
    pub commands: Sender<Command>,
    /// What the logs of the run have.
    pub past: Vec<Event>,
    /// Every event from now on; closes when the run's process goes away.
    pub events: Receiver<Event>,
    /// What closes the connection when it is dropped.
    pub connection: Connection,
    /// The process that trains the run, where the system tells.
    pub process: Option<u32>,
}

/// An open connection.
pub struct Connection(UnixStream);

impl Drop for Connection {
    fn drop(&mut self) {
        // The run may be gone.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// Attaches to the run in `dir`.
///
/// # Errors
/// A run at which no process is at work, or another user's, or another version's; logs that cannot be read.
pub fn attach(dir: &Path) -> Result<Attached, RunError> {
    let refused = |e: io::Error| RunError::Attach { path: dir.to_path_buf(), cause: e };
    let connect = || {
        let mut stream = place::connect(dir)?;
        stream.write_all(&line(&Hello::ours())?)?;
        let mut from = BufReader::new(stream.try_clone()?);
        Hello::read(&mut from)?;
        Ok((stream, from))
    };
    let (stream, mut from) = connect().map_err(refused)?;
    // The connection stands: from here on nothing is missed, and what the logs have is not taken twice.
    let past = history(dir)?;
    let mut last = past.iter().filter_map(step).max().unwrap_or(0);
    let (send, events) = channel();
    let read = move || {
        while let Ok(Some(event)) = next(&mut from, EVENT) {
            if let Event::RolledBack(back) = &event {
                last = last.min(back.step);
            }
            if newer(&event, last) && send.send(event).is_err() {
                return;
            }
        }
    };
    let (commands, orders) = channel::<Command>();
    let mut to = stream.try_clone().map_err(refused)?;
    let write = move || {
        for command in orders {
            if line(&command).and_then(|line| to.write_all(&line)).is_err() {
                return;
            }
        }
    };
    Builder::new().name("from run".into()).spawn(read).map_err(RunError::Thread)?;
    Builder::new().name("to run".into()).spawn(write).map_err(RunError::Thread)?;
    let process = peer(&stream);
    Ok(Attached { commands, past, events, connection: Connection(stream), process })
}

/// The step of an event that logs hold too.
fn step(event: &Event) -> Option<u64> {
    match event {
        Event::Steps(steps) => steps.last().map(|s| s.step),
        Event::Epoch(end) => Some(end.evaluation.step),
        Event::Evaluated(evaluation) => Some(evaluation.step),
        _ => None,
    }
}

/// Whether the logs up to step `last` do not have an event.
fn newer(event: &Event, last: u64) -> bool {
    step(event).is_none_or(|step| step > last)
}
