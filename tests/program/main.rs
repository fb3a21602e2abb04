//! The program as it is called from a shell or a script.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod batch;
mod cli;
mod edges;
mod files;
mod hub;
mod image_run;
mod names;
mod old_run;
mod own_images;
mod refused;
mod report;
mod searches;
mod segment;
mod signals;
mod states;
mod suites;

use std::fs;
use std::path::Path;

#[path = "../common/hub.rs"]
mod hub_server;
#[path = "../common/pictures.rs"]
mod pictures;
#[path = "../common/tiny.rs"]
mod tiny;

/// Copies a folder with all that is in it.
fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
