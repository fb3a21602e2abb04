//! Tells the trainer what this screen looks at: what costs something is made only while it is seen.

use super::Effect;
use super::pane::Pane;
use super::state::State;
use crate::train::{Command, Target};

/// Tells the trainer when the pane of pictures or that of layers comes into view, or leaves it.
pub(crate) fn look(state: &mut State) -> Option<Effect> {
    let seen = match if state.zoom { state.focus } else { state.chart } {
        Pane::Images => Some(Target::Pictures),
        Pane::Inside => Some(Target::Layers),
        _ => None,
    };
    let ended = state.run.state.ended();
    let at = seen.filter(|_| !state.unattended && !ended);
    let told = std::mem::replace(&mut state.run.looks, at);
    (told != at && !ended).then_some(Effect::Send(Command::Look { screen: 0, at }))
}
