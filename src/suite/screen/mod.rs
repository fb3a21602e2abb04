//! The state of a suite's screen and what changes it: pure, without terminal, clock, file or thread.

pub mod keys;
mod update;

pub use update::update;

use super::{Now, Results, Tally};
use crate::app::keys::Binding;
use crate::app::{self, Life, Occasion, Options, Tone};
use crate::batch::Outcome;
use crate::train::{Command, Event};
use keys::{Action, Context};
use std::path::PathBuf;
use std::time::Duration;

/// How long a notice stays.
const NOTICE: Duration = Duration::from_secs(6);

/// Something that happened outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Msg {
    /// What every screen hears: keys, time, the size of the terminal, its loss, signals.
    Screen(app::Msg),
    /// What happens in a run.
    Run {
        /// Its place.
        place: usize,
        /// When it was told.
        at: Duration,
        /// What was told.
        event: Event,
    },
    /// Something is said of the run at this place.
    Said(usize, String),
    /// Runs were compared.
    Compared(Box<Results>),
    /// The screen of a run could not be opened, and why.
    Shut(String),
    /// There is nothing left to train.
    Over(Outcome),
}

impl From<app::Msg> for Msg {
    fn from(msg: app::Msg) -> Msg {
        Msg::Screen(msg)
    }
}

/// Something the front end must do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send this to the run at this place.
    Send(usize, Command),
    /// Leave these runs out, and stop with a checkpoint those that are at work.
    LeaveOut(Vec<usize>),
    /// Put these runs back.
    PutBack(Vec<usize>),
    /// Open the screen of the run in this directory.
    Open(PathBuf),
    /// Save and stop all runs.
    Stop,
    /// Tell a person who may look elsewhere, in one sentence.
    Tell(Occasion, String),
    /// Stop the program until the shell continues it.
    Suspend,
    /// Leave the terminal alone from now on; the suite goes on.
    LetGo,
    /// Close the screen.
    Leave,
}

/// What stands in front of the rows and takes the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modal {
    /// Help, scrolled by so many lines.
    Help(usize),
    /// Stop the suite?
    Stop,
}

/// Where a row stands.
#[derive(Clone, Debug, PartialEq)]
pub enum RowStatus {
    /// A run is at work, or stands still: its place.
    Run(usize),
    /// Runs wait for their turn.
    Waits,
    /// What is left is left out.
    Skipped,
    /// Another program trains what is left.
    Elsewhere,
    /// A cluster has what is left in its queue: where a run of it is at work.
    Queued(Option<String>),
    /// A run failed, with these words.
    Failed(String),
    /// A run is done, but was edited.
    Edited,
    /// Others were better.
    Out,
    /// All runs are done.
    Done,
}

/// Everything the screen of a suite shows.
#[derive(Clone, Debug)]
pub struct State {
    /// What a person chose before the start.
    pub options: Options,
    /// Its key table.
    pub keys: &'static [Binding<Context, Action>],
    /// What is known of the suite.
    pub tally: Tally,
    /// The row at the cursor.
    pub cursor: usize,
    /// What stands in front of the rows.
    pub modal: Option<Modal>,
    /// How it ended, when it has.
    pub over: Option<Outcome>,
    /// How far the screen is in its life.
    pub life: Life,
    notice: Option<(String, Tone, Duration)>,
    interrupted: Option<Duration>,
    clock: Duration,
    revision: u64,
}

impl State {
    /// The screen of a suite that is about to be trained.
    pub fn new(options: Options, tally: Tally) -> State {
        State {
            options,
            keys: keys::BINDINGS,
            tally,
            cursor: 0,
            modal: None,
            over: None,
            life: Life::default(),
            notice: None,
            interrupted: None,
            clock: Duration::ZERO,
            revision: 0,
        }
    }

    /// A number that changes whenever something visible does.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The part of the key table that is in force.
    pub fn context(&self) -> Context {
        match self.modal {
            Some(Modal::Help(_)) => Context::Help,
            Some(Modal::Stop) => Context::Stop,
            None if self.over.is_some() => Context::Ended,
            None => Context::Main,
        }
    }

    /// What is to be said for a while.
    pub fn notice(&self) -> Option<(&str, Tone)> {
        self.notice.as_ref().map(|(text, tone, _)| (text.as_str(), *tone))
    }

    /// Where a row stands.
    pub fn status(&self, cell: usize) -> RowStatus {
        let tally = &self.tally;
        if let Some(place) = tally.at_work(cell).next() {
            return RowStatus::Run(place);
        }
        let now = || tally.of(cell).map(|place| &tally.live[place].now);
        let failed = now().find_map(|now| if let Now::Failed(why) = now { Some(why.clone()) } else { None });
        match failed {
            _ if tally.open(cell).any(|place| !tally.away.contains(&place)) => RowStatus::Waits,
            _ if tally.open(cell).next().is_some() => RowStatus::Skipped,
            _ if now().any(|now| *now == Now::Elsewhere) => RowStatus::Elsewhere,
            _ if now().any(|now| matches!(now, Now::Queued(_))) => RowStatus::Queued(now().find_map(|now| match now {
                Now::Queued(task) => Some(task.split_once("running on ")?.1.to_string()),
                _ => None,
            })),
            Some(why) => RowStatus::Failed(why),
            None if now().any(|now| *now == Now::Edited) => RowStatus::Edited,
            None if now().any(|now| *now == Now::Out) => RowStatus::Out,
            None => RowStatus::Done,
        }
    }

    /// Whether nothing can be trained until something is put back.
    pub fn is_held(&self) -> bool {
        let waits = |place: &usize| self.tally.live[*place].now == Now::Waits && !self.tally.results.rests(*place);
        let mut waits = (0..self.tally.runs.len()).filter(waits).peekable();
        self.over.is_none()
            && !self.tally.live.iter().any(super::Live::works)
            && waits.peek().is_some()
            && waits.all(|place| self.tally.away.contains(&place))
    }

    fn notify(&mut self, tone: Tone, text: impl Into<String>) {
        self.notice = Some((text.into(), tone, self.clock + NOTICE));
    }

    fn next_theme(&mut self) {
        let text = format!("theme {}", self.options.next_theme());
        self.notify(Tone::Plain, text);
    }
}
