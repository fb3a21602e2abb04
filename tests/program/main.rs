//! The program as it is called from a shell or a script.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod batch;
mod cli;
mod edges;
mod files;
mod image_run;
mod names;
mod old_run;
mod own_images;
mod refused;
mod report;
mod signals;
mod states;
mod suites;

#[path = "../common/pictures.rs"]
mod pictures;
#[path = "../common/tiny.rs"]
mod tiny;
