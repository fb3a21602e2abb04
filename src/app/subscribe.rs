//! Tells the trainer what this screen looks at: what costs something is made only while it is seen.

use super::Effect;
use super::state::State;
use crate::train::Command;

/// Tells the trainer when a pane that shows such a thing comes into view, or leaves it.
pub(crate) fn subscribe(state: &mut State) -> Option<Effect> {
    let seen = if state.zoom { state.focus } else { state.shown() };
    let ended = state.run.state.ended();
    let at = seen.row().target.filter(|_| state.life.is_attended() && !ended);
    let told = std::mem::replace(&mut state.run.looks, at);
    (told != at && !ended).then_some(Effect::Send(Command::Look { screen: 0, at }))
}
