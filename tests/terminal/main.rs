//! The program on a pseudo-terminal.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod background;
mod browse;
mod journey;
mod live;
mod nvml;
mod odd;
mod plain;
mod pty;
mod run;
mod suite;

#[path = "../common/script.rs"]
mod script;
#[path = "../common/tiny.rs"]
mod tiny;
