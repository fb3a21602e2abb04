//! Signals in the first moments of the program and while several runs are at work.

#![cfg(unix)]
use crate::tiny::TINY;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

fn start(dir: &Path, words: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tricktop"));
    command.args(words.split_whitespace()).current_dir(dir).env("TRICKTOP_CONFIG", dir.join("config"));
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

/// A desk with a preset, a suite and a run, whose configuration is a named pipe: who reads it waits until somebody writes,
/// and that is before a run is begun.
#[cfg(target_os = "linux")]
fn waiting() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("tiny.ron"), TINY).unwrap();
    let suite = "(title: \"one\", base: (name: \"only\", preset: \"tiny.ron\"), cells: [], seeds: 1)";
    fs::write(dir.path().join("one.ron"), suite).unwrap();
    assert!(start(dir.path(), "--batch tiny.ron --set train.epochs=1").wait().unwrap().success());
    fs::create_dir(dir.path().join("config")).unwrap();
    let pipe = dir.path().join("config/config.ron");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    (dir, pipe)
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
fn a_signal_that_comes_before_a_run_is_heeded() {
    // (SIGTERM has number 15, SIGINT 2, SIGUSR1 10, SIGHUP 1)
    for words in
        ["--batch tiny.ron", "suite one.ron --plain", "replay tiny", "resume tiny --batch --set train.epochs=2"]
    {
        for (name, number) in [("-TERM", 15), ("-INT", 2)] {
            let (dir, _pipe) = waiting();
            let child = start(dir.path(), words);
            caught(&child, number);
            signal(&child, name);
            let (status, said) = ends(child);
            assert_eq!((status.code(), said.as_str()), (Some(130), ""), "{words} {name}");
            assert!(!dir.path().join("runs/tiny-2").exists());
        }
        for (name, number) in [("-USR1", 10), ("-HUP", 1)] {
            let (dir, pipe) = waiting();
            let child = start(dir.path(), words);
            caught(&child, number);
            signal(&child, name);
            fs::write(&pipe, "()").unwrap();
            let (status, said) = ends(child);
            assert_eq!(status.code(), Some(0), "{words} {name}: {said}");
            // (the checkpoint that was asked for stands before the first step)
            let log = |run: &str| fs::read_to_string(dir.path().join("runs").join(run).join("log.jsonl"));
            if words.starts_with("--batch") {
                let begins = "{\"event\":\"checkpoint\",\"step\":0,";
                assert_eq!(log("tiny-2").unwrap().contains(begins), name == "-USR1");
            }
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn to_a_command_that_trains_nothing_signals_do_what_they_do_to_any_program() {
    for (name, number) in [("-TERM", 15), ("-HUP", 1), ("-USR1", 10)] {
        let (dir, _pipe) = waiting();
        let child = start(dir.path(), "config");
        caught(&child, number);
        signal(&child, name);
        let status = ends(child).0;
        // (in its very first moments it does not know yet what it is asked for)
        assert!(status.signal() == Some(number as i32) || status.code() == Some(130), "{name}: {status:?}");
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
