//! A preset that changed on disk, against the recipe that runs.

use super::panes::moved;
use crate::recipe::{Applies, Changes, Knob, Recipe, Value};

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
        self.cursor = moved(self.cursor, by, self.lines.len());
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
