//! Opening image sets as a run does: bundled, and directories of IDX files good and bad.
use crate::classified::open;
use std::fs;
use std::io::Write;
use std::path::Path;
use tempfile::TempDir;
use tricktop::data::{DataSet, Split, make_subset, train_batch};
use tricktop::recipe::settings::{Augment, Data, DataKind};

const SOURCE: &str = "/usr/share/datasets/fashion-mnist";
const BUNDLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/fashion-12k");

fn idx(dir: &Path) -> Data {
    Data { kind: DataKind::Idx, path: dir.display().to_string(), ..Data::default() }
}

fn file(magic: u32, sizes: &[u32], body: &[u8]) -> Vec<u8> {
    let header = std::iter::once(&magic).chain(sizes).flat_map(|n| n.to_be_bytes());
    header.chain(body.iter().copied()).collect()
}

fn images(count: u32, side: u32) -> Vec<u8> {
    let body: Vec<u8> = (0..count * side * side).map(|i| i as u8).collect();
    file(0x803, &[count, side, side], &body)
}

fn labels(labels: &[u8]) -> Vec<u8> {
    file(0x801, &[labels.len() as u32], labels)
}

/// A directory of six training and three test images of 2x2 pixels in three classes.
fn small() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("train-images-idx3-ubyte", images(6, 2)),
        ("train-labels-idx1-ubyte", labels(&[0, 1, 2, 0, 1, 2])),
        ("t10k-images-idx3-ubyte", images(3, 2)),
        ("t10k-labels-idx1-ubyte", labels(&[2, 1, 0])),
    ] {
        fs::write(dir.path().join(name), content).unwrap();
    }
    dir
}

/// Every label with its pixels.
fn pixels(split: &Split) -> Vec<(usize, Vec<u8>)> {
    (0..split.len()).map(|i| (split.label(i), split.pixels(i).unwrap().into_owned())).collect()
}

#[test]
fn the_bundled_set_opens_with_named_classes_and_the_known_statistics() {
    let set = open(&Data::default(), 0).unwrap();
    assert_eq!((set.name.as_str(), set.train.len(), set.test.len()), ("fashion-12k", 12_000, 2_000));
    assert_eq!(set.classes.len(), 10);
    assert_eq!((set.classes[0].as_str(), set.classes[9].as_str()), ("t-shirt/top", "ankle boot"));
    // Those of all 60,000 images are 72.94 and 90.02.
    assert!((set.mean[0] - 72.94).abs() < 1.0, "mean {}", set.mean[0]);
    assert!((set.std[0] - 90.02).abs() < 1.0, "deviation {}", set.std[0]);
}

#[test]
fn a_smaller_set_is_balanced_and_the_other_stays_whole() {
    let all = open(&Data::default(), 0).unwrap();
    let some = Data { train_images: 1000, ..Data::default() };
    let set = open(&some, 5).unwrap();
    for class in 0..10 {
        assert_eq!((0..1000).filter(|i| set.train.label(*i) == class).count(), 100, "class {class}");
    }
    assert_eq!(set.train.len(), 1000);
    assert!(pixels(&set.test) == pixels(&all.test));
    let again = |seed| pixels(&open(&some, seed).unwrap().train);
    assert!(pixels(&set.train) == again(5));
    assert!(pixels(&set.train) != again(6));
    let set = open(&Data { test_images: 500, ..Data::default() }, 5).unwrap();
    assert!((0..10).all(|class| (0..500).filter(|i| set.test.label(*i) == class).count() == 50));
    assert!((set.train.len(), set.test.len()) == (12_000, 500) && set.mean == all.mean);
    let error = open(&Data { train_images: 12_001, ..Data::default() }, 0).unwrap_err().to_string();
    assert_eq!(error, "data.train_images asks for 12001 images, but fashion-12k has 12000");
    let error = open(&Data { test_images: 2_001, ..Data::default() }, 0).unwrap_err().to_string();
    assert_eq!(error, "data.test_images asks for 2001 images, but fashion-12k has 2000");
}

#[test]
fn the_bundled_files_are_made_again_byte_for_byte() {
    if !Path::new(SOURCE).is_dir() {
        // Straight to the stream: what goes through `eprintln!` is hidden when a test passes.
        writeln!(std::io::stderr(), "skipped: {SOURCE} is not there (Debian package dataset-fashion-mnist)").unwrap();
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let written = make_subset(SOURCE.as_ref(), out.path()).unwrap();
    assert_eq!(written.len(), 4);
    for file in written {
        let name = file.file.file_name().unwrap();
        let bytes = fs::read(&file.file).unwrap();
        assert!(bytes == fs::read(Path::new(BUNDLED).join(name)).unwrap(), "{name:?} differs");
        assert!(file.bundled && file.bytes == bytes.len());
    }
}

#[test]
fn the_bundled_files_are_an_idx_directory_too() {
    let (inside, outside) = (open(&Data::default(), 0).unwrap(), open(&idx(BUNDLED.as_ref()), 0).unwrap());
    assert_eq!(outside.name, "fashion-12k");
    let both = |set: &DataSet| (pixels(&set.train), pixels(&set.test));
    assert!(both(&inside) == both(&outside));
    let error = make_subset(BUNDLED.as_ref(), BUNDLED.as_ref()).unwrap_err().to_string();
    assert!(error.ends_with("is the directory of the source files too; name another one"), "{error}");
}

#[test]
fn a_source_too_small_for_the_subset_is_refused_before_anything_is_written() {
    let (dir, out) = (small(), tempfile::tempdir().unwrap());
    let error = make_subset(dir.path(), &out.path().join("new")).unwrap_err().to_string();
    assert!(error.starts_with("the training subset asks for 12000 images, ") && error.ends_with(" has 6"), "{error}");
    assert!(!out.path().join("new").exists());
}

#[test]
fn other_spellings_of_the_names_are_found() {
    for [a, b, c, d] in [
        ["train-images.idx3-ubyte", "train-labels.idx1-ubyte", "t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte"],
        [
            "emnist-letters-train-images-idx3-ubyte",
            "emnist-letters-train-labels-idx1-ubyte",
            "emnist-letters-test-images-idx3-ubyte",
            "emnist-letters-test-labels-idx1-ubyte",
        ],
    ] {
        let dir = small();
        for (from, to) in
            ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"].iter().zip([a, b, c, d])
        {
            fs::rename(dir.path().join(format!("{from}-ubyte")), dir.path().join(to)).unwrap();
        }
        fs::write(dir.path().join("emnist-letters-mapping.txt"), "1 65 97").unwrap();
        fs::write(dir.path().join(format!("{a}.sha256")), "00").unwrap();
        let set = open(&idx(dir.path()), 0).unwrap();
        assert_eq!((set.train.len(), set.test.len(), set.classes.join(" ")), (6, 3, "0 1 2".to_string()));
        assert_eq!(set.test.pixels(1).unwrap(), [4, 5, 6, 7].as_slice());
        assert_eq!(train_batch(&set, &[5, 0], 0, 0, &Augment::default()).labels, [2, 0]);
    }
}

#[test]
fn every_mistake_of_a_directory_names_the_file() {
    struct Case {
        name: &'static str,
        content: Vec<u8>,
        expected: &'static str,
    }
    let case = |name, content, expected| Case { name, content, expected };
    let cases = [
        case("train-labels-idx1-ubyte", labels(&[0, 1, 2, 0, 1]), "has 5 labels, but "),
        case("t10k-images-idx3-ubyte", images(4, 2), "t10k-labels-idx1-ubyte: has 3 labels, but "),
        case("t10k-images-idx3-ubyte", images(3, 3), "t10k-images-idx3-ubyte: has images of 3x3x1"),
        case("t10k-labels-idx1-ubyte", labels(&[2, 3, 0]), "label 1 is 3; with 3 classes it must be from 0 to 2"),
        case("train-labels-idx1-ubyte", labels(&[0; 6]), "train-labels-idx1-ubyte: every label is 0"),
        case("train-labels-idx1-ubyte", images(6, 2), "train-labels-idx1-ubyte: begins with 0x00000803"),
        case("train-images-idx3-ubyte", images(6, 2)[..30].to_vec(), "24 bytes, but only 14 follow"),
        case("train-images-idx3-ubyte", vec![0x1f, 0x8b, 8, 0], "train-images-idx3-ubyte: damaged gzip stream"),
        case(
            "train-images-idx3-ubyte.gz",
            images(6, 2),
            "2 files could be the training images: train-images-idx3-ubyte,",
        ),
    ];
    let mut wrong = Vec::new();
    for Case { name, content, expected } in cases {
        let dir = small();
        fs::write(dir.path().join(name), content).unwrap();
        match open(&idx(dir.path()), 0) {
            Err(e) if e.to_string().contains(expected) => {}
            other => wrong.push(format!("{name}: expected {expected:?}, found {:?}", other.map_err(|e| e.to_string()))),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_missing_file_a_missing_directory_and_a_file_for_a_directory_are_told_apart() {
    let dir = small();
    let error = |path: &Path| open(&idx(path), 0).unwrap_err().to_string();
    let missing = error(&dir.path().join("nowhere"));
    assert!(missing.contains("nowhere: cannot be read as a directory of IDX files: No such file"), "{missing}");
    let not_a_directory = error(&dir.path().join("t10k-images-idx3-ubyte"));
    assert!(not_a_directory.contains("cannot be read as a directory"), "{not_a_directory}");
    fs::remove_file(dir.path().join("t10k-labels-idx1-ubyte")).unwrap();
    let lacking = error(dir.path());
    assert!(
        lacking.ends_with(
            "no file of the test labels; expected one with t10k-labels or test-labels in its name and ending in ubyte or \
             ubyte.gz"
        ),
        "{lacking}"
    );
}
