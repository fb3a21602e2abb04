//! The trainer: one step, the loop, evaluation, checkpoints, and the thread that owns all of it.

mod protocol;
mod worker;

pub use protocol::*;
pub use worker::*;
