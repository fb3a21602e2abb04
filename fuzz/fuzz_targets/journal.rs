//! The logs of a run: any bytes are read or refused, as the journal, the metrics, the chain and the log.
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

fuzz_target!(|bytes: &[u8]| {
    DIR.with(|dir| {
        for file in ["journal.jsonl", "metrics.jsonl", "chain.jsonl", "log.jsonl"] {
            let path = dir.path().join(file);
            std::fs::write(&path, bytes).unwrap();
            let _ = runs::Record::read(dir.path()).map(|record| record.as_recipe());
            let _ = runs::history(dir.path());
            let _ = runs::csv(dir.path());
            let _ = runs::json(dir.path());
            std::fs::remove_file(&path).unwrap();
        }
    });
});
