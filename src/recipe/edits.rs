//! The schedule of edits that a recipe may carry: what a person did to a run, as part of a preset.

use super::{Changes, EditError, Recipe};

/// Knobs that change together after a number of steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// Steps done before it; an edit with a knob that changes at epochs waits for the next one.
    pub after: u64,
    /// Knobs and their new values.
    pub changes: Changes,
}

impl Recipe {
    /// The edits that belong to the recipe, in the order in which they are made.
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// The same settings with this schedule of edits.
    ///
    /// # Errors
    /// The place in `edits` of the first that cannot be made after those before it, and why.
    pub fn with_edits(&self, edits: Vec<Edit>) -> Result<Recipe, (usize, EditError)> {
        let mut then = self.clone();
        for (i, edit) in edits.iter().enumerate() {
            let before = i.checked_sub(1).map_or(0, |i| edits[i].after);
            if edit.after < before {
                return Err((i, EditError::Order { after: edit.after, before }));
            }
            EditError::refuse_forks(&edit.changes).map_err(|e| (i, e))?;
            then = then.with(edit.changes.clone()).map_err(|e| (i, e.into()))?;
        }
        Ok(Recipe { settings: self.settings.clone(), edits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Value;
    use crate::recipe::knobs::find;

    #[test]
    fn edits_are_checked_one_after_the_other() {
        let edit = |after, path: &str, value| Edit { after, changes: vec![(find(path).unwrap(), value)] };
        let longer = edit(5, "train.epochs", Value::Int(30));
        let warm = edit(5, "schedule.warmup.epochs", Value::Float(20.0));
        let refused = |edits: Vec<Edit>| Recipe::default().with_edits(edits).unwrap_err();
        let both = Recipe::default().with_edits(vec![longer.clone(), warm.clone()]).unwrap();
        assert_eq!((both.edits().len(), both.train.epochs), (2, 15));
        assert!(refused(vec![warm.clone(), longer.clone()]).1.to_string().contains("the whole run has 15 epochs"));
        let (at, why) = refused(vec![longer, Edit { after: 4, ..warm }]);
        assert!(at == 1 && why.to_string().contains("after is 4"), "{why}");
        let (at, why) = refused(vec![edit(1, "net.depth", Value::Int(8))]);
        assert!(at == 0 && why.to_string().contains("needs a new one"), "{why}");
    }
}
