//! What the actions of the key table do.

use super::commands::{self, Order, Word};
use super::crosshair;
use super::keys::Action;
use super::leaving::detach;
use super::modal::{Help, Line, Modal};
use super::orders::{already, base, change, fork, fork_here, new_run, order, theme, undo};
use super::panes::{Enter, Moves, PANES, Pane, moved};
use super::state::State;
use super::words::{title, trick_of, values_of};
use super::{Editor, Effect, Tone, Window, adopt, complete, finder, mistake, predicted, stepping};
use crate::recipe::knobs::Group;
use crate::recipe::settings::Task;
use crate::recipe::{Kind, Knob, Value};
use crate::train::{self, Command, When};

/// Rows that a page key moves.
const PAGE: isize = 10;

/// Carries an action out.
pub(crate) fn act(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Move(by) => shift(state, by),
        Action::Screen(by) => shift(state, by * PAGE),
        Action::End(last) => shift(state, if last { isize::MAX / 2 } else { isize::MIN / 2 }),
        Action::Into => turn(state, true),
        Action::Out => turn(state, false),
        Action::NextPane(forward) => state.focus_on(state.focus.next(forward)),
        Action::Pane(place) => {
            if let Some(row) = PANES.get(place) {
                state.focus_on(row.pane);
            }
        }
        Action::Toggle => return toggle(state),
        Action::Edit if state.focus.row().enter == Enter::File => mistake::show(state),
        Action::Edit => edit(state),
        Action::Step(up) => return step(state, up),
        Action::Undo => return undo(state),
        Action::RollBack => return order(state, Order::Do(Word::RollBack)),
        Action::Pause => return pause(state),
        Action::OneStep => return order(state, Order::Steps(1)),
        Action::AskSteps => state.modal = Some(Modal::Command(Line::new("steps "))),
        Action::Evaluate => return order(state, Order::Do(Word::Evaluate)),
        Action::Save => return order(state, Order::Do(Word::Save)),
        Action::Fork => fork(state),
        Action::Command => state.modal = Some(Modal::Command(Line::default())),
        Action::Filter => filter(state),
        Action::LogScale => state.log_scale = !state.log_scale,
        Action::Zoom => state.zoom = !state.zoom,
        Action::Window => {
            state.window = if state.window == Window::Whole { Window::Recent } else { Window::Whole };
        }
        Action::Overlay => overlay(state),
        Action::Theme => theme(state),
        Action::Mouse => {
            state.mouse = !state.mouse;
            let text = if state.mouse { "mouse wheel on; m gives the mouse back" } else { "mouse wheel off" };
            state.notify(Tone::Plain, text);
            return vec![Effect::Mouse(state.mouse)];
        }
        Action::Help => return order(state, Order::Do(Word::Help)),
        Action::Quit => return order(state, Order::Do(Word::Quit)),
        Action::TakeUp => return order(state, Order::Do(Word::Resume)),
        Action::Suspend => return vec![Effect::Suspend],
        Action::Interrupt | Action::Back => return back(state),
        Action::Accept => return accept(state),
        Action::AcceptEpoch => return send_typed(state, Some(When::NextEpoch)),
        Action::Complete => return tab(state),
        Action::Recall(back) => {
            if let Some(Modal::Command(line)) = &mut state.modal {
                line.recall(&state.entered, back);
            }
        }
        Action::Stop(save) => {
            state.modal = None;
            state.notify(Tone::Plain, if save { "saving a checkpoint and stopping …" } else { "stopping …" });
            return vec![Effect::Send(Command::Stop { save })];
        }
        Action::Detach => return detach(state),
        Action::NewRun => return new_run(state),
        Action::ForkHere => return fork_here(state),
        Action::Forget => {
            state.edits.fork.clear();
            state.modal = None;
        }
    }
    Vec::new()
}

fn shift(state: &mut State, by: isize) {
    match &mut state.modal {
        Some(Modal::Help(help)) => help.scroll = moved(help.scroll, by, super::keys::HELP_LINES + 1),
        Some(Modal::Preset(diff)) => diff.shift(by),
        Some(_) => {}
        None => match state.focus.row().moves {
            Moves::Rows => state.focus = state.rows.shift(state.focus, by),
            // A row up or down is no place to the left or right.
            Moves::Curves if by.unsigned_abs() > 1 => crosshair::shift(state, by),
            Moves::Own(own) => own.of(&mut state.panes).shift(by),
            Moves::Curves | Moves::Nothing => {}
        },
    }
}

/// To the right, or to the left.
fn turn(state: &mut State, right: bool) {
    match state.focus.row().moves {
        Moves::Rows if right => into_trick(state),
        Moves::Rows if state.focus == Pane::Tricks => state.rows.close(),
        Moves::Curves => crosshair::shift(state, if right { 1 } else { -1 }),
        Moves::Own(own) => own.of(&mut state.panes).turn(right),
        Moves::Rows | Moves::Nothing => {}
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
    let Some(knob) = value_at(knob) else {
        return state.notify(Tone::Plain, format!("{} has no value; space switches it", knob.name));
    };
    state.modal = Some(Modal::Edit(Box::new(Editor::new(knob, &base(state)))));
}

/// The knob whose value a row shows: its own, or a trick's first.
fn value_at(knob: &'static Knob) -> Option<&'static Knob> {
    if knob.group == Group::Trick { values_of(knob).next() } else { Some(knob) }
}

fn toggle(state: &mut State) -> Vec<Effect> {
    if let Some(Modal::Preset(diff)) = &mut state.modal {
        diff.toggle();
        return Vec::new();
    }
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
    let knob = value_at(knob).unwrap_or(knob);
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

fn pause(state: &mut State) -> Vec<Effect> {
    let paused = state.run.state == train::State::Paused;
    order(state, Order::Do(if paused { Word::Resume } else { Word::Pause }))
}

/// Begins to type what is looked for, in the help or in the rows.
fn filter(state: &mut State) {
    if let Some(Modal::Help(help)) = &mut state.modal {
        help.typing = true;
        return;
    }
    state.rows.leave(state.focus);
    state.modal = Some(Modal::Filter(Line::new(&state.rows.filter)));
    if !state.focus.steers() {
        state.focus = Pane::Knobs;
    }
}

fn back(state: &mut State) -> Vec<Effect> {
    match state.modal.take() {
        // A search goes first, the help after it.
        Some(Modal::Help(help)) if help.typing || !help.search.text().is_empty() => {
            state.modal = Some(Modal::Help(Help::default()));
        }
        // What is kept now is not asked about again.
        Some(Modal::Preset(diff)) => state.preset = diff.recipe,
        Some(Modal::Filter(_)) => state.focus = state.rows.come_back(),
        Some(Modal::Finder(search)) => return finder::leave(&search),
        Some(_) => {}
        None if state.notice.take().is_some() || state.alarm.take().is_some() => {}
        None if state.run.crosshair.take().is_some() => {}
        None if state.zoom => state.zoom = false,
        None => state.rows.set_filter(String::new()),
    }
    Vec::new()
}

fn accept(state: &mut State) -> Vec<Effect> {
    match state.modal.take() {
        Some(Modal::Edit(editor)) => {
            state.modal = Some(Modal::Edit(editor));
            send_typed(state, None)
        }
        Some(Modal::Command(line)) => enter_command(state, line),
        Some(Modal::Help(help)) => {
            state.modal = Some(Modal::Help(Help { typing: false, ..help }));
            Vec::new()
        }
        Some(Modal::Preset(diff)) => adopt::accept(state, diff),
        Some(Modal::Finder(search)) => finder::accept(state, search),
        _ => Vec::new(),
    }
}

/// Lays something else over the images, where they have masks.
fn overlay(state: &mut State) {
    if state.recipe.task != Task::Segment {
        return state.notify(Tone::Plain, "o lays masks over the images of a segmentation; these have none");
    }
    let album = &mut state.panes.images;
    album.overlay = album.overlay.next();
    let word = album.overlay.word();
    state.notify(Tone::Plain, format!("images: {word}"));
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
        Ok((value, _)) => {
            already(state, editor.knob, &value);
            Vec::new()
        }
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
    match commands::parse(line.text(), &base(state), &state.options.theme_names()) {
        Ok(asked) => {
            state.remember(line.text());
            order(state, asked)
        }
        Err(problem) => {
            line.offer(Vec::new(), None);
            line.problem = Some(problem.to_string());
            state.modal = Some(Modal::Command(line));
            Vec::new()
        }
    }
}

fn tab(state: &mut State) -> Vec<Effect> {
    let planned = base(state);
    if let Some(Modal::Command(line)) = &mut state.modal {
        if let Some(path) = predicted::typed(line.text()) {
            return vec![Effect::Paths(path.to_string())];
        }
        complete::complete(line, &planned, &state.options.theme_names());
    }
    Vec::new()
}
