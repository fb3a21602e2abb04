//! The key table: it drives the dispatch, the footer and the help.

use super::binding::{bindings, c, k};
use super::panes::{PANES, PaneRow};
use crossterm::event::KeyCode;

pub use super::binding::{Key, Section};
/// A row of the key table of a run's screen, or of another table of the same form.
pub type Binding<C = Context, A = Action> = super::binding::Binding<C, A>;

/// What is in front decides which keys are in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// Nothing is in front, the run goes on.
    Main,
    /// Nothing is in front, the run is over.
    Ended,
    /// The editor of a value.
    Edit,
    /// The command line.
    Line,
    /// What is looked for, in the rows or in the help.
    Search,
    /// The help.
    Help,
    /// The stop dialog.
    Stop,
    /// The new-run dialog.
    Fork,
    /// The dialog about a changed preset.
    Preset,
    /// What is said of an image.
    Mistake,
    /// A search for a learning rate.
    Finder,
}

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Action {
    /// Move by so many rows.
    Move(isize),
    /// Move by so many screens.
    Screen(isize),
    /// To the first or last row.
    End(bool),
    /// Into a trick's values.
    Into,
    /// Out of a trick's values.
    Out,
    /// To the next or previous pane.
    NextPane(bool),
    /// To a pane by its place in their table.
    Pane(usize),
    /// Flip a switch.
    Toggle,
    /// Open the editor.
    Edit,
    /// One step up or down.
    Step(bool),
    /// Undo the last edit.
    Undo,
    /// Go back to the moment before the last edit.
    RollBack,
    /// Pause or resume.
    Pause,
    /// Run one step.
    OneStep,
    /// Ask for a number of steps.
    AskSteps,
    /// Evaluate now.
    Evaluate,
    /// Write a checkpoint now.
    Save,
    /// Open the new-run dialog.
    Fork,
    /// Open the command line.
    Command,
    /// Open the filter.
    Filter,
    /// Logarithmic loss axis.
    LogScale,
    /// Focused chart over the whole area.
    Zoom,
    /// Whole run or its last steps.
    Window,
    /// Next theme.
    Theme,
    /// Mouse capture.
    Mouse,
    /// Open the help.
    Help,
    /// Lay something else over the images of segmentation.
    Overlay,
    /// Open the stop dialog, or leave after the end.
    Quit,
    /// Go on with the run that has ended.
    TakeUp,
    /// Ctrl-C.
    Interrupt,
    /// Stop the program until the shell continues it.
    Suspend,
    /// Go back; nothing changes.
    Back,
    /// Say yes to what is in front.
    Accept,
    /// Send the typed value for the next epoch.
    AcceptEpoch,
    /// Complete the command.
    Complete,
    /// The command line before, or after.
    Recall(bool),
    /// Stop, with or without a checkpoint.
    Stop(bool),
    /// Leave the screen and let the run go on.
    Detach,
    /// Start a new run.
    NewRun,
    /// Start a new run from where this one stands.
    ForkHere,
    /// Forget the gathered changes.
    Forget,
}

use Action::*;
use KeyCode::{BackTab, Down, Enter, Esc, Home, Left, PageDown, PageUp, Right, Tab, Up};

const MAIN: &[Context] = &[Context::Main];
const ROWS: &[Context] = &[Context::Main, Context::Ended];
const ENDED: &[Context] = &[Context::Ended];
const EDIT: &[Context] = &[Context::Edit];
const LINE: &[Context] = &[Context::Line];
const SEARCH: &[Context] = &[Context::Search];
const HELP: &[Context] = &[Context::Help];
const STOP: &[Context] = &[Context::Stop];
const FORK: &[Context] = &[Context::Fork];
const PRESET: &[Context] = &[Context::Preset];
const MISTAKE: &[Context] = &[Context::Mistake];
const FINDER: &[Context] = &[Context::Finder];
pub(super) const EVERY: &[Context] = &[
    Context::Main,
    Context::Ended,
    Context::Edit,
    Context::Line,
    Context::Search,
    Context::Help,
    Context::Stop,
    Context::Fork,
    Context::Preset,
    Context::Mistake,
    Context::Finder,
];

/// Every key.
pub static BINDINGS: &[Binding] = &const { joined::<{ ABOVE.len() + PANES.len() + BELOW.len() }>(ABOVE, PANES, BELOW) };

/// The rows above those of the panes.
const ABOVE: &[Binding] = bindings! {
    Steer ROWS:
    [c(' ')] "space" Toggle, "switch" 2, "switch a trick on or off; it keeps its values";
    [k(Enter)] "enter" Edit, "edit" 3, "type a value; on a trick, the one in its row; on a mistake, show its file";
    [c('+'), c('=')] "+ -" Step(true), "step" 4, "one step up or down";
    [c('-'), c('_')] "" Step(false), "" 0, "";
    Steer MAIN:
    [c('u')] "u" Undo, "undo" 6, "undo the last edit; what was trained since stays";
    [c('U')] "U" RollBack, "" 0, "roll back to the moment before the last edit: weights, momentum, position and all";
    [c('p')] "p" Pause, "pause" 5, "pause, resume";
    [c('s')] "s" OneStep, "" 0, "run one step, then pause";
    [c('S')] "S" AskSteps, "" 0, "run a number of steps, then pause";
    [c('E')] "E" Evaluate, "" 0, "evaluate on the test set now";
    [c('w')] "w" Save, "" 0, "write a checkpoint now";
    Steer ROWS:
    [c('f')] "f" Fork, "" 0, "fork: a new run from here, or from scratch with the values marked fork";
    [c(':')] ":" Command, "command" 7, "command line";
    Look ROWS:
    [c('/')] "/" Filter, "filter" 8, "show only matching knobs and tricks";
    [k(Up), c('k')] "arrows hjkl" Move(-1), "" 0, "move; right and left open and close a trick's values, read the curves at a place, turn the pages of the images";
    [k(Down), c('j')] "" Move(1), "" 0, "";
    [k(Right), c('l')] "" Into, "" 0, "";
    [k(Left), c('h')] "" Out, "" 0, "";
    [k(PageUp)] "page up down" Screen(-1), "" 0, "move by a screen";
    [k(PageDown)] "" Screen(1), "" 0, "";
    [k(Home), c('g')] "g G" End(false), "" 0, "first, last row";
    [k(KeyCode::End), c('G')] "" End(true), "" 0, "";
    [k(Tab)] "tab" NextPane(true), "pane" 9, "next pane; shift-tab for the one before";
    [k(BackTab)] "" NextPane(false), "" 0, "";
};

/// The rows below those of the panes.
const BELOW: &[Binding] = bindings! {
    Look ROWS:
    [c('z')] "z" Zoom, "zoom" 10, "focused pane over the whole area, and back";
    [c('y')] "y" LogScale, "log" 11, "logarithmic loss axis";
    [c('x')] "x" Window, "" 0, "charts of the whole run, or of the last steps";
    [c('o')] "o" Overlay, "" 0, "images of segmentation: label, prediction, error over them, or nothing";
    [c('T')] "T" Theme, "" 0, "next theme";
    [c('m')] "m" Mouse, "" 0, "mouse wheel on or off (off: the terminal selects text)";
    [c('?')] "?" Help, "help" 1, "this help";
    [k(Esc)] "esc" Back, "" 0, "back; it never changes anything of the run";
    Steer MAIN:
    [c('q')] "q" Quit, "stop …" 0, "stop the run: choose how";
    Steer ENDED:
    [c('r')] "r" TakeUp, "go on" 5, "after the end: go on with this run, with the values edited since";
    Dialog ENDED:
    [c('q')] "q" Quit, "leave" 0, "leave the screen";
    Steer EVERY:
    [Key::ctrl('c')] "ctrl-c" Interrupt, "" 0, "twice: save a checkpoint, stop and leave";
    [Key::ctrl('z')] "ctrl-z" Suspend, "" 0, "suspend program and run; fg in the shell goes on";
    Typing EDIT:
    [k(Enter)] "enter" Accept, "apply" 1, "0.1 now, 0.1e at the next epoch, 0.1@500 at step 500";
    [Key::ctrl('e')] "ctrl-e" AcceptEpoch, "next epoch" 3, "send the value for the next epoch";
    [k(Up)] "up down" Step(true), "step" 2, "one step up or down";
    [k(Down)] "" Step(false), "" 0, "";
    [k(Esc)] "esc" Back, "leave as it was" 0, "leave everything as it was";
    Dialog LINE:
    [k(Enter)] "enter" Accept, "do it" 0, "carry the line out";
    [k(Tab)] "tab" Complete, "complete" 1, "complete a command or a knob";
    [k(Up)] "up down" Recall(true), "history" 2, "command lines entered before";
    [k(Down)] "" Recall(false), "" 0, "";
    [k(Esc)] "esc" Back, "back" 0, "back";
    Dialog SEARCH:
    [k(Enter)] "enter" Accept, "keep what is found" 1, "keep what is found";
    [k(Esc)] "esc" Back, "show all" 0, "show all";
    Dialog HELP:
    [k(Up), c('k')] "arrows" Move(-1), "scroll" 1, "scroll";
    [k(Down), c('j')] "" Move(1), "" 0, "";
    [k(PageUp)] "" Screen(-1), "" 0, "";
    [k(PageDown), c(' ')] "" Screen(1), "" 0, "";
    [k(Home), c('g')] "" End(false), "" 0, "";
    [k(KeyCode::End), c('G')] "" End(true), "" 0, "";
    [c('/')] "/" Filter, "search" 2, "search";
    [k(Esc), c('q'), c('?'), k(Enter)] "esc" Back, "close" 0, "close the help";
    Dialog STOP:
    [c('s')] "s" Stop(true), "save and stop" 1, "save a checkpoint and stop";
    [c('n')] "n" Stop(false), "stop now" 2, "stop now, without a checkpoint";
    [c('d')] "d" Detach, "detach" 3, "leave the screen, the run goes on; tricktop attach opens it again";
    [c('k'), k(Esc), c('q')] "k" Back, "keep going" 0, "keep going";
    Dialog FORK:
    [c('h')] "h" ForkHere, "from here" 1, "go on from here in a new run; this one stays as it is, with a checkpoint";
    [c('n'), k(Enter)] "n" NewRun, "new run" 2, "stop this run with a checkpoint, start one from scratch with the values marked fork";
    [c('x')] "x" Forget, "forget" 3, "forget the values marked fork";
    [c('k'), k(Esc), c('q')] "k" Back, "keep going" 0, "keep going; the values stay marked, f comes back here";
    Dialog PRESET:
    [c(' ')] "space" Toggle, "line" 2, "choose the line at the cursor, or leave it out";
    [c('a'), k(Enter)] "enter" Accept, "apply" 1, "apply the chosen lines, those marked fork in a new run";
    [c('n')] "n" NewRun, "new run" 3, "stop this run with a checkpoint, start the preset from scratch";
    [k(Up)] "" Move(-1), "" 0, "";
    [k(Down), c('j')] "" Move(1), "" 0, "";
    [c('k'), k(Esc), c('q')] "k" Back, "keep" 0, "keep all as it runs; what was kept is not asked about again";
    Dialog MISTAKE:
    [k(Esc), k(Enter), c('q')] "esc" Back, "back" 0, "back";
    Dialog FINDER:
    [k(Enter)] "enter" Accept, "take" 1, "set lr to this value from the next step on";
    [k(Esc), c('q')] "esc" Back, "leave" 0, "leave; the run goes on as if nothing had been";
};

/// The keys of the first panes of their table, and how they are spelt.
const DIGITS: [(&[Key], &str); 9] = [
    (&[c('1')], "1"),
    (&[c('2')], "2"),
    (&[c('3')], "3"),
    (&[c('4')], "4"),
    (&[c('5')], "5"),
    (&[c('6')], "6"),
    (&[c('7')], "7"),
    (&[c('8')], "8"),
    (&[c('9')], "9"),
];
/// How the way to a pane is spelt that has no key.
const NO_KEY: &str = ":pane";

/// The row of the pane at a place of their table.
const fn pane(place: usize, row: &PaneRow) -> Binding {
    let (keys, label): (&[Key], _) = if place < DIGITS.len() { DIGITS[place] } else { (&[], NO_KEY) };
    Binding {
        section: Section::Look,
        contexts: ROWS,
        keys,
        label,
        action: Pane(place),
        short: "",
        rank: 0,
        help: row.help,
    }
}

/// A key table of three parts, of which the second goes to the panes.
const fn joined<const N: usize>(above: &[Binding], panes: &[PaneRow], below: &[Binding]) -> [Binding; N] {
    let mut rows = [above[0]; N];
    let mut at = 0;
    while at < N {
        let below_panes = above.len() + panes.len();
        rows[at] = match at {
            _ if at < above.len() => above[at],
            _ if at < below_panes => pane(at - above.len(), &panes[at - above.len()]),
            _ => below[at - below_panes],
        };
        at += 1;
    }
    rows
}

/// How the key of a pane is spelt in a key table.
pub(crate) fn label_of(table: &'static [Binding], pane: super::Pane) -> &'static str {
    table.iter().find(|row| row.action == Pane(pane.place())).map_or("", |row| row.label)
}

/// The help never scrolls further than this.
pub(crate) const HELP_LINES: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::keymap::conflicts;

    #[test]
    fn the_table_may_have_more_panes_than_there_are_digits() {
        const COUNT: usize = 12;
        let panes: Vec<PaneRow> = PANES.iter().cycle().take(COUNT).copied().collect();
        let rows = joined::<{ ABOVE.len() + COUNT + BELOW.len() }>(ABOVE, &panes, BELOW);
        assert_eq!(conflicts(&rows), [""; 0]);
        for (place, pane) in panes.iter().enumerate() {
            let of: Vec<&Binding> = rows.iter().filter(|row| row.action == Pane(place)).collect();
            assert_eq!((of.len(), of[0].help, of[0].section), (1, pane.help, Section::Look));
            let digit: Vec<Key> = char::from_digit(place as u32 + 1, 10).map(c).into_iter().collect();
            assert_eq!(of[0].keys, digit, "the first nine have a digit");
            assert_eq!(of[0].label == NO_KEY, digit.is_empty(), "the others are reached by name");
        }
    }
}
