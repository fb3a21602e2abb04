//! What is known of the runs, brought up to date while the screen is open.

use super::{Effect, Run, State, order};
use crate::app::Tone;
use crate::runs::Survey;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Time between two looks at the runs.
const LOOK: Duration = Duration::from_secs(3);
/// The cursor stands still for so long before curves are read for it.
const REST: Duration = Duration::from_millis(150);
/// Runs whose curves are kept beside those that are drawn.
const KEPT: usize = 24;

/// Time passes: notices go away, runs are looked at, and curves are read once the cursor rests.
pub(super) fn tick(state: &mut State, now: Duration) -> Vec<Effect> {
    state.clock = now;
    if state.notice.as_ref().is_some_and(|(.., until)| *until <= now) {
        state.notice = None;
        state.revision += 1;
    }
    let mut effects = Vec::new();
    if !state.looking && state.looked.is_none_or(|at| now.saturating_sub(at) >= LOOK) {
        effects.extend(look(state));
    }
    let rests = now.saturating_sub(state.rested) >= REST;
    let mut wanted = Vec::new();
    for (slot, run) in state.charted() {
        let (dir, step) = (&run.brief.dir, run.brief.step);
        let there = state.curves.get(dir).is_some_and(|loaded| loaded.step == step);
        if (slot.is_some() || rests) && !there && !state.asked.contains_key(dir) {
            wanted.push((dir.clone(), step));
        }
    }
    if !wanted.is_empty() && state.curves.len() > KEPT {
        let kept: HashSet<PathBuf> = state.charted().iter().map(|(_, run)| run.brief.dir.clone()).collect();
        state.curves.retain(|dir, _| kept.contains(dir));
    }
    for (dir, step) in wanted {
        state.asked.insert(dir.clone(), step);
        effects.push(Effect::Read(dir, step));
    }
    effects
}

/// Asks which runs there are.
pub(super) fn look(state: &mut State) -> Vec<Effect> {
    (state.looking, state.looked) = (true, Some(state.clock));
    vec![Effect::Look]
}

/// Takes in which runs there are; the cursor stays on its run.
pub(super) fn found(state: &mut State, found: Result<Survey, String>, now: f64) {
    let ages = (state.now / 60.0).floor() != (now / 60.0).floor();
    (state.looking, state.looked, state.now) = (false, Some(state.clock), now);
    let survey = match found {
        Ok(survey) => survey,
        Err(why) => {
            state.read = true;
            state.revision += 1;
            return state.notify(Tone::Alarm, why);
        }
    };
    let same = state.read
        && state.runs.len() == survey.runs.len()
        && state.left_out == survey.left_out
        && state.runs.iter().zip(&survey.runs).all(|(run, found)| Arc::ptr_eq(&run.brief, found));
    state.revision += u64::from(ages || !same);
    if !same {
        let at = state.selected().map(|run| run.brief.dir.clone());
        state.runs = survey.runs.into_iter().map(|brief| Run::new(brief, &state.root)).collect();
        state.left_out = survey.left_out;
        // Before the first look nobody has chosen a run.
        relist(state, at.filter(|_| state.read));
        state.read = true;
    }
}

/// Makes the rows anew; the cursor goes to the run in a directory, or stays near where it was.
pub(super) fn relist(state: &mut State, at: Option<PathBuf>) {
    state.rows = order::rows(&state.runs, &state.filter, state.order, state.tree);
    let place = |dir: &Path| state.rows.iter().position(|row| state.runs[row.run].brief.dir == dir);
    let aimed = state.aim.as_deref().and_then(place);
    let found = aimed.or_else(|| at.as_deref().and_then(place));
    if aimed.is_some() {
        state.aim = None;
    }
    state.cursor = found.unwrap_or(state.cursor).min(state.rows.len().saturating_sub(1));
}

/// Makes the rows anew; the cursor stays on its run.
pub(super) fn resort(state: &mut State) {
    let at = state.selected().map(|run| run.brief.dir.clone());
    relist(state, at);
}
