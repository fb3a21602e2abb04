//! The trainer: one step, the loop, evaluation, checkpoints, and the thread that owns all of it.

mod bench;
mod protocol;
mod worker;

pub use bench::*;
pub use protocol::*;
pub use worker::*;
