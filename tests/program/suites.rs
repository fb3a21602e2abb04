//! Suites: their files, their runs with the real program, their tables.

use crate::tiny;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;
use tricktop::recipe::bundled::SUITES;
use tricktop::recipe::preset;
use tricktop::suite::{self, Suite};

/// A ladder over `tiny.ron` in two rungs, two seeds each.
const LADDER: &str = r#"(
    title: "A tiny ladder",
    source: "nobody",
    base: (name: "plain", preset: "tiny.ron", paper: (75.0, 92.0)),
    cells: [
        (name: "+ smoothing & 5 %", recipe: (tricks: (smoothing: (on: true))), paper: (74.5, 92.1)),
        (name: "+ rate", recipe: (schedule: (base_lr: 0.05))),
    ],
    seeds: 2,
)"#;

/// A directory with `tiny.ron` and `ladder.ron`.
pub struct Desk(pub tempfile::TempDir);

impl Desk {
    pub fn new() -> Desk {
        let dir = tempfile::tempdir().unwrap();
        // Short epochs, so that a run is killed and resumed soon.
        let tiny = tiny::with(&[
            ("train_images: 200", "train_images: 100"),
            ("log_every: 1", "log_every: 2, checkpoint_steps: 2"),
        ]);
        fs::write(dir.path().join("tiny.ron"), tiny).unwrap();
        fs::write(dir.path().join("ladder.ron"), LADDER).unwrap();
        Desk(dir)
    }

    pub fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tricktop"));
        command.args(words.split_whitespace()).current_dir(self.0.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn output(&self, words: &str) -> Output {
        self.command(words).output().unwrap()
    }

    /// What a command prints that ends well.
    pub fn prints(&self, words: &str) -> String {
        let Output { status, stdout, stderr } = self.output(words);
        assert!(status.success(), "{words}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }

    /// The table of a suite without what the clock says.
    pub fn table(&self, words: &str) -> Json {
        let mut table: Json = serde_json::from_str(&self.prints(&format!("table {words} --format json"))).unwrap();
        for row in table["rows"].as_array_mut().unwrap() {
            row["img_s"].take();
            row["epoch_seconds"].take();
        }
        table
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// The suite with these fields beside its title and base.
    pub fn load(&self, fields: &str) -> Result<Suite, String> {
        let path =
            self.write("made.ron", &format!(r#"(title: "made", base: (name: "b", preset: "tiny.ron"), {fields})"#));
        suite::load(&path).map_err(|mistakes| {
            let all: Vec<_> = mistakes.list().iter().map(ToString::to_string).collect();
            all.join("\n").replace(&path.display().to_string(), "made.ron")
        })
    }
}

/// The names of the rows, each with the knobs that it changes.
pub fn rows(suite: &Suite) -> Vec<(String, Vec<String>)> {
    let changes =
        |cell: &suite::Cell| cell.changes.iter().map(|(knob, value)| format!("{}={value}", knob.path)).collect();
    suite.cells.iter().map(|cell| (cell.name.clone(), changes(cell))).collect()
}

const THREE: &str = r#"cells: [
    (name: "x", recipe: (schedule: (base_lr: 0.2))),
    (name: "y", recipe: (train: (epochs: 4))),
    (name: "z", recipe: (schedule: (base_lr: 0.3))),
]"#;

fn named(rows: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
    rows.iter().map(|(name, changes)| (name.to_string(), changes.iter().map(ToString::to_string).collect())).collect()
}

#[test]
fn designs_make_their_rows() {
    let desk = Desk::new();
    let made = |design: &str| desk.load(&format!("design: {design}, {THREE}")).unwrap();
    let (x, y, z) = ("schedule.base_lr=0.2", "train.epochs=4", "schedule.base_lr=0.3");
    let ladder = made("Ladder");
    assert_eq!(rows(&ladder), named(&[("b", &[]), ("x", &[x]), ("y", &[x, y]), ("z", &[y, z])]));
    assert_eq!(ladder.cells.iter().map(|cell| cell.over).collect::<Vec<_>>(), [0, 0, 1, 2]);
    let alone = made("Alone");
    assert_eq!(rows(&alone), named(&[("b", &[]), ("x", &[x]), ("y", &[y]), ("z", &[z])]));
    assert_eq!(alone.cells.iter().map(|cell| cell.over).collect::<Vec<_>>(), [0; 4]);
}

#[test]
fn two_rows_of_one_recipe_are_a_mistake() {
    let desk = Desk::new();
    let mistakes = desk.load(&format!("design: LeaveOneOut, {THREE}")).unwrap_err();
    assert_eq!(mistakes, "made.ron: `b` and `without x` are the same recipe");
    let mistakes = desk.load(r#"cells: [(name: "twin", recipe: (name: "other"))]"#).unwrap_err();
    assert_eq!(mistakes, "made.ron: `b` and `twin` are the same recipe");
}

#[test]
fn leave_one_out_and_every_choice() {
    let desk = Desk::new();
    let cells =
        r#"cells: [(name: "x", recipe: (schedule: (base_lr: 0.2))), (name: "y", recipe: (train: (epochs: 4)))]"#;
    let (x, y) = ("schedule.base_lr=0.2", "train.epochs=4");
    let without = desk.load(&format!("design: LeaveOneOut, {cells}")).unwrap();
    assert_eq!(rows(&without), named(&[("b", &[x, y]), ("without x", &[y]), ("without y", &[x])]));
    let full = desk.load(&format!("design: Full, {cells}")).unwrap();
    assert_eq!(rows(&full), named(&[("b", &[]), ("x", &[x]), ("y", &[y]), ("x, y", &[x, y])]));
    assert!(full.cells.iter().all(|cell| (cell.over, cell.base) == (0, 0)));
}

#[test]
fn ladders_begin_anew_and_rows_are_compared_with_others() {
    let desk = Desk::new();
    let suite = desk.load(
        r#"cells: [
            (name: "x", recipe: (schedule: (base_lr: 0.2))),
            (name: "second", base: true, preset: "quick", recipe: (train: (epochs: 3))),
            (name: "y", recipe: (train: (batch: 32))),
            (name: "z", over: "second", recipe: (train: (batch: 16))),
        ]"#,
    );
    let suite = suite.unwrap();
    let over: Vec<_> = suite.cells.iter().map(|cell| (cell.over, cell.base)).collect();
    assert_eq!(over, [(0, 0), (0, 0), (2, 2), (2, 2), (2, 2)]);
    assert_eq!(suite.cells[3].recipe.net.depth, 20);
    assert_eq!(suite.cells[1].recipe.net.depth, 8);
    assert_eq!(
        suite.cells[3].recipe.schedule.base_lr,
        preset::load(Path::new("quick")).unwrap().recipe.schedule.base_lr
    );
}

#[test]
fn mistakes_are_told_with_their_places() {
    let desk = Desk::new();
    let cases = [
        (
            r#"cells: [(name: "x", recipe: (schedule: (decai: Cosine, base_lr: -1.0)))]"#,
            "made.ron:1:96: unknown field `decai` in schedule; did you mean `decay`?\n\
             made.ron:1:120: schedule.base_lr is -1.0; it must be a number in (0, 100]",
        ),
        (
            r#"cells: [(name: "x", over: "q", recipe: (train: (epochs: 4)))]"#,
            "made.ron: `x` is to be compared with `q`, which is no row",
        ),
        (r#"cells: [(name: "x", recipe: (extends: "tiny.ron"))]"#, "made.ron:1:85: a cell holds knobs, not `extends`"),
        (r#"cells: [(name: "x", recipe: 3)]"#, "made.ron:1:84: recipe is 3; it must be knobs in parentheses"),
        (r#"cells: [], seeds: 0"#, "made.ron: seeds is 0; it must be from 1 to 1000"),
        (
            r#"cells: [], sead: 1"#,
            "made.ron:1:71: not a suite: Unexpected field named `sead` in `suite`, expected one of `title`, `source`, \
             `base`, `design`, `cells`, `axes`, `halving`, `seeds`, or `budget` instead",
        ),
        (
            r#"design: Full, cells: [(name: "x", over: "b", recipe: (train: (epochs: 4)))]"#,
            "made.ron: `x` has `base` or `over`: they are for the designs Ladder and Alone",
        ),
    ];
    let told: Vec<_> = cases.iter().map(|(fields, _)| desk.load(fields).err().unwrap_or_default()).collect();
    let wanted: Vec<_> = cases.iter().map(|(_, message)| message.to_string()).collect();
    assert_eq!(told, wanted);
    let many: String = (0..10).map(|i| format!("(name: \"c{i}\"),")).collect();
    assert_eq!(desk.load(&format!("design: Full, cells: [{many}]")).unwrap_err(), "made.ron: has more than 512 rows");
}

#[test]
fn presets_and_suites_are_told_apart() {
    let desk = Desk::new();
    let refused = desk.output("--batch ladder.ron");
    assert_eq!(refused.status.code(), Some(2));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(
        told.starts_with("ladder.ron:1:1: is a suite of runs, not a preset: tricktop suite ladder.ron\n"),
        "{told}"
    );
    let refused = desk.output("suite tiny.ron");
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8(refused.stderr).unwrap().starts_with("tiny.ron:2:9: not a suite: "));
    assert_eq!(preset::list(desk.0.path()), ["tiny"]);
}

#[test]
fn every_bundled_suite_loads_and_its_commands_make_its_runs() {
    let mut names = BTreeSet::new();
    for bundled in SUITES {
        let suite = suite::load(Path::new(bundled.name)).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert_eq!(fs::read_to_string(bundled.path).unwrap(), bundled.text);
        assert!(bundled.summary().ends_with('.'), "{}", bundled.summary());
        let runs = suite.runs(None).unwrap();
        assert_eq!(runs.len() as u64, suite.cells.len() as u64 * suite.seeds);
        for run in &runs {
            let sets: Vec<_> = run.changes.iter().map(|(knob, value)| format!("{}={value}", knob.path)).collect();
            let made =
                preset::load_with(&suite.cells[run.cell].preset, &sets).unwrap_or_else(|mistakes| panic!("{mistakes}"));
            assert_eq!(made.recipe, run.recipe, "{}", bundled.name);
            assert!(names.insert((bundled.name, run.recipe.name.clone())), "{} twice", run.recipe.name);
        }
        // (figures of the paper never stand without their source)
        assert!(suite.cells.iter().all(|cell| cell.paper.is_none()) || suite.source.contains("from memory"));
    }
}

#[test]
fn a_suite_is_trained_once_and_its_table_is_in_every_format() {
    let desk = Desk::new();
    let text = desk.prints("suite ladder.ron");
    assert!(text.starts_with("A tiny ladder, 2 epochs\n"), "{text}");
    assert!(text.contains("paper: nobody, on ImageNet."), "{text}");
    let table = desk.table("ladder.ron");
    assert_eq!(table["missing"], 0);
    let row = &table["rows"][1];
    assert_eq!((row["cell"].as_str(), row["runs"].as_u64()), (Some("+ smoothing & 5 %"), Some(2)));
    assert_eq!(row["paper_gain"], -0.5);
    // The gain over the row above is the mean of the differences, seed by seed.
    let last = |cell: usize, slug: &str, seed: u64| {
        let lines = fs::read_to_string(desk.0.path().join(format!("runs/ladder/0{cell}-{slug}-s{seed}/metrics.jsonl")))
            .unwrap();
        let lines = lines.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
        100.0 * lines.rev().find(|line| line["event"] == "epoch_end").unwrap()["val_top1"].as_f64().unwrap()
    };
    let [a, b] = [0, 1].map(|seed| last(1, "smoothing-5", seed) - last(0, "plain", seed));
    assert!((row["above"]["mean"].as_f64().unwrap() - (a + b) / 2.0).abs() < 1e-9, "{row}");
    assert_eq!(table["rows"][2]["base"]["n"], 2);

    let [markdown, csv, latex] =
        ["markdown", "csv", "latex"].map(|f| desk.prints(&format!("table ladder.ron --format {f}")));
    assert_eq!(markdown.lines().filter(|line| line.starts_with("| ")).count(), 5);
    let fields: BTreeSet<_> = csv.lines().map(|line| line.split(',').count()).collect();
    assert_eq!((csv.lines().count(), fields.len()), (4, 1), "{csv}");
    assert!(latex.contains("+ smoothing \\& 5 \\% & 2 & ") && latex.contains("\\bottomrule"), "{latex}");

    // Nothing is done twice; the list has every run as done.
    let before = listing(&desk);
    desk.prints("suite ladder.ron");
    assert_eq!(listing(&desk), before);
    assert_eq!(desk.prints("suite ladder.ron --list").lines().filter(|line| line.starts_with("# done: ")).count(), 6);
    // A third seed adds its runs.
    desk.prints("suite ladder.ron --seeds 3");
    assert_eq!(listing(&desk).len(), 9);
}

/// The runs of the ladder with the sizes of their logs. (A program killed before it wrote a recipe has begun no run; its
/// empty directory stays.)
fn listing(desk: &Desk) -> Vec<(PathBuf, u64)> {
    let runs = fs::read_dir(desk.0.path().join("runs/ladder")).unwrap().map(|entry| entry.unwrap().path());
    let mut runs: Vec<_> = runs.filter(|path| path.join("recipe.ron").is_file()).collect();
    runs.sort();
    runs.into_iter().map(|path| (path.clone(), fs::metadata(path.join("log.jsonl")).unwrap().len())).collect()
}

#[test]
fn runs_made_anywhere_are_collected() {
    let desk = Desk::new();
    let wanted = {
        desk.prints("suite ladder.ron --jobs 2");
        desk.table("ladder.ron")
    };
    let elsewhere = Desk::new();
    for line in elsewhere.prints("suite ladder.ron --list --runs elsewhere").lines() {
        let line = line.replacen("tricktop", env!("CARGO_BIN_EXE_tricktop"), 1);
        let shell = Command::new("sh").arg("-c").arg(&line).current_dir(elsewhere.0.path()).output().unwrap();
        assert!(shell.status.success(), "{line}: {}", String::from_utf8_lossy(&shell.stderr));
    }
    assert_eq!(elsewhere.table("ladder.ron")["missing"], 6);
    assert_eq!(elsewhere.table("ladder.ron --collect elsewhere"), wanted);
    // It is remembered, and nothing is trained again.
    assert_eq!(elsewhere.table("ladder.ron"), wanted);
    elsewhere.prints("suite ladder.ron");
    assert!(!elsewhere.0.path().join("runs/ladder/00-plain-s0").exists());
    // An edited run is none of the suite's.
    let journal = elsewhere.0.path().join("elsewhere/00-plain-s1/journal.jsonl");
    let edit = r#"{"event":"edit","step":3,"edit":0,"changes":[{"knob":"schedule.base_lr","from":0.1,"to":0.3}]}"#;
    fs::write(journal, format!("{edit}\n")).unwrap();
    let table = elsewhere.table("ladder.ron");
    assert_eq!((&table["missing"], &table["rows"][0]["runs"]), (&Json::from(1), &Json::from(1)));
}

/// A run that learnt other classes is of another question; one that was killed is no result. Both are named.
#[test]
fn runs_of_other_classes_and_killed_ones_are_named_and_left_out() {
    let desk = Desk::new();
    desk.prints("suite ladder.ron");
    let log = |run: &str, change: &dyn Fn(Json) -> Option<Json>| {
        let path = desk.0.path().join(format!("runs/ladder/{run}/log.jsonl"));
        let lines = fs::read_to_string(&path).unwrap();
        let lines = lines.lines().filter_map(|line| change(serde_json::from_str(line).unwrap()));
        fs::write(&path, lines.map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    };
    log("00-plain-s1", &|mut line| {
        if line["event"] == "ready" {
            line["classes"][8] = "satchel".into();
        }
        Some(line)
    });
    log("01-smoothing-5-s0", &|line| Some(line).filter(|line| line["event"] != "run_end"));
    fs::remove_dir_all(desk.0.path().join("runs/ladder/01-smoothing-5-s0/checkpoints")).unwrap();
    let Output { stdout, stderr, .. } = desk.output("table ladder.ron");
    let (table, told) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert!(
        told.contains(
            "runs/ladder/00-plain-s1: left out: its classes are not those of the other runs: it has \"satchel\" and \
             lacks \"bag\""
        ),
        "{told}"
    );
    assert!(told.contains("+ smoothing & 5 %, seed 0: killed; `tricktop suite` goes on with it"), "{told}");
    assert!(table.contains("2 runs are not done yet, 1 killed."), "{table}");
    let table = desk.table("ladder.ron");
    let runs: Vec<_> = table["rows"].as_array().unwrap().iter().map(|row| row["runs"].as_u64().unwrap()).collect();
    assert_eq!((runs, &table["missing"], &table["killed"]), (vec![1, 1, 2], &2.into(), &1.into()));
}

#[test]
fn killed_twenty_times_a_suite_ends_with_the_same_table() {
    let whole = Desk::new();
    whole.prints("suite ladder.ron");
    let desk = Desk::new();
    let mut killed = 0;
    for i in 0..20 {
        let mut child = desk.command("suite ladder.ron --jobs 2").spawn().unwrap();
        // (from before the first step to well into a run)
        sleep(Duration::from_millis(60 + 37 * (i % 7)));
        killed += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(killed > 0);
    desk.prints("suite ladder.ron --jobs 2");
    assert_eq!(desk.table("ladder.ron"), whole.table("ladder.ron"));
    assert_eq!(listing(&desk).len(), 6, "a run that was begun is taken up, not made again");
}

#[test]
fn minutes_become_epochs_once() {
    let desk = Desk::new();
    desk.write("ladder.ron", &LADDER.replace("seeds: 2", "seeds: 1, budget: Minutes(0.02)"));
    let text = desk.prints("suite ladder.ron");
    let epochs = desk.table("ladder.ron")["epochs"].as_u64().unwrap();
    assert!(epochs >= 1 && text.starts_with(&format!("A tiny ladder, {epochs} epochs\n")), "{text}");
    let remembered: Json =
        serde_json::from_str(&fs::read_to_string(desk.0.path().join("runs/ladder/suite.json")).unwrap()).unwrap();
    assert_eq!(remembered["epochs"], epochs);
}
