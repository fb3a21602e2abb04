//! Directories of CIFAR: any bytes as a batch file are images or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::cell::LazyCell;
use tricktop::data;
use tricktop::recipe::settings::{Data, DataKind, Task};

const FILES: [&str; 7] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
    "test_batch.bin",
    "batches.meta.txt",
];

/// One image.
fn whole(file: usize) -> Vec<u8> {
    match FILES[file] {
        "batches.meta.txt" => (0..10).flat_map(|class| format!("class{class}\n").into_bytes()).collect(),
        _ => std::iter::once(file as u8).chain([7; 3072]).collect(),
    }
}

thread_local! {
    static DIR: LazyCell<tempfile::TempDir> = LazyCell::new(|| {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        FILES.iter().enumerate().for_each(|(i, file)| std::fs::write(dir.path().join(file), whole(i)).unwrap());
        dir
    });
}

fuzz_target!(|bytes: &[u8]| {
    let Some((which, rest)) = bytes.split_first() else { return };
    let which = usize::from(*which) % FILES.len();
    DIR.with(|dir| {
        let file = dir.path().join(FILES[which]);
        std::fs::write(&file, rest).unwrap();
        let data = Data { kind: DataKind::Cifar, path: dir.path().display().to_string(), ..Data::default() };
        match data::open(&data, Task::Classify, 0) {
            Ok(set) => assert!(!set.train.is_empty() && !set.test.is_empty()),
            Err(e) => assert!(!e.to_string().is_empty()),
        }
        std::fs::write(&file, whole(which)).unwrap();
    });
});
