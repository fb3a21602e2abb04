//! Names from elsewhere: nothing in them acts on a terminal, and columns stay columns.

use crate::pictures::{png, put};
use serde_json::Value as Json;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// A class whose name sets the title of a window, clears the screen and begins a new line.
const EVIL: &str = "c\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\nat";
/// As it is shown.
const SHOWN: &str = r"c\u001b]0;owned\u0007\u001b[2J\u009b31m\nat";

fn tricktop(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tricktop")).args(args).current_dir(dir).output().unwrap()
}

/// Whether a character acts on a terminal.
fn acts(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t'
}

/// A folder of two classes with these names, and a broken file of an evil name.
fn set(dir: &Path, classes: [&str; 2]) {
    for (c, class) in classes.into_iter().enumerate() {
        for i in 0..6 {
            let part = if i < 4 { "train" } else { "val" };
            put(dir, &format!("set/{part}/{class}/{i}.png"), &png(40, 40, 1000 * c as u32 + i));
        }
    }
    put(dir, &format!("set/train/{}/x\ny\u{1b}[31m.png", classes[0]), b"");
}

const SMALL: &[&str] = &[
    "--threads=1",
    "--set=net.depth=8",
    "--set=net.width=0.25",
    "--set=data.size=32",
    "--set=train.batch=4",
    "--set=train.epochs=1",
    "--set=schedule.warmup.epochs=0.5",
    "--set=data.path=set",
    "--set=data.broken_share=1",
];

#[test]
fn control_characters_of_names_reach_no_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    set(root, [EVIL, "dog"]);
    let trained = tricktop(root, &[&["--batch", "quick"], SMALL].concat());
    assert!(trained.status.success(), "{}", String::from_utf8_lossy(&trained.stderr));
    fs::write(root.join("runs/quick/notes.json"), r#"{"note":"a\u001b[2Jb\nc","tags":["t\u0007"]}"#).unwrap();
    let evil = format!("set/train/{EVIL}/0.png");
    let commands: [&[&str]; 9] = [
        &["data", "info", "set"],
        &["eval", "runs/quick"],
        &["predict", "runs/quick", "set/train/dog/0.png", &evil],
        &["inspect", "runs/quick"],
        &["runs", "--plain"],
        &["runs", "--json"],
        &["eval", "runs/quick", "--json"],
        &["inspect", "run\u{1b}[2J"],
        &["--batch", "pre\u{1b}[2Jset"],
    ];
    let outputs = commands.map(|args| (args.join(" "), tricktop(root, args)));
    for (command, Output { stdout, stderr, .. }) in outputs.iter().chain([&("--batch".to_string(), trained)]) {
        let text = String::from_utf8([&stdout[..], &stderr[..]].concat()).unwrap();
        assert!(!text.contains(acts), "{command}: {text:?}");
    }
    let printed = |at: usize| String::from_utf8_lossy(&outputs[at].1.stdout).into_owned();
    // What is shown says which name it was, in one line.
    for (command, output) in &outputs[..3] {
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.lines().any(|line| line.contains(SHOWN)), "{command}: {text}");
    }
    assert!(printed(0).contains(r"x\ny\u001b[31m.png"), "{}", printed(0));
    assert!(printed(4).contains(r"#t\u0007 a\u001b[2Jb\nc"), "{}", printed(4));
    // JSON has the names as they are.
    let evaluated: Json = serde_json::from_str(&printed(6)).unwrap();
    assert_eq!(evaluated["classes"][0]["name"], EVIL);
}

/// Columns of a text without combining marks, whose East Asian letters and emoji are two wide.
fn columns(text: &str) -> usize {
    text.chars()
        .map(|c| {
            if ('\u{300}'..'\u{370}').contains(&c) {
                0
            } else if c > '\u{1100}' {
                2
            } else {
                1
            }
        })
        .sum()
}

/// The column at which a word begins in each of the lines that have it.
fn places(text: &str, word: &str) -> Vec<usize> {
    text.lines().filter_map(|line| line.find(word).map(|at| columns(&line[..at]))).collect()
}

#[test]
fn columns_are_counted_as_a_terminal_counts_them() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    set(root, ["猫と犬", "cafe\u{301}"]);
    let trained = tricktop(root, &[&["--batch", "quick", "--json"], SMALL].concat());
    assert!(trained.status.success(), "{}", String::from_utf8_lossy(&trained.stderr));
    fs::rename(root.join("runs/quick"), root.join("runs/走る")).unwrap();
    assert!(tricktop(root, &[&["--batch", "quick", "--json"], SMALL].concat()).status.success());

    let text = |args: &[&str]| String::from_utf8(tricktop(root, args).stdout).unwrap();
    let eval = text(&["eval", "runs/quick"]);
    let rows: Vec<&str> = eval.lines().filter(|line| line.starts_with(['猫', 'c'])).take(3).collect();
    let counts = |row: &&str| {
        let name = row.split_whitespace().next().unwrap();
        let count = row[name.len()..].split_whitespace().next().unwrap();
        columns(&row[..row.find(count).unwrap() + count.len()])
    };
    let ends: Vec<usize> = rows.iter().map(counts).collect();
    assert_eq!(ends, [ends[0]; 3], "the column of images: {eval}");
    let runs = text(&["runs", "--plain"]);
    assert_eq!(places(&runs, "done"), [places(&runs, "state")[0]; 2], "{runs}");

    let suite = "(title: \"t\", base: (name: \"基準 🐈\"), cells: [(name: \"cafe\u{301} au lait\", recipe: (schedule: \
                 (base_lr: 0.01)))], seeds: 1)";
    fs::write(root.join("s.ron"), suite).unwrap();
    let table = text(&["table", "s.ron"]);
    let rows: Vec<usize> = table.lines().skip(2).take(3).map(columns).collect();
    assert_eq!(rows, [rows[0]; 3], "{table}");
}

#[test]
fn names_in_latex_are_set_as_they_stand() {
    let dir = tempfile::tempdir().unwrap();
    let suite = r#"(title: "two\nlines", base: (name: "a_b 50% & #1 {x} $y"), cells: [
        (name: "lr 10^-3 ~ <0.1|", recipe: (schedule: (base_lr: 0.01))),
        (name: "C:\\data", recipe: (schedule: (base_lr: 0.02))),
        (name: "[1]", recipe: (schedule: (base_lr: 0.03))),
    ], seeds: 1)"#;
    fs::write(dir.path().join("s.ron"), suite).unwrap();
    let latex = String::from_utf8(tricktop(dir.path(), &["table", "s.ron", "--format", "latex"]).stdout).unwrap();
    for row in [
        r"a\_b 50\% \& \#1 \{x\} \$y & 0",
        r"lr 10\textasciicircum{}-3 \textasciitilde{} \textless{}0.1\textbar{} & 0",
        r"C:\textbackslash{}data & 0",
        r"{[}1] & 0",
    ] {
        assert!(latex.lines().any(|line| line.starts_with(row)), "{row}\n{latex}");
    }
    assert!(latex.starts_with("% two"), "{latex}");
    let comment_or_table = |line: &str| line.starts_with(['%', '\\']) || line.ends_with("\\\\");
    assert!(latex.lines().all(comment_or_table), "{latex}");
}
