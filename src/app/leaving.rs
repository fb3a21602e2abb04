//! The ways out of a screen: the run is stopped, or goes on without it.

use super::life::{Host, Trained};
use super::state::State;
use super::{Effect, Tone};
use crate::train::Command;
use std::time::Duration;

/// Two Ctrl-C within this time stop the run.
const TWICE: Duration = Duration::from_secs(4);

/// Ctrl-C: the second one stops the run with a checkpoint.
pub(crate) fn interrupt(state: &mut State) -> Vec<Effect> {
    if state.run.state.ended() {
        return vec![Effect::Leave];
    }
    let again = state.interrupted.is_some_and(|at| state.clock.saturating_sub(at) <= TWICE);
    state.interrupted = Some(state.clock);
    if again {
        return save_and_leave(state);
    }
    state.notify(Tone::Warn, "ctrl-c again: save a checkpoint, stop and leave");
    Vec::new()
}

/// Leaves the screen and lets the run go on; a visitor goes back to where it came from, unless the run is its own.
pub(crate) fn detach(state: &mut State) -> Vec<Effect> {
    if state.goes_back() { vec![Effect::Leave] } else { let_go(state) }
}

/// The run goes on to its end without this screen: the terminal is gone, or it was asked for.
pub(crate) fn let_go(state: &mut State) -> Vec<Effect> {
    if !state.life.let_go() {
        return Vec::new();
    }
    state.modal = None;
    if state.host == Host::Suite {
        return vec![Effect::Leave];
    }
    if state.run.state.ended() || state.trained == Trained::Elsewhere {
        return vec![Effect::LetGo, Effect::Leave];
    }
    vec![Effect::LetGo]
}

/// Stops with a checkpoint and leaves when the run has ended; asked a second time, leaves at once.
pub(crate) fn save_and_leave(state: &mut State) -> Vec<Effect> {
    if state.run.state.ended() || !state.life.leave() {
        return vec![Effect::Leave];
    }
    state.next = None;
    state.modal = None;
    state.notify(Tone::Plain, "saving a checkpoint and stopping …");
    vec![Effect::Send(Command::Stop { save: true })]
}

/// The system asks for the end. The same signal may come twice, to the program and to its group; the second says
/// nothing new. What others train goes on.
pub(crate) fn signal(state: &mut State) -> Vec<Effect> {
    let effects = match state.trained {
        _ if state.life.is_leaving() => Vec::new(),
        Trained::Elsewhere => vec![Effect::Leave],
        Trained::Here => save_and_leave(state),
    };
    state.life.signal();
    effects
}
