//! The one entry: a message goes in, the state changes, effects come out.

use super::keys::{Action, Binding, Key};
use super::modal::Modal;
use super::pane::{Pane, Tone};
use super::run::Ghost;
use super::state::State;
use super::{Effect, Msg, Theme, act, events, looking, memory, preset};
use crate::recipe::Recipe;
use crate::train::Command;
use crossterm::event::KeyCode;
use std::time::Duration;
use tui_input::InputRequest;

/// Two Ctrl-C within this time stop the run.
const TWICE: Duration = Duration::from_secs(4);

/// Folds a message into the state and says what the front end must do.
pub fn update(state: &mut State, msg: Msg) -> Vec<Effect> {
    let mut effects = match msg {
        Msg::Tick(now) => return tick(state, now),
        Msg::Key(key) => key_pressed(state, key),
        Msg::Paste(text) => paste(state, &text),
        Msg::Wheel(by) => act::act(state, Action::Move(isize::from(by.signum()))),
        Msg::Themes(themes) => {
            themes_changed(state, themes);
            Vec::new()
        }
        Msg::Resize(width, height) => {
            state.resize(width, height);
            Vec::new()
        }
        Msg::Event(event) => events::event(state, event),
        Msg::Behind(events) => {
            state.run.ghost = Ghost::of(&events);
            Vec::new()
        }
        Msg::Hardware(sample) => {
            state.hardware.push(sample);
            memory::watch(state)
        }
        Msg::PresetChanged(name, result) => preset_changed(state, name, *result),
        Msg::PresetFolder(names) => {
            state.note(Tone::Plain, format!("presets are now {}", names.join(", ")));
            Vec::new()
        }
        // (one may come to the program and to its group)
        Msg::Signal if std::mem::replace(&mut state.signalled, true) || state.leaving => Vec::new(),
        Msg::Signal if state.attached => vec![Effect::Leave],
        Msg::Signal => save_and_leave(state),
        Msg::Gone => let_go(state),
        Msg::Lost(why) => lost(state, why),
    };
    if state.modal.is_none()
        && let Some((name, recipe)) = state.held_preset.take()
    {
        preset::show(state, name, recipe);
    }
    effects.extend(looking::look(state));
    state.replan();
    state.revision += 1;
    effects
}

/// Time passes: notices go away, and a start that takes long shows that it is alive.
fn tick(state: &mut State, now: Duration) -> Vec<Effect> {
    let seconds = state.clock.as_secs();
    state.clock = now;
    let mut changed = state.run.state == crate::train::State::Starting && now.as_secs() != seconds;
    if state.notice.as_ref().is_some_and(|n| n.until <= now) {
        state.notice = None;
        changed = true;
    }
    state.revision += u64::from(changed);
    Vec::new()
}

fn key_pressed(state: &mut State, key: Key) -> Vec<Effect> {
    match Binding::lookup(state.options.keys, state.context(), key) {
        Some(Action::Interrupt) => interrupt(state),
        Some(action) => act::act(state, action),
        None => {
            if let Some(request) = request(key) {
                type_in(state, request);
            }
            Vec::new()
        }
    }
}

/// What a key means in a line of text.
pub(crate) fn request(key: Key) -> Option<InputRequest> {
    Some(match (key.code, key.ctrl) {
        (KeyCode::Char(c), false) => InputRequest::InsertChar(c),
        (KeyCode::Backspace, _) | (KeyCode::Char('h'), true) => InputRequest::DeletePrevChar,
        (KeyCode::Delete, _) | (KeyCode::Char('d'), true) => InputRequest::DeleteNextChar,
        (KeyCode::Left, _) => InputRequest::GoToPrevChar,
        (KeyCode::Right, _) => InputRequest::GoToNextChar,
        (KeyCode::Home, _) | (KeyCode::Char('a'), true) => InputRequest::GoToStart,
        (KeyCode::End, _) => InputRequest::GoToEnd,
        (KeyCode::Char('w'), true) => InputRequest::DeletePrevWord,
        (KeyCode::Char('u'), true) => InputRequest::DeleteLine,
        _ => return None,
    })
}

fn type_in(state: &mut State, request: InputRequest) {
    match &mut state.modal {
        Some(Modal::Edit(editor)) => editor.request(request),
        Some(Modal::Command(line)) => {
            // Rubbing out an empty command line closes it.
            if line.text().is_empty() && request == InputRequest::DeletePrevChar {
                state.modal = None;
            } else {
                line.request(request);
            }
        }
        Some(Modal::Help(help)) if help.typing => {
            help.search.input.handle(request);
            help.scroll = 0;
        }
        Some(Modal::Filter(line)) => {
            line.input.handle(request);
            let filter = line.text().to_string();
            state.rows.set_filter(filter);
            // (the cursor goes where something was found)
            state.focus = match state.focus {
                Pane::Knobs if state.rows.knobs.is_empty() && !state.rows.tricks.is_empty() => Pane::Tricks,
                Pane::Tricks if state.rows.tricks.is_empty() && !state.rows.knobs.is_empty() => Pane::Knobs,
                pane => pane,
            };
        }
        _ => {}
    }
}

fn paste(state: &mut State, text: &str) -> Vec<Effect> {
    for c in text.chars().filter(|c| !c.is_control()) {
        type_in(state, InputRequest::InsertChar(c));
    }
    Vec::new()
}

fn interrupt(state: &mut State) -> Vec<Effect> {
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
fn let_go(state: &mut State) -> Vec<Effect> {
    if state.unattended {
        return Vec::new();
    }
    state.unattended = true;
    state.modal = None;
    if state.visiting {
        return vec![Effect::Leave];
    }
    if state.run.state.ended() || state.attached {
        return vec![Effect::LetGo, Effect::Leave];
    }
    vec![Effect::LetGo]
}

/// Stops with a checkpoint and leaves when the run has ended; asked a second time, leaves at once.
pub(crate) fn save_and_leave(state: &mut State) -> Vec<Effect> {
    if state.run.state.ended() || state.leaving {
        return vec![Effect::Leave];
    }
    state.leaving = true;
    state.next = None;
    state.modal = None;
    state.notify(Tone::Plain, "saving a checkpoint and stopping …");
    vec![Effect::Send(Command::Stop { save: true })]
}

fn preset_changed(state: &mut State, name: String, result: Result<Recipe, String>) -> Vec<Effect> {
    match result {
        Err(problem) => {
            state.note(Tone::Warn, format!("preset {name}: {problem}"));
            state.notify(Tone::Warn, format!("preset {name} has a mistake; the recipe stays (see the journal)"));
        }
        Ok(recipe) if matches!(state.modal, None | Some(Modal::Preset(_))) => preset::show(state, name, recipe),
        Ok(recipe) => {
            state.notify(Tone::Plain, format!("preset {name} changed: the difference is shown next"));
            state.held_preset = Some((name, recipe));
        }
    }
    Vec::new()
}

fn themes_changed(state: &mut State, themes: Result<Vec<Theme>, String>) {
    match themes {
        Ok(themes) => state.options.take_themes(themes),
        Err(problem) => {
            state.note(Tone::Warn, format!("theme {problem}; the colours stay"));
            state.notify(Tone::Warn, "a theme has a mistake; the colours stay (see the journal)");
        }
    }
}

fn lost(state: &mut State, why: String) -> Vec<Effect> {
    if state.run.state.ended() {
        return Vec::new();
    }
    let summary = crate::train::Summary {
        state: crate::train::State::Failed,
        step: state.run.step,
        best_top1: state.run.best.map(|best| best.top1),
        best_epoch: state.run.best.and_then(|best| best.epoch),
        seconds: state.clock.as_secs_f64(),
        dir: state.run.info.as_ref().and_then(|i| i.dir.clone()),
        broken: 0,
        error: Some(why),
    };
    events::event(state, crate::train::Event::Ended(Box::new(summary)))
}
