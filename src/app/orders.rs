//! What steers the run, whichever way it is asked for: a key, the command line, an answer to a dialog.

use super::commands::{Order, Word};
use super::events::begin;
use super::leaving::{detach, save_and_leave};
use super::life::Host;
use super::modal::{Help, Modal};
use super::state::State;
use super::words::{shown, title, when_text};
use super::{Begin, Effect, Tone, finder, predicted};
use crate::recipe::{Applies, Changes, Knob, Recipe, Value};
use crate::train::{self, Command, When};
use std::path::PathBuf;

/// The recipe that an edit starts from: with what is pending and, for knobs of a new run, what is gathered for it.
pub(crate) fn base(state: &State) -> Recipe {
    let planned = state.planned();
    planned.with(state.edits.fork.iter().cloned()).unwrap_or(planned)
}

/// Sends an edit, or gathers it for a new run when this one cannot take it.
pub(crate) fn change(state: &mut State, knob: &'static Knob, value: Value, when: When) -> Vec<Effect> {
    let base = base(state);
    if let Err(invalid) = base.with([(knob, value.clone())]) {
        state.notify(Tone::Warn, invalid.to_string());
        return Vec::new();
    }
    if value == base.get(knob) && !state.edits.of(knob).is_some_and(|p| p.when() != when.effective(knob.applies)) {
        already(state, knob, &value);
        return Vec::new();
    }
    if state.host == Host::Suite && (knob.applies == Applies::Fork || state.run.state.ended()) {
        return kept_away(state);
    }
    if knob.applies == Applies::Fork || state.run.state.ended() {
        state.edits.fork.retain(|(k, _)| *k != knob);
        if value != state.recipe.get(knob) {
            let how = match knob.applies {
                Applies::Fork => "needs a new run: f starts it",
                _ => "is kept: r goes on with this run, f starts a new one",
            };
            state.notify(Tone::Plain, format!("{} {how}", title(knob)));
            state.edits.fork.push((knob, value));
        }
        return Vec::new();
    }
    send(state, vec![(knob, value)], when)
}

/// Says that a value is what it was to become: nothing is sent, and nothing recorded.
pub(crate) fn already(state: &mut State, knob: &'static Knob, value: &Value) {
    let (what, value) = (title(knob), shown(knob, value));
    let pending = state.edits.of(knob).map(|p| p.when());
    let text = match pending {
        Some(when) => format!("{what} → {value} is on its way already, {}", when_text(state.run.epoch, when)),
        None if state.edits.forked(knob).is_some() => format!("{what} → {value} is kept for a new run already"),
        None => format!("{what} is {value} already; nothing changes"),
    };
    state.notify(Tone::Plain, text);
}

pub(crate) fn send(state: &mut State, changes: Changes, when: When) -> Vec<Effect> {
    if let [(knob, value)] = &changes[..] {
        let when = when.effective(knob.applies);
        let text = format!("{} → {} {}", title(knob), shown(knob, value), when_text(state.run.epoch, when));
        state.notify(Tone::Edit, text);
        let command = state.edits.send(&state.recipe, changes, when);
        return vec![Effect::Send(command)];
    }
    vec![Effect::Send(state.edits.send(&state.recipe, changes, when))]
}

pub(crate) fn undo(state: &mut State) -> Vec<Effect> {
    match state.edits.undo() {
        Some(command) => {
            if let Command::Edit { changes, .. } = &command {
                let parts = changes.iter().map(|(k, v)| format!("{} → {}", title(k), shown(k, v)));
                let text = format!("undo: {}", parts.collect::<Vec<_>>().join(", "));
                state.notify(Tone::Edit, text);
            }
            vec![Effect::Send(command)]
        }
        None => {
            state.notify(Tone::Plain, "nothing to undo");
            Vec::new()
        }
    }
}

pub(crate) fn fork(state: &mut State) {
    if state.host == Host::Suite {
        drop(kept_away(state));
        return;
    }
    state.modal = Some(Modal::Fork);
}

pub(crate) fn new_run(state: &mut State) -> Vec<Effect> {
    let recipe = match state.modal.take() {
        Some(Modal::Preset(diff)) => {
            state.preset = diff.recipe.clone();
            diff.recipe
        }
        _ => base(state),
    };
    start_other(state, Begin::New(Box::new(recipe)))
}

/// Starts another run, after the end of the one at work, which writes a checkpoint first.
fn start_other(state: &mut State, next: Begin) -> Vec<Effect> {
    if state.host == Host::Suite {
        return kept_away(state);
    }
    if state.run.state.ended() {
        return begin(state, next);
    }
    state.next = Some(next);
    state.notify(Tone::Plain, "saving a checkpoint; then the new run starts …");
    vec![Effect::Send(Command::Stop { save: true })]
}

/// Goes on in a new run from where this one stands, which stays as it is.
pub(crate) fn fork_here(state: &mut State) -> Vec<Effect> {
    state.modal = None;
    match going_on(state) {
        Some((dir, sets)) => start_other(state, Begin::Fork(dir, sets)),
        None => Vec::new(),
    }
}

/// A visitor begins no runs.
fn kept_away(state: &mut State) -> Vec<Effect> {
    state.notify(Tone::Plain, "a suite trains this run; when that is over, tricktop attach RUN goes on from here");
    Vec::new()
}

/// Takes the run that has ended up again, with the changes that were gathered since.
fn take_up(state: &mut State) -> Vec<Effect> {
    if state.host == Host::Suite {
        return kept_away(state);
    }
    going_on(state).map_or(Vec::new(), |(dir, sets)| begin(state, Begin::TakeUp(dir, sets)))
}

/// The directory of the run, and the gathered changes that it can take, when it can go on.
fn going_on(state: &mut State) -> Option<(PathBuf, Changes)> {
    let (info, summary) = (state.run.info.as_ref(), state.run.summary.as_ref());
    let dir = info.and_then(|i| i.dir.clone()).or_else(|| summary.and_then(|s| s.dir.clone()));
    let Some(dir) = dir else {
        state.notify(Tone::Warn, "this run has not begun: there is nothing to go on from");
        return None;
    };
    let sets: Changes = state.edits.fork.iter().filter(|(knob, _)| knob.applies != Applies::Fork).cloned().collect();
    let early = state.run.summary.as_ref().and_then(|s| s.early.clone());
    let (needed, why) = match early {
        Some(early) => ("train.patience", format!("{early}; give patience a larger value, or 0, first")),
        None => ("train.epochs", "its epochs are done; give epochs a larger value first".to_string()),
    };
    if state.run.state == train::State::Done && sets.iter().all(|(knob, _)| knob.path != needed) {
        state.notify(Tone::Plain, why);
        return None;
    }
    Some((dir, sets))
}

pub(crate) fn theme(state: &mut State) {
    let text = format!("theme {}", state.options.next_theme());
    state.notify(Tone::Plain, text);
}

pub(crate) fn order(state: &mut State, asked: Order) -> Vec<Effect> {
    let ended = state.run.state.ended();
    let command = match asked {
        Order::Set(knob, value, when) => {
            let effects = change(state, knob, value, when);
            if knob.applies == Applies::Fork && state.edits.forked(knob).is_some() {
                state.modal = Some(Modal::Fork);
            }
            return effects;
        }
        Order::Do(Word::Quit) if ended => return vec![Effect::Leave],
        Order::Do(Word::Detach) => return detach(state),
        Order::Do(Word::SaveQuit) => return save_and_leave(state),
        Order::Do(Word::Quit) => {
            state.modal = Some(Modal::Stop);
            return Vec::new();
        }
        Order::Do(Word::Undo) => return undo(state),
        Order::Do(Word::Fork) => {
            fork(state);
            return Vec::new();
        }
        Order::Do(Word::Theme) => {
            theme(state);
            return Vec::new();
        }
        Order::Theme(name) => {
            state.options.take_theme(&name);
            state.notify(Tone::Plain, format!("theme {name}"));
            return Vec::new();
        }
        Order::Pane(pane) => {
            state.focus_on(pane);
            return Vec::new();
        }
        Order::Do(Word::Help) => {
            state.modal = Some(Modal::Help(Help::default()));
            return Vec::new();
        }
        Order::Do(Word::Resume) if ended => return take_up(state),
        Order::Predict(_) if ended => {
            state.notify(Tone::Plain, "the run is over; tricktop predict RUN FILE asks its best weights");
            return Vec::new();
        }
        _ if ended && state.host == Host::Suite => return kept_away(state),
        _ if ended => {
            state.notify(Tone::Plain, "the run is over; r goes on with it, f starts a new one with edited values");
            return Vec::new();
        }
        Order::Do(Word::FindRate) => return finder::ask(state),
        Order::Predict(file) => return predicted::ask(state, &file),
        Order::Steps(n) => Command::Steps(n),
        Order::Do(Word::Pause) => Command::Pause,
        Order::Do(Word::Resume) => Command::Resume,
        Order::Do(Word::Evaluate) => Command::Evaluate,
        Order::Do(Word::Save) => Command::Save,
        Order::Do(Word::RollBack) => state.edits.roll_back(),
    };
    let text = match &command {
        Command::Steps(1) => "one step".to_string(),
        Command::Steps(n) => format!("{n} steps, then pause"),
        Command::Pause => "pausing after this step".to_string(),
        Command::Resume => "going on".to_string(),
        Command::Evaluate => "evaluating".to_string(),
        Command::RollBack { .. } => "rolling back".to_string(),
        _ => "writing a checkpoint".to_string(),
    };
    state.notify(Tone::Plain, text);
    vec![Effect::Send(command)]
}
