//! What is typed to find runs: words, each of which must be found.

use super::Run;
use crate::app::commands::names;
use crate::recipe::{KNOBS, Knob, Value};
use crate::runs::Course;

/// A word of a filter.
enum Word {
    /// In the name, a tag, the note or the state.
    Text(String),
    /// One of these knobs had this value, as started or after an edit.
    Knobs(Vec<(&'static Knob, Value)>),
}

/// A filter as it was typed.
pub(super) struct Filter(Vec<Word>);

impl Filter {
    pub(super) fn new(text: &str) -> Filter {
        Filter(text.split_whitespace().map(word).collect())
    }

    pub(super) fn finds(&self, run: &Run) -> bool {
        self.0.iter().all(|word| match word {
            Word::Text(text) => run.text.contains(text),
            Word::Knobs(knobs) => knobs.iter().any(|(knob, value)| had(run, knob, value)),
        })
    }
}

/// Whether a knob of a run ever was this value.
fn had(run: &Run, knob: &Knob, value: &Value) -> bool {
    Course::of(knob, &run.brief.recipe, &run.brief.edits).had(value)
}

/// `lr=0.1` where there is such a knob and it can have the value, else text.
fn word(typed: &str) -> Word {
    let text = || Word::Text(typed.to_lowercase());
    let Some((name, value)) = typed.split_once('=') else { return text() };
    let name = name.to_lowercase();
    let named = KNOBS.iter().filter(|knob| knob.path == name || names(knob).contains(&name));
    let knobs: Vec<_> = named.filter_map(|knob| Some((knob, knob.kind.parse(value).ok()?))).collect();
    if knobs.is_empty() { text() } else { Word::Knobs(knobs) }
}
