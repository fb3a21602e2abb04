//! Preset files: read, refused, and watched.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod presets;
mod watch;
