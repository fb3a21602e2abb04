//! Runs on disk, for the tests that stop, kill and repeat them.

// Each test program uses a part of it.
#![allow(dead_code)]

pub use crate::tiny::knob;
use crate::tiny::{self, TINY};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value as Json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tricktop::recipe::{Recipe, Value};
use tricktop::runs::Session;
use tricktop::train::{Event, Summary};

/// Longest time between two events, on a machine that does other work.
const PATIENCE: Duration = Duration::from_secs(400);

/// The recipe of `tiny.ron` in three epochs, with changes.
pub fn small(changes: &[(&str, Value)]) -> Recipe {
    tiny::recipe([("train.epochs", Value::Int(3))].iter().chain(changes))
}

/// The default recipe with these changes, later ones on top.
pub fn recipe<'a>(changes: impl IntoIterator<Item = &'a (&'a str, Value)>) -> Recipe {
    let all = changes.into_iter().map(|(path, value)| (knob(path), value.clone()));
    Recipe::default().with(all).unwrap()
}

/// A directory with the preset `tiny.ron` and runs.
pub struct Desk {
    dir: tempfile::TempDir,
    runs: PathBuf,
}

impl Desk {
    pub fn new() -> Desk {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("tiny.ron"), TINY).unwrap();
        let runs = dir.path().join("runs");
        Desk { dir, runs }
    }

    /// The directory of runs.
    pub fn path(&self) -> &Path {
        &self.runs
    }

    pub fn batch(&self, sets: &[&str]) -> Child {
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        self.run(["--batch", "tiny.ron"].into_iter().chain(sets).collect())
    }

    pub fn resume(&self, run: &str) -> Child {
        self.run(vec!["resume", run, "--batch"])
    }

    pub fn run(&self, args: Vec<&str>) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tricktop"));
        command.args(args).current_dir(self.dir.path()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// What a command prints that ends well.
    pub fn says(&self, args: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tricktop"));
        let output = command.args(args).current_dir(self.dir.path()).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// A run that has ended.
pub struct Played {
    pub dir: PathBuf,
    pub end: Summary,
    pub alarms: Vec<String>,
}

/// Waits for the end of a run.
pub fn play(session: Session) -> Played {
    let Session { dir, events, worker, commands, .. } = session;
    let mut alarms = Vec::new();
    let end = loop {
        match events.recv_timeout(PATIENCE).unwrap_or_else(|e| panic!("{e}; alarms: {alarms:?}")) {
            Event::Alarm { message, .. } => alarms.push(message),
            Event::Ended(summary) => break *summary,
            _ => {}
        }
    };
    drop((commands, worker));
    Played { dir, end, alarms }
}

/// Waits for an event.
pub fn wait_for(session: Session, mut wanted: impl FnMut(&Event) -> bool) -> Session {
    while !wanted(&session.events.recv_timeout(PATIENCE).unwrap()) {}
    session
}

/// The lines of a log.
pub fn lines(dir: &Path, file: &str) -> Vec<Json> {
    let text = fs::read_to_string(dir.join(file)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{file}: {line}: {e}"))).collect()
}

/// The checkpoints of a run by step.
pub fn checkpoints(dir: &Path) -> Vec<(u64, PathBuf)> {
    tricktop::train::steps(dir)
}

/// Two runs ended the same: last checkpoint, best weights, metrics and journal to the byte, the chain at common steps.
pub fn assert_same(a: &Path, b: &Path) {
    let last = |dir: &Path| checkpoints(dir).pop().unwrap();
    let (step, file) = last(a);
    assert_eq!(last(b).0, step, "the last checkpoint");
    let names = ["best.safetensors", "metrics.jsonl", "journal.jsonl"].map(PathBuf::from);
    let inside = Path::new("checkpoints").join(file.file_name().unwrap());
    for name in names.iter().chain([&inside]) {
        same_file(a, b, name);
    }
    same_course(a, b);
}

/// A file of two runs is the same.
pub fn same_file(a: &Path, b: &Path, name: &Path) {
    let (a, b) = (fs::read(a.join(name)).unwrap(), fs::read(b.join(name)).unwrap());
    let line = a.split(|c| *c == b'\n').zip(b.split(|c| *c == b'\n')).find(|(a, b)| a != b);
    let line = line.map(|(a, b)| [a, b].map(|line| String::from_utf8_lossy(&line[..line.len().min(300)]).into_owned()));
    assert!(a == b, "{} differs: {line:#?}", name.display());
}

/// Two runs took the same course: the metrics to the byte, the states at common steps. What waits in a checkpoint may
/// differ: edits that a person is still to make, and that a record knows already.
pub fn same_course(a: &Path, b: &Path) {
    same_file(a, b, Path::new("metrics.jsonl"));
    assert_eq!(checkpoints(a).last().unwrap().0, checkpoints(b).last().unwrap().0, "the last checkpoint");
    let states = |dir: &Path| -> Vec<(u64, Json)> {
        let link = |mut l: Json| {
            l.as_object_mut().unwrap().remove("link");
            (l["step"].as_u64().unwrap(), l)
        };
        lines(dir, "chain.jsonl").into_iter().map(link).collect()
    };
    let (a, b) = (states(a), states(b));
    let common: Vec<_> =
        a.iter().filter_map(|(step, s)| Some((step, s, &b.iter().find(|(t, _)| t == step)?.1))).collect();
    assert_eq!(common.last().map(|(step, ..)| **step), a.last().map(|(step, _)| *step), "{a:?} {b:?}");
    for (step, a, b) in common {
        assert_eq!(a, b, "the state after step {step}");
    }
}

/// Random numbers that are the same every time.
pub struct Draws(ChaCha8Rng);

impl Draws {
    pub fn new(seed: u64) -> Draws {
        Draws(ChaCha8Rng::seed_from_u64(seed))
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0.gen_range(0..end)
    }
}
