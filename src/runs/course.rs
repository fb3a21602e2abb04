//! What a knob was in a run, from its start on: as started, and what edits made of it.

use super::Line;
use crate::recipe::{Knob, Recipe, Value};

/// The edits of a run: the steps done before each, its knobs and their new values.
pub type Edits = Vec<(u64, crate::recipe::Changes)>;

/// The values of one knob in a run. Two are equal when the knob was the same at every step.
#[derive(Clone, Debug, PartialEq)]
pub struct Course {
    /// As started.
    pub start: Value,
    /// The edits of it that changed it: the steps done before each, and the value from there on.
    pub then: Vec<(u64, Value)>,
}

impl Course {
    /// Of a knob in a run that was started with `recipe` and edited so, in the order of the steps.
    pub fn of(knob: &Knob, recipe: &Recipe, edits: &Edits) -> Course {
        let mut course = Course { start: recipe.get(knob), then: Vec::new() };
        for (step, changes) in edits {
            let Some((_, value)) = changes.iter().rev().find(|(changed, _)| changed.path == knob.path) else {
                continue;
            };
            // Of several edits before one step the last counts.
            if course.then.last().is_some_and(|(at, _)| at == step) {
                course.then.pop();
            }
            if course.last() != value {
                course.then.push((*step, value.clone()));
            }
        }
        course
    }

    /// The value at the end.
    pub fn last(&self) -> &Value {
        self.then.last().map_or(&self.start, |(_, value)| value)
    }

    /// Whether it ever was this value.
    pub fn had(&self, value: &Value) -> bool {
        self.start == *value || self.then.iter().any(|(_, then)| then == value)
    }

    /// As text, each value in the words of `word`: `0.1 → 0.05 @ step 300`; of more than two edits the last.
    pub fn text(&self, word: impl Fn(&Value) -> String) -> String {
        let skipped = self.then.len().saturating_sub(2);
        let skipped = if skipped > 0 { skipped + 1 } else { 0 };
        let more = if skipped > 0 { format!(" → … {skipped} edits …") } else { String::new() };
        let edit = |(step, value): &(u64, Value)| format!(" → {} @ step {step}", word(value));
        word(&self.start) + &more + &self.then[skipped..].iter().map(edit).collect::<String>()
    }
}

/// The edits among the lines of a journal, by their steps.
pub(super) fn edits(journal: Vec<Line>) -> Edits {
    let edit = |line| match line {
        Line::Edit { step, changes, .. } => Some((step, changes.into_iter().map(|c| (c.knob, c.to)).collect())),
        _ => None,
    };
    let mut edits: Edits = journal.into_iter().filter_map(edit).collect();
    // A run that was taken up again may have edits between those that it still had before it.
    edits.sort_by_key(|(step, _)| *step);
    edits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::knobs::find;

    #[test]
    fn a_course_has_every_value_with_its_step() {
        let lr = find("schedule.base_lr").unwrap();
        let course = |edits: &[(u64, f64)]| {
            let edits = edits.iter().map(|(step, lr_is)| (*step, vec![(lr, Value::Float(*lr_is))])).collect();
            Course::of(lr, &Recipe::default(), &edits)
        };
        let text = |edits: &[(u64, f64)]| course(edits).text(ToString::to_string);
        assert_eq!(text(&[]), "0.1");
        assert_eq!(text(&[(300, 0.05)]), "0.1 → 0.05 @ step 300");
        assert_eq!(text(&[(300, 0.05), (400, 0.1)]), "0.1 → 0.05 @ step 300 → 0.1 @ step 400");
        assert_eq!(text(&[(1, 0.5), (2, 0.4), (3, 0.3), (9, 0.2)]), "0.1 → … 3 edits … → 0.2 @ step 9");
        // What changes nothing is no part of it: an edit to the same value, one that is taken back before a step is made.
        assert_eq!(text(&[(300, 0.1)]), "0.1");
        assert_eq!(course(&[(300, 0.05), (300, 0.1)]), course(&[]));
        assert_ne!(course(&[(300, 0.05), (400, 0.1)]), course(&[]));
        assert_eq!(course(&[(300, 0.05)]).last(), &Value::Float(0.05));
        let had = |value| course(&[(300, 0.05)]).had(&Value::Float(value));
        assert_eq!([0.1, 0.05, 0.2].map(had), [true, true, false]);
        let other = find("optim.momentum").unwrap();
        assert_eq!(Course::of(other, &Recipe::default(), &vec![(1, vec![(lr, Value::Float(0.5))])]).then, []);
    }
}
