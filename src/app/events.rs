//! Folds the trainer's events into the state.

use super::life::Trained;
use super::run::{Best, Mark, Run};
use super::state::State;
use super::words::{shown, title, trick_of, when_text};
use super::{Begin, Effect, Modal, Occasion, Tone, finder, number, predicted};
use crate::recipe::knobs::Group;
use crate::train::{self, Change, EpochEnd, Evaluation, Event, Figure, RolledBack, Score, StepRecord, Summary};

/// Takes one event in.
pub(crate) fn event(state: &mut State, event: Event) -> Vec<Effect> {
    match event {
        Event::Started(info) => {
            let mut what = format!("{}: {} on {}, {}", info.name, info.net, info.data, info.device);
            // Logs do not have it.
            if info.memory > 0 {
                what += &format!(", about {}", number::bytes(info.memory));
            }
            let notes = info.notes.clone();
            // (the last logged step may be some before the one that it goes on from)
            let step = info.step.max(state.run.step);
            state.recipe = info.recipe.clone();
            state.run.figures = Figure::of(info.recipe.task);
            state.run.info = Some(*info);
            [what].into_iter().chain(notes).for_each(|note| state.note_at(step, Tone::Plain, note));
        }
        Event::State(to) => run_state(state, to),
        Event::Steps(records) => steps(state, &records),
        Event::Scheduled { id, knob, to, when } => {
            state.edits.scheduled(id, when);
            let text = format!("{} to {} {}", title(knob), shown(knob, &to), when_text(state.run.epoch, when));
            state.note(Tone::Plain, text);
        }
        Event::Applied { id, edit, step, changes, by } => {
            state.edits.applied(id, edit);
            applied(state, step, edit, changes);
            // An attached screen has made the edits that it gave names.
            if let Some(by) = by.filter(|_| state.trained == Trained::Here || id == u64::MAX || id == 0) {
                state.note_at(step, Tone::Plain, format!("made by {by}"));
            }
        }
        Event::RolledBack(back) => rolled_back(state, &back),
        Event::Refused { id, reason } => {
            state.edits.refused(id);
            state.note(Tone::Warn, format!("refused: {reason}"));
            state.notify(Tone::Warn, format!("refused: {reason}"));
        }
        Event::Epoch(end) => return epoch(state, &end),
        Event::Evaluated(evaluation) => evaluated(state, &evaluation),
        Event::Rate(report) => finder::take(state, report),
        Event::Pictures(pictures) => state.panes.images.take(*pictures),
        Event::Predicted(predicted) => predicted::show(state, predicted),
        Event::Saving { .. } | Event::Hashed { .. } => {}
        Event::Checkpoint { step, bytes, ms, score, link, .. } => {
            state.run.checkpoint = Some(step);
            let best = if link.is_none() { "best " } else { "" };
            let score = score.map_or(String::new(), |score| format!(", {}", scored(score)));
            let text = format!("{best}checkpoint of step {step} written{score}, {}, {ms:.0} ms", number::bytes(bytes));
            state.note(Tone::Plain, text);
        }
        Event::Skipped { image, problem, .. } => state.note(Tone::Warn, format!("skipped {image}: {problem}")),
        Event::Alarm { message, .. } => {
            state.note(Tone::Alarm, message.clone());
            state.alarm = Some(message.clone());
            return vec![Effect::Tell(Occasion::Alarm, message)];
        }
        Event::Layers(seen) => state.panes.inside.take(*seen),
        Event::Ended(summary) => return ended(state, *summary),
    }
    Vec::new()
}

fn run_state(state: &mut State, to: train::State) {
    // The last event says so too, and brings what there is to tell.
    if to.ended() {
        return;
    }
    let run = &mut state.run;
    run.state = to;
    if to == train::State::Finding {
        return;
    }
    if to == train::State::Evaluating {
        run.evaluating_since = Some(state.clock);
        return;
    }
    if let Some(since) = run.evaluating_since.take() {
        run.evaluation = state.clock.saturating_sub(since);
    }
    let (was, step) = (std::mem::replace(&mut run.settled, to), run.step);
    match (was == train::State::Paused, to == train::State::Paused) {
        (true, false) => {
            state.alarm = None;
            state.note(Tone::Plain, "goes on");
        }
        (false, true) if step > 0 => state.note(Tone::Plain, format!("paused after step {step}")),
        _ => {}
    }
}

fn steps(state: &mut State, records: &[StepRecord]) {
    let run = &mut state.run;
    run.steps(records);
    if run.state == train::State::Starting && !records.is_empty() {
        run.state = train::State::Running;
    }
}

fn applied(state: &mut State, step: u64, edit: u64, changes: Vec<Change>) {
    let ahead = step.saturating_sub(state.run.step) as f64;
    let epoch = match state.run.steps_per_epoch(&state.recipe) {
        // Of a run that is taken up again only the logged steps are known.
        0 => state.run.epoch,
        steps => state.run.epoch + ahead / steps as f64,
    };
    for Change { knob, from, to } in &changes {
        let label = match (knob.group, trick_of(knob)) {
            (Group::TrickValue, Some(trick)) => format!("{} {}", trick.name, shown(knob, to)),
            _ => format!("{} {}", knob.name, shown(knob, to)),
        };
        state.run.mark(Mark { epoch, edit, label });
        if knob.path == "train.batch" {
            state.run.anchor(epoch, step);
        }
        state.note_at(step, Tone::Edit, format!("{} {} → {}", title(knob), shown(knob, from), shown(knob, to)));
    }
    if let Ok(recipe) = state.recipe.with(changes.into_iter().map(|c| (c.knob, c.to))) {
        state.recipe = recipe;
    }
}

fn rolled_back(state: &mut State, back: &RolledBack) {
    state.run.roll_back(back);
    state.panes.images.roll_back(back);
    state.edits.rolled_back(&back.edits);
    state.recipe = back.recipe.clone();
    state.alarm = None;
    let (from, step) = (number::thousands(back.from), number::thousands(back.step));
    let text = format!("rolled back from step {from} to step {step}, to before the last edit");
    state.note(Tone::Edit, text.clone());
    state.notify(Tone::Edit, text);
}

fn epoch(state: &mut State, end: &EpochEnd) -> Vec<Effect> {
    let e = &end.evaluation;
    state.run.evaluated(e);
    state.panes.images.evaluated(e);
    if end.best {
        state.run.best = Some(Best { score: e.figures.score(), epoch: Some(end.epoch) });
    }
    let mut text = format!(
        "epoch {}: train {}, val {}, {}",
        end.epoch,
        number::loss(end.train_loss),
        number::loss(e.loss),
        scored(e.figures.score()),
    );
    if let Some(second) = state.run.second(e) {
        text += &format!(", {}", scored(second));
    }
    if end.best {
        text += ", best";
    }
    state.note_at(e.step, if end.best { Tone::Good } else { Tone::Plain }, text.clone());
    if end.best { vec![Effect::Tell(Occasion::Best, text)] } else { Vec::new() }
}

fn scored(score: Score) -> String {
    format!("{} {}", score.figure.title(), number::percent(score.value))
}

fn evaluated(state: &mut State, e: &Evaluation) {
    state.run.evaluated(e);
    state.panes.images.evaluated(e);
    let text = format!("evaluated: loss {}, {}", number::loss(e.loss), scored(e.figures.score()));
    state.note_at(e.step, Tone::Plain, text.clone());
    state.notify(Tone::Plain, text);
}

fn ended(state: &mut State, summary: Summary) -> Vec<Effect> {
    state.edits.clear();
    if matches!(state.modal, Some(Modal::Stop | Modal::Finder(_))) {
        state.modal = None;
    }
    let tone = match summary.state {
        train::State::Done => Tone::Good,
        train::State::Failed => Tone::Alarm,
        _ => Tone::Plain,
    };
    let error = summary.error.clone();
    state.run.ended(summary);
    state.notice = None;
    for (i, line) in state.closing_lines().into_iter().enumerate() {
        state.note(if i == 0 { tone } else { Tone::Plain }, line);
    }
    state.alarm = error;
    if state.life.is_leaving() {
        return vec![Effect::Leave];
    }
    match state.next.take() {
        Some(next) => begin(state, next),
        None if !state.life.is_attended() => vec![Effect::Leave],
        None => vec![Effect::Tell(Occasion::End, state.closing_lines().into_iter().next().unwrap_or_default())],
    }
}

/// Clears the screen for a run and asks for its start. What only a run from scratch can take stays gathered.
pub(crate) fn begin(state: &mut State, begin: Begin) -> Vec<Effect> {
    let note = match &begin {
        Begin::New(recipe) => {
            state.recipe = (**recipe).clone();
            state.edits.fork.clear();
            "new run from scratch"
        }
        Begin::TakeUp(..) => "the run goes on",
        Begin::Fork(..) => "new run from the last checkpoint",
        Begin::Attach(_) => "attached",
    };
    state.run = Run::new();
    state.panes.start_over();
    state.edits.start_over();
    (state.alarm, state.predicting) = (None, None);
    state.trained = Trained::Here;
    state.note(Tone::Plain, note);
    vec![Effect::Start(begin)]
}
