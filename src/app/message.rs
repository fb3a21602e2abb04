//! What comes in from outside, and what the front end must do.

use super::hardware;
use super::keys::Key;
use super::options::{Occasion, Theme};
use crate::recipe::{Changes, Recipe};
use crate::train::{Command, Event};
use std::path::PathBuf;
use std::time::Duration;

/// Something that happened outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// Time passed; the time since the screen opened.
    Tick(Duration),
    /// A key.
    Key(Key),
    /// Text pasted into the terminal.
    Paste(String),
    /// The mouse wheel turned, up (negative) or down.
    Wheel(i8),
    /// The themes that there are now, or what is wrong with one.
    Themes(Result<Vec<Theme>, String>),
    /// The terminal has this many columns and rows.
    Resize(u16, u16),
    /// Images and folders whose paths begin with what was typed.
    Paths(String, Vec<String>),
    /// A report of the trainer.
    Event(Event),
    /// What happened in the run that this one was forked from.
    Behind(Vec<Event>),
    /// A look at the machine.
    Hardware(hardware::Sample),
    /// A preset file changed: its name, and the recipe it now makes or what is wrong with it.
    PresetChanged(String, Box<Result<Recipe, String>>),
    /// The presets that there are now.
    PresetFolder(Vec<String>),
    /// The system asks for an end (SIGTERM, SIGINT).
    Signal,
    /// The terminal is gone: its window was closed, the connection broke.
    Gone,
    /// The trainer is gone without a last word, or could not be started.
    Lost(String),
}

impl Msg {
    /// Whether a person did it, and waits to see what it does.
    pub fn by_hand(&self) -> bool {
        matches!(self, Msg::Key(_) | Msg::Paste(_) | Msg::Wheel(_) | Msg::Resize(..))
    }
}

/// A run to start.
#[derive(Clone, Debug, PartialEq)]
pub enum Begin {
    /// A new one with this recipe.
    New(Box<Recipe>),
    /// The one in this directory, where its newest checkpoint left it, with these edits.
    TakeUp(PathBuf, Changes),
    /// A new one that goes on from the newest checkpoint of the one in this directory, with these edits.
    Fork(PathBuf, Changes),
    /// The one in this directory, which another process trains: only the screen is opened.
    Attach(PathBuf),
}

/// Something the front end must do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send this to the trainer.
    Send(Command),
    /// Look for images and folders whose paths begin so; answered by [`Msg::Paths`].
    Paths(String),
    /// The run before has ended: start another.
    Start(Begin),
    /// Capture the mouse, or let it go.
    Mouse(bool),
    /// Tell a person who may look elsewhere, in one sentence.
    Tell(Occasion, String),
    /// Stop the program until the shell continues it.
    Suspend,
    /// Leave the terminal alone from now on; the run goes on.
    LetGo,
    /// Close the screen.
    Leave,
}
