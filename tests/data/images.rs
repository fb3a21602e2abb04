//! Folders of images, CIFAR and packed files, good and bad, opened as a run does.
use crate::classified::{info, open};
use crate::pictures::{folder, jpeg, png, put};
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use tricktop::data::{Batch, DataSet, Shrink, pack, test_batch, train_batch};
use tricktop::recipe::settings::{Augment, Data, DataKind, Jitter, Normalise, Pca, Resized};

fn at(path: &Path) -> Data {
    Data { path: path.display().to_string(), size: 32, ..Data::default() }
}

fn small(each: u32) -> (TempDir, Data) {
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), each);
    let data = at(dir.path());
    (dir, data)
}

fn everything() -> Augment {
    let on = Jitter { on: true, strength: 0.4 };
    Augment {
        resized: Resized { on: true, ..Resized::default() },
        hue: on.clone(),
        saturation: on.clone(),
        brightness: on,
        pca: Pca { on: true, std: 0.1 },
        ..Augment::default()
    }
}

fn all(set: &DataSet, augment: &Augment) -> (Batch, Batch) {
    let indices: Vec<u32> = (0..set.train.len() as u32).collect();
    (train_batch(set, &indices, 1, 2, augment), test_batch(set, 0..set.test.len()))
}

#[test]
fn a_folder_with_val_is_found_out_and_read_in_the_order_of_its_names() {
    let (_dir, data) = small(8);
    let set = open(&data, 0).unwrap();
    assert_eq!((set.train.len(), set.test.len()), (24, 6));
    assert_eq!(set.classes, ["ant", "bee", "cat"]);
    assert_eq!(set.train.shape(), [32, 32, 3]);
    assert!(set.train.name(0).ends_with("train/ant/000.png") && set.train.name(7).ends_with("ant/deep/er/005.webp"));
    let (train, test) = all(&set, &everything());
    assert!(train.skipped.is_empty() && test.skipped.is_empty());
    assert_eq!((train.n, test.n, train.pixels.len()), (24, 6, 24 * 32 * 32 * 3));
    assert_eq!(train.labels[..9], [0, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert!(train.pixels.iter().all(|v| v.is_finite() && v.abs() < 12.0));
    assert_eq!(all(&set, &everything()).0, train);
    assert_ne!(train_batch(&set, &[3], 1, 3, &everything()), train_batch(&set, &[3], 1, 2, &everything()));
    // One image alone is as among others.
    let alone = train_batch(&set, &[5], 1, 2, &everything());
    assert_eq!(alone.pixels, train.pixels[5 * 3072..6 * 3072]);
    // 224 pixels and the paper's means unless the recipe says otherwise.
    let plain = open(&Data { size: 0, ..data.clone() }, 0).unwrap();
    assert_eq!((plain.train.shape(), plain.mean[0]), ([224, 224, 3], 123.68));
    let own = open(&Data { normalise: Normalise::Set, ..data }, 0).unwrap();
    assert!((own.mean[0] - 127.0).abs() < 40.0 && own.mean[0] != 123.68);
}

#[test]
fn one_tree_is_split_by_the_seed_and_train_may_be_a_class() {
    let dir = tempfile::tempdir().unwrap();
    for class in ["train", "boat", "Zug"] {
        for i in 0..10 {
            put(dir.path(), &format!("{class}/{i}.png"), &png(20, 20, i));
        }
    }
    put(dir.path(), ".cache/x.png", &png(20, 20, 0));
    put(dir.path(), "boat/readme.txt", b"no image");
    let data = Data { val_fraction: 0.2, ..at(dir.path()) };
    let names = |seed| {
        let set = open(&data, seed).unwrap();
        assert_eq!((set.train.len(), set.test.len(), set.classes.join(" ")), (24, 6, "Zug boat train".into()));
        for class in 0..3 {
            assert_eq!((0..6).filter(|i| set.test.label(*i) == class).count(), 2);
        }
        let train: Vec<String> = (0..24).map(|i| set.train.name(i)).collect();
        let val: Vec<String> = (0..6).map(|i| set.test.name(i)).collect();
        assert!(val.iter().all(|name| !train.contains(name)));
        val
    };
    assert_eq!(names(1), names(1));
    assert_ne!(names(1), names(2));
}

#[test]
fn every_mistake_of_a_folder_says_where_and_what_was_expected() {
    struct Case {
        files: &'static [&'static str],
        kind: DataKind,
        expected: &'static str,
    }
    let case = |files, kind, expected| Case { files, kind, expected };
    let (auto, images) = (DataKind::Auto, DataKind::ImageFolder);
    let cases = [
        case(&[], auto, "nothing in it is known; expected a folder with a directory of images a class"),
        case(&["x.txt"], images, "has no directories in it; a folder of images has one a class"),
        case(&["a/x.txt", "b/y.txt"], images, "no image in the directories below it; expected files that end in jpg"),
        case(&["a/1.png", "b/y.txt"], images, "only the directory \"a\" has images"),
        case(
            &["train/a/1.png", "train/b/1.png", "val/c/1.png"],
            auto,
            "the directory \"c\" is no class of the training",
        ),
        case(&["train/a/1.png", "train/b/1.png", "val/a/x.txt"], auto, "val: no image in the directories below it"),
        case(&["train/1.png", "val/1.png"], auto, "train: has no directories in it"),
        case(&["a/1.png"], DataKind::Cifar, "has neither test_batch.bin (CIFAR-10) nor test.bin (CIFAR-100)"),
        case(&["a/1.png"], DataKind::Packed, "a regular file"),
    ];
    let mut wrong = Vec::new();
    for Case { files, kind, expected } in cases {
        let dir = tempfile::tempdir().unwrap();
        files.iter().for_each(|name| put(dir.path(), name, &png(8, 8, 1)));
        match open(&Data { kind, ..at(dir.path()) }, 0) {
            Err(e) if e.to_string().contains(expected) && e.to_string().contains(dir.path().to_str().unwrap()) => {}
            other => {
                wrong.push(format!("{files:?}: expected {expected:?}, found {:?}", other.map_err(|e| e.to_string())))
            }
        }
    }
    let nowhere = open(&at(Path::new("no/where")), 0).unwrap_err().to_string();
    assert!(nowhere.starts_with("no/where: does not exist; expected"), "{nowhere}");
    let file = tempfile::NamedTempFile::new().unwrap();
    let not_packed = open(&at(file.path()), 0).unwrap_err().to_string();
    assert!(not_packed.contains("a file, but not a packed one"), "{not_packed}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Broken files with what is said of each.
fn hostile() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let good = jpeg(64, 48, 3);
    let mut huge = good.clone();
    let frame = huge.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    huge[frame + 5..frame + 9].copy_from_slice(&[0xea, 0x60, 0xea, 0x60]);
    let mut huge_png = png(8, 8, 1);
    huge_png[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let mut zero = good.clone();
    zero[frame + 5..frame + 7].fill(0);
    let mut marker = good.clone();
    let scan = marker.windows(2).position(|w| w == [0xff, 0xda]).unwrap();
    marker.splice(scan + 40..scan + 42, [0xff, 0xc4]);
    vec![
        ("empty.jpg", vec![], "it begins with nothing"),
        (
            "text.jpg",
            b"<html></html>".to_vec(),
            "is neither JPEG, PNG, WebP, BMP, GIF nor TIFF: it begins with 3c 68 74 6d 6c 3e 3c 2f; it is a web page",
        ),
        (
            "lfs.jpg",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0".to_vec(),
            "; it is a pointer of Git LFS",
        ),
        ("gif.png", b"GIF89a\x01\x00\x01\x00".to_vec(), "is a GIF by its content and not by its name"),
        ("cut.jpg", good[..good.len() / 2].to_vec(), "is cut short: it has no end-of-image marker"),
        ("head.jpg", good[..30].to_vec(), "it has no frame header"),
        ("huge.jpg", huge, "claims 60000x60000 pixels"),
        ("zero.jpg", zero, "claims 64x0 pixels"),
        ("marker.jpg", marker, "is damaged"),
        ("huge.png", huge_png, "is damaged"),
        ("cut.png", png(32, 32, 2)[..60].to_vec(), "is damaged"),
        ("cut.webp", crate::pictures::webp(32, 32, 2)[..40].to_vec(), "is damaged"),
    ]
}

#[test]
fn broken_images_are_named_and_their_places_go_to_others() {
    let (dir, data) = small(6);
    for (name, content, _) in hostile() {
        put(dir.path(), &format!("train/bee/{name}"), &content);
        put(dir.path(), &format!("val/bee/{name}"), &content);
    }
    let set = open(&data, 0).unwrap();
    let (train, test) = all(&set, &Augment::default());
    let broken = hostile();
    assert_eq!((train.n, test.n), (18 + broken.len(), 6));
    // (one that is damaged below the part that a crop needs is no broken image there)
    for batch in [&train, &test] {
        for (name, _, expected) in &broken {
            let said = batch.skipped.iter().find(|s| s.image.ends_with(&format!("bee/{name}")));
            assert!(said.is_some_and(|s| s.problem.contains(expected)), "{name}: {expected:?}, found {said:?}");
        }
    }
    assert_eq!(test.labels, [0, 0, 1, 1, 2, 2]);
    assert_eq!(test.pixels.len(), 6 * 3072);
    let report = info(&data, 0).unwrap();
    assert_eq!(
        (report.train, report.val, report.broken.len()),
        (18 + broken.len(), 6 + broken.len(), 2 * broken.len())
    );
    assert_eq!((report.height, report.width, report.channels), ([36, 40], [40, 50], 3));
    assert!(report.classes.iter().map(|c| c.train).eq([6, 6 + broken.len(), 6]));
}

#[test]
fn a_part_of_a_jpeg_is_decoded_as_the_whole() {
    // Crops near the top need few rows: they must be the same as out of a whole picture, which PNG is.
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for class in ["x", "y"] {
        for i in 0..30 {
            let file = jpeg(96, 300, i);
            let pixels = image::load_from_memory(&file).unwrap().into_rgb8();
            put(a.path(), &format!("{class}/{i:02}.jpg"), &file);
            fs::create_dir_all(b.path().join(class)).unwrap();
            pixels.save(b.path().join(class).join(format!("{i:02}.png"))).unwrap();
        }
    }
    let (a, b) = (open(&at(a.path()), 0).unwrap(), open(&at(b.path()), 0).unwrap());
    let ((a, _), (b, _)) = (all(&a, &everything()), all(&b, &everything()));
    assert!(a.skipped.is_empty() && b.skipped.is_empty());
    let far = a.pixels.iter().zip(&b.pixels).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
    assert!(far < 1e-6, "{far}");
}

/// The files of CIFAR-10 (or 100) as the original lays them out, with fewer records.
fn cifar(dir: &Path, ten: bool, each: usize) {
    let record = |file: usize, i: usize| {
        let label = ((file * each + i) % if ten { 10 } else { 100 }) as u8;
        let head = if ten { vec![label] } else { vec![label / 5, label] };
        let pixels = (0..3072usize).map(move |at| (at / 1024 * 50 + at % 32 + file * 7 + i) as u8);
        head.into_iter().chain(pixels).collect::<Vec<u8>>()
    };
    let file = |n: usize| (0..each).flat_map(|i| record(n, i)).collect::<Vec<u8>>();
    if ten {
        (1..=5).for_each(|n| put(dir, &format!("data_batch_{n}.bin"), &file(n)));
        put(dir, "test_batch.bin", &file(6));
        put(dir, "batches.meta.txt", b"airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n");
    } else {
        put(dir, "train.bin", &file(1));
        put(dir, "test.bin", &file(2));
    }
}

#[test]
fn cifar_is_read_as_its_authors_lay_it_out() {
    let dir = tempfile::tempdir().unwrap();
    cifar(dir.path(), true, 20);
    let data = Data { path: dir.path().display().to_string(), ..Data::default() };
    let set = open(&data, 0).unwrap();
    assert_eq!((set.train.len(), set.test.len(), set.train.shape()), (100, 20, [32, 32, 3]));
    assert_eq!((set.classes[0].as_str(), set.classes[9].as_str()), ("airplane", "truck"));
    // Image 21 is record 1 of data_batch_2: pixel (1, 3) of the three planes.
    let pixels = set.train.pixels(21).unwrap();
    let expected = [0, 1, 2].map(|plane| (plane * 50 + 3 + 2 * 7 + 1) as u8);
    assert_eq!(pixels[(32 + 3) * 3..][..3], expected);
    assert_eq!(set.train.label(21), (2 * 20 + 1) % 10);
    assert!(set.train.name(21).ends_with("data_batch_2.bin, image 1"));
    assert_eq!(all(&set, &everything()).0.n, 100);

    let hundred = tempfile::tempdir().unwrap();
    cifar(hundred.path(), false, 200);
    let set = open(&at(hundred.path()), 0).unwrap();
    assert_eq!((set.train.len(), set.classes.len(), set.train.label(3)), (200, 100, 3));

    let name = dir.path().join("data_batch_3.bin");
    let content = fs::read(&name).unwrap();
    let error = |content: &[u8]| {
        fs::write(&name, content).unwrap();
        open(&data, 0).unwrap_err().to_string()
    };
    let short = error(&content[..content.len() - 1]);
    assert!(short.contains("data_batch_3.bin: has 61459 bytes; expected a multiple of 3073"), "{short}");
    let mut bad = content.clone();
    bad[3073 * 2] = 10;
    let label = error(&bad);
    assert!(label.contains("record 2 has the label 10; with 10 classes it must be from 0 to 9"), "{label}");
    fs::remove_file(&name).unwrap();
    assert!(open(&data, 0).unwrap_err().to_string().contains("data_batch_3.bin: No such file"));
}

#[test]
fn a_packed_set_is_the_set_that_was_packed() {
    let (dir, data) = small(5);
    put(dir.path(), "train/ant/zz.jpg", b"broken");
    let out = dir.path().join("set.pack");
    let set = open(&data, 0).unwrap();
    let packed = pack(&set, &out, Shrink::Keep).unwrap();
    assert_eq!((packed.train, packed.val, packed.broken.len()), (15, 6, 1));
    assert_eq!(packed.bytes, fs::metadata(&out).unwrap().len());
    fs::remove_file(dir.path().join("train/ant/zz.jpg")).unwrap();
    let (set, again) = (open(&data, 0).unwrap(), open(&at(&out), 0).unwrap());
    assert_eq!((&set.classes, &set.mean, set.train.shape()), (&again.classes, &again.mean, again.train.shape()));
    assert_eq!(all(&set, &everything()), all(&again, &everything()));
    assert_eq!(info(&at(&out), 0).unwrap().verifies, Some(true));

    // Smaller ones: half the edge, a few levels away.
    let small = dir.path().join("small.pack");
    pack(&set, &small, Shrink::Edge(32)).unwrap();
    let report = info(&at(&small), 0).unwrap();
    assert_eq!((report.height[0].min(report.width[0]), report.broken.len()), (32, 0));
    assert!(fs::metadata(&small).unwrap().len() < fs::metadata(&out).unwrap().len());

    // Images of one size are packed as pixels.
    let bundled = open(&Data { train_images: 200, ..Data::default() }, 0).unwrap();
    let pixels = dir.path().join("fashion.pack");
    pack(&bundled, &pixels, Shrink::Keep).unwrap();
    let again = open(&Data { path: pixels.display().to_string(), ..Data::default() }, 0).unwrap();
    assert_eq!((&again.mean, &again.std, &again.name), (&bundled.mean, &bundled.std, &bundled.name));
    assert_eq!(all(&again, &Augment::default()), all(&bundled, &Augment::default()));

    // Damage: in an image it is one broken image, elsewhere the file is refused.
    let whole = fs::read(&out).unwrap();
    let damaged = |at_byte: usize| {
        let mut bytes = whole.clone();
        bytes[at_byte] ^= 1;
        fs::write(&out, bytes).unwrap();
        open(&at(&out), 0)
    };
    let set = damaged(100).unwrap();
    assert_eq!(all(&set, &Augment::default()).0.skipped.len(), 1);
    assert_eq!(info(&at(&out), 0).unwrap().verifies, Some(false));
    for at_byte in [0, 17, 25, 40, whole.len() - 3, whole.len() - 400] {
        let error = damaged(at_byte).unwrap_err().to_string();
        assert!(error.contains("set.pack: "), "{at_byte}: {error}");
    }
    for cut in [3, 20, 63, 500, whole.len() - 1] {
        fs::write(&out, &whole[..cut]).unwrap();
        assert!(open(&at(&out), 0).is_err(), "{cut}");
    }
}
