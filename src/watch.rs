//! Watches the open preset, the files it extends and the presets folder, however an editor saves.
//!
//! Folders are watched rather than files, because editors save by renaming a new file over the old one. An event only
//! makes a look come sooner: what counts is what the files contain, so that nothing is sent for a save without a change,
//! nothing is missed with an event that was, and a file that is gone for a moment is waited for.

use crate::recipe::preset::{self, Contents, Opened};
use crate::recipe::{Mistakes, Preset};
use notify_debouncer_full::notify::event::{EventKind, ModifyKind};
use notify_debouncer_full::notify::{self, RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf, absolute};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Quiet time after an event before it is heeded.
const DEBOUNCE: Duration = Duration::from_millis(200);
/// Pause before another look at what is being written or is gone.
const RETRY: Duration = Duration::from_millis(100);
/// Looks more before what is there, or is not, is taken as it is.
const RETRIES: u32 = 8;
/// Pause between two looks when no event comes: a folder may not exist yet, the system's limit of watches may be
/// reached, a network file system may send no events.
const POLL: Duration = Duration::from_secs(2);

/// Something changed on disk.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The open preset or a file it extends: how it reads now, with the `--set` options it was opened with.
    Preset(Result<Box<Preset>, Mistakes>),
    /// The presets folder: the names in it now, as [`preset::list`] gives them.
    Folder(Vec<String>),
}

/// The watching thread, which ends when this is dropped.
#[derive(Debug)]
pub struct Watcher {
    signals: Sender<Signal>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Signal {
    Files(DebounceEventResult),
    Stop,
}

impl Watcher {
    /// Watches `preset` and `folder` from now on and sends every change. A change that was made since the preset was
    /// loaded is sent too.
    ///
    /// # Errors
    /// The system cannot watch files or start a thread.
    pub fn start(preset: &Preset, folder: &Path, changes: Sender<Change>) -> notify::Result<Watcher> {
        let (signals, received) = mpsc::channel();
        let files = signals.clone();
        let debouncer = new_debouncer(DEBOUNCE, None, move |events| {
            // The worker may have ended already.
            let _ = files.send(Signal::Files(events));
        })?;
        let worker = Worker {
            opened: preset.opened.clone(),
            contents: preset.contents.clone(),
            seen: preset.contents.clone(),
            folder: folder.to_path_buf(),
            names: preset::list(folder),
            retries: 0,
            watched: BTreeSet::new(),
            debouncer,
            changes,
        };
        let thread = thread::Builder::new().name("preset-watcher".into()).spawn(move || worker.run(&received))?;
        Ok(Watcher { signals, thread: Some(thread) })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        // A worker that ended by itself needs no signal, and one that panicked has nothing left to tell.
        let _ = self.signals.send(Signal::Stop);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

struct Worker {
    opened: Opened,
    /// What was read when a change was last sent.
    contents: Contents,
    /// What the last look read.
    seen: Contents,
    folder: PathBuf,
    names: Vec<String>,
    /// Looks in a row that found something unsettled.
    retries: u32,
    watched: BTreeSet<PathBuf>,
    debouncer: Debouncer<RecommendedWatcher, RecommendedCache>,
    changes: Sender<Change>,
}

/// Nobody wants changes any more.
struct Unwanted;

impl Worker {
    fn run(mut self, signals: &Receiver<Signal>) {
        while let Ok(retry) = self.look() {
            if self.watch_folders() {
                // A file may have changed between the look at it and the watch.
                continue;
            }
            if !self.wait(signals, if retry { RETRY } else { POLL }) {
                break;
            }
        }
        self.debouncer.stop();
    }

    /// Waits until it is time to look again; false when it is time to end.
    fn wait(&mut self, signals: &Receiver<Signal>, pause: Duration) -> bool {
        loop {
            match signals.recv_timeout(pause) {
                Ok(Signal::Files(Ok(events))) => {
                    // Opening a file to read it is an event, too: heeding it would never end.
                    let mut heeded = events.iter().filter(|e| !matches!(e.kind, EventKind::Access(_))).peekable();
                    if heeded.peek().is_none() {
                        continue;
                    }
                    for event in heeded {
                        if matches!(event.kind, EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))) {
                            event.paths.iter().for_each(|path| self.forget(path));
                        }
                    }
                    return true;
                }
                // Events may have been lost.
                Ok(Signal::Files(Err(_))) | Err(RecvTimeoutError::Timeout) => return true,
                Ok(Signal::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// A folder that went away is watched anew when another takes its place.
    fn forget(&mut self, path: &Path) {
        if self.watched.remove(path) {
            // The watch may have ended with the folder.
            let _ = self.debouncer.unwatch(path);
        }
    }

    /// Watches every folder that matters and is not watched yet; true when one has been added.
    fn watch_folders(&mut self) -> bool {
        let mut wanted = BTreeMap::new();
        let folder = absolute(&self.folder).unwrap_or_else(|_| self.folder.clone());
        for (file, _) in &self.contents {
            // A link changes where it stands and where it points.
            for path in absolute(file).into_iter().chain(fs::canonicalize(file)) {
                if let Some(parent) = path.parent().filter(|parent| !parent.starts_with(&folder)) {
                    wanted.insert(parent.to_path_buf(), RecursiveMode::NonRecursive);
                }
            }
        }
        wanted.insert(folder, RecursiveMode::Recursive);
        let unwanted: Vec<_> = self.watched.iter().filter(|path| !wanted.contains_key(*path)).cloned().collect();
        unwanted.iter().for_each(|path| self.forget(path));
        let before = self.watched.len();
        let missing = wanted.iter().filter(|(path, _)| !self.watched.contains(*path));
        let added =
            missing.filter(|(path, mode)| self.debouncer.watch(path, **mode).is_ok()).map(|(path, _)| path.clone());
        self.watched.extend(added.collect::<Vec<_>>());
        self.watched.len() > before
    }

    /// Sends what changed; true when that is too early: a file is being written, or is gone and may be back soon.
    fn look(&mut self) -> Result<bool, Unwanted> {
        let (preset, contents) = self.opened.read();
        let names = preset::list(&self.folder);
        let empty = Some(blake3::hash(b""));
        let gone = contents.iter().any(|now| (now.1.is_none() || now.1 == empty) && !self.contents.contains(now))
            || self.names.iter().any(|name| !names.contains(name));
        let written = contents != self.contents && contents != self.seen;
        self.seen.clone_from(&contents);
        if (gone || written) && self.retries < RETRIES {
            self.retries += 1;
            return Ok(true);
        }
        self.retries = 0;
        if contents != self.contents {
            self.contents = contents;
            self.changes.send(Change::Preset(preset.map(Box::new))).map_err(|_| Unwanted)?;
        }
        if names != self.names {
            self.names.clone_from(&names);
            self.changes.send(Change::Folder(names)).map_err(|_| Unwanted)?;
        }
        Ok(false)
    }
}
