//! What the keys of footer and dialogs are said to do: that depends on where the screen was opened from.

use super::keys::{Action, Binding};
use super::pane::Pane;
use super::state::State;
use crate::train;

impl State {
    /// Whether leaving the screen goes back to another one.
    pub(crate) fn goes_back(&self) -> bool {
        self.visiting || (self.browsing && self.attached)
    }

    /// The words of the footer for a key; none where it can do nothing.
    pub(crate) fn word(&self, key: &Binding) -> &'static str {
        match key.action {
            Action::Edit if self.mistake().is_some() && self.focus == Pane::Images => "file",
            // (they are about the row at the cursor)
            Action::Toggle | Action::Edit | Action::Step(_) if self.modal.is_none() && !self.focus.steers() => "",
            Action::Pause if self.run.state == train::State::Paused => "resume",
            // (whoever trains a suite begins its runs)
            Action::TakeUp if self.visiting => "",
            Action::Quit if self.run.state.ended() && (self.visiting || self.browsing) => "back",
            Action::Detach if self.goes_back() => "back",
            _ => key.short,
        }
    }

    /// What a key of a dialog does.
    pub(crate) fn meaning(&self, key: &Binding) -> &'static str {
        match key.action {
            Action::Detach if self.visiting => "back to the suite; the run goes on",
            Action::Detach if self.goes_back() => "back to the list of runs; the run goes on",
            Action::Detach if self.attached => "leave the screen; the run goes on, as it did before",
            _ => key.help,
        }
    }
}
