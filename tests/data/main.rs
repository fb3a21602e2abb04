//! Image sets: opened, fetched, good and bad.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod folders;
mod get;
mod images;
mod masks;
mod masks_bad;
mod sets;

#[path = "../common/pictures.rs"]
mod pictures;

/// Sets of images and their classes, as a run that classifies opens them.
mod classified {
    use tricktop::data::{DataError, DataSet, Info, Manifest};
    use tricktop::recipe::settings::{Data, Task};

    pub fn open(data: &Data, seed: u64) -> Result<DataSet, DataError> {
        tricktop::data::open(data, Task::Classify, seed)
    }

    pub fn open_kept(data: &Data, seed: u64, manifest: &Manifest, moved: bool) -> Result<DataSet, DataError> {
        tricktop::data::open_kept(data, Task::Classify, seed, manifest, moved)
    }

    pub fn info(data: &Data, seed: u64) -> Result<Info, DataError> {
        tricktop::data::info(data, Task::Classify, seed)
    }
}
