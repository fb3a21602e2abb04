//! What stands in front of the panes and takes the keys.

use super::editor::Editor;
use super::finder::Finder;
use super::keys::Context;
use super::panes::images::Mistake;
use super::preset::PresetDiff;
use crate::train::Predicted;
use tui_input::{Input, InputRequest};

/// What stands in front of the panes and takes the keys.
#[derive(Clone, Debug)]
pub enum Modal {
    /// A value is being typed.
    Edit(Box<Editor>),
    /// The command line.
    Command(Line),
    /// The filter of the rows.
    Filter(Line),
    /// Help.
    Help(Help),
    /// Stop the run?
    Stop,
    /// Start a new run with the gathered changes?
    Fork,
    /// A preset changed.
    Preset(Box<PresetDiff>),
    /// An image that was taken for something else.
    Mistake(Box<Mistake>),
    /// A search for a learning rate.
    Finder(Box<Finder>),
    /// What the net makes of a person's own image.
    Predicted(Box<Predicted>),
}

/// The help, or what a search has left of it.
#[derive(Clone, Debug, Default)]
pub struct Help {
    /// Lines above the first that is seen.
    pub scroll: usize,
    /// What is searched for.
    pub search: Line,
    /// Whether that is being typed.
    pub typing: bool,
}

/// One line of text.
#[derive(Clone, Debug, Default)]
pub struct Line {
    pub(crate) input: Input,
    /// What is wrong with the line that was entered.
    pub problem: Option<String>,
    /// What may stand in the place of the last word, when that was asked for.
    pub offers: Vec<String>,
    /// What else there is to say of it.
    pub hint: Option<String>,
    /// How far the line was fetched back, and what had been typed before.
    recalled: Option<(usize, String)>,
}

impl Line {
    pub(crate) fn new(text: &str) -> Line {
        Line { input: Input::new(text.to_string()), ..Line::default() }
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// Changes the text; what was said of it is gone.
    pub(crate) fn request(&mut self, request: InputRequest) {
        self.input.handle(request);
        self.problem = None;
        self.offer(Vec::new(), None);
    }

    /// Shows what may stand in the place of the last word.
    pub(crate) fn offer(&mut self, offers: Vec<String>, hint: Option<String>) {
        (self.offers, self.hint) = (offers, hint);
    }

    /// Fetches the line before (or after) the present one of those that were entered; after the newest comes what was
    /// being typed.
    pub(crate) fn recall(&mut self, entered: &[String], back: bool) {
        let (at, typed) = self.recalled.take().unwrap_or_else(|| (entered.len(), self.text().to_string()));
        let at = if back { at.saturating_sub(1) } else { (at + 1).min(entered.len()) };
        let text = entered.get(at).unwrap_or(&typed).clone();
        *self = Line { recalled: Some((at, typed)), ..Line::new(&text) };
    }

    /// Place of the cursor in columns.
    pub fn cursor(&self) -> usize {
        self.input.visual_cursor()
    }
}

impl Modal {
    /// The part of the key table that is in force.
    pub fn context(&self) -> Context {
        match self {
            Modal::Edit(_) => Context::Edit,
            Modal::Command(_) => Context::Line,
            Modal::Filter(_) | Modal::Help(Help { typing: true, .. }) => Context::Search,
            Modal::Help(_) => Context::Help,
            Modal::Stop => Context::Stop,
            Modal::Fork => Context::Fork,
            Modal::Preset(_) => Context::Preset,
            Modal::Mistake(_) | Modal::Predicted(_) => Context::Mistake,
            Modal::Finder(_) => Context::Finder,
        }
    }
}
