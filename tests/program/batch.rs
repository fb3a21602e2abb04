//! `tricktop --batch` with the real trainer, on a net and a set small enough to take seconds.

use crate::TINY;
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

    fn lines(&self, path: &str) -> Vec<Json> {
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
    let lines = desk.done(&["--json", "--set", "train.seed=7"]);
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
    assert_eq!((recipe.train.seed, recipe.train.batch, recipe.name.as_str()), (7, 32, "tiny"));
}

#[test]
fn the_same_recipe_gives_the_same_bits_with_any_number_of_threads() {
    let desk = Desk::new();
    let numbers = |args: &[&str]| -> Vec<[Json; 2]> {
        let lines = desk.done(args);
        let steps = of(&lines, "step").into_iter().map(|l| [l["loss"].clone(), l["lr"].clone()]);
        steps
            .chain(of(&lines, "epoch_end").into_iter().map(|l| [l["train_loss"].clone(), l["val_loss"].clone()]))
            .collect()
    };
    let one = numbers(&["--json", "--threads", "1"]);
    assert_eq!(one, numbers(&["--json", "--threads", "3"]));
    assert_ne!(one, numbers(&["--json", "--set", "train.seed=1"]));
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
fn training_goes_on_when_the_reader_goes_away() {
    let desk = Desk::new();
    let mut child = desk.batch(&["--json"]);
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(desk.lines("runs/tiny/log.jsonl").last().unwrap()["state"], "done");
}
