//! Segmentation from the command line: train, evaluate, report, predict a mask.

use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn tricktop(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tricktop")).args(args).current_dir(dir).output().unwrap()
}

fn says(dir: &Path, args: &[&str]) -> String {
    let output = tricktop(dir, args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A run of a narrow net on some scenes.
fn trained(dir: &Path) {
    let sets = "task=Segment net.depth=8 net.width=0.25 net.output_stride=2 data.train_images=8 data.test_images=4 \
                train.batch=4 train.epochs=1 train.log_every=1 name=scenes device=Cpu";
    let sets = sets.split_whitespace().flat_map(|set| ["--set", set]);
    let lines = says(dir, &["--batch", "quick", "--json"].into_iter().chain(sets).collect::<Vec<_>>());
    let ended = lines.lines().find(|line| line.contains("\"epoch_end\"")).unwrap();
    let ended: Value = serde_json::from_str(ended).unwrap();
    assert!(ended["val_miou"].is_f64() && ended["val_pixacc"].is_f64() && ended["val_top1"].is_null(), "{ended}");
    assert!(lines.contains("\"best_miou\":"), "{lines}");
}

#[test]
fn a_run_of_scenes_is_evaluated_shown_and_asked_for_a_mask() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    trained(dir);
    let text = says(dir, &["eval", "scenes", "--csv", "rows.csv"]);
    assert!(text.contains("mIoU ") && text.contains("pixAcc ") && text.contains("     IoU   recall"), "{text}");
    let rows = fs::read_to_string(dir.join("rows.csv")).unwrap();
    assert!(rows.starts_with("path,pixels,pixacc,loss\n") && rows.lines().count() == 5, "{rows}");
    let json: Value = serde_json::from_str(&says(dir, &["eval", "scenes", "--json", "--multi-scale"])).unwrap();
    assert_eq!((json["images"].as_u64(), json["classes"].as_array().unwrap().len()), (Some(4), 11));
    assert!(json["miou"].is_f64() && json["pixacc"].is_f64() && json["top1"].is_null(), "{json}");
    assert!(json["classes"][0]["iou"].is_f64(), "{json}");
    let table = says(dir, &["export", "scenes", "--csv"]);
    assert!(table.lines().next().unwrap().ends_with("val_loss,val_miou,val_pixacc"), "{table}");
    assert!(says(dir, &["runs"]).contains("best mIoU"));
    says(dir, &["report", "scenes", "--output", "page.html"]);
    let page = fs::read_to_string(dir.join("page.html")).unwrap();
    for part in ["mIoU", "pixAcc", "under its labels", "under its predictions", "Fewest pixels recognised"] {
        assert!(page.contains(part), "{part} is missing");
    }

    // A picture of another shape: its mask has its size, and a palette.
    let pixels: Vec<u8> = (0..90 * 140).map(|i| (i * 7 % 251) as u8).collect();
    image::save_buffer(dir.join("own.png"), &pixels, 140, 90, image::ExtendedColorType::L8).unwrap();
    let text = says(dir, &["predict", "scenes", "own.png", "--mask", "mask.png"]);
    assert!(text.contains(" %  "), "{text}");
    let file = std::io::BufReader::new(fs::File::open(dir.join("mask.png")).unwrap());
    let mut mask = png::Decoder::new(file).read_info().unwrap();
    let info = mask.info();
    assert_eq!((info.width, info.height, info.color_type), (140, 90, png::ColorType::Indexed));
    assert_eq!(info.palette.as_ref().unwrap()[..6], [0, 0, 0, 128, 0, 0]);
    let mut classes = vec![0; 90 * 140];
    mask.next_frame(&mut classes).unwrap();
    assert!(classes.iter().all(|class| *class < 11));
    let json: Value = serde_json::from_str(&says(dir, &["predict", "scenes", "own.png", "--json"])).unwrap();
    let shares: f64 = json["classes"].as_array().unwrap().iter().map(|class| class["share"].as_f64().unwrap()).sum();
    assert!((0.5..=1.0 + 1e-9).contains(&shares), "{json}");

    let refused = |args: &[&str]| {
        let output = tricktop(dir, args);
        assert!(!output.status.success(), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused(&["predict", "scenes", "own.png", "own.png", "--mask", "m.png"]).contains("takes one image"));
}

#[test]
fn several_scales_and_masks_are_refused_for_nets_that_classify() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let sets =
        "net.depth=8 net.width=0.25 data.train_images=20 data.test_images=20 train.epochs=1 train.batch=20 name=own";
    let sets = sets.split_whitespace().flat_map(|set| ["--set", set]);
    says(dir, &["--batch", "quick"].into_iter().chain(sets).collect::<Vec<_>>());
    let why = |args: &[&str]| String::from_utf8(tricktop(dir, args).stderr).unwrap();
    assert!(why(&["eval", "own", "--multi-scale"]).contains("gives an image a class"));
    let pixels = vec![100u8; 28 * 28];
    image::save_buffer(dir.join("own.png"), &pixels, 28, 28, image::ExtendedColorType::L8).unwrap();
    assert!(why(&["predict", "own", "own.png", "--mask", "m.png"]).contains("the net gives an image a class"));
}
