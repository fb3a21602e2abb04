//! The key table of the browser: it drives the dispatch, the footer and the help.

use crate::app::binding::{Binding, Key, bindings, c, k};
use crossterm::event::KeyCode::{self, Down, End, Enter, Esc, Home, Left, PageDown, PageUp, Right, Up};

/// What is in front decides which keys are in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// Nothing is in front.
    Main,
    /// A line is being typed.
    Line,
    /// The help.
    Help,
    /// The question whether a run is to go to the trash.
    Delete,
}

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Action {
    /// Move by so many rows.
    Move(isize),
    /// Move by so many screens.
    Screen(isize),
    /// To the first or last row.
    Far(bool),
    /// To the left, or to the right: the run that it was forked from, the first one forked from it; the table's columns.
    Side(bool),
    /// Open the run.
    Open,
    /// Go on with the run.
    Resume,
    /// Mark the run, or take its mark away.
    Mark,
    /// Take all marks away.
    Unmark,
    /// Type a filter.
    Filter,
    /// Next order.
    Sort,
    /// The list as a tree, and back.
    Tree,
    /// The table of differences, and back.
    Differ,
    /// Charts over the whole area, and back.
    Charts,
    /// Logarithmic loss.
    LogScale,
    /// Type a note.
    Note,
    /// Type tags.
    Tags,
    /// Type another name.
    Rename,
    /// Ask whether the run is to go to the trash.
    Delete,
    /// Move it there.
    Trash,
    /// Take the last rename or delete back.
    Undo,
    /// Next theme.
    Theme,
    /// Open the help.
    Help,
    /// Take what was typed.
    Accept,
    /// Go back; nothing changes.
    Back,
    /// Leave.
    Quit,
    /// Stop the program until the shell continues it.
    Suspend,
}

use Action::*;

const MAIN: &[Context] = &[Context::Main];
const LINE: &[Context] = &[Context::Line];
const HELP: &[Context] = &[Context::Help];
const DELETE: &[Context] = &[Context::Delete];
const EVERY: &[Context] = &[Context::Main, Context::Line, Context::Help, Context::Delete];

/// Every key.
pub static BINDINGS: &[Binding<Context, Action>] = bindings! {
    Steer MAIN:
    [k(Enter)] "enter" Open, "open" 2, "open the run on its screen; q comes back (q d from one that another program trains)";
    [c('r')] "r" Resume, "resume" 6, "go on with a run that was stopped or killed, on its screen";
    [c('n')] "n" Note, "note" 8, "write a note, kept in the directory of the run";
    [c('#')] "#" Tags, "tags" 12, "give it tags, words with spaces between them";
    [c('R')] "R" Rename, "rename" 9, "give it another name; runs forked from it stay connected";
    [c('x'), k(KeyCode::Delete)] "x" Delete, "delete" 10, "move it to the trash, after a question; no file is removed";
    [c('u')] "u" Undo, "" 0, "take the last rename or delete back";
    Look MAIN:
    [c(' ')] "space" Mark, "mark" 3, "mark up to six runs: their curves are drawn over one another";
    [c('-')] "-" Unmark, "" 0, "take all marks away";
    [c('d')] "d" Differ, "differ" 4, "the knobs in which the marked runs and this one differ, and only those";
    [c('c')] "c" Charts, "charts" 5, "the charts over the whole area";
    [c('/')] "/" Filter, "filter" 7, "name, tag, note, state, or knob=value such as mixup=on lr=0.1";
    [c('s')] "s" Sort, "sort" 11, "order: when begun, name, best score";
    [c('t')] "t" Tree, "tree" 11, "lineage: forked runs below the one they came from";
    [c('y')] "y" LogScale, "" 0, "logarithmic loss axis";
    [k(Up), c('k')] "arrows hjkl" Move(-1), "" 0, "move; left goes to the run that this one was forked from, right to its first fork";
    [k(Down), c('j')] "" Move(1), "" 0, "";
    [k(Left), c('h')] "" Side(false), "" 0, "";
    [k(Right), c('l')] "" Side(true), "" 0, "";
    [k(PageUp)] "page up down" Screen(-1), "" 0, "move by a screen";
    [k(PageDown)] "" Screen(1), "" 0, "";
    [k(Home), c('g')] "g G" Far(false), "" 0, "first, last row";
    [k(End), c('G')] "" Far(true), "" 0, "";
    [c('T')] "T" Theme, "" 0, "next theme: dark, light, colour-blind-safe";
    [c('?')] "?" Help, "help" 1, "this help";
    [k(Esc)] "esc" Back, "" 0, "back to the list; then all runs again; it never changes a run";
    Steer MAIN:
    [c('q')] "q" Quit, "leave" 0, "leave; runs at work go on";
    Steer EVERY:
    [Key::ctrl('c')] "ctrl-c" Quit, "" 0, "leave at once";
    [Key::ctrl('z')] "ctrl-z" Suspend, "" 0, "suspend the program; fg in the shell goes on";
    Dialog LINE:
    [k(Enter)] "enter" Accept, "do it" 0, "take what was typed";
    [k(Esc)] "esc" Back, "leave as it was" 0, "leave everything as it was";
    Dialog HELP:
    [k(Up), c('k')] "arrows" Move(-1), "scroll" 1, "scroll";
    [k(Down), c('j')] "" Move(1), "" 0, "";
    [k(PageUp)] "" Screen(-1), "" 0, "";
    [k(PageDown), c(' ')] "" Screen(1), "" 0, "";
    [k(Home), c('g')] "" Far(false), "" 0, "";
    [k(End), c('G')] "" Far(true), "" 0, "";
    [k(Esc), c('q'), c('?'), k(Enter)] "esc" Back, "close" 0, "close the help";
    Dialog DELETE:
    [c('t')] "t" Trash, "to the trash" 1, "move it to the trash; u takes it back";
    [c('k'), k(Esc), c('q')] "k" Back, "keep" 0, "keep it where it is";
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_and_every_context_shows_its_way_back() {
        crate::app::assert_sound(BINDINGS, EVERY, |context| context == Context::Main);
    }
}
