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
    assert!(
        log.contains("val/bee/broken.png") && log.contains("is neither JPEG, PNG, WebP, BMP, GIF nor TIFF"),
        "{log}"
    );
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
fn the_page_of_a_folder_names_the_files_and_says_nothing_of_top_5() {
    let desk = Desk::new();
    let out = desk.done(&["--batch", "tiny.ron"]);
    assert!(out.contains("top-1") && !out.contains("top-5"), "{out}");
    let page = desk.done(&["report", "tiny", "-o", "-"]);
    for class in ["ant", "bee", "cat"] {
        for i in 0..2 {
            let file = format!("<span class=\"file\">photos/val/{class}/{i}.jpg</span>");
            assert_eq!(page.matches(&file).count(), 1, "{file}");
        }
    }
    assert!(!page.contains("top-5"), "of three classes top-5 tells nothing");
    assert!(page.contains("label ↓ predicted →"));

    // Every checkpoint has its own figures, the run its best.
    let metrics = lines(&fs::read_to_string(desk.path("runs/tiny/metrics.jsonl")).unwrap());
    let ends = of(&metrics, "epoch_end");
    let best = ends.iter().rfind(|end| end["best"] == true).unwrap();
    let run: Json = serde_json::from_str(&desk.done(&["inspect", "tiny", "--json"])).unwrap();
    assert_eq!((&run["best_top1"], &run["best_epoch"]), (&best["val_top1"], &best["epoch"]));
    let files = run["checkpoints"].as_array().unwrap();
    assert!(files.len() >= 2, "{run}");
    for file in files {
        let end = ends.iter().find(|end| end["step"] == file["at"]["step"]).unwrap();
        assert_eq!((&file["top1"], &file["val_loss"]), (&end["val_top1"], &end["val_loss"]), "{file}");
        assert_eq!(file["whole"], !file["path"].as_str().unwrap().ends_with("best.safetensors"));
    }
    let text = desk.done(&["inspect", "tiny"]);
    let percent = |line: &Json| format!("top-1 {:.2} %", 100.0 * line["val_top1"].as_f64().unwrap());
    assert!(text.contains(&format!("best        {} (epoch {})", percent(best), best["epoch"])), "{text}");
    for end in &ends {
        let loss = end["val_loss"].as_f64().unwrap();
        let own = format!("step {}, epoch {}, {}, val loss {loss:.4}, whole", end["step"], end["epoch"], percent(end));
        assert!(text.contains(&own), "{own}\n{text}");
    }

    // The list of runs has the best with its epoch.
    let listed = lines(&desk.done(&["runs", "--json"])).remove(0);
    assert_eq!((&listed["best_top1"], &listed["best_epoch"]), (&best["val_top1"], &best["epoch"]));
    let exported: Json = serde_json::from_str(&desk.done(&["export", "tiny", "--json"])).unwrap();
    assert_eq!((&exported["best_top1"], &exported["best_epoch"]), (&best["val_top1"], &best["epoch"]));
}

/// The preset of one's own photographs needs them, and never trains on anything else.
#[test]
fn the_preset_photos_trains_on_a_folder_and_says_when_there_is_none() {
    let desk = Desk::new();
    let small = ["data.size=32", "net.width=0.125", "train.epochs=1", "train.batch=8", "data.path=photos"];
    let mut args = vec!["--batch", "photos", "--json"];
    small.iter().for_each(|set| args.extend(["--set", set]));
    let events = lines(&desk.done(&args));
    assert_eq!(of(&events, "ready")[0]["classes"], serde_json::json!(["ant", "bee", "cat"]));
    assert_eq!(of(&events, "run_end")[0]["state"], "done");

    fs::remove_dir_all(desk.path("photos")).unwrap();
    let missing = desk.run(&["--batch", "photos"]);
    let error = String::from_utf8(missing.stderr).unwrap();
    assert_eq!(missing.status.code(), Some(2), "{error}");
    assert!(error.contains("photos: does not exist") && error.contains("--set data.path="), "{error}");
}

/// The preset for fine-tuning needs images and weights, of the net of which it speaks.
#[test]
fn the_preset_for_fine_tuning_starts_from_weights_and_frees_the_backbone() {
    let desk = Desk::new();
    let small = ["data.size=32", "net.width=0.125", "train.batch=8", "data.path=photos", "train.epochs=2"];
    let with = |args: &[&'static str], sets: &[&'static str]| {
        let sets = small.iter().chain(sets).flat_map(|set| ["--set", *set]);
        args.iter().copied().chain(sets).collect::<Vec<_>>()
    };
    let missing = desk.run(&with(&["--batch", "finetune/folder"], &[]));
    let error = String::from_utf8(missing.stderr).unwrap();
    assert!(!missing.status.success() && error.contains("weights.safetensors"), "{error}");

    desk.done(&with(&["--batch", "photos"], &["net.variant=B", "name=first"]));
    desk.done(&["export", "first", "--weights", "weights.safetensors"]);
    let events = lines(&desk.done(&with(&["--batch", "finetune/folder", "--json"], &["train.keep_last=9"])));
    assert_eq!(of(&events, "run_end")[0]["state"], "done");
    let tensors = |file: &str| {
        let bytes = fs::read(desk.path(file)).unwrap();
        tricktop::nn::State::from_bytes(&bytes).unwrap().tensors
    };
    let steps = tricktop::train::steps(&desk.path("runs/folder"));
    let start = tensors("weights.safetensors");
    for ((step, file), frozen) in steps.iter().zip([true, false]) {
        let now = tensors(file.to_str().unwrap());
        let same = |name: &str| start[name] == now[name];
        let of = ["conv1.weight", "bn1.running_mean", "layer4.1.conv2.weight", "layer4.1.bn2.running_var"];
        assert_eq!(of.map(same), [frozen; 4], "step {step}");
        assert!(!same("fc.weight"), "step {step}");
    }
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
