//! A preset that changed on disk: it is shown, and what a person chooses of it is taken.

use super::modal::Modal;
use super::orders::send;
use super::preset::PresetDiff;
use super::state::State;
use super::{Effect, Tone};
use crate::recipe::Recipe;
use crate::train::When;

/// A preset changed on disk: it makes another recipe, or has a mistake.
pub(crate) fn changed(state: &mut State, name: String, result: Result<Recipe, String>) {
    match result {
        Err(problem) => {
            state.note(Tone::Warn, format!("preset {name}: {problem}"));
            state.notify(Tone::Warn, format!("preset {name} has a mistake; the recipe stays (see the journal)"));
        }
        Ok(recipe) if matches!(state.modal, None | Some(Modal::Preset(_))) => show(state, name, recipe),
        Ok(recipe) => {
            state.notify(Tone::Plain, format!("preset {name} changed: the difference is shown next"));
            state.held_preset = Some((name, recipe));
        }
    }
}

/// Shows the preset that had to wait, as soon as nothing stands in front of the panes.
pub(crate) fn show_held(state: &mut State) {
    if state.modal.is_none()
        && let Some((name, recipe)) = state.held_preset.take()
    {
        show(state, name, recipe);
    }
}

/// Asks about a preset that changed, unless it has nothing new.
fn show(state: &mut State, name: String, recipe: Recipe) {
    let diff = PresetDiff::new(name, recipe, &state.preset, &state.planned());
    if !diff.is_empty() {
        state.note(Tone::Plain, format!("preset {} changed", diff.name));
        state.modal = Some(Modal::Preset(Box::new(diff)));
        return;
    }
    let text = match diff.lines.len() {
        0 => format!("preset {} is what runs", diff.name),
        1 => format!("preset {} asks for nothing new; one value of this run stays as it is", diff.name),
        n => format!("preset {} asks for nothing new; {n} values of this run stay as they are", diff.name),
    };
    state.notify(Tone::Plain, text);
    state.preset = diff.recipe;
    state.modal = None;
}

/// Applies the chosen lines; the others are not asked about again before the preset changes them.
pub(crate) fn accept(state: &mut State, diff: Box<PresetDiff>) -> Vec<Effect> {
    let (edits, forks) = diff.chosen();
    if let Err(invalid) = state.planned().with(edits.iter().chain(&forks).cloned()) {
        state.notify(Tone::Warn, format!("these do not go together: {invalid}"));
        state.modal = Some(Modal::Preset(diff));
        return Vec::new();
    }
    if edits.is_empty() && forks.is_empty() {
        state.notify(Tone::Plain, "no line was chosen; the recipe stays");
    }
    state.preset = diff.recipe;
    if !forks.is_empty() {
        state.edits.fork.retain(|(knob, _)| forks.iter().all(|(other, _)| other != knob));
        state.edits.fork.extend(forks);
        state.modal = Some(Modal::Fork);
    }
    if edits.is_empty() { Vec::new() } else { send(state, edits, When::Now) }
}
