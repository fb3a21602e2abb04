//! The key table: it drives the dispatch, the footer and the help.

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
    /// To a pane by its digit.
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
pub struct Binding<C: 'static = Context, A = Action> {
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

macro_rules! bindings {
    ($of:ty, $does:ty; $($section:ident $contexts:ident: $([$($key:expr),+] $label:literal $action:expr, $short:literal $rank:literal, $help:literal;)+)+) => {
        /// Every key.
        pub static BINDINGS: &[$crate::app::keys::Binding<$of, $does>] = &[$($($crate::app::keys::Binding {
            section: $crate::app::keys::Section::$section, contexts: $contexts, keys: &[$($key),+], label: $label, action: $action, short: $short, rank: $rank, help: $help,
        }),+),+];
    };
}
pub(crate) use bindings;

use Action::*;
use KeyCode::{BackTab, Down, Enter, Esc, Home, Left, PageDown, PageUp, Right, Tab, Up};

const MAIN: &[Context] = &[Context::Main];
const PANES: &[Context] = &[Context::Main, Context::Ended];
const ENDED: &[Context] = &[Context::Ended];
const EDIT: &[Context] = &[Context::Edit];
const LINE: &[Context] = &[Context::Line];
const SEARCH: &[Context] = &[Context::Search];
const HELP: &[Context] = &[Context::Help];
const STOP: &[Context] = &[Context::Stop];
const FORK: &[Context] = &[Context::Fork];
const PRESET: &[Context] = &[Context::Preset];
const MISTAKE: &[Context] = &[Context::Mistake];
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
];

bindings! {
    Context, Action;
    Steer PANES:
    [c(' ')] "space" Toggle, "switch" 2, "switch a trick on or off; it keeps its values";
    [k(Enter)] "enter" Edit, "edit" 3, "type a value; of a trick, the one its row shows; of a mistake, show its file";
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
    Steer PANES:
    [c('f')] "f" Fork, "" 0, "fork: a new run from here, or from scratch with the values marked fork";
    [c(':')] ":" Command, "command" 7, "command line";
    Look PANES:
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
    [c('1')] "1 to 7" Pane(0), "" 0, "knobs, tricks, loss, rate, accuracy, hardware, journal";
    [c('2')] "" Pane(1), "" 0, "";
    [c('3')] "" Pane(2), "" 0, "";
    [c('4')] "" Pane(3), "" 0, "";
    [c('5')] "" Pane(4), "" 0, "";
    [c('6')] "" Pane(5), "" 0, "";
    [c('7')] "" Pane(6), "" 0, "";
    [c('8')] "8" Pane(7), "" 0, "images: batches as they are fed, mistakes, confusion, classes, the teacher";
    [c('9')] "9" Pane(8), "" 0, "inside: gradients, updates and outputs of every layer";
    [c('z')] "z" Zoom, "zoom" 10, "focused pane over the whole area, and back";
    [c('y')] "y" LogScale, "log" 11, "logarithmic loss axis";
    [c('x')] "x" Window, "" 0, "charts of the whole run, or of the last steps";
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
    [k(Esc), k(Enter), c('q')] "esc" Back, "back" 0, "back to the images";
}

/// The help never scrolls further than this.
pub(crate) const HELP_LINES: usize = 1000;
