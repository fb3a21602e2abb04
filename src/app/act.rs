//! What the actions of the key table do.

use super::commands::{self, Order, Word};
use super::edits::Changes;
use super::events::{effective, restart, shown, when_text};
use super::keys::Action;
use super::modal::{Line, Modal};
use super::rows::{title, trick_of};
use super::state::{Pane, State, ThemeName, Tone};
use super::update::save_and_leave;
use super::{Editor, Effect, Window, stepping};
use crate::recipe::knobs::Group;
use crate::recipe::{Applies, Kind, Knob, Recipe, Value};
use crate::train::{self, Command, When};

/// Rows that a page key moves.
const PAGE: isize = 10;

/// Carries an action out.
pub(crate) fn act(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Move(by) => shift(state, by),
        Action::Screen(by) => shift(state, by * PAGE),
        Action::End(last) => shift(state, if last { isize::MAX / 2 } else { isize::MIN / 2 }),
        Action::Into => into_trick(state),
        Action::Out if state.focus == Pane::Tricks => state.rows.close(),
        Action::Out => {}
        Action::NextPane(forward) => {
            let at = Pane::ALL.iter().position(|p| *p == state.focus).unwrap_or(0);
            focus(state, (at + if forward { 1 } else { Pane::ALL.len() - 1 }) % Pane::ALL.len());
        }
        Action::Pane(at) => focus(state, at),
        Action::Toggle => return toggle(state),
        Action::Edit => edit(state),
        Action::Step(up) => return step(state, up),
        Action::Undo => return undo(state),
        Action::Pause => return pause(state),
        Action::OneStep => return order(state, Order::Steps(1)),
        Action::AskSteps => state.modal = Some(Modal::Command(Line::new("steps "))),
        Action::Evaluate => return order(state, Order::Do(Word::Evaluate)),
        Action::Save => return order(state, Order::Do(Word::Save)),
        Action::Fork => fork(state),
        Action::Command => state.modal = Some(Modal::Command(Line::default())),
        Action::Filter => {
            state.modal = Some(Modal::Filter(Line::new(&state.rows.filter)));
            if !state.focus.steers() {
                state.focus = Pane::Knobs;
            }
        }
        Action::LogScale => state.log_scale = !state.log_scale,
        Action::Zoom => state.zoom = !state.zoom,
        Action::Window => {
            state.window = if state.window == Window::Whole { Window::Recent } else { Window::Whole };
        }
        Action::Theme => theme(state),
        Action::Mouse => {
            state.mouse = !state.mouse;
            let text = if state.mouse { "mouse wheel on; m gives the mouse back" } else { "mouse wheel off" };
            state.notify(Tone::Plain, text);
            return vec![Effect::Mouse(state.mouse)];
        }
        Action::Help => state.modal = Some(Modal::Help(0)),
        Action::Quit => return order(state, Order::Do(Word::Quit)),
        Action::Interrupt | Action::Back => back(state),
        Action::Accept => return accept(state),
        Action::AcceptEpoch => return send_typed(state, Some(When::NextEpoch)),
        Action::Complete => complete(state),
        Action::Stop(save) => {
            state.modal = None;
            state.notify(Tone::Plain, if save { "saving a checkpoint and stopping …" } else { "stopping …" });
            return vec![Effect::Send(Command::Stop { save })];
        }
        Action::NewRun => return new_run(state),
        Action::Forget => {
            state.edits.fork.clear();
            state.modal = None;
        }
    }
    Vec::new()
}

fn shift(state: &mut State, by: isize) {
    let scroll = |at: usize| (at as isize).saturating_add(by).max(0) as usize;
    match &mut state.modal {
        Some(Modal::Help(at)) => *at = scroll(*at).min(super::keys::HELP_LINES),
        Some(Modal::Preset(diff)) => {
            diff.scroll = scroll(diff.scroll).min((diff.edits.len() + diff.forks.len()).saturating_sub(1));
        }
        Some(_) => {}
        None if state.focus.steers() => state.focus = state.rows.shift(state.focus, by),
        None if state.focus == Pane::Journal => {
            let last = state.journal.len().saturating_sub(1) as isize;
            state.scrolled = (state.scrolled as isize).saturating_sub(by).clamp(0, last) as usize;
        }
        None => {}
    }
}

fn focus(state: &mut State, at: usize) {
    state.focus = Pane::ALL[at];
    if !state.focus.steers() {
        state.chart = state.focus;
    }
}

fn into_trick(state: &mut State) {
    if let Some(knob) = state.selected().filter(|k| k.group == Group::Trick) {
        state.rows.open(knob);
    }
}

fn edit(state: &mut State) {
    let Some(knob) = state.selected() else {
        return state.notify(Tone::Plain, "1 or 2 goes to the knobs and tricks");
    };
    if knob.group == Group::Trick {
        if !state.rows.open(knob) {
            state.notify(Tone::Plain, format!("{} has no values; space switches it", knob.name));
        }
        return;
    }
    state.modal = Some(Modal::Edit(Box::new(Editor::new(knob, &base(state)))));
}

/// The recipe that an edit starts from: with what is pending and, for knobs of a new run, what is gathered for it.
fn base(state: &State) -> Recipe {
    let planned = state.planned();
    planned.with(state.edits.fork.iter().cloned()).unwrap_or(planned)
}

fn toggle(state: &mut State) -> Vec<Effect> {
    let Some(knob) = state.selected() else { return Vec::new() };
    let knob = trick_of(knob).unwrap_or(knob);
    match base(state).get(knob) {
        Value::Bool(on) => change(state, knob, Value::Bool(!on), When::Now),
        _ if matches!(knob.kind, Kind::Choice(_)) => step(state, true),
        _ => {
            edit(state);
            Vec::new()
        }
    }
}

fn step(state: &mut State, up: bool) -> Vec<Effect> {
    if let Some(Modal::Edit(editor)) = &mut state.modal {
        editor.step(up);
        return Vec::new();
    }
    let Some(knob) = state.selected() else { return Vec::new() };
    let base = base(state);
    match stepping::step(&base, knob, &base.get(knob), up) {
        Some(value) => change(state, knob, value, When::Now),
        None if matches!(knob.kind, Kind::Text | Kind::Epochs) => {
            edit(state);
            Vec::new()
        }
        None => {
            let end = if up { "highest" } else { "lowest" };
            state.notify(Tone::Plain, format!("{} is at its {end} value", title(knob)));
            Vec::new()
        }
    }
}

/// Sends an edit, or gathers it for a new run when this one cannot take it.
fn change(state: &mut State, knob: &'static Knob, value: Value, when: When) -> Vec<Effect> {
    if let Err(invalid) = base(state).with([(knob, value.clone())]) {
        let problems: Vec<String> = invalid.iter().map(ToString::to_string).collect();
        state.notify(Tone::Warn, problems.join("; "));
        return Vec::new();
    }
    if knob.applies == Applies::Fork || state.run.state.ended() {
        state.edits.fork.retain(|(k, _)| *k != knob);
        if value != state.recipe.get(knob) {
            state.notify(Tone::Plain, format!("{} needs a new run: f starts it", title(knob)));
            state.edits.fork.push((knob, value));
        }
        return Vec::new();
    }
    send(state, vec![(knob, value)], when)
}

fn send(state: &mut State, changes: Changes, when: When) -> Vec<Effect> {
    if let [(knob, value)] = &changes[..] {
        let when = effective(knob, when);
        let text = format!("{} → {} {}", title(knob), shown(knob, value), when_text(state, when));
        state.notify(Tone::Edit, text);
        let command = state.edits.send(&state.recipe, changes, when);
        return vec![Effect::Send(command)];
    }
    vec![Effect::Send(state.edits.send(&state.recipe, changes, when))]
}

fn undo(state: &mut State) -> Vec<Effect> {
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

fn pause(state: &mut State) -> Vec<Effect> {
    let paused = state.run.state == train::State::Paused;
    order(state, Order::Do(if paused { Word::Resume } else { Word::Pause }))
}

fn fork(state: &mut State) {
    if state.edits.fork.is_empty() {
        state.notify(Tone::Plain, "no value is marked for a new run; edit one that says fork");
    } else {
        state.modal = Some(Modal::Fork);
    }
}

fn new_run(state: &mut State) -> Vec<Effect> {
    let recipe = match state.modal.take() {
        Some(Modal::Preset(diff)) => diff.recipe,
        _ => base(state),
    };
    if state.run.state.ended() {
        return restart(state, recipe);
    }
    state.next = Some(Box::new(recipe));
    state.notify(Tone::Plain, "saving a checkpoint; then the new run starts …");
    vec![Effect::Send(Command::Stop { save: true })]
}

fn theme(state: &mut State) {
    let at = ThemeName::ALL.iter().position(|t| *t == state.options.theme).unwrap_or(0);
    state.options.theme = ThemeName::ALL[(at + 1) % ThemeName::ALL.len()];
    state.notify(Tone::Plain, format!("theme {}", state.options.theme.word()));
}

fn back(state: &mut State) {
    match state.modal.take() {
        Some(Modal::Filter(_)) => state.rows.set_filter(String::new()),
        Some(_) => {}
        None if state.notice.take().is_some() || state.alarm.take().is_some() => {}
        None if state.zoom => state.zoom = false,
        None => state.rows.set_filter(String::new()),
    }
}

fn accept(state: &mut State) -> Vec<Effect> {
    match state.modal.take() {
        Some(Modal::Edit(editor)) => {
            state.modal = Some(Modal::Edit(editor));
            send_typed(state, None)
        }
        Some(Modal::Command(line)) => enter_command(state, line),
        Some(Modal::Preset(diff)) => {
            for fork in diff.forks {
                state.edits.fork.retain(|(k, _)| *k != fork.0);
                state.edits.fork.push(fork);
            }
            if !state.edits.fork.is_empty() {
                state.modal = Some(Modal::Fork);
            }
            match diff.edits.is_empty() {
                true => Vec::new(),
                false => send(state, diff.edits, When::Now),
            }
        }
        _ => Vec::new(),
    }
}

/// Sends what the editor holds and closes it; a mistake keeps it open. `when` overrules what was typed.
fn send_typed(state: &mut State, when: Option<When>) -> Vec<Effect> {
    let Some(Modal::Edit(editor)) = state.modal.take() else { return Vec::new() };
    match editor.meaning.clone() {
        Ok((value, typed)) if value != editor.before || when.unwrap_or(typed) != When::Now => {
            let effects = change(state, editor.knob, value, when.unwrap_or(typed));
            if state.edits.forked(editor.knob).is_some() {
                state.modal = Some(Modal::Fork);
            }
            effects
        }
        Ok(_) => Vec::new(),
        Err(_) => {
            state.modal = Some(Modal::Edit(editor));
            Vec::new()
        }
    }
}

fn enter_command(state: &mut State, mut line: Line) -> Vec<Effect> {
    if line.text().trim().is_empty() {
        return Vec::new();
    }
    match commands::parse(line.text(), &base(state)) {
        Ok(asked) => order(state, asked),
        Err(problem) => {
            line.problem = Some(problem);
            state.modal = Some(Modal::Command(line));
            Vec::new()
        }
    }
}

fn order(state: &mut State, asked: Order) -> Vec<Effect> {
    let ended = state.run.state.ended();
    let command = match asked {
        Order::Set(knob, value, when) => {
            let effects = change(state, knob, value, when);
            if state.edits.forked(knob).is_some() {
                state.modal = Some(Modal::Fork);
            }
            return effects;
        }
        Order::Do(Word::Quit) if ended => return vec![Effect::Leave],
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
        Order::Do(Word::Help) => {
            state.modal = Some(Modal::Help(0));
            return Vec::new();
        }
        _ if ended => {
            state.notify(Tone::Plain, "the run is over; edit a value and press f for a new one, q leaves");
            return Vec::new();
        }
        Order::Steps(n) => Command::Steps(n),
        Order::Do(Word::Pause) => Command::Pause,
        Order::Do(Word::Resume) => Command::Resume,
        Order::Do(Word::Evaluate) => Command::Evaluate,
        Order::Do(Word::Save) => Command::Save,
    };
    let text = match &command {
        Command::Steps(1) => "one step".to_string(),
        Command::Steps(n) => format!("{n} steps, then pause"),
        Command::Pause => "pausing after this step".to_string(),
        Command::Resume => "going on".to_string(),
        Command::Evaluate => "evaluating".to_string(),
        _ => "writing a checkpoint".to_string(),
    };
    state.notify(Tone::Plain, text);
    vec![Effect::Send(command)]
}

fn complete(state: &mut State) {
    if let Some(Modal::Command(line)) = &mut state.modal
        && let Some(done) = commands::complete(line.text())
    {
        *line = Line::new(&done);
    }
}
