//! The state of the screen and what changes it: pure, without terminal, clock, file or thread.
//!
//! Everything that happens comes in as a [`Msg`]; [`update`] folds it into the [`State`] and answers with the
//! [`Effect`]s that the front end carries out. Whatever the screen shows is computed here, not while drawing. The table
//! of panes and what each of them keeps are in [`panes`].

mod act;
mod adopt;
pub(crate) mod binding;
pub mod commands;
mod complete;
mod crosshair;
mod editor;
mod edits;
mod events;
mod finder;
mod hints;
mod history;
mod keymap;
pub mod keys;
mod leaving;
mod life;
mod memory;
mod message;
mod mistake;
mod modal;
pub mod number;
mod options;
mod orders;
pub mod panes;
mod plan;
mod predicted;
mod preset;
mod run;
mod state;
mod stepping;
mod subscribe;
mod typing;
mod update;
mod words;

pub use crosshair::Reading;
pub use editor::{Editor, ValueError};
pub use edits::{Edits, Pending};
pub use finder::Finder;
pub use history::{Curve, Point, Window};
#[cfg(test)]
pub(crate) use keymap::assert_sound;
pub use keymap::{KeyError, Keys, settable_keys, with_keys};
pub use keys::Key;
pub use life::Life;
pub use message::{Begin, Effect, Msg};
pub use modal::{Help, Line, Modal};
pub use options::{Desktop, Kitty, Notify, Occasion, Options, Palette, THEMES, Theme};
pub use panes::images::{Mistake, Page};
pub use panes::journal::{Entry, Tone};
pub use panes::{PANES, Pane, hardware};
pub(crate) use panes::{beside, moved};
pub use plan::Plan;
pub use preset::{PresetDiff, PresetLine};
pub use run::{Ghost, Mark, Run};
pub use state::State;
pub(crate) use typing::request;
pub use update::update;
pub(crate) use words::{frozen_text, shown as value_shown};
pub use words::{title, trick_of, value_text, values_of};
