//! Writes what happens in a run into its directory, on the trainer's thread: cheap, and never a reason to stop.

use super::dir::RunDir;
use super::{Line, Lines, RunError};
use crate::recipe::Recipe;
use crate::train::Event;
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Step lines reach the file at least this often while steps go on.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// `journal.jsonl` and `metrics.jsonl` of one run.
#[derive(Debug)]
pub(super) struct Recorder {
    dir: PathBuf,
    journal: Log,
    metrics: Log,
    lines: Lines<'static>,
    flushed: Instant,
    _lock: File,
}

#[derive(Debug)]
struct Log {
    path: PathBuf,
    file: BufWriter<File>,
}

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be written: {cause}", path.display())]
pub(super) struct LogError {
    path: PathBuf,
    cause: io::Error,
}

impl Recorder {
    /// Opens both files and writes the first line of the journal.
    pub(super) fn create(dir: RunDir, recipe: &Recipe) -> Result<Recorder, RunError> {
        let mut journal = Log::new(dir.log("journal.jsonl")?);
        let metrics = Log::new(dir.log("metrics.jsonl")?);
        let start = journal.push(&Line::run_start(&dir.name, &dir.path, recipe)).and_then(|()| journal.sync());
        start.map_err(|e| RunError::write(&e.path)(e.cause))?;
        let lines = Lines::new(recipe, dir.path.clone());
        Ok(Recorder { dir: dir.path, journal, metrics, lines, flushed: Instant::now(), _lock: dir.lock })
    }

    /// Writes the lines of `event`. An error does not keep later lines from being tried.
    pub(super) fn record(&mut self, event: &Event) -> Result<(), LogError> {
        let mut result = Ok(());
        for line in self.lines.of(event) {
            result = result.and(match line {
                Line::Step { .. } | Line::EpochEnd { .. } | Line::Evaluation { .. } | Line::Confusion { .. } => {
                    self.metrics.push(&line)
                }
                _ => self.journal.push(&within(&self.dir, line)),
            });
        }
        let due = !matches!(event, Event::Steps(_)) || self.flushed.elapsed() >= FLUSH_EVERY;
        if due {
            self.flushed = Instant::now();
            result = result.and(self.metrics.flush()).and(self.journal.flush());
        }
        if matches!(event, Event::Applied { .. } | Event::Ended(_)) {
            result = result.and(self.journal.sync());
        }
        result
    }
}

/// Makes the path of a checkpoint relative, so that the directory can be moved.
fn within<'a>(dir: &Path, mut line: Line<'a>) -> Line<'a> {
    if let Line::Checkpoint { path, .. } = &mut line
        && let Ok(inside) = Path::new(&**path).strip_prefix(dir)
    {
        *path = Cow::Owned(inside.to_string_lossy().into_owned());
    }
    line
}

impl Log {
    fn new((path, file): (PathBuf, File)) -> Log {
        Log { path, file: BufWriter::with_capacity(1 << 16, file) }
    }

    fn push(&mut self, line: &Line) -> Result<(), LogError> {
        let write = serde_json::to_vec(line).map_err(io::Error::from).and_then(|mut text| {
            text.push(b'\n');
            self.file.write_all(&text)
        });
        self.named(write)
    }

    /// Hands everything to the system, and notices a file that was deleted meanwhile.
    fn flush(&mut self) -> Result<(), LogError> {
        let flush = self.file.flush().and_then(|()| std::fs::metadata(&self.path).map(drop));
        self.named(flush)
    }

    fn sync(&mut self) -> Result<(), LogError> {
        let sync = self.file.flush().and_then(|()| self.file.get_ref().sync_data());
        self.named(sync)
    }

    fn named(&self, result: io::Result<()>) -> Result<(), LogError> {
        result.map_err(|cause| LogError { path: self.path.clone(), cause })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::fake::{epoch, step};

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_an_error_that_names_the_file_and_spares_the_other_one() {
        let runs = tempfile::tempdir().unwrap();
        let recipe = Recipe::default();
        let run = RunDir::create(&recipe, runs.path()).unwrap();
        let mut recorder = Recorder::create(run, &recipe).unwrap();
        let full = File::options().write(true).open("/dev/full").unwrap();
        recorder.metrics.file = BufWriter::new(full);

        let error = recorder.record(&epoch(1, 0.5)).unwrap_err().to_string();
        assert!(error.contains("metrics.jsonl cannot be written"), "{error}");
        let alarm = Event::Alarm { step: 1, message: "kept".into() };
        assert!(recorder.record(&alarm).is_err());
        assert!(std::fs::read_to_string(&recorder.journal.path).unwrap().contains("kept"));
    }

    #[test]
    fn steps_wait_in_memory_but_not_for_long() {
        let runs = tempfile::tempdir().unwrap();
        let recipe = Recipe::default();
        let run = RunDir::create(&recipe, runs.path()).unwrap();
        let mut recorder = Recorder::create(run, &recipe).unwrap();
        let written = |recorder: &mut Recorder, n| {
            recorder.record(&Event::Steps(vec![step(n)])).unwrap();
            std::fs::read_to_string(&recorder.metrics.path).unwrap().lines().count()
        };
        recorder.flushed = Instant::now();
        assert_eq!(written(&mut recorder, 10), 0);
        recorder.flushed = Instant::now().checked_sub(FLUSH_EVERY).unwrap();
        assert_eq!(written(&mut recorder, 20), 2);
    }
}
