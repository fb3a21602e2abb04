//! The journal: what happened, a line each.

use super::{Scroll, moved};
use std::collections::VecDeque;

/// Lines kept.
const LINES: usize = 2000;

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

/// The newest lines, the last one last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal {
    pub(crate) lines: VecDeque<Entry>,
    /// Lines below those that are seen.
    pub(crate) scrolled: usize,
}

impl Journal {
    /// Adds a line. What a person has scrolled back to stays in view.
    pub(crate) fn push(&mut self, entry: Entry) {
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(entry);
        if self.scrolled > 0 {
            self.scrolled = (self.scrolled + 1).min(self.lines.len() - 1);
        }
    }
}

impl Scroll for Journal {
    /// Up is back in time.
    fn shift(&mut self, by: isize) {
        self.scrolled = moved(self.scrolled, by.saturating_neg(), self.lines.len());
    }
}
