//! The state of the screen and what changes it: pure, without terminal, clock, file or thread.
