//! Files as people and other programs write them: paths with `~` in them, text with a byte order mark.

mod path;

pub use path::{PathError, resolved};
