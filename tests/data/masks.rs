//! Images with masks: scenes, people's own folders, ADE20K's and PASCAL VOC's, good and bad.
use crate::pictures::{jpeg, pixels, png, put};
use png::{BitDepth, ColorType};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use tempfile::TempDir;
use tricktop::data::{
    Batch, DataSet, IGNORED, MANIFEST, Manifest, Shrink, info, open, open_kept, pack, test_batch, train_batch,
};
use tricktop::recipe::settings::{Augment, Blur, Crop, Data, DataKind, Erase, Jitter, Orient, Rotate, Scale, Task};

fn at(path: &Path) -> Data {
    Data { path: path.display().to_string(), size: 16, ..Data::default() }
}

fn opened(data: &Data) -> DataSet {
    open(data, Task::Segment, 0).map_err(|e| e.to_string()).unwrap()
}

fn refused(data: &Data) -> String {
    open(data, Task::Segment, 0).map(|set| set.said().join("\n")).unwrap_err().to_string()
}

/// A PNG file of these samples, of so many bits each, packed as the file has them.
fn file(size: [u32; 2], colours: ColorType, depth: BitDepth, samples: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, size[1], size[0]);
    encoder.set_color(colours);
    encoder.set_depth(depth);
    if colours == ColorType::Indexed {
        // The colours say nothing: 255 comes first, and 0 is white.
        encoder.set_palette((0..256u32).flat_map(|i| [255 - i as u8, i as u8, 7]).collect::<Vec<u8>>());
    }
    encoder.write_header().unwrap().write_image_data(samples).unwrap();
    out
}

/// A grey mask.
fn mask(size: [u32; 2], class: impl Fn(u32, u32) -> u8) -> Vec<u8> {
    let values: Vec<u8> = (0..size[0] * size[1]).map(|i| class(i / size[1], i % size[1])).collect();
    file(size, ColorType::Grayscale, BitDepth::Eight, &values)
}

/// The left half of one class, the right half of another.
fn halves(left: u8, right: u8) -> Vec<u8> {
    mask([18, 20], |_, x| if x < 10 { left } else { right })
}

const CLASSES: &str = "\u{feff}ground\r\nsky, or what is above\r\ncaf\u{e9}\r\n\r\n";

/// Three training images and two to validate with.
fn own() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "classes.txt", CLASSES.as_bytes());
    for (split, count) in [("train", 3), ("val", 2)] {
        for i in 0..count {
            put(dir.path(), &format!("images/{split}/{i}.jpg"), &jpeg(20, 18, i));
            put(dir.path(), &format!("masks/{split}/{i}.png"), &halves(0, 1 + i as u8 % 2));
        }
    }
    dir
}

fn all(set: &DataSet, augment: &Augment) -> (Batch, Batch) {
    let indices: Vec<u32> = (0..set.train.len() as u32).collect();
    (train_batch(set, &indices, 1, 2, augment), test_batch(set, 0..set.test.len()))
}

fn plain() -> Augment {
    Augment { crop: Crop { on: false, pad: 0 }, flip: false, ..Augment::default() }
}

/// A mask of halves as a net sees it.
fn seen(left: u8, right: u8) -> Vec<u8> {
    (0..256).map(|at| if at % 16 < 8 { left } else { right }).collect()
}

#[test]
fn a_folder_of_images_and_masks_is_read_with_its_classes_and_splits() {
    let dir = own();
    let set = opened(&at(dir.path()));
    assert_eq!((set.task, set.train.len(), set.test.len()), (Task::Segment, 3, 2));
    assert_eq!(set.classes, ["ground", "sky, or what is above", "caf\u{e9}"]);
    assert!(set.said().join("\n").contains("trained on images/train/, validated with images/val/"), "{:?}", set.said());
    let (train, test) = all(&set, &plain());
    assert_eq!((train.n, train.labels, test.n), (3, vec![0; 3], 2));
    assert_eq!(train.masks, [seen(0, 1), seen(0, 2), seen(0, 1)].concat());
    assert_eq!(test.masks, [seen(0, 1), seen(0, 2)].concat());
    // One value is ignored beside 255.
    let some = opened(&Data { ignore: 1, ..at(dir.path()) });
    assert_eq!(all(&some, &plain()).1.masks, [seen(0, IGNORED), seen(0, 2)].concat());

    let report = info(&at(dir.path()), Task::Segment, 0).unwrap();
    let counts: Vec<_> = report.classes.iter().map(|c| (c.train, c.val, c.pixels.unwrap())).collect();
    let found: Vec<_> = counts.iter().map(|(train, val, p)| (*train, *val, p.train, p.val)).collect();
    assert_eq!(found, [(3, 2, 540, 360), (2, 1, 360, 180), (1, 1, 180, 180)]);
    assert_eq!((report.ignored.unwrap().train, report.broken.len()), (0, 0));
    assert!(
        pack(&set, &dir.path().join("x.pack"), Shrink::Keep)
            .unwrap_err()
            .to_string()
            .contains("has masks, which are not packed")
    );
}

#[test]
fn splits_may_be_spelt_as_in_other_folders_and_one_that_is_missing_is_chosen_by_the_seed() {
    for (train, val) in [("training", "validation"), ("Train", "test"), ("train_set", "VAL")] {
        let dir = own();
        for of in ["images", "masks"] {
            fs::rename(dir.path().join(of).join("train"), dir.path().join(of).join(train)).unwrap();
            fs::rename(dir.path().join(of).join("val"), dir.path().join(of).join(val)).unwrap();
        }
        let set = opened(&at(dir.path()));
        assert_eq!((set.train.len(), set.test.len()), (3, 2), "{train}");
    }
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "classes.txt", b"a\nb");
    for i in 0..20 {
        put(dir.path(), &format!("images/deep/{i:02}.png"), &png(20, 18, i));
        put(dir.path(), &format!("masks/deep/{i:02}.png"), &halves(0, 1));
    }
    let data = Data { val_fraction: 0.25, ..at(dir.path()) };
    let names = |seed| {
        let set = open(&data, Task::Segment, seed).unwrap();
        assert_eq!((set.train.len(), set.test.len()), (15, 5));
        (0..5).map(|i| set.test.name(i)).collect::<Vec<_>>()
    };
    assert_eq!(names(1), names(1));
    assert_ne!(names(1), names(2));
    let few = opened(&Data { train_images: 4, test_images: 2, ..data.clone() });
    assert_eq!((few.train.len(), few.test.len(), few.tests_there), (4, 2, 5));
    assert!(refused(&Data { train_images: 16, ..data }).contains("data.train_images asks for 16 images"));
}

#[test]
fn ade20k_begins_at_1_and_its_classes_have_their_names_or_numbers() {
    let dir = tempfile::tempdir().unwrap();
    for (split, i) in [("training", 0), ("training", 1), ("validation", 2)] {
        put(dir.path(), &format!("images/{split}/ADE_{i}.jpg"), &jpeg(20, 18, i));
        put(dir.path(), &format!("annotations/{split}/ADE_{i}.png"), &halves(0, 3));
    }
    let set = opened(&at(dir.path()));
    assert_eq!((set.classes.len(), &set.classes[0][..], &set.classes[149][..]), (150, "1", "150"));
    assert!(set.said().join("\n").contains("they are numbered 1 to 150"), "{:?}", set.said());
    assert_eq!(test_batch(&set, 0..1).masks, seen(IGNORED, 2));
    put(dir.path(), "objectInfo150.txt", b"Idx\tRatio\tTrain\tVal\tStuff\tName\n1\t0.15\t11\t1\t1\twall\n2\t0.1\t1\t1\t1\tbuilding, edifice\n3\t0.1\t1\t1\t1\tsky\n");
    assert_eq!(opened(&at(dir.path())).classes, ["wall", "building, edifice", "sky"]);
    put(dir.path(), "classes.txt", b"x\ny\nz\n");
    assert_eq!(opened(&at(dir.path())).classes, ["x", "y", "z"]);
}

#[test]
fn voc_has_lists_palettes_and_known_classes() {
    let dir = tempfile::tempdir().unwrap();
    let indices: Vec<u8> = (0..18 * 20).map(|at| if at % 20 < 10 { 255 } else { 20 }).collect();
    for i in 0..5 {
        put(dir.path(), &format!("JPEGImages/2007_{i}.jpg"), &jpeg(20, 18, i));
        if i < 4 {
            let coloured = file([18, 20], ColorType::Indexed, BitDepth::Eight, &indices);
            put(dir.path(), &format!("SegmentationClass/2007_{i}.png"), &coloured);
        }
    }
    put(dir.path(), "Annotations/2007_0.xml", b"<a/>");
    let list = |name: &str, text: &str| put(dir.path(), &format!("ImageSets/Segmentation/{name}.txt"), text.as_bytes());
    list("train", "2007_0\n2007_2 \n");
    list("val", "2007_1\r\n2007_3");
    list("trainval", "2007_0\n2007_1\n");
    let set = opened(&at(dir.path()));
    assert_eq!((set.train.len(), set.test.len(), set.classes.len(), &set.classes[20][..]), (2, 2, 21, "tvmonitor"));
    assert!(set.test.name(1).ends_with("JPEGImages/2007_3.jpg"));
    assert_eq!(test_batch(&set, 0..1).masks, seen(IGNORED, 20));
    let said = set.said().join("\n");
    assert!(said.contains("beside images and masks: 1 (Annotations)") && !said.contains("without a mask"), "{said}");

    list("val", "2007_1\n2007_4\n2007_9\n");
    let why = refused(&at(dir.path()));
    assert!(
        why.contains("val.txt: 2 of 3 images have no mask") && why.contains("SegmentationClass/2007_4.png"),
        "{why}"
    );
    let most = Data { broken_share: 0.7, ..at(dir.path()) };
    assert!(opened(&most).said().join("\n").contains("images without a mask: 2 (JPEGImages/2007_4.jpg, 2007_9)"));
    list("val", "2007_1\n2007_0\n");
    assert!(refused(&at(dir.path())).contains("\"2007_0\" stands in ImageSets/Segmentation/"));
    list("val", " \n");
    assert!(refused(&at(dir.path())).contains("val.txt: lists no image"));
    fs::remove_file(dir.path().join("ImageSets/Segmentation/train.txt")).unwrap();
    assert!(refused(&at(dir.path())).contains("has no train.txt; it has trainval.txt, val.txt"));
}

#[test]
fn every_png_of_numbers_is_read_as_its_numbers() {
    let dir = own();
    let halves = |bits: u32| -> Vec<u8> {
        let mut rows = Vec::new();
        for _ in 0..18 {
            let mut line = vec![0u8; (20 * bits).div_ceil(8) as usize];
            for x in 10..20 * bits / bits {
                // The value 1 in the last of the bits of a sample.
                let last = (x + 1) * bits - 1;
                line[last as usize / 8] |= 1 << (7 - last % 8);
            }
            rows.extend(line);
        }
        rows
    };
    for colours in [ColorType::Grayscale, ColorType::Indexed] {
        for (depth, bits) in
            [(BitDepth::One, 1), (BitDepth::Two, 2), (BitDepth::Four, 4), (BitDepth::Eight, 8), (BitDepth::Sixteen, 16)]
        {
            if (colours, bits) == (ColorType::Indexed, 16) {
                continue;
            }
            let mut out = Vec::new();
            let mut encoder = png::Encoder::new(&mut out, 20, 18);
            encoder.set_color(colours);
            encoder.set_depth(depth);
            if colours == ColorType::Indexed {
                encoder.set_palette(vec![9, 9, 9, 9, 9, 9]);
            }
            encoder.write_header().unwrap().write_image_data(&halves(bits)).unwrap();
            put(dir.path(), "masks/val/0.png", &out);
            let set = opened(&at(dir.path()));
            assert_eq!(test_batch(&set, 0..1).masks, seen(0, 1), "{colours:?} of {bits} bits");
        }
    }
}

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
        (|d| fs::remove_dir_all(d.join("images/train")).unwrap(), "images: has images/val/, and none called train"),
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

#[test]
fn names_that_are_not_utf_8_and_accents_find_their_masks() {
    let dir = own();
    let name = |ending: &str| {
        let mut name = OsStr::from_bytes(b"Mu\xf1oz.").to_os_string();
        name.push(ending);
        name
    };
    fs::write(dir.path().join("images/train").join(name("jpg")), jpeg(20, 18, 9)).unwrap();
    fs::write(dir.path().join("masks/train").join(name("png")), halves(2, 0)).unwrap();
    put(dir.path(), "images/train/caf\u{e9}.jpg", &jpeg(20, 18, 9));
    put(dir.path(), "masks/train/cafe\u{301}.png", &halves(2, 1));
    let set = opened(&at(dir.path()));
    assert_eq!((set.train.len(), set.left_out.len()), (5, 0), "{:?}", set.said());
    assert!(info(&at(dir.path()), Task::Segment, 0).unwrap().broken.is_empty());
}

#[test]
fn a_turned_photograph_has_the_mask_of_what_is_shown() {
    let dir = own();
    let turned = |size: (u32, u32)| {
        let mut image = Vec::new();
        let mut encoder = image::codecs::jpeg::JpegEncoder::new(&mut image);
        let exif = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
        image::ImageEncoder::set_exif_metadata(&mut encoder, exif).unwrap();
        encoder.encode(&pixels(size.0, size.1, 1), size.0, size.1, image::ExtendedColorType::Rgb8).unwrap();
        image
    };
    // Shown it has 20 columns and 18 rows.
    put(dir.path(), "images/val/0.jpg", &turned((18, 20)));
    assert_eq!(test_batch(&opened(&at(dir.path())), 0..1).masks, seen(0, 1));
    let stored = Data { orient: Orient::Stored, ..at(dir.path()) };
    let skipped = test_batch(&opened(&stored), 0..1).skipped;
    assert!(skipped[0].problem.contains("0.png has 20x18 pixels, and the image 18x20"), "{skipped:?}");

    put(dir.path(), "images/val/0.jpg", &turned((20, 18)));
    let skipped = test_batch(&opened(&at(dir.path())), 0..1).skipped;
    assert!(skipped[0].problem.contains("0.png has 20x18 pixels, as the image is stored; the image is shown turned"));
    assert_eq!(test_batch(&opened(&stored), 0..1).masks, seen(0, 1));
}

#[test]
fn a_run_keeps_the_images_and_masks_that_it_began_with() {
    let dir = own();
    for i in 3..9 {
        put(dir.path(), &format!("images/train/{i}.jpg"), &jpeg(20, 18, i));
        put(dir.path(), &format!("masks/train/{i}.png"), &halves(0, 1));
    }
    let data = Data { train_images: 6, ..at(dir.path()) };
    let set = open(&data, Task::Segment, 5).unwrap();
    let file = dir.path().join(MANIFEST);
    Manifest::of(&set, &data).write(&file).unwrap();
    let manifest = Manifest::read(&file).unwrap();
    assert_eq!(manifest, Manifest::of(&set, &data));
    let kept = |data: &Data, moved| open_kept(data, Task::Segment, 5, &manifest, moved);
    let same = kept(&data, false).unwrap();
    assert_eq!((same.task, same.said(), &same.classes), (Task::Segment, Vec::new(), &set.classes));
    assert_eq!(all(&same, &plain()), all(&set, &plain()));

    // A mask that is another one takes its image out, a new image stays out, new names of classes too.
    let first = Path::new(&set.train.name(0)).file_stem().unwrap().to_string_lossy().into_owned();
    put(dir.path(), &format!("masks/train/{first}.png"), &mask([18, 20], |y, x| ((y * 7 + x * 3) % 3) as u8));
    put(dir.path(), "images/val/9.jpg", &jpeg(20, 18, 9));
    put(dir.path(), "masks/val/9.png", &halves(0, 1));
    put(dir.path(), "classes.txt", b"a\nb\nc\nd\n");
    let now = kept(&data, false).unwrap();
    assert_eq!((now.train.len(), now.test.len(), &now.classes), (5, 2, &set.classes));
    let said = now.said().join("\n");
    assert!(said.contains(&format!("1 are other files by their size (images/train/{first}.jpg)")), "{said}");
    assert!(said.contains("1 are new (images/val/9.jpg) and stay out"), "{said}");
    let why = kept(&data, true).unwrap_err().to_string();
    assert!(why.contains("these are not the images that the run began with"), "{why}");
}

#[test]
fn what_changes_colours_leaves_masks_and_what_moves_pixels_moves_both() {
    let scenes = opened(&Data { path: String::new(), size: 0, train_images: 40, test_images: 10, ..Data::default() });
    let on = Jitter { on: true, strength: 0.4 };
    let colours = Augment {
        brightness: on,
        blur: Blur { on: true, probability: 1.0, radius: 3.0 },
        erase: Erase { on: true, probability: 1.0, ..Erase::default() },
        ..Augment::default()
    };
    let (usual, coloured) = (all(&scenes, &Augment::default()).0, all(&scenes, &colours).0);
    assert_eq!(usual.masks, coloured.masks);
    assert_ne!(usual.pixels, coloured.pixels);
    let moves = Augment {
        scale: Scale { on: true, ..Scale::default() },
        rotate: Rotate { on: true, degrees: 20.0 },
        ..Augment::default()
    };
    let moved = all(&scenes, &moves).0;
    assert!(moved.masks.contains(&IGNORED) && moved.masks != usual.masks);
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(one.install(|| all(&scenes, &moves).0), moved);
    // What is ignored is what is padded: black before it is normalised.
    let black = -scenes.mean[0] / scenes.std[0];
    let rotated = all(&scenes, &Augment { rotate: Rotate { on: true, degrees: 20.0 }, ..plain() }).0;
    let padded = |(value, class): (&f32, &u8)| *class != IGNORED || *value == black;
    assert!(rotated.pixels.iter().zip(&rotated.masks).all(padded));
}

#[test]
fn scenes_are_there_without_a_path_whatever_the_seed() {
    let data = Data::default();
    let set = opened(&data);
    assert_eq!((&set.name[..], set.train.len(), set.test.len(), set.train.shape()), ("scenes", 2000, 500, [64, 64, 1]));
    assert_eq!((set.classes.len(), &set.classes[0][..], &set.classes[1][..]), (11, "background", "t-shirt/top"));
    let other = open(&data, Task::Segment, 7).unwrap();
    assert_eq!(test_batch(&set, 0..50), test_batch(&other, 0..50));
    let batch = test_batch(&set, 3..5);
    assert_eq!((batch.pixels.len(), batch.masks.len(), batch.n), (2 * 4096, 2 * 4096, 2));
    assert!(batch.masks.iter().all(|class| *class < 11));
    let garments = opened(&Data { ignore: 0, size: 32, ..data });
    let small = test_batch(&garments, 3..5);
    assert!(small.masks.len() == 2048 && small.masks.contains(&IGNORED) && !small.masks.contains(&0));
    let manifest = Manifest::of(&set, &Data::default());
    assert_eq!(open_kept(&Data::default(), Task::Segment, 9, &manifest, false).unwrap().train.len(), 2000);

    let report = info(&Data::default(), Task::Segment, 0).unwrap();
    let ground = report.classes[0].pixels.unwrap();
    assert!((ground.train as f64 / (2000.0 * 4096.0) - 0.76).abs() < 0.02 && report.classes[0].train == 2000);
    assert!(report.classes[1..].iter().all(|class| class.train > 300 && class.val > 60), "{:?}", report.classes);
}
