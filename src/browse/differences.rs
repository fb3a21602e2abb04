//! In what recipes differ.

use crate::app::{title, value_text};
use crate::recipe::{KNOBS, Knob, Recipe, Value};

/// The knobs in which recipes differ, with the value of each.
#[derive(Clone, Debug, PartialEq)]
pub struct Differences {
    /// Knob by knob, in the order of the knob table.
    pub knobs: Vec<(&'static Knob, Vec<Value>)>,
}

impl Differences {
    /// Of these recipes; that they are called differently does not count.
    pub fn of(recipes: &[&Recipe]) -> Differences {
        let values = |knob: &'static Knob| (knob, recipes.iter().map(|recipe| recipe.get(knob)).collect::<Vec<_>>());
        let differ = |(_, values): &(_, Vec<Value>)| values.windows(2).any(|pair| pair[0] != pair[1]);
        Differences { knobs: KNOBS.iter().filter(|knob| knob.path != "name").map(values).filter(differ).collect() }
    }
}

/// What `to` has otherwise than `from`: `lr 0.2, mixup on`.
pub fn changes(from: &Recipe, to: &Recipe) -> String {
    let changed = from.changes_to(to).into_iter().filter(|(knob, _)| knob.path != "name");
    changed.map(|(knob, value)| format!("{} {}", title(knob), shown(&value))).collect::<Vec<_>>().join(", ")
}

/// A value in the words of the screen; a text that is empty in a word too.
pub fn shown(value: &Value) -> String {
    if matches!(value, Value::Word(word) if word.is_empty()) { "none".into() } else { value_text(value) }
}
