//! Files that lie about their size make no memory be taken by what they claim. Alone in its program, because it counts
//! every request for memory.
#![allow(clippy::unwrap_used)]

use flate2::{Compression, write::GzEncoder};
use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tricktop::data::open;
use tricktop::recipe::settings::{Data, DataKind};

/// The system's allocator, with the largest request noted.
struct Counting;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
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

#[test]
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
            let error = open(&data, 0).unwrap_err().to_string();
            let largest = LARGEST.load(Relaxed);
            assert!(largest < 1 << 18, "a request for {largest} bytes, then: {error}");
            assert!(error.contains("claims "), "{error}");
        }
    }
}
