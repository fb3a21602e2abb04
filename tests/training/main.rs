//! The trainer and what it leaves behind, as a library.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod alarms;
mod average;
mod balance;
mod branches;
mod checkpoint;
mod finder;
mod finetune;
mod foreign;
mod inside;
mod learner;
mod looking;
mod patience;
mod predict;
mod replay;
mod resume;
mod running;
mod segment;
mod shards;
mod trainer;
mod weights;

#[path = "../common/pictures.rs"]
mod pictures;
#[path = "../common/record.rs"]
mod record;
#[path = "../common/tiny.rs"]
mod tiny;
