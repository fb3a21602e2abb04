//! The browser of runs: its state and what changes it, without terminal, clock, file or thread; and the same list as
//! lines.

mod differences;
mod filter;
pub mod keys;
mod lines;
mod order;
mod refresh;
mod update;

pub use differences::{Differences, changes, shown};
pub(crate) use lines::{best, epochs, figure, score, took};
pub use lines::{json, text};
pub use order::Order;
pub use update::update;

use crate::app::keys::Binding;
use crate::app::{self, Ghost, Life, Line, Options, Tone};
use crate::runs::{Brief, Move, RunStatus, Survey};
use keys::{Action, Context};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Runs that can be marked.
pub const SLOTS: usize = 6;
/// How long a notice stays.
const NOTICE: Duration = Duration::from_secs(6);

/// Something that happened outside.
#[derive(Debug)]
pub enum Msg {
    /// What every screen hears: keys, time, the size of the terminal, its loss, signals.
    Screen(app::Msg),
    /// The runs that there are, and the time in seconds since 1970; or why they cannot be read.
    Found(Result<Survey, String>, f64),
    /// What the run in a directory recorded up to a step; nothing when that is not a step yet.
    Curves(PathBuf, u64, Result<Option<Box<Ghost>>, String>),
    /// A run was renamed.
    Renamed(Result<Move, String>),
    /// A run was moved to the trash.
    Trashed(Result<Move, String>),
    /// The last of these was taken back.
    MovedBack(Result<Move, String>),
    /// A note or tags were written.
    Noted(Result<(), String>),
    /// The screen of a run could not be opened, and why.
    Shut(String),
}

impl From<app::Msg> for Msg {
    fn from(msg: app::Msg) -> Msg {
        Msg::Screen(msg)
    }
}

/// Something the front end must do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Look which runs there are.
    Look,
    /// Read the curves of the run in this directory, which has done so many steps.
    Read(PathBuf, u64),
    /// Give a run another name; the directories are those of the runs forked from it.
    Rename(PathBuf, String, Vec<PathBuf>),
    /// Move a run to the trash; the directories are those of the runs forked from it.
    Trash(PathBuf, Vec<PathBuf>),
    /// Take a move back.
    MoveBack(Move),
    /// Write the note of a run.
    Note(PathBuf, String),
    /// Write the tags of a run.
    Tags(PathBuf, Vec<String>),
    /// Open the screen of a run.
    Open(PathBuf),
    /// Go on with a run on its screen.
    Resume(PathBuf),
    /// Stop the program until the shell continues it.
    Suspend,
    /// Close the screen.
    Leave,
}

/// What is being typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The filter.
    Filter,
    /// Another name of the run.
    Name,
    /// Its note.
    Note,
    /// Its tags.
    Tags,
}

/// What stands in front of the list and takes the keys.
#[derive(Clone, Debug)]
pub enum Modal {
    /// A line is typed.
    Type(Field, Line),
    /// Help, scrolled by so many lines.
    Help(usize),
    /// Move the run to the trash?
    Delete,
}

/// What fills the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The list, and beside it what there is room for.
    List,
    /// The charts.
    Charts,
    /// The table of differences from this row and column on.
    Table(usize, usize),
}

/// A run in the list.
#[derive(Clone, Debug)]
pub struct Run {
    /// What is known of it.
    pub brief: Arc<Brief>,
    /// Its directory below that of the runs.
    pub name: String,
    /// What a filter looks in.
    text: String,
}

/// A row of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The place of its run.
    pub run: usize,
    /// The lines of the tree before its name.
    pub stem: String,
}

/// Curves as they were read.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    step: u64,
    pub(crate) curves: Result<Option<Box<Ghost>>, String>,
}

/// Everything the browser shows.
#[derive(Debug)]
pub struct State {
    /// What a person chose before the start.
    pub options: Options,
    /// Its key table.
    pub keys: &'static [Binding<Context, Action>],
    /// The directory of the runs.
    pub root: PathBuf,
    /// Every run.
    pub runs: Vec<Run>,
    /// What was left out.
    pub left_out: Vec<String>,
    /// The rows of the list.
    pub rows: Vec<Row>,
    /// The row at the cursor.
    pub cursor: usize,
    /// The filter.
    pub filter: String,
    /// The order.
    pub order: Order,
    /// Whether the list is a tree.
    pub tree: bool,
    /// What fills the screen.
    pub view: View,
    /// What stands in front of it.
    pub modal: Option<Modal>,
    /// Whether the axis of the loss is logarithmic.
    pub log_scale: bool,
    /// Whether the runs were read once.
    pub read: bool,
    marks: [Option<PathBuf>; SLOTS],
    curves: HashMap<PathBuf, Loaded>,
    /// Curves that are being read, and up to which step.
    asked: HashMap<PathBuf, u64>,
    /// The move that `u` takes back.
    last: Option<Move>,
    /// The run to go to when it is found.
    aim: Option<PathBuf>,
    notice: Option<(String, Tone, Duration)>,
    life: Life,
    /// Since when the runs are being looked for, or were.
    looked: Option<Duration>,
    looking: bool,
    /// When the cursor came to its run.
    rested: Duration,
    clock: Duration,
    /// Seconds since 1970.
    now: f64,
    revision: u64,
}

impl State {
    /// The browser of the runs in `root`, of which those are shown that a filter finds.
    pub fn new(options: Options, root: &Path, filter: String, order: Order) -> State {
        State {
            options,
            keys: keys::BINDINGS,
            root: root.to_path_buf(),
            runs: Vec::new(),
            left_out: Vec::new(),
            rows: Vec::new(),
            cursor: 0,
            filter,
            order,
            tree: false,
            view: View::List,
            modal: None,
            log_scale: false,
            read: false,
            marks: Default::default(),
            curves: HashMap::new(),
            asked: HashMap::new(),
            last: None,
            aim: None,
            notice: None,
            life: Life::default(),
            looked: None,
            looking: false,
            rested: Duration::ZERO,
            clock: Duration::ZERO,
            now: 0.0,
            revision: 0,
        }
    }

    /// A number that changes whenever something visible does.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// How far the screen is in its life.
    pub fn life(&self) -> Life {
        self.life
    }

    /// Seconds since 1970.
    pub fn now(&self) -> f64 {
        self.now
    }

    /// The part of the key table that is in force.
    pub fn context(&self) -> Context {
        match self.modal {
            Some(Modal::Type(..)) => Context::Line,
            Some(Modal::Help(_)) => Context::Help,
            Some(Modal::Delete) => Context::Delete,
            None => Context::Main,
        }
    }

    /// What is to be said for a while.
    pub fn notice(&self) -> Option<(&str, Tone)> {
        self.notice.as_ref().map(|(text, tone, _)| (text.as_str(), *tone))
    }

    /// The run at the cursor.
    pub fn selected(&self) -> Option<&Run> {
        self.rows.get(self.cursor).map(|row| &self.runs[row.run])
    }

    /// The slot of the run in a directory, when it is marked.
    pub fn slot(&self, dir: &Path) -> Option<usize> {
        self.marks.iter().position(|mark| mark.as_deref() == Some(dir))
    }

    /// The marked runs with their slots.
    pub fn marked(&self) -> Vec<(usize, &Run)> {
        let find = |dir: &PathBuf| self.runs.iter().find(|run| run.brief.dir == *dir);
        let marks = self.marks.iter().enumerate();
        marks.filter_map(|(slot, mark)| Some((slot, find(mark.as_ref()?)?))).collect()
    }

    /// The runs whose curves are drawn: the marked ones, or the one at the cursor when none is.
    pub fn charted(&self) -> Vec<(Option<usize>, &Run)> {
        let marked: Vec<_> = self.marked().into_iter().map(|(slot, run)| (Some(slot), run)).collect();
        if marked.is_empty() { self.selected().map(|run| (None, run)).into_iter().collect() } else { marked }
    }

    /// The runs that are compared: the marked ones, and the one at the cursor.
    pub fn compared(&self) -> Vec<(Option<usize>, &Run)> {
        let mut all: Vec<_> = self.marked().into_iter().map(|(slot, run)| (Some(slot), run)).collect();
        all.extend(self.selected().filter(|run| self.slot(&run.brief.dir).is_none()).map(|run| (None, run)));
        all
    }

    /// The curves of a run, when they were read.
    pub(crate) fn curves(&self, run: &Run) -> Option<&Loaded> {
        self.curves.get(&run.brief.dir)
    }

    /// The place of the run in a directory.
    fn place(&self, dir: &Path) -> Option<usize> {
        self.runs.iter().position(|run| run.brief.dir == dir)
    }

    /// The directories of the runs that were forked from the one in `dir`.
    fn children(&self, dir: &Path) -> Vec<PathBuf> {
        let forked = self.runs.iter().filter(|run| run.brief.parent.as_deref() == Some(dir));
        forked.map(|run| run.brief.dir.clone()).collect()
    }

    fn notify(&mut self, tone: Tone, text: impl Into<String>) {
        self.notice = Some((text.into(), tone, self.clock + NOTICE));
    }
}

impl Run {
    fn new(brief: Arc<Brief>, root: &Path) -> Run {
        let name = name(&brief.dir, root);
        let notes = &brief.notes;
        let words = [name.as_str(), brief.status.word(), &notes.note].into_iter();
        let text = words.chain(notes.tags.iter().map(String::as_str)).collect::<Vec<_>>().join("\n").to_lowercase();
        Run { brief, name, text }
    }

    /// Whether it can be gone on with: nobody is at work on it, and it is not done.
    pub fn can_go_on(&self) -> bool {
        !matches!(self.brief.status, RunStatus::AtWork | RunStatus::Done)
    }
}

/// How a run is called among those in `root`.
pub fn name(dir: &Path, root: &Path) -> String {
    dir.strip_prefix(root).unwrap_or(dir).display().to_string()
}

/// The runs of a survey that a filter finds, in an order.
pub fn list(survey: &Survey, root: &Path, filter: &str, order: Order) -> Vec<Run> {
    let runs: Vec<Run> = survey.runs.iter().map(|brief| Run::new(Arc::clone(brief), root)).collect();
    let rows = order::rows(&runs, filter, order, false);
    rows.into_iter().map(|row| runs[row.run].clone()).collect()
}
