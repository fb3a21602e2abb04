//! `tricktop --batch` with the real trainer, on a net and a set small enough to take seconds.

use crate::tiny::TINY;
use serde_json::Value as Json;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A directory with the preset `tiny.ron`, which runs leave their directories in.
struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Desk {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("tiny.ron"), TINY).unwrap();
        Desk { dir }
    }

    fn batch(&self, args: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tricktop"));
        command.args(["--batch", "tiny.ron"]).args(args).current_dir(self.dir.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The lines of a whole batch that ends well.
    fn done(&self, args: &[&str]) -> Vec<Json> {
        let output = self.batch(args).wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        json(&String::from_utf8(output.stdout).unwrap())
    }

    fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(path)
    }

    fn lines(&self, path: impl AsRef<Path>) -> Vec<Json> {
        json(&fs::read_to_string(self.path(path)).unwrap())
    }
}

fn json(text: &str) -> Vec<Json> {
    text.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{l}: {e}"))).collect()
}

fn of(lines: &[Json], event: &str) -> Vec<Json> {
    lines.iter().filter(|l| l["event"] == event).cloned().collect()
}

#[test]
fn a_run_is_printed_and_recorded_alike() {
    let desk = Desk::new();
    let lines = desk.done(&["--json", "--set", "train.seed=7", "--set", "train.log_every=3"]);
    assert_eq!(lines[0]["event"], "run_start");
    assert_eq!(lines[0]["recipe"]["train.seed"], 7);
    let end = lines.last().unwrap();
    assert_eq!((end["event"].as_str(), end["state"].as_str()), (Some("run_end"), Some("done")));
    assert_eq!(end["dir"], "runs/tiny");

    let steps = of(&lines, "step");
    assert_eq!(steps.iter().map(|l| l["step"].as_u64().unwrap()).collect::<Vec<_>>(), [3, 6, 9, 12, 15, 18]);
    let epochs = of(&lines, "epoch_end");
    assert_eq!(epochs.len(), 2);
    for field in ["val_top1", "val_top5"] {
        assert!((0.0..=1.0).contains(&epochs[1][field].as_f64().unwrap()), "{}", epochs[1]);
    }
    let best = epochs.iter().map(|l| l["val_top1"].as_f64().unwrap()).fold(0.0, f64::max);
    assert_eq!(end["best_top1"].as_f64(), Some(best));
    let first = epochs.iter().find(|l| l["val_top1"].as_f64() == Some(best)).unwrap();
    assert_eq!(end["best_epoch"], first["epoch"]);
    // (each checkpoint has the figure of its own state)
    for line in of(&lines, "checkpoint") {
        let ended = epochs.iter().find(|l| l["step"] == line["step"]).unwrap();
        assert_eq!(line["top1"], ended["val_top1"], "{line}");
    }
    let checkpoints = of(&lines, "checkpoint");
    for best in [true, false] {
        // (only the newest of a kind is kept)
        let last = checkpoints.iter().rfind(|l| l["best"] == best).unwrap();
        let file = fs::metadata(desk.path(last["path"].as_str().unwrap())).unwrap();
        assert_eq!(Some(file.len()), last["bytes"].as_u64(), "{last}");
    }

    let metrics = desk.lines("runs/tiny/metrics.jsonl");
    let timeless = |lines: Vec<Json>| -> Vec<Json> {
        let without = |mut line: Json| {
            line.as_object_mut().unwrap().remove("img_s").unwrap();
            line.as_object_mut().unwrap().remove("data_wait");
            line
        };
        lines.into_iter().map(without).collect()
    };
    assert_eq!((of(&metrics, "step"), of(&metrics, "epoch_end")), (timeless(steps), timeless(epochs)));
    let images: u64 =
        of(&metrics, "confusion")[1]["counts"].as_array().unwrap().iter().map(|entry| entry[2].as_u64().unwrap()).sum();
    assert_eq!(images, 200);
    let recipe = tricktop::recipe::preset::load(&desk.path("runs/tiny/recipe.ron")).unwrap().recipe;
    assert_eq!((recipe.train.seed, recipe.train.batch, recipe.name.as_str()), (7, 20, "tiny"));
}

/// With channels and batches that fill no vector and no block, and all that draws random numbers.
#[test]
fn the_same_recipe_gives_the_same_bits_with_any_number_of_threads() {
    let desk = Desk::new();
    let odd =
        ["net.width=1.25", "train.batch=33", "train.epochs=1", "tricks.mixup.on=true", "tricks.smoothing.on=true"];
    let sets: Vec<&str> = odd.iter().flat_map(|set| ["--set", set]).collect();
    let numbers = |args: &[&str]| -> [Vec<Vec<Json>>; 2] {
        let lines = desk.done(&[&sets, args].concat());
        let run = PathBuf::from(lines[0]["dir"].as_str().unwrap());
        let values = |lines: Vec<Json>, names: &[&str]| -> Vec<Vec<Json>> {
            lines.into_iter().map(|line| names.iter().map(|name| line[name].clone()).collect()).collect()
        };
        let metrics = desk.lines(run.join("metrics.jsonl"));
        let chain = desk.lines(run.join("chain.jsonl"));
        assert!(!chain.is_empty());
        let metrics = values(metrics, &["step", "loss", "lr", "train_loss", "val_loss"]);
        [metrics, values(chain, &["weights", "statistics", "velocity"])]
    };
    let one = numbers(&["--json", "--threads", "1"]);
    for threads in ["2", "3", "4"] {
        assert!(numbers(&["--json", "--threads", threads]) == one, "{threads} threads differ from one");
    }
    assert!(numbers(&["--json", "--set", "train.seed=1"]) != one);
}

#[test]
fn people_get_plain_lines_when_there_is_no_terminal() {
    let output = Desk::new().batch(&[]).wait_with_output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    for part in ["run tiny: recorded in runs/tiny\n", "step      3  epoch ", "epoch    2 ends", "done: best top-1 "] {
        assert!(out.contains(part), "{part:?} is missing:\n{out}");
    }
    assert!(!out.contains('\x1b') && output.stderr.is_empty(), "{out}");
}

#[test]
fn a_loss_that_is_not_finite_ends_the_run_as_failed() {
    let desk = Desk::new();
    // (every step makes the weights a hundred times as large)
    let grow = ["schedule.base_lr=100", "optim.weight_decay=1", "schedule.warmup.on=false", "train.epochs=20"];
    let sets: Vec<&str> = grow.iter().flat_map(|set| ["--set", set]).collect();
    let output = desk.batch(&[&["--json"], &sets[..]].concat()).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let lines = json(&String::from_utf8(output.stdout).unwrap());
    let (alarm, end) = (of(&lines, "alarm").pop().unwrap(), lines.last().unwrap());
    assert_eq!((end["state"].as_str(), &end["error"]), (Some("failed"), &alarm["message"]));
    let message = alarm["message"].as_str().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap().matches(message).count(), 1);
}

#[test]
#[cfg(unix)]
fn a_signal_saves_a_checkpoint_and_stops() {
    let desk = Desk::new();
    let mut child = desk.batch(&["tiny.ron", "--json", "--set", "train.epochs=10000"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|l| l.contains("\"step\"")).unwrap();
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let rest = json(&lines.collect::<Vec<_>>().join("\n"));
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let saved = of(&rest, "checkpoint").last().unwrap()["path"].as_str().unwrap().to_string();
    assert!(desk.path(saved).is_file());
    assert_eq!(rest.last().unwrap()["state"], "stopped");
    assert!(!desk.path("runs/tiny-2").exists(), "the second run was started");
}

#[test]
fn a_terminal_that_goes_away_does_not_stop_training() {
    let desk = Desk::new();
    let mut child = desk.batch(&["--json", "--set", "train.epochs=3"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|l| l.contains("\"step\"")).unwrap();
    assert!(Command::new("kill").args(["-HUP", &child.id().to_string()]).status().unwrap().success());
    let rest = json(&lines.collect::<Vec<_>>().join("\n"));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(rest.last().unwrap()["state"], "done");
}

#[test]
fn a_reader_who_goes_away_is_no_failure_and_stops_no_training() {
    let desk = Desk::new();
    let mut knobs = Command::new(env!("CARGO_BIN_EXE_tricktop"));
    for mut child in [knobs.arg("knobs").stdout(Stdio::piped()).spawn().unwrap(), desk.batch(&["--json"])] {
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    assert_eq!(desk.lines("runs/tiny/log.jsonl").last().unwrap()["state"], "done");
}
