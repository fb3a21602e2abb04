//! The trainer and what it leaves behind, as a library.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod alarms;
mod branches;
mod checkpoint;
mod foreign;
mod inside;
mod learner;
mod looking;
mod predict;
mod replay;
mod resume;
mod running;
mod trainer;
mod weights;

#[path = "../common/pictures.rs"]
mod pictures;
#[path = "../common/record.rs"]
mod record;
#[path = "../common/tiny.rs"]
mod tiny;
