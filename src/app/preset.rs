//! A preset that changed on disk, against the recipe that runs.

use super::Effect;
use super::modal::Modal;
use super::orders::send;
use super::pane::Tone;
use super::state::State;
use crate::recipe::{Applies, Changes, Knob, Recipe, Value, reasons};
use crate::train::When;

/// A knob in which a changed preset and the planned recipe differ.
#[derive(Clone, Debug, PartialEq)]
pub struct PresetLine {
    /// The knob.
    pub knob: &'static Knob,
    /// Its value in the preset.
    pub to: Value,
    /// Whether the preset has had this value before: the run has another one because somebody wanted it so.
    pub kept: bool,
    /// Whether it is to be applied.
    pub chosen: bool,
}

/// The difference between a changed preset and the planned recipe.
#[derive(Clone, Debug, PartialEq)]
pub struct PresetDiff {
    /// Name of the preset.
    pub name: String,
    /// The recipe it makes.
    pub recipe: Recipe,
    /// Its lines: what the preset has changed first, and of that what this run can take.
    pub lines: Vec<PresetLine>,
    pub(crate) cursor: usize,
}

impl PresetDiff {
    /// Compares a preset with the planned recipe; `before` is what it made when a person was last asked.
    pub(crate) fn new(name: String, recipe: Recipe, before: &Recipe, planned: &Recipe) -> PresetDiff {
        let line = |(knob, to): (&'static Knob, Value)| {
            let kept = before.get(knob) == to;
            PresetLine { knob, to, kept, chosen: !kept }
        };
        let mut lines: Vec<PresetLine> = planned.changes_to(&recipe).into_iter().map(line).collect();
        lines.sort_by_key(|line| (line.kept, line.knob.applies == Applies::Fork));
        PresetDiff { name, recipe, lines, cursor: 0 }
    }

    /// Whether the preset asks for nothing new.
    pub fn is_empty(&self) -> bool {
        self.lines.iter().all(|line| line.kept)
    }

    /// Moves the cursor.
    pub(crate) fn shift(&mut self, by: isize) {
        let last = self.lines.len().saturating_sub(1) as isize;
        self.cursor = (self.cursor as isize).saturating_add(by).clamp(0, last) as usize;
    }

    /// Chooses the line at the cursor, or leaves it out.
    pub(crate) fn toggle(&mut self) {
        if let Some(line) = self.lines.get_mut(self.cursor) {
            line.chosen = !line.chosen;
        }
    }

    /// The chosen changes that this run can take, and those that need a new one.
    pub(crate) fn chosen(&self) -> (Changes, Changes) {
        let chosen = self.lines.iter().filter(|line| line.chosen).map(|line| (line.knob, line.to.clone()));
        chosen.partition(|(knob, _)| knob.applies != Applies::Fork)
    }
}

/// Asks about a preset that changed, unless it has nothing new.
pub(crate) fn show(state: &mut State, name: String, recipe: Recipe) {
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
        state.notify(Tone::Warn, format!("these do not go together: {}", reasons(&invalid)));
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
