//! The one entry: a message goes in, the state changes, effects come out.

use super::keys::{Action, Context};
use super::refresh::{found, look, relist, resort, tick};
use super::{Effect, Field, Loaded, Modal, Msg, Run, SLOTS, State, View};
use crate::app::keys::{Binding, HELP_LINES};
use crate::app::{self, Key, Line, Tone, moved, request};
use crate::runs::{Move, RunStatus, misnamed};
use tui_input::InputRequest;

/// Rows that a page key moves.
const PAGE: isize = 10;

/// Folds a message into the state and says what the front end must do.
pub fn update(state: &mut State, msg: Msg) -> Vec<Effect> {
    if !matches!(msg, Msg::Screen(app::Msg::Tick(_)) | Msg::Found(..)) {
        state.revision += 1;
    }
    match msg {
        Msg::Screen(app::Msg::Tick(now)) => tick(state, now),
        Msg::Screen(msg) => screen(state, msg),
        Msg::Found(survey, now) => {
            found(state, survey, now);
            Vec::new()
        }
        Msg::Curves(dir, step, curves) => {
            state.asked.remove(&dir);
            state.curves.insert(dir, Loaded { step, curves });
            Vec::new()
        }
        Msg::Renamed(moved) => after_move(state, moved, "renamed", true),
        Msg::Trashed(moved) => after_move(state, moved, "moved to the trash", true),
        Msg::MovedBack(moved) => after_move(state, moved, "taken back", false),
        Msg::Noted(Ok(())) => look(state),
        Msg::Noted(Err(why)) | Msg::Shut(why) => {
            state.notify(Tone::Warn, why);
            look(state)
        }
    }
}

fn screen(state: &mut State, msg: app::Msg) -> Vec<Effect> {
    match msg {
        app::Msg::Key(key) => pressed(state, key),
        app::Msg::Paste(text) => {
            text.chars().filter(|c| !c.is_control()).for_each(|c| type_in(state, InputRequest::InsertChar(c)));
            Vec::new()
        }
        app::Msg::Wheel(by) => act(state, Action::Move(isize::from(by.signum()))),
        app::Msg::Gone => {
            state.life.let_go();
            vec![Effect::Leave]
        }
        app::Msg::Signal => vec![Effect::Leave],
        _ => Vec::new(),
    }
}

fn pressed(state: &mut State, key: Key) -> Vec<Effect> {
    match Binding::lookup(state.keys, state.context(), key) {
        Some(action) => act(state, action),
        None => {
            if let Some(request) = request(key).filter(|_| state.context() == Context::Line) {
                type_in(state, request);
            }
            Vec::new()
        }
    }
}

fn type_in(state: &mut State, request: InputRequest) {
    let Some(Modal::Type(field, line)) = &mut state.modal else { return };
    line.input.handle(request);
    line.problem = None;
    let text = line.text().to_string();
    match field {
        Field::Filter => {
            state.filter = text;
            resort(state);
        }
        Field::Name => line.problem = misnamed(&text).map(|why| format!("it {why}")),
        Field::Note | Field::Tags => {}
    }
}

fn act(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Move(by) => shift(state, by),
        Action::Screen(by) => shift(state, by * PAGE),
        Action::Far(last) => shift(state, if last { isize::MAX / 2 } else { isize::MIN / 2 }),
        Action::Side(right) => side(state, right),
        Action::Open => return with_run(state, |_, run| vec![Effect::Open(run.brief.dir.clone())]),
        Action::Resume => return with_run(state, resume),
        Action::Mark => mark(state),
        Action::Unmark => state.marks = Default::default(),
        Action::Filter => state.modal = Some(Modal::Type(Field::Filter, Line::new(&state.filter))),
        Action::Sort => {
            state.order = state.order.next();
            resort(state);
        }
        Action::Tree => {
            state.tree = !state.tree;
            resort(state);
        }
        Action::Differ => differ(state),
        Action::Charts => state.view = if state.view == View::Charts { View::List } else { View::Charts },
        Action::LogScale => state.log_scale = !state.log_scale,
        Action::Note => return with_run(state, |state, run| typing(state, Field::Note, &run.brief.notes.note)),
        Action::Tags => {
            return with_run(state, |state, run| typing(state, Field::Tags, &run.brief.notes.tags.join(" ")));
        }
        Action::Rename => {
            return with_run(state, |state, run| if idle(state, run) { rename(state, run) } else { vec![] });
        }
        Action::Delete => {
            return with_run(state, |state, run| {
                state.modal = idle(state, run).then_some(Modal::Delete);
                Vec::new()
            });
        }
        Action::Trash => {
            state.modal = None;
            return with_run(state, |state, run| {
                let dir = run.brief.dir.clone();
                vec![Effect::Trash(dir.clone(), state.children(&dir))]
            });
        }
        Action::Undo => match &state.last {
            Some(last) => return vec![Effect::MoveBack(last.clone())],
            None => state.notify(Tone::Plain, "nothing to take back"),
        },
        Action::Theme => {
            let text = format!("theme {}", state.options.next_theme());
            state.notify(Tone::Plain, text);
        }
        Action::Help => state.modal = Some(Modal::Help(0)),
        Action::Accept => return accept(state),
        Action::Back => back(state),
        Action::Quit => return vec![Effect::Leave],
        Action::Suspend => return vec![Effect::Suspend],
    }
    Vec::new()
}

/// Does something with the run at the cursor, where there is one.
fn with_run(state: &mut State, with: impl FnOnce(&mut State, &Run) -> Vec<Effect>) -> Vec<Effect> {
    match state.selected().cloned() {
        Some(run) => with(state, &run),
        None => {
            state.notify(Tone::Plain, "there is no run here");
            Vec::new()
        }
    }
}

/// Whether nobody trains a run, so that it may be moved; else says so.
fn idle(state: &mut State, run: &Run) -> bool {
    let idle = run.brief.status != RunStatus::AtWork;
    if !idle {
        state.notify(Tone::Warn, format!("{} is being trained: stop it first (enter opens its screen)", run.name));
    }
    idle
}

fn shift(state: &mut State, by: isize) {
    let (at, count) = match (&mut state.modal, &mut state.view) {
        (Some(Modal::Help(at)), _) => (at, HELP_LINES + 1),
        (Some(_), _) => return,
        (None, View::Table(top, _)) => (top, crate::recipe::KNOBS.len() + 1),
        (None, _) => (&mut state.cursor, state.rows.len()),
    };
    *at = moved(*at, by, count);
    (state.rested, state.aim) = (state.clock, None);
}

/// To the run that this one was forked from, or to the first one forked from it; to the table's other columns.
fn side(state: &mut State, right: bool) {
    if let View::Table(_, left) = &mut state.view {
        *left = moved(*left, if right { 1 } else { -1 }, SLOTS + 1);
        return;
    }
    let Some(run) = state.selected() else { return };
    let row = |wanted: &dyn Fn(&Run) -> bool| state.rows.iter().position(|row| wanted(&state.runs[row.run]));
    let dir = &run.brief.dir;
    let (found, nothing) = if right {
        (row(&|other| other.brief.parent.as_ref() == Some(dir)), "no run here was forked from it")
    } else {
        let parent = run.brief.parent.as_ref();
        (row(&|other| parent == Some(&other.brief.dir)), "the run that it was forked from is not here")
    };
    match found {
        Some(row) => (state.cursor, state.rested) = (row, state.clock),
        None if !right && run.brief.parent.is_none() => state.notify(Tone::Plain, "it was not forked"),
        None => state.notify(Tone::Plain, nothing),
    }
}

fn resume(state: &mut State, run: &Run) -> Vec<Effect> {
    match run.brief.status {
        RunStatus::AtWork => state.notify(Tone::Plain, "it is being trained: enter opens its screen"),
        RunStatus::Done => state.notify(Tone::Plain, "its epochs are done: enter opens it, where more can be given"),
        _ => return vec![Effect::Resume(run.brief.dir.clone())],
    }
    Vec::new()
}

fn mark(state: &mut State) {
    let Some(dir) = state.selected().map(|run| run.brief.dir.clone()) else { return };
    // Marks of runs that are gone make room.
    let there: Vec<bool> =
        state.marks.iter().map(|mark| mark.as_deref().is_some_and(|d| state.place(d).is_some())).collect();
    match (state.slot(&dir), there.iter().position(|there| !there)) {
        (Some(slot), _) => state.marks[slot] = None,
        (None, Some(free)) => state.marks[free] = Some(dir),
        (None, None) => state.notify(Tone::Plain, format!("{SLOTS} runs are marked; - takes all marks away")),
    }
}

fn differ(state: &mut State) {
    if let View::Table(..) = state.view {
        state.view = View::List;
    } else if state.compared().len() < 2 {
        state.notify(Tone::Plain, "space marks runs; then d shows the knobs in which they and the one here differ");
    } else {
        state.view = View::Table(0, 0);
    }
}

fn typing(state: &mut State, field: Field, text: &str) -> Vec<Effect> {
    state.modal = Some(Modal::Type(field, Line::new(text)));
    Vec::new()
}

fn rename(state: &mut State, run: &Run) -> Vec<Effect> {
    let name = run.brief.dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    typing(state, Field::Name, &name)
}

fn accept(state: &mut State) -> Vec<Effect> {
    let Some(Modal::Type(field, line)) = state.modal.take() else { return Vec::new() };
    if field == Field::Name && line.problem.is_some() {
        state.modal = Some(Modal::Type(field, line));
        return Vec::new();
    }
    let text = line.text();
    with_run_unless_filter(state, field, |state, run| {
        let dir = run.brief.dir.clone();
        match field {
            Field::Filter => Vec::new(),
            Field::Name if dir.file_name().is_some_and(|name| name == text) => Vec::new(),
            Field::Name => vec![Effect::Rename(dir.clone(), text.to_string(), state.children(&dir))],
            Field::Note => vec![Effect::Note(dir, text.trim().to_string())],
            Field::Tags => {
                let mut tags: Vec<String> = Vec::new();
                for tag in text.split([' ', ',']).map(|tag| tag.trim_start_matches('#')).filter(|tag| !tag.is_empty()) {
                    if !tags.iter().any(|known| known == tag) {
                        tags.push(tag.to_string());
                    }
                }
                vec![Effect::Tags(dir, tags)]
            }
        }
    })
}

/// As [`with_run`]; a filter that finds nothing is no reason to say so.
fn with_run_unless_filter(
    state: &mut State,
    field: Field,
    with: impl FnOnce(&mut State, &Run) -> Vec<Effect>,
) -> Vec<Effect> {
    if field == Field::Filter { Vec::new() } else { with_run(state, with) }
}

fn back(state: &mut State) {
    match state.modal.take() {
        Some(Modal::Type(Field::Filter, _)) => unfilter(state),
        Some(_) => {}
        None if state.notice.take().is_some() => {}
        None if state.view != View::List => state.view = View::List,
        None => unfilter(state),
    }
}

fn unfilter(state: &mut State) {
    state.filter.clear();
    resort(state);
}

/// A run was moved, or not; marks and cursor go with it.
fn after_move(state: &mut State, moved: Result<Move, String>, what: &str, can_go_back: bool) -> Vec<Effect> {
    let moved = match moved {
        Ok(moved) => moved,
        Err(why) => {
            state.notify(Tone::Warn, why);
            return look(state);
        }
    };
    let mut text = format!("{what}: it is {} now", moved.to.display());
    if can_go_back {
        text += "; u takes it back";
    }
    match &moved.trouble {
        Some(trouble) => state.notify(Tone::Alarm, format!("{text}; but {trouble}")),
        None => state.notify(Tone::Plain, text),
    }
    state.marks.iter_mut().flatten().filter(|mark| **mark == moved.from).for_each(|mark| mark.clone_from(&moved.to));
    state.aim = Some(moved.to.clone());
    // The next look tells of its new place.
    state.runs.retain(|run| run.brief.dir != moved.from);
    state.curves.remove(&moved.from);
    relist(state, None);
    state.last = can_go_back.then_some(moved);
    look(state)
}
