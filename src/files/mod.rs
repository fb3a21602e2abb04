//! Files as people and other programs write them: paths with `~` in them, text with a byte order mark, files that are
//! something else than their names say.

mod foreign;
mod path;
mod text;

pub use foreign::Foreign;
pub use path::{PathError, resolved, shell_word};
pub use text::{TextError, read_text, text, without_mark};
