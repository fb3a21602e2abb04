//! Run directories without a trainer, the same every time.

use serde_json::json;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use tricktop::recipe::Recipe;
use tricktop::recipe::knobs::find;
use tricktop::runs::Notes;
use tricktop::tricks::schedule::lr_after;

/// The time of every test, in seconds since 1970.
pub const NOW: f64 = 1_795_525_500.0;
/// Steps of an epoch.
const STEPS: u64 = 90;

/// A run to make.
pub struct Made<'a> {
    pub name: &'a str,
    pub sets: &'a [(&'a str, &'a str)],
    /// Epochs done.
    pub epochs: u64,
    /// Top-1 after the last.
    pub top1: f64,
    /// How it ended; nothing when it was killed.
    pub state: Option<&'a str>,
    pub parent: Option<&'a str>,
    pub hours_ago: f64,
    pub note: &'a str,
    pub tags: &'a [&'a str],
    /// Further lines of the log, as long runs have.
    pub log_lines: u64,
}

impl Default for Made<'_> {
    fn default() -> Self {
        Made {
            name: "run",
            sets: &[],
            epochs: 15,
            top1: 0.9,
            state: Some("done"),
            parent: None,
            hours_ago: 1.0,
            note: "",
            tags: &[],
            log_lines: 0,
        }
    }
}

/// Makes the directory of a run.
pub fn make(root: &Path, made: &Made) {
    let dir = root.join(made.name);
    fs::create_dir_all(dir.join("checkpoints")).unwrap();
    let sets = made.sets.iter().map(|(path, value)| {
        let knob = find(path).unwrap();
        (knob, knob.kind.parse(value).unwrap())
    });
    let recipe = Recipe::default().with(sets).unwrap();
    fs::write(dir.join("recipe.ron"), recipe.to_ron()).unwrap();
    fs::write(dir.join("lock"), "").unwrap();
    fs::write(dir.join("journal.jsonl"), "").unwrap();

    let mut metrics = String::new();
    for step in (10..=made.epochs * STEPS).step_by(10) {
        let epoch = step as f64 / STEPS as f64;
        let loss = 0.2 + (1.0 - made.top1) + 2.0 * (-epoch / 2.0).exp() + 0.02 * (step % 7) as f64;
        let lr = lr_after(epoch, &recipe);
        writeln!(metrics, "{}", ordered("step", &json!({"epoch": epoch, "step": step, "loss": loss, "lr": lr})))
            .unwrap();
        if step.is_multiple_of(STEPS) {
            let top1 = made.top1 - 0.3 * ((-epoch / 2.0).exp() - (-(made.epochs as f64) / 2.0).exp());
            let end = json!({"epoch": step / STEPS, "step": step, "train_loss": loss, "val_loss": loss - 0.1,
                "val_top1": top1, "val_top5": 0.99, "best": true});
            writeln!(metrics, "{}", ordered("epoch_end", &end)).unwrap();
        }
    }
    fs::write(dir.join("metrics.jsonl"), metrics).unwrap();

    let begun = NOW - 3600.0 * made.hours_ago;
    let mut log = String::new();
    let forked = made.parent.map(|parent| json!({"parent": format!("../{parent}"), "step": STEPS}));
    let start = json!({"run": made.name, "dir": "", "version": "0", "command": ["tricktop"], "recipe": recipe});
    writeln!(log, "{}", forked.map_or_else(|| ordered("run_start", &start), |fork| ordered("fork", &fork))).unwrap();
    for line in 0..=made.log_lines {
        let time = begun + line as f64;
        writeln!(
            log,
            "{}",
            ordered("speed", &json!({"step": 10 + line, "img_s": 1200.0, "data_wait": 0.01, "time": time}))
        )
        .unwrap();
    }
    let last = json!({"step": made.epochs * STEPS, "img_s": 1200.0, "time": begun + 76.0});
    writeln!(log, "{}", ordered("speed", &last)).unwrap();
    if let Some(state) = made.state {
        let error = (state == "failed").then_some("the loss is not finite (NaN) at step 91");
        let end = json!({"state": state, "step": made.epochs * STEPS, "best_top1": made.top1, "best_epoch": made.epochs,
            "seconds": 76.5, "dir": "", "reproduce": "", "error": error});
        writeln!(log, "{}", ordered("run_end", &end)).unwrap();
    }
    fs::write(dir.join("log.jsonl"), log).unwrap();
    if !made.note.is_empty() || !made.tags.is_empty() {
        Notes::change(&dir, |notes| {
            notes.note = made.note.into();
            notes.tags = made.tags.iter().map(|tag| tag.to_string()).collect();
        })
        .unwrap();
    }
}

/// A line of a log: its kind comes first.
fn ordered(event: &str, line: &serde_json::Value) -> String {
    format!("{{\"event\":\"{event}\",{}", &line.to_string()[1..])
}

/// A directory of six runs: done, forked, forked again and failed, killed, and one of a suite.
pub fn runs() -> TempDir {
    // In a place whose name is always as long.
    let root = tempfile::tempdir_in("/tmp").unwrap();
    let lr = [("schedule.base_lr", "0.05")];
    let mixup = [("tricks.mixup.on", "on"), ("train.seed", "1")];
    let deeper = [("net.depth", "32"), ("train.batch", "64"), ("schedule.warmup.on", "off")];
    let again = [("schedule.base_lr", "0.05"), ("optim.momentum", "0.8")];
    for made in [
        Made {
            name: "quick",
            top1: 0.896,
            hours_ago: 70.0,
            note: "the loss jumps at epoch 3",
            tags: &["paper"],
            ..Made::default()
        },
        Made { name: "killed", sets: &deeper, epochs: 7, top1: 0.87, state: None, hours_ago: 30.0, ..Made::default() },
        Made { name: "ladder/00-base", top1: 0.884, hours_ago: 5.0, ..Made::default() },
        Made { name: "mixup", sets: &mixup, top1: 0.9015, hours_ago: 3.0, tags: &["paper"], ..Made::default() },
        Made {
            name: "lower",
            sets: &lr,
            epochs: 9,
            top1: 0.889,
            state: Some("stopped"),
            parent: Some("quick"),
            hours_ago: 0.7,
            ..Made::default()
        },
        Made {
            name: "lower-2",
            sets: &again,
            epochs: 1,
            top1: 0.61,
            state: Some("failed"),
            parent: Some("lower"),
            hours_ago: 0.1,
            ..Made::default()
        },
    ] {
        make(root.path(), &made);
    }
    root
}
