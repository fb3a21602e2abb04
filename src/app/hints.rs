//! What the keys of footer and dialogs are said to do: that depends on where the screen was opened from.

use super::keys::{Action, Binding};
use super::life::{Host, Trained};
use super::panes::Enter;
use super::state::State;
use crate::train;

impl State {
    /// Whether leaving the screen goes back to another one.
    pub(crate) fn goes_back(&self) -> bool {
        match self.host {
            Host::Shell => false,
            Host::Browser => self.trained == Trained::Elsewhere,
            Host::Suite => true,
        }
    }

    /// The words of the footer for a key; none where it can do nothing.
    pub(crate) fn word(&self, key: &Binding) -> &'static str {
        match key.action {
            Action::Edit if self.focus.row().enter == Enter::File && self.mistake().is_some() => "file",
            // They are about the row at the cursor.
            Action::Toggle | Action::Edit | Action::Step(_) if self.modal.is_none() && !self.focus.steers() => "",
            Action::Pause if self.run.state == train::State::Paused => "resume",
            // Whoever trains a suite begins its runs.
            Action::TakeUp if self.host == Host::Suite => "",
            Action::Quit if self.run.state.ended() && self.host != Host::Shell => "back",
            Action::Detach if self.goes_back() => "back",
            _ => key.short,
        }
    }

    /// What a key of a dialog does.
    pub(crate) fn meaning(&self, key: &Binding) -> &'static str {
        match key.action {
            Action::Detach if self.host == Host::Suite => "back to the suite; the run goes on",
            Action::Detach if self.goes_back() => "back to the list of runs; the run goes on",
            Action::Detach if self.trained == Trained::Elsewhere => {
                "leave the screen; the run goes on, as it did before"
            }
            _ => key.help,
        }
    }
}
