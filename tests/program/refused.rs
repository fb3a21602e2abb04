//! A resume or a fork that is refused leaves nothing behind and changes nothing.

use crate::tiny::TINY;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// Everything below a directory: sizes, times of change and contents.
fn all(dir: &Path) -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        let time = fs::metadata(&entry).unwrap().modified().unwrap();
        if entry.is_dir() {
            found.extend(all(&entry));
            found.insert(entry, (time, Vec::new()));
        } else {
            let content = fs::read(&entry).unwrap();
            found.insert(entry, (time, content));
        }
    }
    found
}

fn tricktop(dir: &Path, words: &str) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_tricktop")).args(words.split_whitespace()).current_dir(dir).output().unwrap()
}

#[test]
fn a_refusal_leaves_nothing_behind_and_changes_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::write(root.join("tiny.ron"), TINY).unwrap();
    fs::write(root.join("bad.ron"), "(nonsense: 1)").unwrap();
    assert!(tricktop(root, "--batch tiny.ron --set train.epochs=1").status.success());
    let before = all(&root.join("runs"));
    let said = |words: &str, config: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tricktop"));
        command.args(words.split_whitespace()).current_dir(root).env("TRICKTOP_CONFIG", root.join("config"));
        if config {
            fs::create_dir_all(root.join("config")).unwrap();
            fs::write(root.join("config/config.ron"), "(nonsense: 1)").unwrap();
        }
        let output = command.output().unwrap();
        assert_ne!(output.status.code(), Some(0), "{words}");
        assert!(all(&root.join("runs")) == before, "{words}: something in runs/ has changed");
        String::from_utf8(output.stderr).unwrap()
    };
    let more = "--batch --set train.epochs=3";
    for verb in ["fork tiny", "resume tiny"] {
        for (set, why) in [
            ("--set no.knob=1", "no.knob"),
            ("--set optim.momentum=7", "optim.momentum"),
            // (it can only be set for a new run)
            ("--set net.depth=14", "net.depth"),
            // (what the trainer would find out on its own thread)
            ("--set device=Cuda(7)", "Cuda(7)"),
            ("--set tricks.distill.on=true --set tricks.distill.teacher=gone", "gone"),
        ] {
            let told = said(&format!("{verb} {more} {set}"), false);
            assert!(told.contains(why), "{verb} {set}: {told}");
        }
        // (its epochs are done)
        assert!(said(&format!("{verb} --batch"), false).contains("epochs are done"));
        // (no terminal, and no --batch)
        assert!(said(&format!("{verb} --set train.epochs=3"), false).contains("--batch"));
    }
    assert!(said(&format!("fork tiny --step 3 {more}"), false).contains("no checkpoint of step 3"));
    // A mistake of the configuration is found before anything is made.
    for words in [format!("fork tiny {more}"), format!("resume tiny {more}"), "--batch tiny.ron".into()] {
        assert!(said(&words, true).contains("config.ron"), "{words}");
    }
    fs::remove_dir_all(root.join("config")).unwrap();
    // And what is right goes on.
    assert!(tricktop(root, &format!("fork tiny {more}")).status.success());
    assert!(tricktop(root, &format!("resume tiny {more}")).status.success());
}
