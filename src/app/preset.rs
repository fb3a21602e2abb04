//! A preset that changed on disk, against the recipe that runs.

use crate::recipe::{Applies, Changes, Recipe};

/// The difference between a changed preset and the planned recipe.
#[derive(Clone, Debug, PartialEq)]
pub struct PresetDiff {
    /// Name of the preset.
    pub name: String,
    /// The recipe it makes.
    pub recipe: Recipe,
    /// Changes that this run can take.
    pub edits: Changes,
    /// Changes that need a new run.
    pub forks: Changes,
    pub(crate) scroll: usize,
}

impl PresetDiff {
    pub(crate) fn new(name: String, recipe: Recipe, planned: &Recipe) -> PresetDiff {
        let (forks, edits) = planned.changes_to(&recipe).into_iter().partition(|(k, _)| k.applies == Applies::Fork);
        PresetDiff { name, recipe, edits, forks, scroll: 0 }
    }

    /// Whether the preset asks for nothing new.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty() && self.forks.is_empty()
    }
}
