//! The editor of one value.
//!
//! What is typed is a value and, after it, its time: nothing for the next step, `e` for the next epoch, `@500` for
//! step 500 (`0.1`, `0.1e`, `0.1@500`). Text (a path, a name) is taken as it is. Enter sends, Ctrl-E sends for the
//! next epoch, Esc leaves everything as it was.

use super::stepping;
use crate::recipe::{InvalidChanges, Kind, Knob, NotAllowed, Recipe, Value};
use crate::train::When;
use thiserror::Error;
use tui_input::{Input, InputRequest};

/// Why a text is no value, or not one that the recipe can take.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ValueError {
    /// What stands after the value is not understood.
    #[error("{0} is no time; it must be @ and a step such as @500, or e for the next epoch")]
    Time(String),
    /// The text is none of the values of the knob.
    #[error("{knob} {problem}")]
    Value {
        /// The name of the knob.
        knob: &'static str,
        /// What was found, and what is allowed.
        problem: NotAllowed,
    },
    /// The recipe with the value would not be valid.
    #[error(transparent)]
    Recipe(#[from] InvalidChanges),
}

/// The editor of one value.
#[derive(Clone, Debug)]
pub struct Editor {
    /// The knob.
    pub knob: &'static Knob,
    /// The planned value before.
    pub before: Value,
    /// What the text means, or what is wrong with it.
    pub meaning: Result<(Value, When), ValueError>,
    input: Input,
    fresh: bool,
    base: Recipe,
}

impl Editor {
    /// Opens with the planned value, which the first character typed replaces.
    pub(crate) fn new(knob: &'static Knob, planned: &Recipe) -> Editor {
        let before = planned.get(knob);
        let text = match &before {
            Value::List(v) => v.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
            v => v.to_string(),
        };
        let meaning = Ok((before.clone(), When::Now));
        Editor { knob, before, meaning, input: Input::new(text), fresh: true, base: planned.clone() }
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.input.value()
    }

    /// Place of the cursor in columns.
    pub fn cursor(&self) -> usize {
        self.input.visual_cursor()
    }

    /// Whether the first character typed will replace the text.
    pub fn fresh(&self) -> bool {
        self.fresh
    }

    pub(crate) fn request(&mut self, request: InputRequest) {
        let inserts = matches!(request, InputRequest::InsertChar(_));
        if self.fresh && inserts {
            self.input.reset();
        }
        self.fresh = false;
        self.input.handle(request);
        self.meaning = meaning(self.knob, self.input.value(), &self.base);
    }

    /// Moves the typed value by one step, keeping its time.
    pub(crate) fn step(&mut self, up: bool) {
        let Ok((value, _)) = &self.meaning else { return };
        if let Some(next) = stepping::step(&self.base, self.knob, value, up) {
            let time = split(self.knob, self.input.value()).1;
            self.input = Input::new(format!("{next}{time}"));
            self.fresh = false;
            self.meaning = meaning(self.knob, self.input.value(), &self.base);
        }
    }
}

/// The typed text as value and time.
fn split<'a>(knob: &Knob, text: &'a str) -> (&'a str, &'a str) {
    let text = text.trim();
    let at = match knob.kind {
        Kind::Text => None,
        Kind::Choice(words) if words.iter().any(|w| w.eq_ignore_ascii_case(text)) => None,
        Kind::Switch if knob.kind.parse(text).is_ok() => None,
        _ => text.find('@').or_else(|| text.strip_suffix('e').map(str::len)),
    };
    text.split_at(at.unwrap_or(text.len()))
}

/// What a text typed for a knob means under a recipe.
pub(crate) fn meaning(knob: &'static Knob, text: &str, base: &Recipe) -> Result<(Value, When), ValueError> {
    let (value, time) = split(knob, text);
    let when = match time {
        "" => When::Now,
        "e" | "@e" => When::NextEpoch,
        at => match at[1..].parse() {
            Ok(step) if step > 0 => When::Step(step),
            _ => return Err(ValueError::Time(at.to_string())),
        },
    };
    let value = knob.kind.parse(value).map_err(|problem| ValueError::Value { knob: knob.name, problem })?;
    base.with([(knob, value.clone())])?;
    Ok((value, when))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::knobs::find;

    fn typed(path: &str, text: &str) -> Result<(Value, When), ValueError> {
        let mut editor = Editor::new(find(path).unwrap(), &Recipe::default());
        for c in text.chars() {
            editor.request(InputRequest::InsertChar(c));
        }
        editor.meaning
    }

    #[test]
    fn a_value_may_carry_its_time() {
        let ok = [
            ("schedule.base_lr", "0.2", Value::Float(0.2), When::Now),
            ("schedule.base_lr", "0.2e", Value::Float(0.2), When::NextEpoch),
            ("schedule.base_lr", "0.2@e", Value::Float(0.2), When::NextEpoch),
            ("schedule.base_lr", "2e-1", Value::Float(0.2), When::Now),
            ("schedule.base_lr", "2e-1e", Value::Float(0.2), When::NextEpoch),
            ("schedule.base_lr", "0.2@500", Value::Float(0.2), When::Step(500)),
            ("train.batch", "64e", Value::Int(64), When::NextEpoch),
            ("schedule.decay", "cosine", Value::Word("Cosine".into()), When::Now),
            ("schedule.decay", "stepe", Value::Word("Step".into()), When::NextEpoch),
            ("schedule.milestones", "5, 9@100", Value::List(vec![5, 9]), When::Step(100)),
            ("tricks.distill.teacher", "runs/a@1/best", Value::Word("runs/a@1/best".into()), When::Now),
        ];
        for (path, text, value, when) in ok {
            assert_eq!(typed(path, text), Ok((value, when)), "{path} {text}");
        }
    }

    #[test]
    fn a_mistake_says_what_is_allowed() {
        let bad = [
            ("schedule.base_lr", "-1", "lr is -1.0; it must be a number in (0, 100]"),
            ("schedule.base_lr", "NaN", "lr is NaN; it must be a number in (0, 100]"),
            ("schedule.base_lr", "0.1@0", "@0 is no time"),
            ("schedule.base_lr", "0.1@", "@ is no time"),
            ("schedule.base_lr", "0.1@@@é", "is no time"),
            ("schedule.base_lr", "", "lr is empty; it must be"),
            ("schedule.warmup.epochs", "20", "schedule.warmup.epochs is 20; the whole run has 15 epochs"),
        ];
        for (path, text, want) in bad {
            let got =
                if text.is_empty() { meaning(find(path).unwrap(), "", &Recipe::default()) } else { typed(path, text) };
            let got = got.unwrap_err().to_string();
            assert!(got.contains(want), "{got}");
        }
    }

    #[test]
    fn the_first_character_replaces_and_arrows_step() {
        let mut editor = Editor::new(find("schedule.base_lr").unwrap(), &Recipe::default());
        editor.step(true);
        assert_eq!(editor.text(), "0.13");
        editor.request(InputRequest::InsertChar('e'));
        assert_eq!(editor.text(), "0.13e");
        editor.step(false);
        assert_eq!((editor.text(), &editor.meaning), ("0.1e", &Ok((Value::Float(0.1), When::NextEpoch))));
    }
}
