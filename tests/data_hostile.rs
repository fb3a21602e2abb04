//! Files that lie about their size, or whose size or shape is extreme, take no more memory than images may. Alone in its
//! program, because it counts every request for memory.
#![allow(clippy::unwrap_used)]

use flate2::{Compression, write::GzEncoder};
use image::codecs::jpeg::JpegEncoder;
use image::{GenericImageView, Luma};
use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tricktop::data::{info, open, test_batch, train_batch};
use tricktop::recipe::settings::{Augment, Data, DataKind, Resized, Task};

/// The system's allocator, with the largest request noted, and the most that was held at once.
struct Counting;

static LARGEST: AtomicUsize = AtomicUsize::new(0);
static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Relaxed);
        MOST.fetch_max(HELD.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        // SAFETY: `at` came from `System` with this layout.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn file(numbers: &[u32]) -> Vec<u8> {
    let tail = [0u8; 100];
    numbers.iter().flat_map(|n| n.to_be_bytes()).chain(tail).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A grey picture of any size that holds no pixels.
struct Grey(u32, u32);

impl GenericImageView for Grey {
    type Pixel = Luma<u8>;

    fn dimensions(&self) -> (u32, u32) {
        (self.0, self.1)
    }

    fn get_pixel(&self, x: u32, _: u32) -> Luma<u8> {
        Luma([(x / 1000) as u8])
    }
}

/// A PNG file of zeros, written row by row.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    let mut rows = writer.stream_writer().unwrap();
    let row = vec![0; width as usize];
    (0..height).for_each(|_| rows.write_all(&row).unwrap());
    rows.finish().unwrap();
    writer.finish().unwrap();
    file
}

#[test]
fn memory_is_bounded() {
    no_claim_of_a_header_takes_memory();
    no_size_or_shape_takes_more_than_an_image_may();
}

/// The bound of docs/dev/measurements.md.
fn no_size_or_shape_takes_more_than_an_image_may() {
    let mut jpeg = Vec::new();
    JpegEncoder::new(&mut jpeg).encode_image(&Grey(20_000, 10_000)).unwrap();
    let cases = [
        ("strip.png", png(40_000_000, 1), true),
        ("pole.png", png(1, 2_000_000), true),
        ("camera.jpg", jpeg, true),
        ("poster.png", png(20_000, 9_000), false),
    ];
    for (name, content, fits) in cases {
        let dir = tempfile::tempdir().unwrap();
        for (file, content) in [("cat/a.png", &png(9, 9)), ("dog/a.png", &png(9, 9)), ("dog/b.png", &png(9, 9))] {
            fs::create_dir_all(dir.path().join(file).parent().unwrap()).unwrap();
            fs::write(dir.path().join(file), content).unwrap();
        }
        fs::write(dir.path().join("cat").join(name), content).unwrap();
        let data = Data { path: dir.path().display().to_string(), ..Data::default() };
        let before = HELD.load(Relaxed);
        MOST.store(before, Relaxed);
        let set = open(&data, Task::Classify, 0).unwrap();
        for resized in [false, true] {
            let augment = Augment { resized: Resized { on: resized, ..Resized::default() }, ..Augment::default() };
            let (train, test) = (train_batch(&set, &[0, 1], 0, 0, &augment), test_batch(&set, 0..2));
            let skipped: Vec<&str> = train.skipped.iter().chain(&test.skipped).map(|s| s.problem.as_str()).collect();
            assert_eq!(skipped.is_empty(), fits, "{name}: {skipped:?}");
            assert!(skipped.iter().all(|why| why.contains("MB to be decoded; at most 384 are taken")), "{skipped:?}");
        }
        assert_eq!(info(&data, Task::Classify, 0).unwrap().broken.is_empty(), fits, "{name}");
        let most = (MOST.load(Relaxed) - before) >> 20;
        assert!(most < 512, "{name}: {most} MB");
    }
}

fn no_claim_of_a_header_takes_memory() {
    const MAX: u32 = u32::MAX;
    let images = [
        file(&[0x803, MAX, 1, 1]),
        file(&[0x803, 1_000_000, 28, 28]),
        file(&[0x803, 1 << 30, 2, 2]),
        file(&[0x803, 256, 4096, 4096]),
        file(&[0x803, MAX, MAX, MAX]),
        file(&[0x803, 1, MAX, 1]),
        file(&[0x804, MAX, 1, 1, 1]),
        file(&[0x804, MAX, MAX, MAX, MAX]),
        file(&[0x804, 1, 1, 1, MAX]),
    ];
    let labels = [file(&[0x801, MAX]), file(&[0x801, 1 << 31]), file(&[0x801, 1_000_000_000])];
    // A good file of 100 zeros, so that the images of the first kind are looked at.
    let good = file(&[0x801, 100]);

    let pairs = images.into_iter().map(|i| (i, good.clone())).chain(labels.into_iter().map(|l| (file(&[0]), l)));
    for (images, labels) in pairs {
        for pack in [|bytes: &[u8]| bytes.to_vec(), gzip] {
            let dir = tempfile::tempdir().unwrap();
            for (name, content) in [
                ("train-images-idx3-ubyte", &images),
                ("train-labels-idx1-ubyte", &labels),
                ("t10k-images-idx3-ubyte", &images),
                ("t10k-labels-idx1-ubyte", &labels),
            ] {
                fs::write(dir.path().join(name), pack(content)).unwrap();
            }
            let data = Data { kind: DataKind::Idx, path: dir.path().display().to_string(), ..Data::default() };
            LARGEST.store(0, Relaxed);
            let error = open(&data, Task::Classify, 0).unwrap_err().to_string();
            let largest = LARGEST.load(Relaxed);
            assert!(largest < 1 << 18, "a request for {largest} bytes, then: {error}");
            assert!(error.contains("claims "), "{error}");
        }
    }
}
