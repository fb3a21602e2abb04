//! A key, and a row of a key table.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key as the tables know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The key.
    pub code: KeyCode,
    /// Whether Ctrl is held.
    pub ctrl: bool,
}

impl Key {
    /// A key alone.
    pub const fn plain(code: KeyCode) -> Key {
        Key { code, ctrl: false }
    }

    /// A letter with Ctrl.
    pub const fn ctrl(c: char) -> Key {
        Key { code: KeyCode::Char(c), ctrl: true }
    }
}

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Key {
        Key { code: event.code, ctrl: event.modifiers.contains(KeyModifiers::CONTROL) }
    }
}

/// Heading under which the help shows a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Keys that change the run.
    Steer,
    /// Keys that change what is seen.
    Look,
    /// Keys of the editor.
    Typing,
    /// Keys of dialogs, which show them themselves.
    Dialog,
}

/// A row of a key table: that of a run's screen, or another of the same form.
#[derive(Clone, Copy, Debug)]
pub struct Binding<C: 'static, A> {
    /// Heading in the help.
    pub section: Section,
    /// Where the key works.
    pub contexts: &'static [C],
    /// The keys.
    pub keys: &'static [Key],
    /// The keys as the footer and the help spell them; empty for one that the row above explains.
    pub label: &'static str,
    /// What they do.
    pub action: A,
    /// One or two words for the footer, or empty.
    pub short: &'static str,
    /// Importance in the footer: lower stays longer when there is little room.
    pub rank: u8,
    /// What they do, for the help.
    pub help: &'static str,
}

pub(crate) const fn c(c: char) -> Key {
    Key::plain(KeyCode::Char(c))
}
pub(crate) const fn k(code: KeyCode) -> Key {
    Key::plain(code)
}

/// Rows of a key table, under their sections and contexts.
macro_rules! bindings {
    ($($section:ident $contexts:ident: $([$($key:expr),+] $label:literal $action:expr, $short:literal $rank:literal, $help:literal;)+)+) => {
        &[$($($crate::app::binding::Binding {
            section: $crate::app::binding::Section::$section, contexts: $contexts, keys: &[$($key),+], label: $label, action: $action, short: $short, rank: $rank, help: $help,
        }),+),+]
    };
}
pub(crate) use bindings;
