//! Writes what happens in a run into its directory, on the trainer's thread: cheap, and never a reason to stop.

use super::dir::{CHAIN, JOURNAL, LOG, METRICS, ROLLED_BACK, RunDir};
use super::{Line, Lines, RunError, logs, tensorboard};
use crate::recipe::Recipe;
use crate::train::{Event, Link, RolledBack};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Step lines reach the file at least this often while steps go on.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// The logs of one run. `journal.jsonl` and `metrics.jsonl` hold what the recipe and the edits decide, and nothing of
/// the clock or the machine: equal runs have equal ones.
#[derive(Debug)]
pub(super) struct Recorder {
    dir: PathBuf,
    log: Log,
    journal: Log,
    metrics: Log,
    chain: Log,
    /// The event file of TensorBoard, one for every start.
    board: Log,
    lines: Lines<'static>,
    /// Edits that stand in the journal already.
    known: BTreeSet<u64>,
    /// The last link of the chain.
    last: Option<Link>,
    flushed: Instant,
    _lock: File,
}

#[derive(Debug)]
struct Log {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Recorder {
    /// Opens the logs and writes the first line of this start. `known` are the edits that the journal has.
    pub(super) fn open(dir: RunDir, recipe: &Recipe, first: &Line, known: BTreeSet<u64>) -> Result<Recorder, RunError> {
        let last = logs::read(&dir.path.join(CHAIN))?.pop();
        let open = |file| Ok::<_, RunError>(Log::new(dir.log(file)?));
        let (log, journal) = (open(LOG)?, open(JOURNAL)?);
        let (metrics, chain) = (open(METRICS)?, open(CHAIN)?);
        let board = Log::new(dir.log(&tensorboard::file_name(tensorboard::now()))?);
        let lines = Lines::new(recipe, dir.path.clone());
        let flushed = Instant::now();
        let mut recorder = Recorder {
            dir: dir.path,
            log,
            journal,
            metrics,
            chain,
            board,
            lines,
            known,
            last,
            flushed,
            _lock: dir.lock,
        };
        recorder.log.push(first)?;
        recorder.log.sync()?;
        let taken_up = if let Line::RunResume { step, .. } = first { Some(*step) } else { None };
        recorder.board.write(&tensorboard::beginning(tensorboard::now(), taken_up))?;
        recorder.board.flush()?;
        Ok(recorder)
    }

    /// Writes the lines of `event`. An error does not keep later lines from being tried.
    pub(super) fn record(&mut self, event: &Event) -> Result<(), RunError> {
        let mut result = Ok(());
        if let Event::RolledBack(back) = event {
            result = self.roll_back(back);
        }
        for line in self.lines.of(event) {
            if let Some(record) = tensorboard::record(|_| tensorboard::now(), &line) {
                result = result.and(self.board.write(&record));
            }
            result = result.and(self.put(line));
        }
        if let Event::Checkpoint { link: Some(link), .. } = event {
            result = result.and(self.link(link));
        }
        let due = !matches!(event, Event::Steps(_)) || self.flushed.elapsed() >= FLUSH_EVERY;
        if due {
            self.flushed = Instant::now();
            result = result.and(self.metrics.flush()).and(self.log.flush()).and(self.board.flush());
        }
        // What a checkpoint builds on is on disk before it is.
        if matches!(event, Event::Saving { .. } | Event::Ended(_)) {
            result = result.and(self.metrics.sync());
        }
        if matches!(event, Event::Applied { .. } | Event::RolledBack(_)) {
            result = result.and(self.journal.sync());
        }
        if matches!(event, Event::Ended(_)) {
            result = result.and(self.log.sync());
        }
        result
    }

    /// Sets aside what the logs have of later steps; the journal, which keeps all, tells of it after that.
    fn roll_back(&mut self, back: &RolledBack) -> Result<(), RunError> {
        self.known.retain(|edit| !back.edits.contains(edit));
        let aside = self.dir.join(ROLLED_BACK);
        for log in [&mut self.metrics, &mut self.chain] {
            log.flush()?;
            logs::set_aside(&log.path, back.step, &aside)?;
        }
        self.last = logs::read(&self.chain.path)?.pop();
        self.board.write(&tensorboard::going_on(tensorboard::now(), back.step))
    }

    /// The last link of the chain.
    pub(super) fn last_link(&self) -> Option<&Link> {
        self.last.as_ref()
    }

    /// Writes a link of the chain, unless it is the last there.
    pub(super) fn link(&mut self, link: &Link) -> Result<(), RunError> {
        if self.last.as_ref() == Some(link) {
            return Ok(());
        }
        self.last = Some(link.clone());
        self.chain.push(link).and_then(|()| self.chain.sync())
    }

    fn put(&mut self, line: Line) -> Result<(), RunError> {
        match line {
            Line::Step { img_s, data_wait, step, epoch, loss, lr, scaling } => {
                let time = tensorboard::now();
                let speed = img_s.map(|img_s| self.log.push(&Line::Speed { step, img_s, data_wait, time }));
                let step =
                    self.metrics.push(&Line::Step { img_s: None, data_wait: None, step, epoch, loss, lr, scaling });
                step.and(speed.unwrap_or(Ok(())))
            }
            Line::EpochEnd { epoch, step, train_loss, val_loss, figures, best, .. } => {
                let img_s = None;
                self.metrics.push(&Line::EpochEnd { epoch, step, train_loss, val_loss, figures, img_s, best })
            }
            Line::Evaluation { .. } | Line::Confusion { .. } => self.metrics.push(&line),
            Line::Edit { edit, .. } if !self.known.insert(edit) => Ok(()),
            Line::Edit { .. } | Line::Rollback { .. } => self.journal.push(&line),
            line => self.log.push(&within(&self.dir, line)),
        }
    }
}

/// Makes the path of a checkpoint relative, so that the directory can be moved.
fn within(dir: &Path, mut line: Line) -> Line {
    if let Line::Checkpoint { path, .. } = &mut line
        && let Ok(inside) = Path::new(path.as_str()).strip_prefix(dir)
    {
        *path = inside.to_string_lossy().into_owned();
    }
    line
}

impl Log {
    fn new((path, file): (PathBuf, File)) -> Log {
        Log { path, file: BufWriter::with_capacity(1 << 16, file) }
    }

    fn push(&mut self, line: &impl Serialize) -> Result<(), RunError> {
        match serde_json::to_vec(line) {
            Ok(mut text) => {
                text.push(b'\n');
                self.write(&text)
            }
            Err(e) => self.named(Err(e.into())),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), RunError> {
        let write = self.file.write_all(bytes);
        self.named(write)
    }

    /// Hands everything to the system, and notices a file that was deleted meanwhile.
    fn flush(&mut self) -> Result<(), RunError> {
        let flush = self.file.flush().and_then(|()| std::fs::metadata(&self.path).map(drop));
        self.named(flush)
    }

    fn sync(&mut self) -> Result<(), RunError> {
        let sync = self.file.flush().and_then(|()| self.file.get_ref().sync_data());
        self.named(sync)
    }

    fn named(&self, result: io::Result<()>) -> Result<(), RunError> {
        result.map_err(RunError::write(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::fake::{epoch, step};
    use crate::train::AlarmKind;

    fn recorder(runs: &Path) -> Recorder {
        let recipe = Recipe::default();
        let run = RunDir::create(&recipe, runs).unwrap();
        let first = Line::run_start(&run.name, &run.path, &recipe);
        Recorder::open(run, &recipe, &first, BTreeSet::new()).unwrap()
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_an_error_that_names_the_file_and_spares_the_other_one() {
        let runs = tempfile::tempdir().unwrap();
        let mut recorder = recorder(runs.path());
        let full = File::options().write(true).open("/dev/full").unwrap();
        recorder.metrics.file = BufWriter::new(full);

        let error = recorder.record(&epoch(1, 0.5)).unwrap_err().to_string();
        assert!(error.contains("metrics.jsonl cannot be written"), "{error}");
        let alarm = Event::Alarm { step: 1, kind: AlarmKind::Other, message: "kept".into() };
        assert!(recorder.record(&alarm).is_err());
        assert!(std::fs::read_to_string(&recorder.log.path).unwrap().contains("kept"));
    }

    #[test]
    fn steps_wait_in_memory_but_not_for_long() {
        let runs = tempfile::tempdir().unwrap();
        let mut recorder = recorder(runs.path());
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
