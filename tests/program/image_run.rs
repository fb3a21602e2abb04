//! The real program on folders of images: training, `data`, `bench input`.
use crate::pictures::{folder, put};
use serde_json::Value as Json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A preset of a tiny net with every stage on, and edits of the stages on the way.
const PRESET: &str = "// A tiny net on photographs.
(
    data: (path: \"photos\", size: 32, broken_share: 0.2),
    net: (depth: 8, width: 0.25),
    train: (epochs: 2, batch: 8, log_every: 1),
    augment: (resized: (on: true), hue: (on: true), saturation: (on: true), brightness: (on: true), pca: (on: true)),
    edits: [
        (after: 2, augment: (hue: (on: false), brightness: (strength: 0.2))),
        (after: 4, augment: (resized: (min_area: 0.5), crop: (on: false))),
    ],
)";

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Desk {
        let dir = tempfile::tempdir().unwrap();
        folder(&dir.path().join("photos"), 8);
        fs::write(dir.path().join("tiny.ron"), PRESET).unwrap();
        Desk(dir)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_tricktop")).args(args).current_dir(self.0.path()).output().unwrap()
    }

    fn done(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

fn lines(text: &str) -> Vec<Json> {
    text.lines().map(|l| serde_json::from_str(l).unwrap_or_else(|e| panic!("{l}: {e}"))).collect()
}

fn of(lines: &[Json], event: &str) -> Vec<Json> {
    lines.iter().filter(|l| l["event"] == event).cloned().collect()
}

#[test]
fn an_edited_run_on_a_folder_names_what_is_broken_and_is_the_same_again() {
    let desk = Desk::new();
    put(&desk.path("photos"), "train/bee/broken.jpg", b"no image");
    put(&desk.path("photos"), "val/bee/broken.png", b"no image");
    let events = lines(&desk.done(&["--batch", "tiny.ron", "--json"]));
    assert_eq!(of(&events, "ready")[0]["train_images"], 25);
    let steps = of(&events, "step");
    assert_eq!(steps.len(), 6);
    assert!(steps.iter().all(|s| (0.0..=1.0).contains(&s["data_wait"].as_f64().unwrap())), "{steps:?}");
    let skipped = of(&events, "skipped");
    let named: Vec<&str> = skipped.iter().map(|s| s["image"].as_str().unwrap()).collect();
    assert!(named.iter().any(|n| n.ends_with("val/bee/broken.png")), "{named:?}");
    assert_eq!(of(&events, "run_end")[0]["broken"].as_u64(), Some(skipped.len() as u64));
    let log = fs::read_to_string(desk.path("runs/tiny/log.jsonl")).unwrap();
    assert!(log.contains("val/bee/broken.png") && log.contains("is neither JPEG nor PNG nor WebP"), "{log}");
    assert_eq!(lines(&fs::read_to_string(desk.path("runs/tiny/journal.jsonl")).unwrap()).len(), 2);

    let verdict = desk.done(&["replay", "tiny", "--verify"]);
    assert!(verdict.contains("the same to the bit up to step 6"), "{verdict}");
    let threads = desk.done(&["replay", "tiny", "--verify", "--threads", "3"]);
    assert!(threads.contains("the same to the bit up to step 6"), "{threads}");

    // Packed, it is the same run.
    fs::remove_file(desk.path("photos/train/bee/broken.jpg")).unwrap();
    fs::remove_file(desk.path("photos/val/bee/broken.png")).unwrap();
    desk.done(&["data", "pack", "photos", "photos.pack"]);
    let end = |path: &str, name: &str| {
        let sets = [format!("data.path={path}"), format!("name={name}")];
        desk.done(&["--batch", "tiny.ron", "--set", &sets[0], "--set", &sets[1]]);
        let chain = lines(&fs::read_to_string(desk.path(&format!("runs/{name}/chain.jsonl"))).unwrap());
        chain.last().unwrap()["weights"].clone()
    };
    assert_eq!(end("photos", "a"), end("photos.pack", "b"));
}

#[test]
fn too_many_broken_images_end_the_run_with_a_reason() {
    let desk = Desk::new();
    for i in 0..3 {
        put(&desk.path("photos"), &format!("val/bee/broken{i}.png"), b"no image");
    }
    let output = desk.run(&["--batch", "tiny.ron", "--set", "data.broken_share=0.05"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(
        error.contains("2 of 33 images are broken, more than the share 0.05 that data.broken_share allows"),
        "{error}"
    );
    let missing = desk.run(&["--batch", "tiny.ron", "--set", "data.path=nowhere"]);
    let error = String::from_utf8(missing.stderr).unwrap();
    assert!(
        error.contains("nowhere: does not exist; expected a folder") && missing.status.code() == Some(2),
        "{error}"
    );
}

#[test]
fn a_set_is_described_and_timed() {
    let desk = Desk::new();
    put(&desk.path("photos"), "train/bee/broken.jpg", b"no image");
    let info = lines(&desk.done(&["data", "info", "photos", "--json"])).remove(0);
    assert_eq!((&info["kind"], &info["train"], &info["val"]), (&"ImageFolder".into(), &25.into(), &6.into()));
    assert_eq!((info["classes"].as_array().unwrap().len(), &info["classes"][1]["name"]), (3, &"bee".into()));
    assert_eq!(info["mean"].as_array().unwrap().len(), 3);
    assert!(info["broken"][0]["image"].as_str().unwrap().ends_with("train/bee/broken.jpg"), "{info}");
    let text = desk.done(&["data", "info", "photos"]);
    assert!(
        text.contains("photos: ImageFolder, 25 training and 6 validation images of 3 classes")
            && text.contains("1 broken images"),
        "{text}"
    );

    let speed = lines(&desk.done(&["bench", "input", "photos", "--batch", "8", "--threads", "2", "--json"])).remove(0);
    assert_eq!((&speed["images"], &speed["threads"]), (&25.into(), &2.into()));
    assert!(speed["img_s"].as_f64().unwrap() > 0.0, "{speed}");
    assert!(Path::new(&desk.path("tiny.ron")).is_file());
}
