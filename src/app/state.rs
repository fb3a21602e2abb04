//! Everything the screen shows.

use super::Begin;
use super::edits::Edits;
use super::events;
use super::hardware::Hardware;
use super::history::Window;
use super::keys::Context;
use super::look::Options;
use super::modal::Modal;
use super::number;
use super::pictures::Album;
use super::plan::{Now, Plan};
use super::rows::Rows;
use super::run::Run;
use crate::recipe::{Applies, KNOBS, Knob, Recipe, Value};
use crate::runs;
use crate::train::{self, When};
use std::collections::VecDeque;
use std::time::Duration;

/// Lines kept in the journal.
const JOURNAL: usize = 2000;
/// How long a notice stays.
const NOTICE: Duration = Duration::from_secs(6);

/// A pane; the digits 1 to 8 choose one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pane {
    /// Hyperparameters.
    Knobs,
    /// Switches of the paper and their values.
    Tricks,
    /// Training and validation loss.
    Loss,
    /// Learning rate.
    Rate,
    /// Top-1 and top-5.
    Accuracy,
    /// Processor and graphics card.
    Hardware,
    /// What happened.
    Journal,
    /// Images: batches, mistakes, classes.
    Images,
}

impl Pane {
    /// Every pane, in the order of the digits.
    pub const ALL: [Pane; 8] = [
        Pane::Knobs,
        Pane::Tricks,
        Pane::Loss,
        Pane::Rate,
        Pane::Accuracy,
        Pane::Hardware,
        Pane::Journal,
        Pane::Images,
    ];

    /// The heading.
    pub fn word(self) -> &'static str {
        match self {
            Pane::Knobs => "Knobs",
            Pane::Tricks => "Tricks",
            Pane::Loss => "Loss",
            Pane::Rate => "Learning rate",
            Pane::Accuracy => "Accuracy",
            Pane::Hardware => "Hardware",
            Pane::Journal => "Journal",
            Pane::Images => "Images",
        }
    }

    /// Whether it is one of the two that steer.
    pub fn steers(self) -> bool {
        matches!(self, Pane::Knobs | Pane::Tricks)
    }
}

/// What a line or a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Something happened.
    Plain,
    /// A setting changed.
    Edit,
    /// Good news.
    Good,
    /// Something did not work.
    Warn,
    /// Something needs a person.
    Alarm,
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Steps done.
    pub step: u64,
    /// What it is about.
    pub tone: Tone,
    /// One sentence.
    pub text: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) text: String,
    pub(crate) tone: Tone,
    pub(crate) until: Duration,
}

/// Everything the screen shows.
#[derive(Clone, Debug)]
pub struct State {
    pub(crate) options: Options,
    pub(crate) size: (u16, u16),
    pub(crate) clock: Duration,
    pub(crate) run: Run,
    pub(crate) recipe: Recipe,
    pub(crate) edits: Edits,
    pub(crate) plan: Plan,
    pub(crate) rows: Rows,
    pub(crate) focus: Pane,
    /// The chart shown where there is room for one only.
    pub(crate) chart: Pane,
    pub(crate) zoom: bool,
    pub(crate) log_scale: bool,
    pub(crate) window: Window,
    pub(crate) mouse: bool,
    pub(crate) modal: Option<Modal>,
    /// A changed preset that waits until nothing stands in front of the panes.
    pub(crate) held_preset: Option<(String, Recipe)>,
    pub(crate) notice: Option<Notice>,
    pub(crate) alarm: Option<String>,
    pub(crate) journal: VecDeque<Entry>,
    /// Lines the journal is scrolled back.
    pub(crate) scrolled: usize,
    pub(crate) hardware: Hardware,
    pub(crate) album: Album,
    pub(crate) interrupted: Option<Duration>,
    pub(crate) leaving: bool,
    pub(crate) unattended: bool,
    /// Another process trains the run.
    pub(crate) attached: bool,
    /// The screen was opened from one of a suite, and goes back there.
    pub(crate) visiting: bool,
    /// The system has asked for an end.
    pub(crate) signalled: bool,
    /// The recipe to start with when the present run has ended.
    pub(crate) next: Option<Begin>,
    pub(crate) revision: u64,
}

impl State {
    /// The screen of a run that is about to start.
    pub fn new(options: Options, recipe: Recipe) -> State {
        let mut state = State {
            options,
            size: (80, 24),
            clock: Duration::ZERO,
            run: Run::new(),
            recipe,
            edits: Edits::default(),
            plan: Plan::default(),
            rows: Rows::new(),
            focus: Pane::Knobs,
            chart: Pane::Loss,
            zoom: false,
            log_scale: false,
            window: Window::Whole,
            mouse: false,
            modal: None,
            held_preset: None,
            notice: None,
            alarm: None,
            journal: VecDeque::new(),
            scrolled: 0,
            hardware: Hardware::default(),
            album: Album::default(),
            interrupted: None,
            leaving: false,
            unattended: false,
            attached: false,
            visiting: false,
            signalled: false,
            next: None,
            revision: 0,
        };
        state.replan();
        state
    }

    /// A number that changes whenever something visible does.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// State of the run.
    pub fn run_state(&self) -> train::State {
        self.run.state
    }

    /// Says that another process trains the run.
    pub fn attach(&mut self) {
        self.attached = true;
    }

    /// Says that somebody else trains the run, in this process: the screen begins no runs, and goes back where it came
    /// from.
    pub fn visit(&mut self) {
        (self.attached, self.visiting) = (true, true);
    }

    /// Whether the system has asked for an end.
    pub fn signalled(&self) -> bool {
        self.signalled
    }

    /// Whether the screen is gone and the run goes on without it.
    pub fn unattended(&self) -> bool {
        self.unattended
    }

    /// The recipe that runs.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// What stands in front of the panes.
    pub fn modal(&self) -> Option<&Modal> {
        self.modal.as_ref()
    }

    /// The part of the key table that is in force.
    pub fn context(&self) -> Context {
        match &self.modal {
            Some(modal) => modal.context(),
            None if self.run.state.ended() => Context::Ended,
            None => Context::Main,
        }
    }

    /// The recipe as it will be when every pending edit has taken effect.
    pub fn planned(&self) -> Recipe {
        self.edits.planned(&self.recipe)
    }

    /// The value a knob will have when what is on its way has come.
    pub(crate) fn planned_value(&self, knob: &Knob) -> Value {
        self.edits.of(knob).map_or_else(|| self.recipe.get(knob), |p| p.to.clone())
    }

    /// A value with its unit, switches as words.
    pub(crate) fn shown(&self, knob: &Knob, value: &Value) -> String {
        events::shown(knob, value)
    }

    /// When a change of a knob asked for at `when` takes effect, as the end of a sentence.
    pub(crate) fn when_text(&self, knob: &Knob, when: When) -> String {
        match knob.applies {
            Applies::Fork => "in a new run".to_string(),
            _ => events::when_text(self, when.effective(knob.applies)),
        }
    }

    /// The knob at the cursor, when a pane that steers has the focus.
    pub fn selected(&self) -> Option<&'static Knob> {
        self.rows.selected(self.focus)
    }

    /// What to print when the screen lets a run go.
    pub fn parting_lines(&self) -> Vec<String> {
        let dir = self.run.info.as_ref().and_then(|info| info.dir.as_ref());
        let Some(dir) = dir.filter(|_| !self.run.state.ended()) else { return Vec::new() };
        let mut lines = vec![format!("the run goes on; {} opens the screen again", runs::attach_command(dir))];
        if !self.attached {
            lines.push(
                "this program trains it to its end: ctrl-c saves and stops, ctrl-z and bg frees the shell".into(),
            );
        }
        lines
    }

    /// What to print when the screen has closed.
    pub fn closing_lines(&self) -> Vec<String> {
        let Some(summary) = &self.run.summary else { return Vec::new() };
        let best =
            summary.best_top1.map_or_else(|| "no evaluation".into(), |b| format!("best top-1 {}", number::percent(b)));
        let took = number::duration(Duration::try_from_secs_f64(summary.seconds).unwrap_or_default());
        let mut lines = vec![format!("{} at step {}, {best}, {took}", summary.state.word(), summary.step)];
        if summary.broken > 0 {
            lines.push(format!("{} broken images were skipped; log.jsonl names them", summary.broken));
        }
        lines.extend(summary.error.iter().map(|e| format!("error: {e}")));
        if let Some(dir) = &summary.dir {
            lines.push(dir.display().to_string());
            lines.extend(runs::again(dir, summary.state));
        }
        lines
    }

    pub(crate) fn note(&mut self, tone: Tone, text: impl Into<String>) {
        let entry = Entry { step: self.run.step, tone, text: text.into() };
        if self.journal.len() == JOURNAL {
            self.journal.pop_front();
        }
        self.journal.push_back(entry);
        if self.scrolled > 0 {
            self.scrolled = (self.scrolled + 1).min(self.journal.len() - 1);
        }
    }

    pub(crate) fn notify(&mut self, tone: Tone, text: impl Into<String>) {
        self.notice = Some(Notice { text: text.into(), tone, until: self.clock + NOTICE });
    }

    /// Works out what follows from the recipe, the edits on their way and the value being typed.
    pub(crate) fn replan(&mut self) {
        let now = Now {
            epoch: self.run.epoch,
            step: self.run.step,
            steps_per_epoch: self.run.steps_per_epoch(&self.recipe) as f64,
        };
        let draft: Vec<(&'static Knob, Value, When)> = match &self.modal {
            Some(Modal::Edit(editor)) => match &editor.meaning {
                Ok((value, when)) if *value != editor.before => vec![(editor.knob, value.clone(), *when)],
                _ => Vec::new(),
            },
            Some(Modal::Preset(diff)) => diff.edits.iter().map(|(k, v)| (*k, v.clone(), When::Now)).collect(),
            _ => Vec::new(),
        };
        self.plan = Plan::new(now, &self.recipe, &self.edits.pending, &draft);
    }

    /// Takes the size of the terminal in.
    pub(crate) fn resize(&mut self, width: u16, height: u16) {
        self.size = (width, height);
        // Frames, header and footer take eight rows.
        self.rows.expand_all(width >= 100 && usize::from(height) >= KNOBS.len() + 8);
    }
}
