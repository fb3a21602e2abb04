//! The program as it is called from a shell or a script.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod batch;
mod cli;
mod edges;
mod image_run;
mod report;
mod suites;

#[path = "../common/pictures.rs"]
mod pictures;
