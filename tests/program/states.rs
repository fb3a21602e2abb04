//! One word for the state of a run, wherever one looks.

use crate::tiny;
use serde_json::Value as Json;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// A suite of one run, which is the one of `tiny.ron` with `more`.
fn desk(more: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("tiny.ron"), tiny::with(&[("log_every: 1", &format!("log_every: 1, {more}"))])).unwrap();
    let suite = "(title: \"one\", base: (name: \"only\", preset: \"tiny.ron\"), cells: [], seeds: 1)";
    fs::write(dir.path().join("one.ron"), suite).unwrap();
    fs::create_dir(dir.path().join("config")).unwrap();
    let hook = format!("(hook: \"cat >> '{}'\")", dir.path().join("hooked").display());
    fs::write(dir.path().join("config/config.ron"), hook).unwrap();
    dir
}

fn command(dir: &Path, words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tricktop"));
    command.args(words.split_whitespace()).current_dir(dir).env("TRICKTOP_CONFIG", dir.join("config"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn output(dir: &Path, words: &str) -> Output {
    command(dir, words).output().unwrap()
}

fn prints(dir: &Path, words: &str) -> String {
    let Output { status, stdout, stderr } = output(dir, words);
    assert!(status.success(), "{words}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// State and error of the last line of a kind.
fn last(text: &str, event: &str) -> (String, Option<String>) {
    let lines = text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let line = lines.rev().find(|line| line["event"] == event).unwrap();
    (line["state"].as_str().unwrap().into(), line["error"].as_str().map(String::from))
}

/// What the commands that look at `runs/tiny` say.
fn looked_at(dir: &Path) -> Vec<(&'static str, String, Option<String>)> {
    let of = |text: String| -> (String, Option<String>) {
        let json: Json = serde_json::from_str(&text).unwrap();
        (json["state"].as_str().unwrap().into(), json["error"].as_str().map(String::from))
    };
    let (state, error) = of(prints(dir, "runs --json"));
    let (inspected, why) = of(prints(dir, "inspect runs/tiny --json"));
    vec![("runs", state, error), ("inspect", inspected, why)]
}

#[test]
fn a_run_whose_loss_is_not_finite_is_failed_everywhere_with_its_error() {
    let dir = desk("checkpoint_epochs: 1");
    // (every step makes the weights a hundred times as large)
    let grow =
        "--set schedule.base_lr=100 --set optim.weight_decay=1 --set schedule.warmup.on=false --set train.epochs=20";
    let out = output(dir.path(), &format!("--batch tiny.ron --json {grow}"));
    assert_eq!(out.status.code(), Some(1));
    let (state, error) = last(&String::from_utf8(out.stdout).unwrap(), "run_end");
    let why = error.clone().unwrap();
    assert!(state == "failed" && why.contains("loss is NaN") && !why.contains("paused"), "{state} {why}");
    let wanted = (state.clone(), error.clone());
    assert_eq!(last(&fs::read_to_string(dir.path().join("runs/tiny/log.jsonl")).unwrap(), "run_end"), wanted);
    assert_eq!(last(&fs::read_to_string(dir.path().join("hooked")).unwrap(), "run_end"), wanted);
    for (by, state, error) in looked_at(dir.path()) {
        assert_eq!((state, error), wanted, "{by}");
    }
    prints(dir.path(), "report runs/tiny -o page.html");
    let page = fs::read_to_string(dir.path().join("page.html")).unwrap();
    assert!(page.contains("failed: loss is NaN"));
    assert!(prints(dir.path(), "inspect runs/tiny").contains(&format!("state       failed: {why}")));
}

#[test]
fn a_run_that_was_killed_is_killed_everywhere() {
    let dir = desk("checkpoint_steps: 2");
    let mut child = command(dir.path(), "--batch tiny.ron --json --set train.epochs=10000").spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|l| l.contains("\"checkpoint\"")).unwrap();
    for (by, state, _) in looked_at(dir.path()) {
        assert_eq!(state, "running", "{by}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for (by, state, error) in looked_at(dir.path()) {
        assert_eq!((state.as_str(), error), ("killed", None), "{by}");
    }
    prints(dir.path(), "report runs/tiny -o page.html");
    assert!(fs::read_to_string(dir.path().join("page.html")).unwrap().contains(": killed, "));
    // A suite that takes the run in calls it so, too.
    fs::write(dir.path().join("tiny.ron"), tiny::with(&[("epochs: 2", "epochs: 10000, checkpoint_steps: 2")])).unwrap();
    prints(dir.path(), "report one.ron --collect runs -o suite.html");
    let page = fs::read_to_string(dir.path().join("suite.html")).unwrap();
    assert!(page.contains("</b>, seed 0: killed"), "{page}");
}
