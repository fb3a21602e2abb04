//! The one entry: a message goes in, the state changes, effects come out.

use super::keys::Action;
use super::{Effect, Modal, Msg, State};
use crate::app::keys::{Binding, HELP_LINES};
use crate::app::{self, Life, Occasion, Tone, moved};
use crate::batch::Outcome;
use crate::suite::Now;
use crate::train::{self, Command, Event};
use std::collections::BTreeSet;
use std::time::Duration;

/// Two Ctrl-C within this time stop the suite.
const TWICE: Duration = Duration::from_secs(4);

/// Folds a message into the state and says what the front end must do.
pub fn update(state: &mut State, msg: Msg) -> Vec<Effect> {
    if let Msg::Screen(app::Msg::Tick(now)) = msg {
        tick(state, now);
        return Vec::new();
    }
    state.revision += 1;
    match msg {
        Msg::Screen(msg) => screen(state, msg),
        Msg::Run { place, at, event } => run(state, place, at, &event),
        // That all runs are stopped is said already.
        Msg::Said(..) if state.life.is_leaving() => Vec::new(),
        Msg::Said(place, text) => {
            let run = &state.tally.runs[place];
            let text = format!("{}, seed {}: {text}", state.tally.suite.cells[run.cell].name, run.seed);
            state.notify(Tone::Plain, text);
            Vec::new()
        }
        Msg::Compared(results) => {
            let (out, runs) = (state.tally.compared(*results), &state.tally.runs);
            let rows: BTreeSet<usize> = out.into_iter().map(|place| runs[place].cell).collect();
            if !rows.is_empty() {
                let of = if rows.len() == 1 { "row" } else { "rows" };
                state.notify(Tone::Plain, format!("compared: {} {of} fell out", rows.len()));
            }
            Vec::new()
        }
        Msg::Shut(why) => {
            state.notify(Tone::Warn, why);
            Vec::new()
        }
        Msg::Over(outcome) => over(state, outcome),
    }
}

/// Time passes: notices go away, and the time left counts down.
fn tick(state: &mut State, now: Duration) {
    let mut changed = now.as_secs() != state.clock.as_secs() && state.over.is_none();
    state.clock = now;
    if state.notice.as_ref().is_some_and(|(.., until)| *until <= now) {
        state.notice = None;
        changed = true;
    }
    state.revision += u64::from(changed);
}

fn screen(state: &mut State, msg: app::Msg) -> Vec<Effect> {
    match msg {
        app::Msg::Key(key) => match Binding::lookup(state.keys, state.context(), key) {
            Some(action) => act(state, action),
            None => Vec::new(),
        },
        app::Msg::Wheel(by) => act(state, Action::Move(isize::from(by.signum()))),
        // The same signal may come to the program and to its group.
        app::Msg::Signal => stop(state),
        app::Msg::Gone => let_go(state),
        _ => Vec::new(),
    }
}

fn act(state: &mut State, action: Action) -> Vec<Effect> {
    match action {
        Action::Move(by) => shift(state, by),
        Action::Far(last) => shift(state, if last { isize::MAX / 2 } else { isize::MIN / 2 }),
        Action::Open => return open(state),
        Action::Pause => return pause(state),
        Action::Skip => return skip(state),
        Action::Theme => state.next_theme(),
        Action::Help => state.modal = Some(Modal::Help(0)),
        Action::Quit if state.over.is_some() => return vec![Effect::Leave],
        Action::Quit => state.modal = Some(Modal::Stop),
        Action::Stop => return stop(state),
        Action::Interrupt => return interrupt(state),
        Action::Suspend => return vec![Effect::Suspend],
        Action::Back => {
            if state.modal.take().is_none() {
                state.notice = None;
            }
        }
    }
    Vec::new()
}

fn shift(state: &mut State, by: isize) {
    let cells = state.tally.suite.cells.len();
    let (at, count) = match &mut state.modal {
        Some(Modal::Help(at)) => (at, HELP_LINES + 1),
        Some(Modal::Stop) => return,
        None => (&mut state.cursor, cells),
    };
    *at = moved(*at, by, count);
}

fn open(state: &mut State) -> Vec<Effect> {
    let run = state.tally.foremost(state.cursor).and_then(|place| state.tally.results.ran[place].as_ref());
    match run {
        Some(ran) => vec![Effect::Open(ran.dir.clone())],
        None => {
            let starting = state.tally.at_work(state.cursor).next().is_some();
            let why = if starting { "its run is about to start" } else { "it has no run yet" };
            state.notify(Tone::Plain, why);
            Vec::new()
        }
    }
}

fn pause(state: &mut State) -> Vec<Effect> {
    let places: Vec<usize> = state.tally.at_work(state.cursor).collect();
    if places.is_empty() {
        state.notify(Tone::Plain, "no run of this row is at work");
        return Vec::new();
    }
    let paused = |place: &usize| state.tally.live[*place].now == Now::Paused;
    let resume = places.iter().all(paused);
    let command = || if resume { Command::Resume } else { Command::Pause };
    let effects = places.iter().filter(|place| paused(place) == resume).map(|place| Effect::Send(*place, command()));
    let effects = effects.collect();
    state.notify(Tone::Plain, if resume { "going on" } else { "pausing after this step" });
    effects
}

fn skip(state: &mut State) -> Vec<Effect> {
    let places: Vec<usize> = state.tally.open(state.cursor).collect();
    let tally = &mut state.tally;
    let name = &tally.suite.cells[state.cursor].name;
    let away = |place: &usize| tally.away.contains(place);
    let (text, effects) = if places.is_empty() {
        ("nothing is left to do in this row".into(), Vec::new())
    } else if places.iter().any(|place| away(place) && tally.live[*place].works()) {
        ("its run is still being saved".into(), Vec::new())
    } else if places.iter().any(away) {
        tally.away.retain(|place| !places.contains(place));
        (format!("{name} is put back"), vec![Effect::PutBack(places)])
    } else {
        tally.away.extend(&places);
        (format!("{name} is skipped; x puts it back"), vec![Effect::LeaveOut(places)])
    };
    state.notify(Tone::Plain, text);
    effects
}

fn run(state: &mut State, place: usize, at: Duration, event: &Event) -> Vec<Effect> {
    let edited = state.tally.live[place].edited;
    state.tally.take(place, event, at);
    let run = &state.tally.runs[place];
    let name = format!("{}, seed {}", state.tally.suite.cells[run.cell].name, run.seed);
    match event {
        Event::Applied { .. } if state.tally.live[place].edited && !edited => {
            state.notify(Tone::Warn, format!("{name} was edited: it no longer belongs to the suite"));
        }
        Event::Alarm { message, .. } => state.notify(Tone::Alarm, format!("{name}: {message}")),
        Event::Ended(summary) => match summary.state {
            train::State::Failed => {
                let why = summary.error.clone().unwrap_or_default();
                state.notify(Tone::Alarm, format!("{name} failed: {why}"));
            }
            // As whoever trains it does: a run that somebody has stopped does not begin again by itself.
            train::State::Stopped if !state.life.is_leaving() && summary.early.is_none() => {
                _ = state.tally.away.insert(place)
            }
            _ => {}
        },
        _ => {}
    }
    Vec::new()
}

fn interrupt(state: &mut State) -> Vec<Effect> {
    if state.over.is_some() {
        return vec![Effect::Leave];
    }
    let again = state.interrupted.is_some_and(|at| state.clock.saturating_sub(at) <= TWICE);
    state.interrupted = Some(state.clock);
    if again {
        return stop(state);
    }
    state.notify(Tone::Warn, "ctrl-c again: save checkpoints, stop and leave");
    Vec::new()
}

/// Saves and stops every run, and leaves when that is done.
fn stop(state: &mut State) -> Vec<Effect> {
    if state.over.is_some() {
        return vec![Effect::Leave];
    }
    state.modal = None;
    state.notify(Tone::Plain, "saving checkpoints and stopping …");
    if state.life.leave() { vec![Effect::Stop] } else { Vec::new() }
}

/// The suite goes on to its end without this screen: the terminal is gone.
fn let_go(state: &mut State) -> Vec<Effect> {
    if !state.life.let_go() {
        return Vec::new();
    }
    state.modal = None;
    if state.over.is_some() { vec![Effect::LetGo, Effect::Leave] } else { vec![Effect::LetGo] }
}

fn over(state: &mut State, outcome: Outcome) -> Vec<Effect> {
    state.over = Some(outcome);
    if state.modal == Some(Modal::Stop) {
        state.modal = None;
    }
    if state.life != Life::Open {
        return vec![Effect::Leave];
    }
    vec![Effect::Tell(Occasion::End, "the suite is over".into())]
}
