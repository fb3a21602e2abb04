//! `tricktop report`: pages of real runs and of a suite, read back.

use crate::tiny::TINY;
use serde_json::Value as Json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const SUITE: &str = "(
    title: \"Tiny & <tidy>\",
    source: \"a table of somebody\",
    base: (name: \"base\", preset: \"tiny.ron\", paper: (77.1, 93.5)),
    cells: [
        (name: \"+ <smoothing>\", recipe: (tricks: (smoothing: (on: true))), paper: (77.9, 93.8)),
        (name: \"- nesterov\", recipe: (optim: (nesterov: false))),
    ],
    seeds: 2,
    budget: Epochs(1),
)";

/// A directory with presets, which runs leave their directories in.
struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Desk {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("tiny.ron"), TINY).unwrap();
        fs::write(dir.path().join("suite.ron"), SUITE).unwrap();
        Desk { dir }
    }

    fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.dir.path().join(path)
    }

    fn tricktop(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_tricktop")).args(args).current_dir(self.dir.path()).output().unwrap()
    }

    fn done(&self, args: &[&str]) -> String {
        let output = self.tricktop(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Why a command failed.
    fn fails(&self, args: &[&str]) -> String {
        let output = self.tricktop(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// The page of these, checked.
    fn report(&self, args: &[&str]) -> Page {
        let page = self.done(&[&["report"], args, &["-o", "-"]].concat());
        Page::checked(page)
    }

    fn metrics(&self, run: &str) -> Vec<Json> {
        let text = fs::read_to_string(self.path(run).join("metrics.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

struct Page(String);

impl Page {
    /// Holds that every element is closed where it must be, and that nothing points outside.
    fn checked(page: String) -> Page {
        let mut open: Vec<&str> = Vec::new();
        let mut rest = page.as_str();
        while let Some((_, tag)) = rest.split_once('<') {
            let (tag, after) = tag.split_once('>').expect("a tag that does not end");
            rest = after;
            let name = tag.split([' ', '\n']).next().unwrap();
            match name.strip_prefix('/') {
                Some(name) => {
                    assert_eq!(open.pop(), Some(name), "before {}", after.chars().take(90).collect::<String>())
                }
                None if ["!DOCTYPE", "meta", "link", "img", "br"].contains(&name) => {}
                None => open.push(name),
            }
            // (values lie between quotes: before each stands its name)
            let pieces: Vec<&str> = tag.split('"').collect();
            assert_eq!(pieces.len() % 2, 1, "{tag}");
            for pair in pieces.chunks_exact(2) {
                let name = pair[0].split(' ').next_back().unwrap();
                assert!(!name.starts_with("on"), "{tag}");
                let outside = !pair[1].starts_with("data:") && !pair[1].starts_with('#');
                assert!(!(["src=", "href=", "xlink:href=", "srcset="].contains(&name) && outside), "{tag}");
            }
        }
        assert_eq!(open, Vec::<&str>::new());
        for word in ["<script", "url(", "@import", "http:", "https:", "<iframe", "<object"] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(page.contains("default-src 'none'"));
        Page(page)
    }

    fn has(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.0.contains(part), "{part:?} is missing:\n{}", self.text());
        }
    }

    fn lacks(&self, parts: &[&str]) {
        for part in parts {
            assert!(!self.0.contains(part), "{part:?} is there");
        }
    }

    /// Without style and pictures, for messages.
    fn text(&self) -> String {
        let body = self.0.split("</style>").last().unwrap();
        body.split("base64,").map(|part| part.chars().take(3000).collect::<String>()).collect()
    }
}

#[test]
fn the_page_of_an_edited_run_holds_what_was_recorded() {
    let desk = Desk::new();
    let edited = TINY.replacen('(', "(name: \"it's <b>\", edits: [(after: 4, schedule: (base_lr: 0.05))],", 1);
    fs::write(desk.path("edited.ron"), edited).unwrap();
    desk.done(&["--batch", "edited.ron"]);
    let said = desk.done(&["report", "it's <b>", "-o", "page.html"]);
    let page = Page::checked(fs::read_to_string(desk.path("page.html")).unwrap());
    assert!(said.starts_with("page.html  ") && said.ends_with(" kB\n"), "{said}");
    assert!(page.0.len() < 600_000, "{}", page.0.len());

    let metrics = desk.metrics("runs/it's <b>");
    for line in metrics.iter().filter(|line| line["event"] == "epoch_end") {
        let of = |field: &str| line[field].as_f64().unwrap();
        for field in ["val_top1", "val_top5"] {
            page.has(&[&format!("<td>{:.2} %</td>", 100.0 * of(field))]);
        }
        for field in ["train_loss", "val_loss"] {
            page.has(&[&format!("<td>{:.4}</td>", of(field))]);
        }
    }
    let last = metrics.iter().rfind(|line| line["event"] == "confusion").unwrap();
    for entry in last["counts"].as_array().unwrap() {
        page.has(&[&format!(": {}, ", entry[2])]);
    }
    page.has(&[
        "<h1>it's &lt;b&gt;</h1>",
        // The edit: in the list, and as a mark with its number in all three charts.
        "<code>schedule.base_lr</code> 0.1 → <b>0.05</b>",
        "tricktop replay 'runs/it'\\''s &lt;b&gt;'",
        "--batch edited.ron",
        "net.width",
        "cpu ",
        env!("CARGO_PKG_VERSION"),
        "Mistaken with the greatest confidence",
        "Recognised",
        "Predictions of the best weights, epoch ",
        "for 200 test images, of which they recognise ",
        "Weights of the last evaluation, epoch 2, step 20.",
        "label ↓ predicted →",
    ]);
    page.lacks(&["<b></h1>", ">NaN"]);
    assert_eq!(page.0.matches("class=\"mark\" d=\"M").count(), 3 + 3, "in the charts and their legends");
    let images = page.0.matches("data:image/png;base64,").count();
    assert!((24 + 1..=24 + 12).contains(&images), "{images}");
    assert_eq!(page.0.matches("<svg class=\"axes\"").count(), 3);

    // (what the page says of the images is what eval says)
    let eval: Json = serde_json::from_str(&desk.done(&["eval", "it's <b>", "--json"])).unwrap();
    page.has(&[&format!("of which they recognise {:.2} %", 100.0 * eval["top1"].as_f64().unwrap())]);
    let mut ends = metrics.iter().filter(|line| line["event"] == "epoch_end");
    let best = ends.rfind(|line| line["best"] == true).unwrap();
    let (epoch, step) = (&best["epoch"], &best["step"]);
    page.has(&[
        &format!("Predictions of the best weights, epoch {epoch}, step {step} ("),
        &format!("{:.2} % (epoch {epoch})", 100.0 * best["val_top1"].as_f64().unwrap()),
    ]);
}

#[test]
fn runs_stand_side_by_side_with_what_differs() {
    let desk = Desk::new();
    desk.done(&["--batch", "tiny.ron", "--set", "train.epochs=1"]);
    desk.done(&["--batch", "tiny.ron", "--set", "train.epochs=1", "--set", "optim.momentum=0.8"]);
    fs::remove_file(desk.path("runs/tiny-2/best.safetensors")).unwrap();
    fs::remove_dir_all(desk.path("runs/tiny-2/checkpoints")).unwrap();
    let page = desk.report(&["tiny", "runs/tiny-2"]);
    page.has(&[
        "<h1>2 runs</h1>",
        "href=\"#run-2\"",
        "id=\"run-2\"",
        "<th scope=\"row\"><code>optim.momentum</code></th><td>0.9 </td><td>0.8 </td>",
        "There are none to show: runs/tiny-2 has no weights yet, or no longer",
    ]);
    let difference = page.0.split("<h3>Differences</h3>").nth(1).unwrap().split("</section>").next().unwrap();
    assert_eq!(difference.matches("<tr>").count(), 2, "{difference}");
    // Four charts in common, three for each run.
    assert_eq!(page.0.matches("<svg class=\"axes\"").count(), 4 + 3 + 3);
}

#[test]
fn runs_that_were_edited_otherwise_differ_in_that() {
    let desk = Desk::new();
    let edited = TINY.replacen('(', "(name: \"edited\", edits: [(after: 4, schedule: (base_lr: 0.05))],", 1);
    fs::write(desk.path("edited.ron"), edited).unwrap();
    desk.done(&["--batch", "tiny.ron", "edited.ron"]);
    let page = desk.report(&["tiny", "edited"]);
    let difference = page.0.split("<h3>Differences</h3>").nth(1).unwrap().split("</section>").next().unwrap();
    let row = "<th scope=\"row\"><code>schedule.base_lr</code></th><td>0.1 </td><td>0.1 → 0.05 @ step 4 </td>";
    assert!(difference.contains(row) && difference.matches("<tr>").count() == 2, "{difference}");
}

#[test]
fn a_run_that_has_come_to_nothing_has_a_page() {
    let desk = Desk::new();
    desk.done(&["--batch", "tiny.ron", "--set", "train.epochs=1"]);
    let run = desk.path("runs/tiny");
    for file in ["metrics.jsonl", "log.jsonl", "journal.jsonl", "chain.jsonl", "best.safetensors"] {
        fs::remove_file(run.join(file)).unwrap();
    }
    fs::remove_dir_all(run.join("checkpoints")).unwrap();
    let page = desk.report(&["tiny"]);
    page.has(&["nothing was recorded", "nothing was evaluated yet", "none has ended yet", "has no weights"]);
}

#[test]
fn many_and_hostile_classes_are_listed_and_escaped() {
    let desk = Desk::new();
    desk.done(&["--batch", "tiny.ron", "--set", "train.epochs=1"]);
    let run = desk.path("runs/tiny");
    let classes: Vec<String> = (0..1000).map(|i| format!("\"><img src=x onerror=alert({i})>")).collect();
    let log = fs::read_to_string(run.join("log.jsonl")).unwrap();
    let rename = |line: &str| {
        let mut line: Json = serde_json::from_str(line).unwrap();
        if line["event"] == "ready" {
            line["classes"] = classes.clone().into();
        }
        line.to_string() + "\n"
    };
    fs::write(run.join("log.jsonl"), log.lines().map(rename).collect::<String>()).unwrap();
    let counts: Vec<[u32; 3]> = (0..1000)
        .flat_map(|i| [[i, i, 40], [i, (i + 1) % 1000, 1 + i % 7]])
        .map(|mut entry| {
            entry[2] += u32::from(entry[0] == 77 && entry[1] == 78) * 500;
            entry
        })
        .collect();
    let matrix = serde_json::json!({ "event": "confusion", "step": 10, "classes": 1000, "counts": counts });
    let mut metrics = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    metrics += &format!("{matrix}\n");
    fs::write(run.join("metrics.jsonl"), metrics).unwrap();
    let page = desk.report(&["tiny"]);
    page.has(&[
        "&quot;&gt;&lt;img src=x onerror=alert(77)&gt;",
        "The 30 least accurate of 1\u{202f}000 classes",
        "The 30 most frequent of 1\u{202f}000 confusions",
        "<td>501</td>",
    ]);
    page.lacks(&["<img src=x", "table class=\"matrix"]);
    assert!(page.0.len() < 600_000);
}

#[test]
fn the_page_of_a_suite_has_its_table_gains_curves_and_commands() {
    let desk = Desk::new();
    desk.done(&["suite", "suite.ron"]);
    let page = desk.report(&["suite.ron"]);
    let table = desk.done(&["table", "suite.ron", "--format", "csv"]);
    for row in table.lines().skip(1) {
        let top1: f64 = row.rsplit("\",").next().unwrap().split(',').nth(1).unwrap().parse().unwrap();
        page.has(&[&format!("<td>{top1:.2} ±")]);
    }
    page.has(&[
        "<h1>Tiny &amp; &lt;tidy&gt;, 1 epochs</h1>",
        "3 rows, 6 of 6 runs done",
        "77.90 / 93.80",
        "paper: a table of somebody, on ImageNet.",
        "<circle class=\"paper\"",
        "+ &lt;smoothing&gt;",
        "<code>tricks.smoothing.on</code> false → <b>true</b>",
        "tricktop replay runs/suite/00-base-s0",
        "--set train.seed=1",
    ]);
    assert_eq!(page.0.matches("class=\"again\"").count(), 6);
    assert_eq!(page.0.matches("<svg class=\"axes\"").count(), 4);
    assert!(page.0.len() < 200_000, "{}", page.0.len());

    // (runs that are elsewhere, and more seeds than there are)
    let more = desk.report(&["suite.ron", "--seeds", "3", "--runs", "none", "--collect", "runs/suite"]);
    more.has(&["6 of 9 runs done", "3 runs are not done yet.", "not there yet"]);
}

#[test]
fn what_cannot_be_reported_is_said() {
    let desk = Desk::new();
    desk.done(&["--batch", "tiny.ron", "--set", "train.epochs=1"]);
    for (args, why) in [
        (&["report", "nowhere"][..], "there is no run nowhere, here or in runs/"),
        (&["report", "quick"], "there is no run quick"),
        (&["report", "runs"], "runs is no run directory: it has no recipe.ron"),
        (&["report", "tiny", "suite.ron"], "suite.ron is no run directory; a report is of runs, or of one suite alone"),
        (&["report", "tiny", "--seeds", "2"], "--seeds, --runs and --collect are for the report of a suite"),
        (&["report", "tiny", "-o", "no/where.html"], "no/where.html cannot be written: no is no directory"),
        (&["report", "tiny", "-o", "runs"], "runs cannot be written"),
    ] {
        let error = desk.fails(args);
        assert!(error.contains(why), "{args:?}: {error}");
    }
    let wrong = desk.tricktop(&["report", "tiny.ron"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("tiny.ron:"), "{}", String::from_utf8_lossy(&wrong.stderr));
}
