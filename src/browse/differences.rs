//! In what runs differ: their recipes, and what edits made of them on the way.

use crate::app::{title, value_text};
use crate::recipe::{KNOBS, Knob, Recipe, Value};
use crate::runs::{Brief, Course, Edits};

/// The knobs in which runs differ, with what each run had.
#[derive(Clone, Debug, PartialEq)]
pub struct Differences {
    /// Knob by knob, in the order of the knob table.
    pub knobs: Vec<(&'static Knob, Vec<Course>)>,
}

/// The knobs of the table but the name: that runs are called differently is no difference.
fn knobs() -> impl Iterator<Item = &'static Knob> {
    KNOBS.iter().filter(|knob| knob.path != "name")
}

impl Differences {
    /// Compares these runs.
    pub fn of(runs: &[&Brief]) -> Differences {
        let courses = |knob: &'static Knob| {
            let course = |run: &&Brief| Course::of(knob, &run.recipe, &run.edits);
            (knob, runs.iter().map(course).collect::<Vec<_>>())
        };
        let differ = |(_, courses): &(_, Vec<Course>)| courses.windows(2).any(|pair| pair[0] != pair[1]);
        Differences { knobs: knobs().map(courses).filter(differ).collect() }
    }
}

/// The values in which a run differs from another one, or from the defaults: `lr 0.2, mixup on`,
/// `lr 0.1 → 0.05 @ step 300`.
pub fn changes(from: Option<&Brief>, to: &Brief) -> String {
    let (default, none) = (Recipe::default(), Edits::new());
    let (recipe, edits) = from.map_or((&default, &none), |from| (&from.recipe, &from.edits));
    let changed = |knob: &'static Knob| {
        let course = Course::of(knob, &to.recipe, &to.edits);
        (course != Course::of(knob, recipe, edits)).then(|| format!("{} {}", title(knob), course.text(shown)))
    };
    knobs().filter_map(changed).collect::<Vec<_>>().join(", ")
}

/// A value in the words of the screen; a text that is empty in a word too.
pub fn shown(value: &Value) -> String {
    if matches!(value, Value::Word(word) if word.is_empty()) { "none".into() } else { value_text(value) }
}
