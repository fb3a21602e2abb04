//! Packed files: any bytes are a set whose pictures can be asked for, or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::cell::LazyCell;
use tricktop::data;
use tricktop::recipe::settings::{Data, DataKind, Task};

thread_local! {
    static DIR: LazyCell<tempfile::TempDir> = LazyCell::new(|| tempfile::tempdir_in("/dev/shm").unwrap());
}

fuzz_target!(|bytes: &[u8]| {
    DIR.with(|dir| {
        let path = dir.path().join("set.pack");
        std::fs::write(&path, bytes).unwrap();
        let data = Data { kind: DataKind::Packed, path: path.display().to_string(), size: 8, ..Data::default() };
        if let Ok(set) = data::open(&data, Task::Classify, 0) {
            let _ = data::test_batch(&set, 0..set.test.len().min(4));
        }
    });
});
