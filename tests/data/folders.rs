//! Folders of images as people have them: spellings of splits, files of other programs, links, names, formats.
use crate::classified::{info, open, open_kept};
use crate::pictures::{jpeg, pixels, png, put};
use image::{DynamicImage, ImageFormat, RgbImage};
use std::ffi::OsStr;
use std::fs;
use std::io::Cursor;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::TempDir;
use tricktop::data::{DataSet, MANIFEST, Manifest, test_batch};
use tricktop::recipe::settings::{Data, Orient};

fn at(path: &Path) -> Data {
    Data { path: path.display().to_string(), size: 16, ..Data::default() }
}

/// Files by name, each a picture of its own.
fn desk(files: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (seed, name) in files.iter().enumerate() {
        put(dir.path(), name, &png(20, 18, seed as u32));
    }
    dir
}

/// Two images of each class in a split.
fn split(dir: &Path, name: &str, classes: &[&str]) {
    for (seed, class) in classes.iter().enumerate() {
        for i in 0..2 {
            put(dir, &format!("{name}/{class}/{i}.png"), &png(20, 18, seed as u32 * 10 + i));
        }
    }
}

fn said(set: &DataSet) -> String {
    set.said().join("\n")
}

fn refused(data: &Data) -> String {
    open(data, 0).map(|set| said(&set)).unwrap_err().to_string()
}

#[test]
fn splits_are_found_in_every_usual_spelling() {
    let cases = [
        ("train", "val"),
        ("Train", "Val"),
        ("TRAIN", "VALID"),
        ("training", "validation"),
        ("train", "dev"),
        ("Training", "Testing"),
        ("train", "test"),
        ("training_set", "test_set"),
        ("Train images", "TestSet"),
    ];
    for (train, val) in cases {
        let dir = tempfile::tempdir().unwrap();
        split(dir.path(), train, &["cat", "dog", "fox"]);
        split(dir.path(), val, &["cat", "dog"]);
        let set = open(&at(dir.path()), 0).unwrap();
        assert_eq!((set.train.len(), set.test.len(), set.classes.join(" ")), (6, 4, "cat dog fox".into()), "{train}");
        let said = said(&set);
        assert!(said.contains(&format!("trained on {train}/, validated with {val}/")), "{said}");
        assert!(said.contains("no image to validate with in 1 of 3 classes: fox"), "{said}");
    }
}

#[test]
fn a_split_that_is_not_used_or_has_no_labels_is_told() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["train", "val", "test"] {
        split(dir.path(), name, &["cat", "dog"]);
    }
    let set = open(&at(dir.path()), 0).unwrap();
    assert!(set.test.name(0).contains("/val/") && said(&set).contains("splits that are not used: 1 (test)"), "{set:?}");

    let contest = tempfile::tempdir().unwrap();
    split(contest.path(), "train", &["cat", "dog"]);
    put(contest.path(), "test/1.png", &png(8, 8, 1));
    put(contest.path(), "notes/readme.txt", b"text");
    let set = open(&at(contest.path()), 0).unwrap();
    assert_eq!((set.train.len(), set.test.len()), (2, 2));
    let said = said(&set);
    for expected in
        ["train/ alone: 10 % of each class", "no labels: 1 (test/ with 1 images)", "beside the splits: 1 (notes)"]
    {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn splits_are_never_taken_for_classes_in_silence() {
    let two = tempfile::tempdir().unwrap();
    split(two.path(), "val", &["cat", "dog"]);
    split(two.path(), "test", &["cat", "dog"]);
    let why = refused(&at(two.path()));
    assert!(why.contains("has the splits val, test, and none called train"), "{why}");

    let twice = tempfile::tempdir().unwrap();
    for name in ["train", "Train", "val"] {
        split(twice.path(), name, &["cat", "dog"]);
    }
    assert!(refused(&at(twice.path())).contains("Train and train are both the name of one split"));

    // One directory under two names, annotations beside train.
    let linked = tempfile::tempdir().unwrap();
    split(linked.path(), "train", &["cat", "dog"]);
    symlink("train", linked.path().join("val")).unwrap();
    assert!(refused(&at(linked.path())).contains("train and val are the same directory"));
    let noted = tempfile::tempdir().unwrap();
    split(noted.path(), "train", &["cat", "dog"]);
    put(noted.path(), "annotations/1.xml", b"<a/>");
    let set = open(&at(noted.path()), 0).unwrap();
    assert_eq!((set.classes.join(" "), set.train.len()), ("cat dog".into(), 2));
    assert!(said(&set).contains("directories beside the splits: 1 (annotations)"), "{}", said(&set));

    let deeper = tempfile::tempdir().unwrap();
    split(&deeper.path().join("pets"), "train", &["cat", "dog"]);
    split(&deeper.path().join("pets"), "val", &["cat", "dog"]);
    let why = refused(&at(deeper.path()));
    assert!(why.contains("its splits make it a set of its own: name ") && why.contains("/pets"), "{why}");

    let vehicles = desk(&["train/1.png", "train/2.png", "boat/1.png", "boat/2.png"]);
    let set = open(&at(vehicles.path()), 0).unwrap();
    assert_eq!(set.classes, ["boat", "train"]);
    assert!(said(&set).contains("train/ is a class here"), "{}", said(&set));
}

#[test]
fn what_is_left_out_is_counted_and_named_by_kind() {
    let dir = desk(&[
        "cat/1.png",
        "cat/2.PNG",
        "cat/deep/3.png",
        "cat/@eaDir/1.png/SYNOPHOTO_THUMB.png",
        "cat/.ipynb_checkpoints/1.png",
        "cat/._1.png",
        "cat/Thumbs.db",
        "dog/1.png",
        "dog/2.png",
        "dog/raw.CR2",
        "dog/notes",
        "__MACOSX/cat/1.png",
        "lost+found/1.png",
        "stray.png",
    ]);
    fs::create_dir(dir.path().join("empty")).unwrap();
    symlink(".", dir.path().join("cat/again")).unwrap();
    symlink("../dog", dir.path().join("cat/other")).unwrap();
    let set = open(&at(dir.path()), 0).unwrap();
    assert_eq!((set.train.len() + set.test.len(), set.classes.join(" ")), (5, "cat dog".into()));
    let found: Vec<(String, usize)> = set.left_out.iter().map(|some| (some.kind.clone(), some.count)).collect();
    let expected = [
        ("directories of other programs", 3),
        ("directories without images", 1),
        ("files of other programs", 1),
        ("files that end in cr2", 1),
        ("files without an ending", 1),
        ("hidden directories", 1),
        ("hidden files", 1),
        ("images outside the directories of classes", 1),
        ("links to directories that are looked through already", 2),
    ];
    assert_eq!(found, expected.map(|(kind, count)| (kind.to_string(), count)));
    assert!(said(&set).contains("left out: files that end in cr2: 1 (dog/raw.CR2)"), "{}", said(&set));
    let none = desk(&["a/x.heic", "b/y.heic", "b/z.heic"]);
    assert!(refused(&at(none.path())).contains("directories without images: 2 (a, b); files that end in heic: 3 ("));
}

#[test]
fn names_that_are_not_utf_8_are_read_and_accents_are_one_however_they_are_written() {
    let dir = desk(&["cat/1.png", "dog/1.png", "dog/2.png"]);
    let name = OsStr::from_bytes(b"Mu\xf1oz.png");
    fs::write(dir.path().join("cat").join(name), png(20, 18, 9)).unwrap();
    let set = open(&at(dir.path()), 0).unwrap();
    assert_eq!((set.train.len(), set.test.len(), test_batch(&set, 0..2).n), (2, 2, 2));
    assert!(info(&at(dir.path()), 0).unwrap().broken.is_empty());

    let accents = tempfile::tempdir().unwrap();
    split(accents.path(), "train", &["caf\u{e9}", "bar"]);
    split(accents.path(), "val", &["cafe\u{301}", "bar"]);
    let set = open(&at(accents.path()), 0).unwrap();
    assert_eq!((set.classes.join(" "), set.test.len()), ("bar caf\u{e9}".into(), 4));
    split(accents.path(), "train", &["cafe\u{301}"]);
    assert!(refused(&at(accents.path())).contains("are one name in composed characters"));
}

#[test]
fn every_format_that_people_have_is_read_as_its_pixels() {
    let dir = tempfile::tempdir().unwrap();
    let image = DynamicImage::from(RgbImage::from_raw(20, 18, pixels(20, 18, 3)).unwrap());
    let formats =
        [("bmp", ImageFormat::Bmp), ("tif", ImageFormat::Tiff), ("TIFF", ImageFormat::Tiff), ("png", ImageFormat::Png)];
    for (ending, format) in formats {
        let mut file = Cursor::new(Vec::new());
        image.write_to(&mut file, format).unwrap();
        put(dir.path(), &format!("train/a/1.{ending}"), file.get_ref());
        put(dir.path(), &format!("val/a/1.{ending}"), file.get_ref());
    }
    put(dir.path(), "train/b/1.jfif", &jpeg(20, 18, 1));
    let report = info(&at(dir.path()), 0).unwrap();
    assert_eq!((report.train, report.val, report.broken.len()), (5, 4, 0));
    let set = open(&at(dir.path()), 0).unwrap();
    let batch = test_batch(&set, 0..4);
    let images: Vec<&[f32]> = batch.pixels.chunks(16 * 16 * 3).collect();
    assert!(images.iter().all(|one| *one == images[0]));

    // A GIF is its first picture; one that is called otherwise is what a site gives for what is gone.
    let mut gif = Cursor::new(Vec::new());
    image.write_to(&mut gif, ImageFormat::Gif).unwrap();
    put(dir.path(), "train/b/2.gif", gif.get_ref());
    put(dir.path(), "train/b/3.jpg", gif.get_ref());
    let report = info(&at(dir.path()), 0).unwrap();
    let broken: Vec<&str> = report.broken.iter().map(|b| b.problem.as_str()).collect();
    assert!(report.train == 7 && broken.len() == 1 && broken[0].starts_with("is a GIF by its content"), "{broken:?}");
}

#[test]
fn without_an_image_to_validate_with_nothing_begins() {
    let dir = desk(&["cat/1.png", "dog/1.png"]);
    assert!(refused(&at(dir.path())).contains("has no image to validate with: each class needs one in val/"));
}

#[test]
fn turned_photographs_are_counted() {
    let dir = desk(&["cat/1.png", "cat/2.png", "dog/1.png"]);
    let mut image = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new(&mut image);
    let exif = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
    image::ImageEncoder::set_exif_metadata(&mut encoder, exif).unwrap();
    encoder.encode(&pixels(20, 18, 1), 20, 18, image::ExtendedColorType::Rgb8).unwrap();
    put(dir.path(), "dog/2.jpg", &image);
    let report = info(&at(dir.path()), 0).unwrap();
    assert_eq!((report.turned, report.height, report.width), (1, [18, 18], [20, 20]));
    let stored = Data { orient: Orient::Stored, ..at(dir.path()) };
    assert_eq!(info(&stored, 0).unwrap().turned, 0);
}

/// The names of the images of a set, below its directory.
fn names(set: &DataSet, dir: &Path) -> [Vec<String>; 2] {
    [&set.train, &set.test].map(|split| {
        let name = |i| split.name(i).trim_start_matches(&format!("{}/", dir.display())).to_string();
        (0..split.len()).map(name).collect()
    })
}

#[test]
fn a_run_keeps_the_images_and_the_split_that_it_began_with() {
    let dir = tempfile::tempdir().unwrap();
    let photos = dir.path().join("photos");
    for class in ["cat", "dog"] {
        for i in 0..10 {
            put(&photos, &format!("{class}/{i:02}.png"), &png(20 + i, 18, i));
        }
    }
    put(&photos, &format!("cat/{}", "100%\t\u{e9}.png"), &png(40, 18, 3));
    let data = Data { val_fraction: 0.3, train_images: 12, test_images: 4, ..at(&photos) };
    let set = open(&data, 5).unwrap();
    let file = dir.path().join(MANIFEST);
    Manifest::of(&set, &data).write(&file).unwrap();
    let manifest = Manifest::read(&file).unwrap();
    assert_eq!(manifest, Manifest::of(&set, &data));
    let kept = |data: &Data, moved| open_kept(data, 5, &manifest, moved);
    let same = kept(&data, false).unwrap();
    assert_eq!((names(&same, &photos), same.said()), (names(&set, &photos), Vec::new()));
    assert_eq!((same.tests_there, set.tests_there), (6, 6));

    // New ones stay out, those that are gone or are others now too: nothing changes its side.
    put(&photos, "cat/0000.png", &png(99, 18, 3));
    put(&photos, "fox/0.png", &png(99, 18, 3));
    let [train, val] = names(&set, &photos);
    fs::remove_file(photos.join(&train[0])).unwrap();
    put(&photos, &val[0], &png(77, 18, 3));
    let now = kept(&data, false).unwrap();
    assert_eq!(names(&now, &photos), [train[1..].to_vec(), val[1..].to_vec()]);
    let said = said(&now);
    assert!(said.contains("2 are new (cat/0000.png, fox/0.png) and stay out"), "{said}");
    assert!(said.contains("no classes of the run, and left out: fox"), "{said}");
    assert!(
        said.contains(&format!("1 are gone ({}); 1 are other files by their size ({})", train[0], val[0])),
        "{said}"
    );

    // Fewer images than classes are enough.
    let few = Data { train_images: 1, ..data.clone() };
    let set_of_few = open(&few, 5).unwrap();
    let manifest_of_few = Manifest::of(&set_of_few, &few);
    assert_eq!(names(&open_kept(&few, 5, &manifest_of_few, false).unwrap(), &photos), names(&set_of_few, &photos));

    // At another place all must be there.
    let moved = dir.path().join("moved");
    fs::rename(&photos, &moved).unwrap();
    let why = kept(&at(&moved), true).unwrap_err().to_string();
    assert!(why.contains("these are not the images that the run began with: 1 are gone"), "{why}");
    put(&moved, &train[0], &png(20 + train[0][4..6].parse::<u32>().unwrap(), 18, train[0][4..6].parse().unwrap()));
    put(&moved, &val[0], &png(20 + val[0][4..6].parse::<u32>().unwrap(), 18, val[0][4..6].parse().unwrap()));
    assert_eq!(names(&kept(&at(&moved), true).unwrap(), &moved), names(&set, &photos));

    // A class that is called otherwise is another one.
    fs::rename(moved.join("dog"), moved.join("wolf")).unwrap();
    let why = kept(&at(&moved), false).unwrap_err().to_string();
    assert!(why.contains("no image of dog any more, a class of the run; it has fox, wolf"), "{why}");
    fs::write(&file, "no gzip").unwrap();
    assert!(Manifest::read(&file).unwrap_err().to_string().contains("images.tsv.gz: damaged gzip"));
}
