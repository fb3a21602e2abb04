//! The paper's tricks as pure functions.

pub mod schedule;
