//! What is wrong with images and masks: told by name, before a run where it is wrong with all of them.
use crate::masks::{all, at, file, halves, mask, opened, own, plain, refused, seen};
use crate::pictures::{jpeg, pixels, png, put};
use png::{BitDepth, ColorType};
use std::fs;
use std::path::Path;
use tricktop::data::{info, open};
use tricktop::recipe::settings::{Data, DataKind, Task};

#[test]
fn a_mask_that_cannot_be_used_is_named_with_what_is_wrong() {
    let rgb = file([18, 20], ColorType::Rgb, BitDepth::Eight, &pixels(20, 18, 1));
    let alpha = file([18, 20], ColorType::GrayscaleAlpha, BitDepth::Eight, &[1; 720]);
    let deep = file([18, 20], ColorType::Grayscale, BitDepth::Sixteen, &[1, 0].repeat(360));
    let good = halves(0, 1);
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (mask([18, 21], |_, _| 0), "0.png has 21x18 pixels, and the image 20x18 (width x height)"),
        (halves(0, 3), "0.png has the value 3 at row 0, column 10; the classes are 0 to 2, and 255 is ignored"),
        (deep, "0.png has the value 256 at row 0, column 0; the classes are 0 to 2"),
        (rgb, "0.png has RGB pixels; a mask is grey, or has indices of a palette"),
        (alpha, "0.png has grey and transparent pixels"),
        (good[..good.len() / 2].to_vec(), "0.png is damaged: "),
        (jpeg(20, 18, 1), "0.png is a JPEG; a mask is a PNG file of classes"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n".to_vec(),
            "0.png is no image: it begins with 76",
        ),
        (Vec::new(), "0.png is no image: it begins with nothing"),
    ];
    let mut wrong = Vec::new();
    for (content, expected) in cases {
        let dir = own();
        put(dir.path(), "masks/train/0.png", &content);
        let report = info(&at(dir.path()), Task::Segment, 0).unwrap();
        let told = format!("cannot be used: its mask {}/masks/train/{expected}", dir.path().display());
        let set = opened(&at(dir.path()));
        let (train, _) = all(&set, &plain());
        let fine = report.broken.len() == 1
            && report.broken[0].image.ends_with("images/train/0.jpg")
            && report.broken[0].problem.starts_with(&told)
            && train.skipped == report.broken
            // The next one is in its place.
            && train.masks == [seen(0, 2), seen(0, 2), seen(0, 1)].concat();
        if !fine {
            wrong.push(format!("expected {told:?}, found {:?} {:?}", report.broken, train.skipped));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_mistake_of_a_layout_is_refused_before_a_run() {
    type Change = fn(&Path);
    let cases: [(Change, &str); 19] = [
        (
            |d| fs::remove_file(d.join("classes.txt")).unwrap(),
            "has no classes.txt; expected the name of a class a line",
        ),
        (|d| put(d, "classes.txt", b"one\n"), "classes.txt: names 1 classes; there must be from 2 to 255"),
        (|d| put(d, "classes.txt", b"one\n\ntwo\n"), "classes.txt: line 2 is empty"),
        (|d| put(d, "classes.txt", b"one\ntwo\none\n"), "classes.txt: names \"one\" twice"),
        (|d| put(d, "classes.txt", b"one\nt\xffo\n"), "classes.txt: is not UTF-8 from line 2, column 2 on"),
        (|d| put(d, "classes.txt", "x\n".repeat(256).as_bytes()), "names 256 classes; there must be from 2 to 255"),
        (|d| fs::remove_dir_all(d.join("masks")).unwrap(), "has no images beside masks; expected images/ and masks/"),
        (|d| fs::remove_dir_all(d.join("images")).unwrap(), "has no images beside masks"),
        (|d| fs::remove_dir_all(d.join("masks/train")).unwrap(), "masks: has no masks for the images of "),
        (
            |d| fs::remove_dir_all(d.join("images/train")).unwrap(),
            "images: has the splits images/val/, and none called train",
        ),
        (
            |d| {
                fs::remove_dir_all(d.join("images/train")).unwrap();
                fs::create_dir(d.join("images/train")).unwrap();
            },
            "images/train: no image has a mask: there are 0 images, and 3 masks in ",
        ),
        (
            |d| {
                (0..3).for_each(|i| {
                    fs::rename(d.join(format!("masks/train/{i}.png")), d.join(format!("masks/train/m{i}.png"))).unwrap()
                })
            },
            "images/train/0.jpg, for want of masks/train/0.png",
        ),
        (
            |d| fs::remove_file(d.join("masks/val/1.png")).unwrap(),
            "images/val: 1 of 2 images have no mask, more than the share 0.01",
        ),
        (
            |d| put(d, "images/train/0.png", &png(20, 18, 1)),
            "images/train: 0.jpg and 0.png have one name but for the ending",
        ),
        (|d| put(d, "images/Train/0.png", &png(20, 18, 1)), "Train and train are both the name of one split"),
        (
            |d| (0..3).for_each(|i| put(d, &format!("masks/train/{i}.png"), &halves(0, 255))),
            "3 masks that were looked at have the values 0 and 255 alone",
        ),
        (
            |d| (0..3).for_each(|i| put(d, &format!("masks/train/{i}.png"), &halves(255, 255))),
            "every pixel of 3 masks that were looked at is ignored",
        ),
        (
            |d| (0..3).for_each(|i| put(d, &format!("masks/train/{i}.png"), &halves(7, 8))),
            "none of 3 masks can be used, which were looked at before the run; ",
        ),
        (
            |d| {
                for of in ["images", "masks"] {
                    fs::remove_dir_all(d.join(of).join("val")).unwrap();
                    std::os::unix::fs::symlink("train", d.join(of).join("val")).unwrap();
                }
            },
            "images/train and images/val are the same directory",
        ),
    ];
    let mut wrong = Vec::new();
    for (change, expected) in cases {
        let dir = own();
        change(dir.path());
        let why = refused(&at(dir.path()));
        if !why.contains(expected) || !why.contains(dir.path().to_str().unwrap()) {
            wrong.push(format!("expected {expected:?}, found {why:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let outer = own();
    let deeper = outer.path().join("sets/mine");
    fs::create_dir_all(deeper.parent().unwrap()).unwrap();
    let inner = own();
    fs::rename(inner.path(), &deeper).unwrap();
    assert!(refused(&at(&outer.path().join("sets"))).contains("sets/mine has them: name it"));
    fs::create_dir_all(inner.path()).unwrap();
}

#[test]
fn a_task_and_images_that_do_not_go_together_are_refused() {
    let dir = own();
    let why = open(&at(dir.path()), Task::Classify, 0).unwrap_err().to_string();
    assert!(why.contains("holds images and their masks (images/ and masks/)") && why.contains("task=Segment"), "{why}");
    let classes = tempfile::tempdir().unwrap();
    for name in ["cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"] {
        put(classes.path(), name, &png(20, 18, 1));
    }
    assert!(refused(&at(classes.path())).contains("has no images beside masks"));
    assert!(refused(&Data { kind: DataKind::Cifar, ..at(classes.path()) }).contains("CIFAR has no masks"));
    assert!(refused(&at(Path::new("no/where"))).contains("no/where: does not exist"));
}

#[test]
fn what_has_no_other_half_and_what_other_programs_left_is_counted() {
    let dir = own();
    for (name, content) in [
        ("images/train/lonely.jpg", jpeg(20, 18, 1)),
        ("masks/train/alone.png", halves(0, 1)),
        ("masks/train/0.jpg", jpeg(20, 18, 1)),
        ("images/train/.hidden.jpg", jpeg(20, 18, 1)),
        ("images/train/Thumbs.db", vec![1]),
        ("images/train/notes.txt", vec![1]),
        ("images/more/9.jpg", jpeg(20, 18, 1)),
        ("images/test/9.jpg", jpeg(20, 18, 1)),
        ("scans/1.jpg", jpeg(20, 18, 1)),
    ] {
        put(dir.path(), name, &content);
    }
    std::os::unix::fs::symlink(".", dir.path().join("images/train/again")).unwrap();
    let set = opened(&Data { broken_share: 0.5, ..at(dir.path()) });
    assert_eq!((set.train.len(), set.test.len()), (3, 2));
    let found: Vec<(String, usize)> = set.left_out.iter().map(|some| (some.kind.clone(), some.count)).collect();
    let expected = [
        ("directories beside images and masks", 1),
        ("directories beside the splits", 1),
        ("files of other programs", 1),
        ("files that end in txt", 1),
        ("hidden files", 1),
        ("images without a mask", 1),
        ("links to directories that are looked through already", 1),
        ("masks without an image", 1),
        ("splits without masks", 1),
    ];
    assert_eq!(found, expected.map(|(kind, count)| (kind.to_string(), count)));
    assert_eq!(all(&set, &plain()).0.masks[..256], seen(0, 1)[..]);
}
