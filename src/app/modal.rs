//! What stands in front of the panes and takes the keys.

use super::keys::Context;
use super::{Editor, PresetDiff};
use tui_input::Input;

/// What stands in front of the panes and takes the keys.
#[derive(Clone, Debug)]
pub enum Modal {
    /// A value is being typed.
    Edit(Box<Editor>),
    /// The command line.
    Command(Line),
    /// The filter of the rows.
    Filter(Line),
    /// Help, scrolled by so many lines.
    Help(usize),
    /// Stop the run?
    Stop,
    /// Start a new run with the gathered changes?
    Fork,
    /// A preset changed.
    Preset(Box<PresetDiff>),
}

/// One line of text.
#[derive(Clone, Debug, Default)]
pub struct Line {
    pub(crate) input: Input,
    /// What is wrong with the line that was entered.
    pub problem: Option<String>,
}

impl Line {
    pub(crate) fn new(text: &str) -> Line {
        Line { input: Input::new(text.to_string()), problem: None }
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.input.value()
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
            Modal::Command(_) | Modal::Filter(_) => Context::Line,
            Modal::Help(_) => Context::Help,
            Modal::Stop => Context::Stop,
            Modal::Fork => Context::Fork,
            Modal::Preset(_) => Context::Preset,
        }
    }
}
