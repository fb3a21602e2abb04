//! What the screen keeps of looks inside the net, and when it asks for them.

use super::Effect;
use super::pane::Pane;
use super::state::State;
use crate::train::{self, Command, LayerRow};

/// The last look, and the row at the cursor.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inside {
    pub(crate) last: Option<train::Inside>,
    pub(crate) row: usize,
    /// Whether the trainer has been asked to look.
    asked: bool,
}

impl Inside {
    /// Takes a look in.
    pub(crate) fn take(&mut self, seen: train::Inside) {
        self.row = self.row.min(seen.layers.len().saturating_sub(1));
        self.last = Some(seen);
    }

    /// Moves the cursor.
    pub(crate) fn shift(&mut self, by: isize) {
        let last = self.last.as_ref().map_or(0, |seen| seen.layers.len().saturating_sub(1)) as isize;
        self.row = (self.row as isize).saturating_add(by).clamp(0, last) as usize;
    }

    /// The layer at the cursor.
    pub(crate) fn at_cursor(&self) -> Option<&LayerRow> {
        self.last.as_ref()?.layers.get(self.row)
    }
}

/// Asks the trainer to look while the pane is on the screen, and to stop when it is not.
pub(crate) fn ask(state: &mut State) -> Option<Effect> {
    if state.run.state == train::State::Starting || state.run.state.ended() {
        // (a trainer that begins has been asked for nothing)
        state.inside.asked = false;
        return None;
    }
    let open = state.chart == Pane::Inside && (!state.zoom || state.focus == Pane::Inside);
    let wanted = open && !state.unattended;
    let before = std::mem::replace(&mut state.inside.asked, wanted);
    (before != wanted).then_some(Effect::Send(Command::Inside(wanted)))
}
