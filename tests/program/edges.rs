//! Recipes and sets at the edge of what makes sense: each trains rightly, or says clearly why it cannot.

use serde_json::Value as Json;
use std::path::Path;
use std::process::{Command, Output};

/// Writes an IDX directory of 6 x 6 images with these labels.
fn idx(dir: &Path, train: &[u8], test: &[u8]) {
    let numbers = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_be_bytes()).collect::<Vec<u8>>();
    for (part, labels) in [("train", train), ("t10k", test)] {
        let count = labels.len() as u32;
        let pixels =
            labels.iter().enumerate().flat_map(|(i, label)| (0..36).map(move |p| label * 20 + (i * 7 + p) as u8 % 19));
        let images = [numbers(&[0x803, count, 6, 6]), pixels.collect()].concat();
        std::fs::write(dir.join(format!("{part}-images-idx3-ubyte")), images).unwrap();
        let labels = [numbers(&[0x801, count]), labels.to_vec()].concat();
        std::fs::write(dir.join(format!("{part}-labels-idx1-ubyte")), labels).unwrap();
    }
}

fn train(dir: &Path, sets: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tricktop"));
    command.args(["--batch", "quick", "--json", "--set", "net.depth=8", "--set", "net.width=0.25"]);
    for set in sets {
        command.args(["--set", set]);
    }
    command.current_dir(dir).output().unwrap()
}

/// Trains on an IDX directory; the lines of the last event of a kind, and the number of steps.
fn trained(train_labels: &[u8], test_labels: &[u8], sets: &[&str]) -> (Json, usize) {
    let dir = tempfile::tempdir().unwrap();
    idx(dir.path(), train_labels, test_labels);
    let output = train(dir.path(), &[&["data.kind=Idx", "data.path=.", "train.log_every=1"], sets].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<Json> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |event: &str| lines.iter().filter(|l| l["event"] == event).cloned().collect::<Vec<Json>>();
    assert_eq!(of("run_end")[0]["state"], "done");
    let end = of("epoch_end").pop().unwrap();
    assert!(end["train_loss"].as_f64().unwrap().is_finite() && end["val_loss"].as_f64().unwrap().is_finite(), "{end}");
    (end, of("step").len())
}

fn refused(sets: &[&str], reason: &str) {
    let dir = tempfile::tempdir().unwrap();
    let output = train(dir.path(), sets);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && said.contains(reason), "{sets:?}: {:?} {said}", output.status);
    assert!(!dir.path().join("runs").exists(), "{sets:?}: a run was begun");
}

#[test]
fn a_batch_of_one_image_trains() {
    let (end, steps) = trained(&[0, 1, 0, 1, 1], &[0, 1], &["train.batch=1", "train.epochs=1"]);
    assert_eq!((steps, end["val_top1"].is_number()), (5, true));
}

#[test]
fn a_last_batch_of_one_image_is_evaluated() {
    // Evaluation takes 250 small images at once: 250 and 1.
    let test: Vec<u8> = (0..251).map(|i| i % 2).collect();
    let (end, _) = trained(&[0, 1, 0, 1, 1, 0, 1, 0], &test, &["train.batch=8", "train.epochs=1"]);
    let right = end["val_top1"].as_f64().unwrap() * 251.0;
    assert!((right - right.round()).abs() < 1e-9, "{end}");
}

#[test]
fn a_class_without_images_is_a_class() {
    // Class 1 has no images to train on, class 3 none to test.
    let (end, _) = trained(&[0, 2, 3, 0, 2, 3, 0, 2], &[0, 1, 2, 2], &["train.batch=4", "train.epochs=1"]);
    assert!(end["val_top1"].as_f64().unwrap() <= 0.75, "{end}");
}

#[test]
fn a_set_smaller_than_a_batch_is_one_step() {
    let (_, steps) = trained(&[0, 1, 1], &[0, 1], &["train.batch=64", "train.epochs=2"]);
    assert_eq!(steps, 2);
}

#[test]
fn every_trick_works_on_a_set_of_two_classes_and_one_image_a_step() {
    let sets = ["train.batch=1", "train.epochs=1", "tricks.mixup.on=true", "tricks.smoothing.on=true"];
    trained(&[0, 1, 1], &[0, 1], &sets);
}

/// Writes a folder of one image a class, half of them validated too.
fn folder(dir: &Path, classes: usize) {
    let mut image = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(6, 6).write_to(&mut image, image::ImageFormat::Png).unwrap();
    for class in 0..classes {
        for split in ["train", "val"].iter().take(1 + class % 2) {
            let dir = dir.join(split).join(class.to_string());
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(dir.join("i.png"), image.get_ref()).unwrap();
        }
    }
}

const FOLDER: [&str; 6] =
    ["data.kind=ImageFolder", "data.path=.", "data.size=6", "train.batch=500", "train.epochs=1", "train.log_every=1"];

#[test]
fn thousands_of_classes_train_and_their_confusions_stay_small() {
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), 3_000);
    let output = train(dir.path(), &FOLDER);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metrics = std::fs::read_to_string(dir.path().join("runs/quick/metrics.jsonl")).unwrap();
    let line = metrics.lines().find(|line| line.contains("confusion")).unwrap();
    let confusion: Json = serde_json::from_str(line).unwrap();
    assert_eq!((&confusion["classes"], confusion["counts"].as_array().unwrap().len()), (&3_000.into(), 1_500));
    assert!(line.len() < 50_000, "{}", line.len());
}

#[test]
fn what_makes_no_sense_is_refused_before_a_run_is_begun() {
    refused(&["train.epochs=0"], "train.epochs is 0; it must be a whole number from 1");
    refused(&["schedule.base_lr=0"], "schedule.base_lr is 0");
    refused(&["train.batch=0"], "train.batch is 0");
    refused(&["optim.momentum=NaN"], "optim.momentum");
    refused(&["net.width=0"], "net.width is 0");
    refused(&["data.train_images=1000000"], "data.train_images");
    let inception = ["net.family=Inception", "net.form=ImageNet", "net.depth=48"];
    refused(&inception, "images of 28 x 28 are too small for inception-v3 x0.25: set data.size to 75 or more");
}
