//! The trainer: one step, the loop, evaluation, checkpoints, and the thread that owns all of it.

mod protocol;
pub mod sgd;

pub use protocol::*;
