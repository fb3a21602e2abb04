//! The logs of a run: any bytes are read or refused. The first byte says which of the four logs the rest is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::cell::LazyCell;
use tricktop::runs;

thread_local! {
    static DIR: LazyCell<tempfile::TempDir> = LazyCell::new(|| {
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        std::fs::write(dir.path().join("recipe.ron"), "(train: (epochs: 3))").unwrap();
        dir
    });
}

const FILES: [&str; 4] = ["journal.jsonl", "metrics.jsonl", "chain.jsonl", "log.jsonl"];

fuzz_target!(|bytes: &[u8]| {
    let Some((which, rest)) = bytes.split_first() else { return };
    DIR.with(|dir| {
        let path = dir.path().join(FILES[usize::from(*which) % FILES.len()]);
        std::fs::write(&path, rest).unwrap();
        let _ = runs::Record::read(dir.path()).map(|record| record.as_recipe());
        let _ = runs::history(dir.path());
        let _ = runs::csv(dir.path());
        std::fs::remove_file(&path).unwrap();
    });
});
