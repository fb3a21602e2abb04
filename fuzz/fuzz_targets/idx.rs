//! IDX files, plain and gzip: the first byte says which of the four files of a directory the rest is.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::cell::LazyCell;
use tricktop::data;
use tricktop::recipe::settings::{Data, DataKind, Task};

const FILES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// Four images of 2 x 2 and their labels.
fn whole(file: usize) -> Vec<u8> {
    let numbers = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_be_bytes()).collect::<Vec<u8>>();
    match file % 2 {
        0 => [numbers(&[0x803, 4, 2, 2]), (0..16).collect()].concat(),
        _ => [numbers(&[0x801, 4]), vec![0, 1, 1, 0]].concat(),
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
    let which = usize::from(*which);
    DIR.with(|dir| {
        let plain = dir.path().join(FILES[which % 4]);
        let file = if which & 4 == 0 { plain.clone() } else { plain.with_extension("gz") };
        std::fs::remove_file(&plain).unwrap();
        std::fs::write(&file, rest).unwrap();
        let data = Data { kind: DataKind::Idx, path: dir.path().display().to_string(), ..Data::default() };
        match data::open(&data, Task::Classify, 0) {
            Ok(set) => assert!(!set.train.is_empty() && !set.test.is_empty()),
            Err(e) => assert!(e.to_string().contains("ubyte"), "{e}"),
        }
        std::fs::remove_file(&file).unwrap();
        std::fs::write(&plain, whole(which % 4)).unwrap();
    });
});
