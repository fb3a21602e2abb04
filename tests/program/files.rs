//! Files and paths as people and their editors write them, read by the program.

use crate::pictures::folder;
use serde_json::Value as Json;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// A call in a directory whose home is `home` in it.
fn call(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tricktop"));
    command.args(args).current_dir(dir).env("HOME", dir.join("home")).env("TRICKTOP_CONFIG", dir.join("config"));
    command.output().unwrap()
}

fn done(dir: &Path, args: &[&str]) -> String {
    let output = call(dir, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(dir: &Path, args: &[&str]) -> String {
    let output = call(dir, args);
    assert!(!output.status.success(), "{args:?} was taken");
    String::from_utf8(output.stderr).unwrap()
}

/// A text as an editor saves it with a byte order mark.
fn marked(text: &str) -> Vec<u8> {
    [b"\xef\xbb\xbf", text.replace('\n', "\r\n").as_bytes()].concat()
}

/// A text in two bytes a character.
fn wide(text: &str) -> Vec<u8> {
    "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

#[test]
fn a_byte_order_mark_is_passed_over_in_every_text() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let put = |name: &str, bytes: Vec<u8>| {
        fs::create_dir_all(dir.join(name).parent().unwrap()).unwrap();
        fs::write(dir.join(name), bytes).unwrap();
    };
    let tiny = crate::tiny::TINY;
    put("base.ron", marked(tiny));
    put("tiny.ron", marked("(\n extends: \"base.ron\",\n train: (epochs: 1),\n)\n"));
    done(dir, &["--batch", "tiny.ron"]);

    // what a run has: its recipe, its notes, its logs
    let run = dir.join("runs/tiny");
    for file in ["recipe.ron", "journal.jsonl", "metrics.jsonl", "log.jsonl"] {
        let text = fs::read_to_string(run.join(file)).unwrap();
        fs::write(run.join(file), [b"\xef\xbb\xbf", text.as_bytes()].concat()).unwrap();
    }
    put("runs/tiny/notes.json", marked("{\"note\": \"marked\", \"tags\": [\"bom\"]}"));
    let list = done(dir, &["runs", "bom", "--json"]);
    assert_eq!(serde_json::from_str::<Json>(list.lines().next().unwrap()).unwrap()["note"], "marked", "{list}");
    let table = done(dir, &["export", "runs/tiny", "--csv"]);
    assert!(table.lines().count() > 3, "{table}");

    // a suite, and what it remembers
    put("s.ron", marked("(title: \"t\", base: (name: \"a\", preset: \"tiny.ron\"), cells: [], seeds: 1)"));
    put("runs/s/suite.json", marked("{\"collected\": []}"));
    assert!(done(dir, &["table", "s.ron"]).contains('a'));

    // the configuration and its themes
    put("config/config.ron", marked("(\n theme: \"mine\",\n)\n"));
    put("config/themes/mine.ron", marked("(\n extends: \"light\",\n)\n"));
    assert!(done(dir, &["config"]).contains("theme: \"mine\""));

    // another encoding is told for what it is
    put("wide.ron", wide(tiny));
    let why = refused(dir, &["--batch", "wide.ron"]);
    assert!(why.contains("wide.ron: is UTF-16, not UTF-8; save it as UTF-8"), "{why}");
    put("wide-suite.ron", wide("(title: \"t\")"));
    assert!(refused(dir, &["table", "wide-suite.ron"]).contains("is UTF-16, not UTF-8"));
    put("runs/s/suite.json", wide("{}"));
    assert!(refused(dir, &["table", "s.ron"]).contains("is UTF-16, not UTF-8"));
    put("config/config.ron", wide("()"));
    let why = refused(dir, &["config"]);
    assert!(why.contains("config.ron: is UTF-16, not UTF-8"), "{why}");
}

#[test]
fn the_home_directory_is_resolved_where_a_path_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    folder(&dir.join("home/photos"), 4);
    let preset = |path: &str| {
        let net = "net: (depth: 8, width: 0.25), train: (epochs: 1, batch: 4), data: (size: 32, path:";
        fs::write(dir.join("t.ron"), format!("(extends: \"quick\", {net} \"{path}\"))")).unwrap();
    };
    for path in ["~/photos", "$HOME/photos", "${HOME}/photos"] {
        preset(path);
        done(dir, &["--batch", "t.ron", "--set", "name=r"]);
    }
    // the recipe keeps what was written, so that it is right on another machine
    let recipe = fs::read_to_string(dir.join("runs/r/recipe.ron")).unwrap();
    assert!(recipe.contains("path: \"~/photos\""), "{recipe}");
    done(dir, &["eval", "runs/r", "--data=~/photos"]);

    // weights, a teacher, a preset that is extended, a place for runs
    fs::create_dir_all(dir.join("home/p")).unwrap();
    done(dir, &["export", "runs/r", "--weights=~/w.safetensors"]);
    assert!(dir.join("home/w.safetensors").is_file());
    fs::copy(dir.join("t.ron"), dir.join("home/p/t.ron")).unwrap();
    fs::write(dir.join("u.ron"), "(extends: \"~/p/t.ron\")").unwrap();
    let knobs = ["net.weights=~/w.safetensors", "tricks.distill.teacher=~/w.safetensors", "tricks.distill.on=true"];
    let sets: Vec<&str> = knobs.iter().flat_map(|set| ["--set", set]).collect();
    done(dir, &[&["--batch", "u.ron", "--runs=~/runs"], &sets[..]].concat());
    assert!(dir.join("home/runs/u").is_dir() && !dir.join("~").exists());

    // what is not resolved is told, not sought
    for (path, part) in [("~anna/photos", "~anna"), ("$PHOTOS/x", "$PHOTOS"), ("/x/${USER}/y", "${USER}")] {
        preset(path);
        let why = refused(dir, &["--batch", "t.ron"]);
        assert!(why.contains(&format!("{path}: {part} is not resolved")) && !why.contains("does not exist"), "{why}");
        for knob in ["net.weights", "tricks.distill.teacher"] {
            let set = format!("{knob}={path}");
            let why = refused(dir, &["--batch", "quick", "--set", &set, "--set", "tricks.distill.on=true"]);
            assert!(why.contains(&format!("{path}: {part} is not resolved")), "{why}");
        }
    }
    preset("~/photos");
    let mut homeless = Command::new(env!("CARGO_BIN_EXE_tricktop"));
    let output = homeless.args(["--batch", "t.ron"]).current_dir(dir).env_remove("HOME").output().unwrap();
    let why = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && why.contains("~/photos: ~ is the home directory, and HOME does not"), "{why}");
}

#[test]
fn exported_weights_say_what_a_user_of_pytorch_needs() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    folder(&dir.join("photos"), 4);
    let about = |name: &str, sets: &[&str]| -> Json {
        let data = ["data.path=photos", "data.size=32", "train.epochs=1", "train.batch=4", "schedule.warmup.on=false"];
        let sets: Vec<&str> = data.iter().chain(sets).flat_map(|set| ["--set", *set]).collect();
        let name = format!("name={name}");
        done(dir, &[&["--batch", "quick", "--set", &name], &sets[..]].concat());
        done(dir, &["export", &format!("runs/{}", &name[5..]), "--weights", "w.safetensors"]);
        let bytes = fs::read(dir.join("w.safetensors")).unwrap();
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        serde_json::from_slice::<Json>(&bytes[8..8 + length]).unwrap()["__metadata__"].clone()
    };
    let found = about("small", &["net.depth=8", "net.width=0.25"]);
    let knobs = "net.family=ResNet net.form=Small net.depth=8 net.variant=D net.width=0.25";
    for (key, text) in [
        ("format", "pt"),
        ("knobs", knobs),
        ("num_classes", "3"),
        ("label_names", r#"["ant","bee","cat"]"#),
        ("input_size", "[3,32,32]"),
        ("resize", "36"),
        ("interpolation", "bilinear"),
        ("crop_mode", "center"),
    ] {
        assert_eq!(found[key], text, "{key}");
    }
    assert!(found.get("architecture").is_none(), "timm has no such net: {found}");
    // the paper's means and deviations, of 0 to 1
    for (key, expected) in [("mean", [123.68, 116.779, 103.939]), ("std", [58.393, 57.12, 57.375])] {
        let values: [f64; 3] = serde_json::from_str(found[key].as_str().unwrap()).unwrap();
        assert!(values.iter().zip(expected).all(|(a, b)| (a - b / 255.0).abs() < 1e-6), "{key}: {values:?}");
    }
    let found = about("large", &["net.form=ImageNet", "net.depth=18", "net.variant=D"]);
    assert_eq!((&found["architecture"], &found["model_args"]), (&"resnet18d".into(), &"{}".into()));
}
