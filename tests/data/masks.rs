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
use tricktop::recipe::settings::{Augment, Blur, Crop, Data, Erase, Jitter, Orient, Rotate, Scale, Task};

pub fn at(path: &Path) -> Data {
    Data { path: path.display().to_string(), size: 16, ..Data::default() }
}

pub fn opened(data: &Data) -> DataSet {
    open(data, Task::Segment, 0).map_err(|e| e.to_string()).unwrap()
}

pub fn refused(data: &Data) -> String {
    open(data, Task::Segment, 0).map(|set| set.said().join("\n")).unwrap_err().to_string()
}

/// A PNG file of these samples, of so many bits each, packed as the file has them.
pub fn file(size: [u32; 2], colours: ColorType, depth: BitDepth, samples: &[u8]) -> Vec<u8> {
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
pub fn mask(size: [u32; 2], class: impl Fn(u32, u32) -> u8) -> Vec<u8> {
    let values: Vec<u8> = (0..size[0] * size[1]).map(|i| class(i / size[1], i % size[1])).collect();
    file(size, ColorType::Grayscale, BitDepth::Eight, &values)
}

/// The left half of one class, the right half of another.
pub fn halves(left: u8, right: u8) -> Vec<u8> {
    mask([18, 20], |_, x| if x < 10 { left } else { right })
}

const CLASSES: &str = "\u{feff}ground\r\nsky, or what is above\r\ncaf\u{e9}\r\n\r\n";

/// Three training images and two to validate with.
pub fn own() -> TempDir {
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

pub fn all(set: &DataSet, augment: &Augment) -> (Batch, Batch) {
    let indices: Vec<u32> = (0..set.train.len() as u32).collect();
    (train_batch(set, &indices, 1, 2, augment), test_batch(set, 0..set.test.len()))
}

pub fn plain() -> Augment {
    Augment { crop: Crop { on: false, pad: 0 }, flip: false, ..Augment::default() }
}

/// A mask of halves as a net sees it.
pub fn seen(left: u8, right: u8) -> Vec<u8> {
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
    put(
        dir.path(),
        &format!("masks/train/{first}.png"),
        &mask([18, 20], |y, x| (y * y * 7 % 11 + x * x * y % 13) as u8 % 3),
    );
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
