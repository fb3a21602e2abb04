//! The panes: the table of what is known of each, and a file for what each of them keeps.
//!
//! A pane is two files, one here for its state and one in `view/panes` for its drawing. Everything else reads the
//! table: keys, help, layout, side column, the line above the keys, and what the trainer makes while somebody looks.

pub mod hardware;
pub(crate) mod images;
pub(crate) mod inside;
pub(crate) mod journal;
pub(crate) mod rows;
mod scroll;
mod states;
mod table;

pub(crate) use scroll::{Scroll, beside, moved};
pub(crate) use states::States;
pub use table::{Enter, Moves, PANES, Pane, PaneRow, Place};
