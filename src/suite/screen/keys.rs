//! The key table of a suite's screen: it drives the dispatch, the footer and the help.

use crate::app::binding::{Binding, Key, bindings, c, k};
use crossterm::event::KeyCode::{Down, End, Enter, Esc, Home, PageDown, PageUp, Up};

/// What is in front decides which keys are in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// Nothing is in front, the suite goes on.
    Main,
    /// Nothing is in front, the suite is over.
    Ended,
    /// The help.
    Help,
    /// The stop dialog.
    Stop,
}

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Action {
    /// Move by so many rows.
    Move(isize),
    /// To the first or last row.
    Far(bool),
    /// Open the run of the row.
    Open,
    /// Pause or resume the runs of the row.
    Pause,
    /// Leave the row out, or put it back.
    Skip,
    /// Next theme.
    Theme,
    /// Open the help.
    Help,
    /// Open the stop dialog, or leave after the end.
    Quit,
    /// Save, stop and leave.
    Stop,
    /// Ctrl-C.
    Interrupt,
    /// Stop the program until the shell continues it.
    Suspend,
    /// Go back; nothing changes.
    Back,
}

use Action::*;

const ROWS: &[Context] = &[Context::Main, Context::Ended];
const MAIN: &[Context] = &[Context::Main];
const ENDED: &[Context] = &[Context::Ended];
const HELP: &[Context] = &[Context::Help];
const STOP: &[Context] = &[Context::Stop];
const EVERY: &[Context] = &[Context::Main, Context::Ended, Context::Help, Context::Stop];

/// Rows that a page key moves.
const PAGE: isize = 10;

/// Every key.
pub static BINDINGS: &[Binding<Context, Action>] = bindings! {
    Steer ROWS:
    [k(Enter)] "enter" Open, "open run" 2, "open the run at work, else the best that is done; q d comes back";
    Steer MAIN:
    [c('p')] "p" Pause, "pause" 3, "pause the run at work, resume it; it keeps its place";
    [c('x'), c('s')] "x" Skip, "skip" 4, "skip the row: its run stops with a checkpoint; again puts it back";
    Look ROWS:
    [k(Up), c('k')] "arrows j k" Move(-1), "move" 5, "move";
    [k(Down), c('j')] "" Move(1), "" 0, "";
    [k(PageUp)] "page up down" Move(-PAGE), "" 0, "move by ten rows";
    [k(PageDown)] "" Move(PAGE), "" 0, "";
    [k(Home), c('g')] "g G" Far(false), "" 0, "first, last row";
    [k(End), c('G')] "" Far(true), "" 0, "";
    [c('T')] "T" Theme, "" 0, "next theme: dark, light, colour-blind-safe";
    [c('?')] "?" Help, "help" 1, "this help";
    [k(Esc)] "esc" Back, "" 0, "back; it never changes anything of the suite";
    Steer MAIN:
    [c('q')] "q" Quit, "stop …" 0, "stop the suite; the same command goes on with it later";
    Dialog ENDED:
    [c('q')] "q" Quit, "leave" 0, "leave the screen";
    Steer EVERY:
    [Key::ctrl('c')] "ctrl-c" Interrupt, "" 0, "twice: save checkpoints, stop and leave";
    [Key::ctrl('z')] "ctrl-z" Suspend, "" 0, "suspend program and runs; fg in the shell goes on";
    Dialog HELP:
    [k(Up), c('k')] "arrows" Move(-1), "scroll" 1, "scroll";
    [k(Down), c('j')] "" Move(1), "" 0, "";
    [k(PageUp)] "" Move(-PAGE), "" 0, "";
    [k(PageDown), c(' ')] "" Move(PAGE), "" 0, "";
    [k(Home), c('g')] "" Far(false), "" 0, "";
    [k(End), c('G')] "" Far(true), "" 0, "";
    [k(Esc), c('q'), c('?'), k(Enter)] "esc" Back, "close" 0, "close the help";
    Dialog STOP:
    [c('s')] "s" Stop, "save and stop" 1, "save checkpoints and stop; the same command goes on later";
    [c('k'), k(Esc), c('q')] "k" Back, "keep going" 0, "keep going";
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_and_every_context_shows_its_way_back() {
        crate::app::assert_sound(BINDINGS, EVERY, |context| matches!(context, Context::Main | Context::Ended));
    }
}
