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

/// A preset of a run that takes a second.
const TINY: &str = "(
    data: (train_images: 320, test_images: 200),
    net: (depth: 8, width: 0.25),
    train: (epochs: 2, batch: 32, log_every: 3),
)";
