//! Image sets: opened, fetched, good and bad.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod folders;
mod get;
mod images;
mod sets;

#[path = "../common/pictures.rs"]
mod pictures;
