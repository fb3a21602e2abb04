//! Presets, suites, configurations and themes in blocks of code are accepted as they stand.

use crate::markdown::pages;
use crate::{assert_none, root};
use std::fs;
use std::path::Path;
use tricktop::recipe::preset;
use tricktop::{config, suite};

/// Reads a text as what its page is about. The folder has bundled presets that the text may extend.
fn accepted(page: &Path, text: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    };
    for name in ["quick.ron", "finetune/folder.ron"] {
        write(name, &fs::read_to_string(root().join("presets").join(name)).unwrap());
    }
    match page.file_stem().unwrap().to_str().unwrap() {
        "presets" | "finetune" => preset::load(&write("mine.ron", text)).map(drop).map_err(|e| e.to_string()),
        "suites" => suite::load(&write("mine.ron", text)).map(drop).map_err(|e| e.to_string()),
        "configuration" if text.contains("extends") => {
            write("themes/mine.ron", text);
            config::themes(Some(folder.path())).map(drop).map_err(|e| e.to_string())
        }
        "configuration" => {
            write("config.ron", text);
            config::load(Some(folder.path())).map(drop).map_err(|e| e.to_string())
        }
        other => Err(format!("it is not known what RON on the page {other} is: say it here")),
    }
}

#[test]
fn every_file_that_is_shown_is_accepted() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    for page in &pages() {
        for (_, part) in page.blocks.iter().filter(|(language, _)| language == "ron") {
            count += 1;
            wrong.extend(accepted(&page.path, &part.text).err().map(|why| format!("{}: {why}", page.place(part))));
        }
    }
    assert!(count >= 5, "only {count} files are found");
    assert_none(&wrong);
}

#[test]
fn a_file_with_a_mistake_is_found() {
    let why = |page: &str, text: &str| accepted(Path::new(page), text).unwrap_err();
    assert!(why("presets.md", "(train: (epoch: 3))").contains("epoch"));
    assert!(why("suites.md", "(title: \"a\", base: (name: \"b\"), sells: [])").contains("sells"));
    assert!(why("configuration.md", "(keys: { Paus: [\"P\"] })").contains("Paus"));
    assert!(why("configuration.md", "(extends: \"dark\", accents: \"cyan\")").contains("accents"));
}
