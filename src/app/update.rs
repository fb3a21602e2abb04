//! The one entry: a message goes in, the state changes, effects come out.

use super::keys::{Action, Binding, Key};
use super::run::Ghost;
use super::state::State;
use super::{Effect, Modal, Msg, Theme, Tone, act, adopt, events, leaving, memory, predicted, subscribe, typing};
use std::time::Duration;

/// Folds a message into the state and says what the front end must do.
pub fn update(state: &mut State, msg: Msg) -> Vec<Effect> {
    let mut effects = match msg {
        Msg::Tick(now) => return tick(state, now),
        Msg::Key(key) => key_pressed(state, key),
        Msg::Paste(text) => {
            typing::paste(state, &text);
            Vec::new()
        }
        Msg::Wheel(by) => act::act(state, Action::Move(isize::from(by.signum()))),
        Msg::Themes(themes) => {
            themes_changed(state, themes);
            Vec::new()
        }
        Msg::Resize(width, height) => {
            state.resize(width, height);
            Vec::new()
        }
        Msg::Paths(path, found) => {
            if let Some(Modal::Command(line)) = &mut state.modal {
                predicted::complete(line, &path, found);
            }
            Vec::new()
        }
        Msg::Event(event) => events::event(state, event),
        Msg::Behind(events) => {
            state.run.ghost = Ghost::of(&events);
            Vec::new()
        }
        Msg::Hardware(sample) => {
            state.panes.hardware.push(sample);
            memory::watch(state)
        }
        Msg::PresetChanged(name, result) => {
            adopt::changed(state, name, *result);
            Vec::new()
        }
        Msg::PresetFolder(names) => {
            state.note(Tone::Plain, format!("presets are now {}", names.join(", ")));
            Vec::new()
        }
        Msg::Signal => leaving::signal(state),
        Msg::Gone => leaving::let_go(state),
        Msg::Lost(why) => lost(state, why),
    };
    adopt::show_held(state);
    state.replan();
    effects.extend(subscribe::subscribe(state));
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
        Some(Action::Interrupt) => leaving::interrupt(state),
        Some(action) => act::act(state, action),
        None => {
            if let Some(request) = typing::request(key) {
                typing::type_in(state, request);
            }
            Vec::new()
        }
    }
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
        best: state.run.best.map(|best| best.score),
        best_epoch: state.run.best.and_then(|best| best.epoch),
        seconds: state.clock.as_secs_f64(),
        dir: state.run.info.as_ref().and_then(|i| i.dir.clone()),
        broken: 0,
        early: None,
        error: Some(why),
    };
    events::event(state, crate::train::Event::Ended(Box::new(summary)))
}
