use super::*;
use crate::recipe::Recipe;
use crate::runs::fake::{self, Stage, epoch};
use crate::runs::{Running, Sink, start_with};
use crate::train::{AlarmKind, Options, RolledBack};
use serde_json::Value as Json;
use std::io;
use std::path::Path;

type Script = Box<dyn FnOnce(Stage) + Send>;

/// Runs one preset a script, and returns the outcome, what was printed, and the directory of runs.
fn batch(format: Format, scripts: Vec<Script>) -> (Outcome, String, tempfile::TempDir) {
    let mut out = Vec::new();
    let (outcome, runs) = batch_to(&mut out, format, &AtomicBool::new(false), scripts);
    (outcome, String::from_utf8(out).unwrap(), runs)
}

fn batch_to(
    out: impl Write,
    format: Format,
    interrupt: &AtomicBool,
    scripts: Vec<Script>,
) -> (Outcome, tempfile::TempDir) {
    let runs = tempfile::tempdir().unwrap();
    let off = AtomicBool::new(false);
    let batch = Batch { format, interrupt, again: &off, save: &off };
    let start = |script| {
        let dir = runs.path();
        move || start_with(Recipe::default(), Options::default(), dir, fake::play(script))
    };
    let outcome = batch.run(scripts.into_iter().map(start), out);
    (outcome, runs)
}

fn whole(mut stage: Stage) {
    stage.started();
    stage.steps(1..=20);
    stage.send(epoch(1, 0.75));
    stage.ended(State::Done);
}

fn failing(mut stage: Stage) {
    stage.started();
    stage.ended(State::Failed);
}

/// Pauses by itself, as after a loss that is not finite, then waits for the order to stop.
fn stuck(mut stage: Stage) {
    stage.started();
    stage.steps(1..=3);
    stage.send(Event::Alarm { step: 3, kind: AlarmKind::NonFinite, message: "the loss is NaN".into() });
    stage.send(Event::State(State::Paused));
    assert_eq!(stage.commands.recv().unwrap(), Command::Stop { save: false });
    stage.ended(State::Stopped);
}

/// Rolls back and pauses by itself, twice.
fn astray(mut stage: Stage) {
    stage.started();
    for order in [Command::Resume, Command::Stop { save: false }] {
        stage.steps(1..=3);
        let (best_top1, best_epoch, recipe) = (None, None, stage.recipe.clone());
        let back = RolledBack { step: 2, epoch: 0.5, from: 3, edits: vec![1], best_top1, best_epoch, recipe };
        stage.send(Event::RolledBack(Box::new(back)));
        stage.send(Event::Alarm { step: 2, kind: AlarmKind::Spike, message: "a spike".into() });
        stage.send(Event::State(State::Paused));
        assert_eq!(stage.commands.recv().unwrap(), order);
    }
    stage.ended(State::Stopped);
}

#[test]
fn a_rollback_by_an_alarm_is_gone_on_from_once() {
    let (outcome, out, _runs) = batch(Format::Json, vec![Box::new(astray)]);
    assert_eq!(outcome, Outcome::Failed);
    let end = json(&out).pop().unwrap();
    assert_eq!((end["state"].as_str(), end["error"].as_str()), (Some("failed"), Some("a spike")));
}

fn json(text: &str) -> Vec<Json> {
    text.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{l}: {e}"))).collect()
}

fn fields(line: &Json) -> Vec<&str> {
    line.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn every_line_of_json_is_an_event() {
    let (outcome, out, _runs) = batch(Format::Json, vec![Box::new(whole), Box::new(whole)]);
    assert_eq!(outcome, Outcome::Done);
    let lines = json(&out);
    let events: Vec<_> = lines.iter().map(|l| l["event"].as_str().unwrap()).collect();
    let one = ["run_start", "ready", "step", "step", "epoch_end", "run_end"];
    assert_eq!(events, [one, one].concat());
    assert_eq!(fields(&lines[2]), ["data_wait", "epoch", "event", "img_s", "loss", "lr", "step"]);
    for field in ["epoch", "step", "train_loss", "val_loss", "val_top1", "val_top5", "img_s"] {
        assert!(lines[4][field].is_number(), "{field} is missing: {}", lines[4]);
    }
    assert_eq!((lines[0]["run"].as_str(), lines[6]["run"].as_str()), (Some("run"), Some("run-2")));
    assert_eq!(lines[5]["state"], "done");
    assert_eq!((&lines[5]["best_top1"], &lines[5]["best_epoch"]), (&0.75.into(), &1.into()));
    assert_eq!(lines[5]["seconds"], 1.5);
    assert!(lines[11]["dir"].as_str().unwrap().ends_with("run-2"));
}

#[test]
fn people_read_lines() {
    let (_, out, _runs) = batch(Format::Plain, vec![Box::new(whole)]);
    for part in [
        "recorded in",
        "resnet20-D, 0.27 M",
        "step     10  epoch",
        "top-1 75.00 %",
        "done: best top-1 75.00 % (epoch 1) in",
    ] {
        assert!(out.contains(part), "{part:?} is missing:\n{out}");
    }
    assert!(!out.contains("top-5"), "of two classes top-5 tells nothing:\n{out}");
    let (_, out, _runs) = batch(Format::Terminal, vec![Box::new(whole)]);
    assert!(!out.contains("loss 0.09") && out.contains("train loss"), "steps belong to the bar:\n{out}");
}

#[test]
fn a_failed_run_does_not_keep_the_next_from_running() {
    let (outcome, out, _runs) = batch(Format::Json, vec![Box::new(failing), Box::new(whole)]);
    assert_eq!(outcome, Outcome::Failed);
    let ends: Vec<_> = json(&out).into_iter().filter(|l| l["event"] == "run_end").collect();
    assert_eq!((ends[0]["state"].as_str(), ends[0]["error"].as_str()), (Some("failed"), Some("out of memory")));
    assert_eq!(ends[1]["state"], "done");
}

#[test]
fn a_pause_that_nobody_asked_for_is_a_failure() {
    let (outcome, out, _runs) = batch(Format::Json, vec![Box::new(stuck)]);
    assert_eq!(outcome, Outcome::Failed);
    let lines = json(&out);
    let end = lines.last().unwrap();
    assert_eq!((end["state"].as_str(), end["error"].as_str()), (Some("failed"), Some("the loss is NaN")));
}

#[test]
fn a_run_that_cannot_begin_fails_and_prints_no_data() {
    let mut out = Vec::new();
    let off = &AtomicBool::new(false);
    let batch = Batch { format: Format::Json, interrupt: off, again: off, save: off };
    let unused = |_: Recipe, _: Options, _: Sink| -> Running { panic!("the trainer was started") };
    let start = || start_with(Recipe::default(), Options::default(), Path::new("/dev/null/runs"), unused);
    let outcome = batch.run([start], &mut out);
    assert_eq!((outcome, out.len()), (Outcome::Failed, 0));
}

/// Sets a flag as soon as a line of the run is there, as a signal would.
struct Signal<'a>(&'a AtomicBool);

impl Write for Signal<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.store(true, Ordering::Relaxed);
        Ok(text.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_interrupt_saves_and_starts_no_other_run() {
    let interrupt = AtomicBool::new(false);
    let waits = |mut stage: Stage| {
        stage.started();
        assert_eq!(stage.commands.recv().unwrap(), Command::Stop { save: true });
        stage.ended(State::Stopped);
    };
    let never = |_: Stage| panic!("the second run was started");
    let scripts: Vec<Script> = vec![Box::new(waits), Box::new(never)];
    let (outcome, runs) = batch_to(Signal(&interrupt), Format::Plain, &interrupt, scripts);
    assert_eq!(outcome, Outcome::Interrupted);
    assert!(!runs.path().join("run-2").exists());
}

/// Takes `lines` lines, then fails.
struct Limited {
    lines: usize,
    error: io::ErrorKind,
}

impl Write for Limited {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if self.lines == 0 {
            return Err(self.error.into());
        }
        self.lines -= 1;
        Ok(text.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn training_goes_on_when_nobody_reads() {
    let cases = [(io::ErrorKind::BrokenPipe, Outcome::Done), (io::ErrorKind::StorageFull, Outcome::Failed)];
    for (error, expected) in cases {
        let (outcome, runs) = batch_to(
            Limited { lines: 1, error },
            Format::Json,
            &AtomicBool::new(false),
            vec![Box::new(whole), Box::new(whole)],
        );
        assert_eq!(outcome, expected, "{error:?}");
        let journal = std::fs::read_to_string(runs.path().join("run-2/log.jsonl")).unwrap();
        assert!(journal.contains("run_end"), "{error:?}: the second run was not done");
    }
}
