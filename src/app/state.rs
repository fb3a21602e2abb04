//! Everything the screen shows.

use super::edits::Edits;
use super::history::Window;
use super::keys::Context;
use super::life::{Host, Life, Trained};
use super::message::Begin;
use super::modal::Modal;
use super::options::Options;
use super::panes::journal::{Entry, Tone};
use super::panes::rows::Rows;
use super::panes::{Pane, States};
use super::plan::{Now, Plan};
use super::run::Run;
use super::{number, words};
use crate::recipe::{Applies, KNOBS, Knob, Recipe, Value};
use crate::runs;
use crate::train::{self, When};
use std::time::Duration;

/// Command lines kept.
const ENTERED: usize = 100;
/// How long a notice stays.
const NOTICE: Duration = Duration::from_secs(6);

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
    /// What the panes keep.
    pub(crate) panes: States,
    pub(crate) focus: Pane,
    /// The pane at the right that was chosen last; where there is room for one only, it is the one that is seen.
    pub(crate) chart: Pane,
    pub(crate) zoom: bool,
    pub(crate) log_scale: bool,
    pub(crate) window: Window,
    pub(crate) mouse: bool,
    pub(crate) modal: Option<Modal>,
    /// Command lines that were entered, the newest last.
    pub(crate) entered: Vec<String>,
    /// What the open preset made when a person was last asked about it.
    pub(crate) preset: Recipe,
    /// A changed preset that waits until nothing stands in front of the panes.
    pub(crate) held_preset: Option<(String, Recipe)>,
    pub(crate) notice: Option<Notice>,
    pub(crate) alarm: Option<String>,
    /// The last image that was asked about, until there is an answer.
    pub(crate) predicting: Option<u64>,
    /// When Ctrl-C was pressed last.
    pub(crate) interrupted: Option<Duration>,
    pub(crate) life: Life,
    pub(crate) host: Host,
    pub(crate) trained: Trained,
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
            preset: recipe.clone(),
            recipe,
            edits: Edits::default(),
            plan: Plan::default(),
            rows: Rows::new(),
            panes: States::default(),
            focus: Pane::Knobs,
            chart: Pane::Loss,
            zoom: false,
            log_scale: false,
            window: Window::Whole,
            mouse: false,
            modal: None,
            entered: Vec::new(),
            held_preset: None,
            notice: None,
            alarm: None,
            predicting: None,
            interrupted: None,
            life: Life::default(),
            host: Host::default(),
            trained: Trained::default(),
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
        self.trained = Trained::Elsewhere;
    }

    /// Says that somebody else trains the run, in this process: the screen begins no runs, and goes back where it came
    /// from.
    pub fn visit(&mut self) {
        (self.trained, self.host) = (Trained::Elsewhere, Host::Suite);
    }

    /// Says that the browser of runs opened the screen: whoever leaves it goes back there.
    pub fn browse(&mut self) {
        self.host = Host::Browser;
    }

    /// How far the screen is in its life.
    pub fn life(&self) -> Life {
        self.life
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

    /// When a change of a knob asked for at `when` takes effect, as the end of a sentence.
    pub(crate) fn when_text(&self, knob: &Knob, when: When) -> String {
        match knob.applies {
            Applies::Fork => "in a new run".to_string(),
            _ => words::when_text(self.run.epoch, when.effective(knob.applies)),
        }
    }

    /// Gives a pane the focus, and shows it.
    pub(crate) fn focus_on(&mut self, pane: Pane) {
        self.focus = pane;
        if !pane.steers() {
            self.chart = pane;
        }
    }

    /// The pane that is seen at the right: the one chosen, or the learning rate while a value is typed that bends it.
    pub(crate) fn shown(&self) -> Pane {
        if self.plan.draft.is_empty() { self.chart } else { Pane::Rate }
    }

    /// The knob at the cursor, when a pane that steers has the focus.
    pub fn selected(&self) -> Option<&'static Knob> {
        self.rows.selected(self.focus)
    }

    /// What to print when the screen lets a run go.
    pub fn parting_lines(&self) -> Vec<String> {
        let dir = self.run.info.as_ref().and_then(|info| info.dir.as_ref());
        let Some(dir) = dir.filter(|_| !self.run.state.ended()) else { return Vec::new() };
        vec![format!("the run goes on; {} opens the screen again", runs::attach_command(dir))]
    }

    /// What to print when the screen has closed.
    pub fn closing_lines(&self) -> Vec<String> {
        let Some(summary) = &self.run.summary else { return Vec::new() };
        let best = self.run.best.map_or_else(
            || "no evaluation".into(),
            |best| format!("best {} {}", best.score.figure.title(), best.words()),
        );
        let took = number::duration(Duration::try_from_secs_f64(summary.seconds).unwrap_or_default());
        let mut lines = vec![format!("{} at step {}, {best}, {took}", summary.state.word(), summary.step)];
        lines.extend(summary.early.clone());
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

    /// A line of the journal about what happens now.
    pub(crate) fn note(&mut self, tone: Tone, text: impl Into<String>) {
        self.note_at(self.run.step, tone, text);
    }

    /// A line of the journal about what happened after so many steps, of which the run may have heard of fewer.
    pub(crate) fn note_at(&mut self, step: u64, tone: Tone, text: impl Into<String>) {
        self.panes.journal.push(Entry { step, tone, text: text.into() });
    }

    /// Keeps a command line that was entered.
    pub(crate) fn remember(&mut self, line: &str) {
        self.entered.retain(|entered| entered != line);
        if self.entered.len() == ENTERED {
            self.entered.remove(0);
        }
        self.entered.push(line.to_string());
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
            Some(Modal::Preset(diff)) => {
                diff.chosen().0.into_iter().map(|(knob, value)| (knob, value, When::Now)).collect()
            }
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
