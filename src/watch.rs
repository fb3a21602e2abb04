//! Watches preset files.
