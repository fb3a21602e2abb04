//! Signals in the first moments of the program and while several runs are at work.

#![cfg(unix)]
use crate::TINY;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

fn start(dir: &Path, words: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tricktop"));
    command.args(words.split_whitespace()).current_dir(dir);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

/// Waits for the end; the status and what was said.
fn ends(mut child: Child) -> (ExitStatus, String) {
    let status = child.wait().unwrap();
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    (status, said)
}

/// A named pipe in the place of a preset: who reads it waits until somebody writes.
fn pipe(dir: &Path, name: &str) -> std::path::PathBuf {
    let path = dir.join(name);
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

/// Waits until the program has caught a signal; Linux tells.
#[cfg(target_os = "linux")]
fn caught(child: &Child, number: u32) {
    let since = Instant::now();
    loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim().to_string();
        if u64::from_str_radix(&mask, 16).unwrap() >> (number - 1) & 1 == 1 {
            return;
        }
        assert!(since.elapsed() < Duration::from_secs(60), "signal {number} is not caught");
        sleep(Duration::from_millis(1));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_signal_that_comes_before_the_preset_is_read_is_heeded() {
    // (SIGTERM has number 15, SIGUSR1 10, SIGHUP 1)
    for (name, number) in [("-TERM", 15), ("-USR1", 10), ("-HUP", 1), ("-INT", 2)] {
        let dir = tempfile::tempdir().unwrap();
        let preset = pipe(dir.path(), "tiny.ron");
        let child = start(dir.path(), "--batch tiny.ron --set train.epochs=1");
        caught(&child, number);
        signal(&child, name);
        if matches!(name, "-TERM" | "-INT") {
            let (status, said) = ends(child);
            assert_eq!((status.code(), said.as_str()), (Some(130), ""), "{name}");
            assert!(!dir.path().join("runs").exists());
            continue;
        }
        fs::write(&preset, TINY).unwrap();
        let (status, said) = ends(child);
        assert_eq!(status.code(), Some(0), "{name}: {said}");
        let log = fs::read_to_string(dir.path().join("runs/tiny/log.jsonl")).unwrap();
        assert!(log.contains("\"state\":\"done\""), "{name}: {log}");
        // (the checkpoint that was asked for stands before the first step)
        assert_eq!(log.contains("{\"event\":\"checkpoint\",\"step\":0,"), name == "-USR1", "{log}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn every_command_that_trains_catches_signals_and_no_other_does() {
    let dir = tempfile::tempdir().unwrap();
    pipe(dir.path(), "suite.ron");
    fs::create_dir(dir.path().join("run")).unwrap();
    fs::write(dir.path().join("run/recipe.ron"), TINY).unwrap();
    pipe(dir.path(), "run/journal.jsonl");
    for words in ["suite suite.ron --plain", "replay run"] {
        let child = start(dir.path(), words);
        caught(&child, 15);
        signal(&child, "-USR1");
        signal(&child, "-HUP");
        signal(&child, "-TERM");
        assert_eq!(ends(child).0.code(), Some(130), "{words}");
    }
    for (name, number) in [("-TERM", 15), ("-HUP", 1), ("-USR1", 10)] {
        let child = start(dir.path(), "inspect run");
        caught(&child, number);
        sleep(Duration::from_millis(300));
        signal(&child, name);
        assert_eq!(ends(child).0.signal(), Some(number as i32), "{name} does to it what it does to any program");
    }
}

#[test]
fn sigusr1_saves_every_run_of_a_suite() {
    let dir = tempfile::tempdir().unwrap();
    let suite = format!(
        "(title: \"two\", base: (name: \"a\", recipe: {TINY}), cells: [(name: \"b\", recipe: (schedule: (base_lr: 0.01)))], \
         seeds: 1)"
    );
    let suite = suite.replace("epochs: 2", "epochs: 10000, checkpoint_epochs: 10000, keep_best: 0");
    fs::write(dir.path().join("two.ron"), suite).unwrap();
    let mut child = start(dir.path(), "suite two.ron --jobs 2 --threads 2 --plain");
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let at_work = [said.by_ref().find(|line| line.starts_with("a, ")), said.find(|line| line.starts_with("b, "))];
    assert!(at_work.iter().all(Option::is_some), "{at_work:?}");
    // (so that it can go on talking)
    std::thread::spawn(move || said.for_each(drop));
    let saved = |run: &Path| {
        let log = fs::read_to_string(run.join("log.jsonl")).unwrap();
        log.matches("{\"event\":\"checkpoint\"").count()
    };
    let runs: Vec<_> = fs::read_dir(dir.path().join("runs/two")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let runs: Vec<_> = runs.into_iter().filter(|path| path.join("log.jsonl").exists()).collect();
    assert_eq!(runs.len(), 2);
    let before: Vec<usize> = runs.iter().map(|run| saved(run)).collect();
    signal(&child, "-USR1");
    let since = Instant::now();
    while runs.iter().zip(&before).any(|(run, before)| saved(run) == *before) {
        assert!(since.elapsed() < Duration::from_secs(60), "not every run has saved");
        sleep(Duration::from_millis(20));
    }
    signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
