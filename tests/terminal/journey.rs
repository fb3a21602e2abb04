//! A whole day of a run in a few seconds: rolled back, forked, steered from elsewhere, its terminal lost, finished.

#![cfg(unix)]
use crate::pty::Terminal;
use crate::run::SMALL;
use portable_pty::CommandBuilder;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

fn call(dir: &Path, args: &[&str]) -> CommandBuilder {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_tricktop"));
    command.args(args);
    command.cwd(dir);
    command
}

fn lines(dir: &Path, file: &str) -> Vec<Value> {
    let text = fs::read_to_string(dir.join("runs").join(file)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn of<'a>(lines: &'a [Value], event: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["event"] == event).collect()
}

#[test]
fn a_run_is_rolled_back_forked_attached_to_detached_from_loses_its_terminal_and_finishes() {
    let dir = tempfile::tempdir().unwrap();
    let mut args = vec!["quick", "--runs", "runs"];
    args.extend(SMALL);
    ["train.epochs=500", "train.log_every=1", "train.seed=5"].iter().for_each(|set| args.extend(["--set", set]));
    let mut first = Terminal::open(call(dir.path(), &args), 120, 36);
    first.wait_for("RUN");

    first.press(":lr 3\r");
    first.wait_for("lr 0.1 → 3");
    first.press("U");
    first.wait_for("rolled back from step");
    first.press(":mixup on\r");
    first.wait_for("mixup off → on");
    first.press("f");
    first.wait_for("Fork?");
    first.press("h");
    first.wait_for("quick-2");
    first.wait_for("new run from the last checkpoint");
    first.wait_for("RUN");

    let mut second = Terminal::open(call(dir.path(), &["attach", "quick-2"]), 80, 24);
    second.wait_for("RUN");
    second.press(":momentum 0.8\r");
    second.wait_for("momentum → 0.8");
    first.wait_for("made by attached screen");
    second.press("qd");
    second.ends();

    let mut run = first.hang_up();
    let mut third = Terminal::open(call(dir.path(), &["attach", "quick-2"]), 100, 30);
    third.wait_for("RUN");
    // The epoch after the one at work is the last.
    let contents = third.contents();
    let at = contents.split("epoch").nth(1).and_then(|rest| rest.split('/').next()).unwrap().trim().to_string();
    third.press(&format!(":epochs {}\r", at.parse::<u64>().unwrap() + 2));
    third.wait_for("DONE");
    third.press("q");
    third.ends();
    assert!(run.wait().unwrap().success(), "the program that trained ends as its run does");

    let parent = lines(dir.path(), "quick/journal.jsonl");
    assert_eq!((of(&parent, "edit").len(), of(&parent, "rollback").len()), (2, 1));
    let child = lines(dir.path(), "quick-2/journal.jsonl");
    let knobs: Vec<_> = child.iter().map(|edit| edit["changes"][0]["knob"].as_str().unwrap()).collect();
    assert_eq!(knobs, ["tricks.mixup.on", "optim.momentum", "train.epochs"]);
    assert_eq!(child[0].get("by"), None, "made on the screen of the run itself");
    assert!(child[1]["by"].as_str().unwrap().contains(" at /dev/"), "{}", child[1]);
    let log = lines(dir.path(), "quick-2/log.jsonl");
    assert_eq!(of(&log, "fork").len(), 1);
    assert_eq!(log.last().unwrap()["state"], "done");

    let mut verify = Command::new(env!("CARGO_BIN_EXE_tricktop"));
    let output = verify.args(["replay", "quick-2", "--verify"]).current_dir(dir.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
