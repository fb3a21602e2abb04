//! The directory of one run: a name of its own, the recipe as started, and the lock.

use super::RunError;
use crate::recipe::Recipe;
use crate::train::write_whole;
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use sysinfo::System;

/// What the trainer does and the machine says: starts, checkpoints, speed, alarms, ends.
pub(super) const LOG: &str = "log.jsonl";
/// Every edit, as it took effect.
pub(super) const JOURNAL: &str = "journal.jsonl";
/// Steps at each log interval, evaluations.
pub(super) const METRICS: &str = "metrics.jsonl";
/// A link for every checkpoint.
pub(super) const CHAIN: &str = "chain.jsonl";
/// What the metrics and the chain had of steps that were rolled back.
pub(super) const ROLLED_BACK: &str = "rolled-back.jsonl";
/// The recipe as started.
pub const RECIPE: &str = "recipe.ron";
/// Locked while the run lives.
const LOCK: &str = "lock";
/// How often, and after which pause, a lock that is held is tried again.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// A run directory that this process holds.
#[derive(Debug)]
pub(super) struct RunDir {
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// Locked as long as it is open.
    pub(super) lock: File,
}

impl RunDir {
    /// Makes `runs/<name>`, or `<name>-2`, `<name>-3`, … when taken, writes `recipe.ron` and takes the lock.
    pub(super) fn create(recipe: &Recipe, runs: &Path) -> Result<RunDir, RunError> {
        fs::create_dir_all(runs).map_err(RunError::create(runs))?;
        let (name, path) = claim(&recipe.name, runs)?;
        let lock = lock(&path.join(LOCK))?;
        sign(&lock);
        let file = path.join(RECIPE);
        write_whole(&file, recipe.to_ron().as_bytes()).map_err(RunError::write(&file))?;
        Ok(RunDir { name, path, lock })
    }

    /// Takes the lock of a run that is there.
    pub(super) fn open(path: &Path) -> Result<RunDir, RunError> {
        if !path.join(RECIPE).is_file() {
            return Err(RunError::NoRun { path: path.to_path_buf() });
        }
        let lock = lock(&path.join(LOCK))?;
        Ok(RunDir { name: name(path), path: path.to_path_buf(), lock })
    }

    /// Says that the run is taken up now.
    pub(super) fn touch(&self) -> Result<(), RunError> {
        sign(&self.lock);
        self.lock.set_modified(SystemTime::now()).map_err(RunError::write(&self.path.join(LOCK)))
    }

    /// Opens a log of the run, which goes on at its end.
    pub(super) fn log(&self, file: &str) -> Result<(PathBuf, File), RunError> {
        let path = self.path.join(file);
        let file = OpenOptions::new().append(true).create(true).open(&path).map_err(RunError::create(&path))?;
        Ok((path, file))
    }
}

/// The name of the run in `path`, also where that is `.` or a link.
pub(super) fn name(path: &Path) -> String {
    let whole = fs::canonicalize(path).ok();
    whole.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned())).unwrap_or_default()
}

/// The first free name. `create_dir` fails when the directory exists, so two programs never share one.
pub(super) fn claim(stem: &str, runs: &Path) -> Result<(String, PathBuf), RunError> {
    let (mut name, mut n) = (stem.to_string(), 1_u64);
    loop {
        let path = runs.join(&name);
        match fs::create_dir(&path) {
            Ok(()) => return Ok((name, path)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                n += 1;
                name = format!("{stem}-{n}");
            }
            Err(e) => return Err(RunError::create(&path)(e)),
        }
    }
}

/// A process that holds a lock: it may be one of another machine.
struct Holder {
    host: String,
    process: u32,
    /// Its task of Slurm.
    job: Option<String>,
}

impl Holder {
    fn own() -> Holder {
        let of = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let task = || Some(format!("{}_{}", of("SLURM_ARRAY_JOB_ID")?, of("SLURM_ARRAY_TASK_ID")?));
        let host = System::host_name().unwrap_or_else(|| "this host".into());
        Holder { host, process: std::process::id(), job: task().or_else(|| of("SLURM_JOB_ID")) }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Holder { host, process, job } = self;
        write!(f, "process {process} on {host}")?;
        job.as_ref().map_or(Ok(()), |job| write!(f, " (Slurm job {job})"))
    }
}

/// Whether a process is at work on the run in `dir`.
pub fn at_work(dir: &Path) -> bool {
    File::open(dir.join(LOCK)).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// The run below `runs` that was begun or taken up last among those at which a process is at work.
pub fn newest_at_work(runs: &Path) -> Option<PathBuf> {
    let begun = |dir: &PathBuf| fs::metadata(dir.join(LOCK)).and_then(|lock| lock.modified()).ok();
    let dirs = fs::read_dir(runs).ok()?.flatten().map(|entry| entry.path()).filter(|dir| at_work(dir));
    dirs.max_by_key(begun)
}

/// Writes into a lock who holds it. Who finds it held reads that; that it cannot be written is no reason not to hold it.
pub(crate) fn sign(mut lock: &File) {
    let _ = lock.set_len(0).and_then(|()| lock.write_all(Holder::own().to_string().as_bytes()));
}

/// Takes a lock, which is held until the file is closed.
pub(crate) fn lock(path: &Path) -> Result<File, RunError> {
    // Its modification time says when the run was last started: a start that is refused must not touch it.
    let open = File::options().write(true).create(true).truncate(false).open(path);
    let file = open.map_err(RunError::create(path))?;
    let mut tries = TRIES;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // A process that is just being started holds the locks of its parent for a moment.
            Err(TryLockError::WouldBlock) if tries > 0 => std::thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => {
                let by = fs::read_to_string(path).unwrap_or_default();
                return Err(RunError::Locked { path: path.to_path_buf(), by: by.trim().into() });
            }
            Err(TryLockError::Error(cause)) => return Err(RunError::NoLocks { path: path.to_path_buf(), cause }),
        }
        tries -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_counted_up() {
        let runs = tempfile::tempdir().unwrap();
        let recipe = Recipe::default();
        let names: Vec<_> = (0..3).map(|_| RunDir::create(&recipe, runs.path()).unwrap().name).collect();
        assert_eq!(names, ["run", "run-2", "run-3"]);
    }

    #[test]
    fn a_file_in_the_way_counts_as_taken() {
        let runs = tempfile::tempdir().unwrap();
        fs::write(runs.path().join("run"), "").unwrap();
        assert_eq!(RunDir::create(&Recipe::default(), runs.path()).unwrap().name, "run-2");
    }

    #[test]
    fn runs_started_at_once_never_share_a_directory() {
        let runs = tempfile::tempdir().unwrap();
        let names: HashSet<String> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| RunDir::create(&Recipe::default(), runs.path()).unwrap().name)).collect();
            threads.into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert_eq!(names.len(), 8);
    }

    #[test]
    fn the_lock_is_held_until_the_run_is_dropped() {
        let runs = tempfile::tempdir().unwrap();
        let dir = RunDir::create(&Recipe::default(), runs.path()).unwrap();
        let path = dir.path.join("lock");
        assert!(matches!(lock(&path), Err(RunError::Locked { .. })));
        drop(dir);
        assert!(lock(&path).is_ok());
    }

    #[test]
    fn a_runs_directory_that_cannot_be_made_is_named() {
        let runs = tempfile::tempdir().unwrap();
        let file = runs.path().join("file");
        fs::write(&file, "").unwrap();
        let error = RunDir::create(&Recipe::default(), &file.join("runs")).unwrap_err().to_string();
        assert!(error.contains("file/runs"), "{error}");
    }
}
