//! The text of one preset file to knob values. Fields are known by the knob table alone.
//!
//! RON itself is read by the crate `ron`: every level is a list of fields whose values stay slices of the text, so
//! that the place of a name or a value is the place of its slice, and a mistake in one value hides no other.

use super::mistakes::{Mistake, Place, excerpt};
use super::unknown::unknown_field;
use super::{Changes, Edit, Kind, Knob, NotAllowed, Value, knobs, older};
use ron::value::RawValue;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::collections::HashMap;

/// Mistakes after which the rest of a file is not looked at.
const MANY: usize = 100;

/// A knob's value with the place where it was set.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) knob: &'static Knob,
    pub(super) value: Value,
    pub(super) place: Place,
}

/// An edit of a schedule with the place where it stands.
#[derive(Clone, Debug)]
pub(super) struct PlacedEdit {
    pub(super) edit: Edit,
    pub(super) place: Place,
}

/// What one file says.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// The file it extends, as written.
    pub(super) extends: Option<(String, Place)>,
    /// The knobs it sets, each once, in their order.
    pub(super) settings: Vec<Setting>,
    /// Its schedule of edits, when it has one.
    pub(super) edits: Option<Vec<PlacedEdit>>,
    /// Its mistakes, in their order.
    pub(super) mistakes: Vec<Mistake>,
}

/// Reads the text of `source`.
pub(super) fn parse(source: &str, text: &str) -> Parsed {
    let mut reader = Reader { source, text, parsed: Parsed::default() };
    match ron::from_str::<Fields>(text) {
        Ok(fields) if fields.are_a_suite() => {
            reader.mistake(text, format!("is a suite of runs, not a preset: tricktop suite {source}"));
        }
        Ok(fields) => {
            reader.section("", fields);
            if reader.parsed.mistakes.len() >= MANY {
                reader.mistake(&text[text.len()..], format!("only the first {MANY} mistakes are listed"));
            }
        }
        Err(error) => {
            let position = Some((error.span.end.line, error.span.end.col));
            // What ron says of the first two cases is about its own types.
            let message = match error.code {
                ron::Error::UnclosedLineComment => "not RON: the text ends before the closing `)`".to_string(),
                ron::Error::ExpectedStructLike | ron::Error::ExpectedNamedStructLike(_) => {
                    "not a preset: it must be fields in parentheses, such as (train: (epochs: 10))".to_string()
                }
                code => match decimal_comma(text, error.span.end) {
                    Some((found, meant)) => format!("a number has a decimal point, not a comma: {found} is {meant}?"),
                    None => format!("not RON: {code}"),
                },
            };
            reader.parsed.mistakes.push(Mistake { place: Place { source: source.to_string(), position }, message });
        }
    }
    reader.parsed.mistakes.sort_by(|a, b| a.place.cmp(&b.place));
    reader.parsed
}

/// A number with a comma that ends at or goes on after a place of a text, and the number that may have been meant.
fn decimal_comma(text: &str, at: ron::error::Position) -> Option<(String, String)> {
    let line = text.lines().nth(at.line.checked_sub(1)?)?;
    let column = at.col.saturating_sub(1);
    let number = |c: char| c.is_ascii_digit() || ",.eE+-".contains(c);
    let chars: Vec<char> = line.chars().collect();
    let from = chars.iter().take(column).rposition(|c| !number(*c)).map_or(0, |i| i + 1);
    let found: String = chars.get(from..)?.iter().take_while(|c| number(**c)).collect();
    let found = found.trim_end_matches(',');
    let meant = found.replacen(',', ".", 1);
    (found.contains(',') && meant.parse::<f64>().is_ok()).then(|| (found.to_string(), meant))
}

/// Reads a partial recipe that stands in the text of `source`, which is no preset itself.
pub(super) fn part(source: &str, text: &str, part: &str) -> Result<Changes, Vec<Mistake>> {
    let mut reader = Reader { source, text, parsed: Parsed::default() };
    match ron::from_str::<Fields>(part) {
        Ok(fields) => reader.changes(fields, "a cell"),
        Err(_) => reader.mistake(part, format!("recipe is {}; it must be knobs in parentheses", excerpt(part))),
    }
    let Parsed { settings, mistakes, .. } = reader.parsed;
    if mistakes.is_empty() { Ok(settings.into_iter().map(|s| (s.knob, s.value)).collect()) } else { Err(mistakes) }
}

/// Whether a text is that of a suite of runs.
pub(super) fn is_suite(text: &str) -> bool {
    ron::from_str::<Fields>(text).is_ok_and(|fields| fields.are_a_suite())
}

struct Reader<'t> {
    source: &'t str,
    text: &'t str,
    parsed: Parsed,
}

impl<'t> Reader<'t> {
    /// Where `part`, a slice of the text, starts.
    fn place(&self, part: &str) -> Place {
        let offset = part.as_ptr().addr() - self.text.as_ptr().addr();
        Place::after(self.source, &self.text[..offset])
    }

    fn mistake(&mut self, part: &str, message: String) {
        self.parsed.mistakes.push(Mistake { place: self.place(part), message });
    }

    fn section(&mut self, section: &str, fields: Fields<'t>) {
        let mut seen: HashMap<&str, &str> = HashMap::new();
        for (name, value) in fields.0 {
            if self.parsed.mistakes.len() >= MANY {
                return;
            }
            let path = knobs::join(section, name);
            let knob = knobs::find(&path);
            let first = *seen.entry(knob.map_or(name, |knob| knob.path)).or_insert(name);
            let again = !std::ptr::eq(first, name);
            if again {
                let (line, column) = self.place(first).position.unwrap_or_default();
                self.mistake(name, format!("duplicate field {path}; it is already set at {line}:{column}"));
            }
            let value = value.trim().get_ron();
            if path == "extends" {
                self.extends(value);
            } else if path == "edits" {
                self.edits(value);
            } else if let Some(knob) = knob {
                self.knob(knob, value, again);
            } else if !knobs::fields(&path).is_empty() {
                match ron::from_str::<Fields>(value) {
                    Ok(fields) => self.section(&path, fields),
                    Err(_) => {
                        let fields = knobs::fields(&path).join(": …, ");
                        self.mistake(value, format!("{path} is {}; it must be ({fields}: …)", excerpt(value)));
                    }
                }
            } else {
                self.mistake(name, unknown_field(section, name));
            }
        }
    }

    fn extends(&mut self, value: &'t str) {
        match ron::from_str::<String>(value) {
            Ok(file) => self.parsed.extends = Some((file, self.place(value))),
            Err(_) => {
                self.mistake(value, format!("extends is {}; it must be the path of a preset in quotes", excerpt(value)))
            }
        }
    }

    /// A list of edits: partial presets, each with the number of steps after which it is made.
    fn edits(&mut self, value: &'t str) {
        let Ok(items) = ron::from_str::<Vec<&'t RawValue>>(value) else {
            let found = excerpt(value);
            return self.mistake(value, format!("edits is {found}; it must be [(after: STEPS, …), …]"));
        };
        let mut edits = Vec::new();
        for item in items.into_iter().map(|item| item.trim().get_ron()) {
            let Ok(Fields(fields)) = ron::from_str::<Fields>(item) else {
                self.mistake(item, format!("an edit is {}; it must be (after: STEPS, …)", excerpt(item)));
                continue;
            };
            let (after, fields): (Vec<_>, Vec<_>) = fields.into_iter().partition(|(name, _)| *name == "after");
            let [(_, steps)] = after[..] else {
                self.mistake(item, "an edit needs one `after`: the steps after which it is made".to_string());
                continue;
            };
            let Ok(after) = ron::from_str(steps.get_ron()) else {
                let steps = steps.trim().get_ron();
                self.mistake(steps, format!("after is {}; it must be a whole number of steps", excerpt(steps)));
                continue;
            };
            let outer = std::mem::take(&mut self.parsed.settings);
            self.changes(Fields(fields), "an edit");
            let inner = std::mem::replace(&mut self.parsed.settings, outer);
            let changes = inner.into_iter().map(|s| (s.knob, s.value)).collect();
            edits.push(PlacedEdit { edit: Edit { after, changes }, place: self.place(item) });
        }
        self.parsed.edits = Some(edits);
    }

    /// Fields that can only be knobs.
    fn changes(&mut self, fields: Fields<'t>, of: &str) {
        match fields.0.iter().find(|(name, _)| matches!(*name, "extends" | "edits")) {
            Some((name, _)) => self.mistake(name, format!("{of} holds knobs, not `{name}`")),
            None => self.section("", fields),
        }
    }

    fn knob(&mut self, knob: &'static Knob, text: &'t str, again: bool) {
        match read(knob, text) {
            Ok(value) if !again => {
                let place = self.place(text);
                self.parsed.settings.push(Setting { knob, value, place });
            }
            Ok(_) => {}
            Err(problem) => self.mistake(text, format!("{} {problem}", knob.path)),
        }
    }
}

/// The value of a knob that is written as `text` in a preset; words may stand with or without quotes, and may be those of an
/// earlier version.
fn read(knob: &Knob, text: &str) -> Result<Value, NotAllowed> {
    let kind = knob.kind;
    let value = match kind {
        Kind::Switch => ron::from_str(text).map(Value::Bool),
        Kind::Int { .. } => ron::from_str(text).map(Value::Int),
        Kind::Float { .. } => ron::from_str(text).map(Value::Float),
        Kind::Epochs => ron::from_str(text).map(Value::List),
        Kind::Choice(_) | Kind::Text => {
            let word = ron::from_str(text).or_else(|_| ron::from_str::<Name>(text).map(|n| n.0.to_string()));
            match kind {
                // Such as Cuda(0).
                Kind::Choice(_) => Ok(Value::Word(word.unwrap_or_else(|_| text.to_string()))),
                _ => word.map(Value::Word),
            }
        }
    };
    let accepted = value.ok().and_then(|v| if older::is_word(knob, &v) { Some(v) } else { kind.accept(v).ok() });
    accepted.ok_or_else(|| kind.refusal(excerpt(text)))
}

/// The fields of a RON struct, in their order, repeated ones too.
struct Fields<'t>(Vec<(&'t str, &'t RawValue)>);

impl Fields<'_> {
    /// Whether these are the fields of a suite.
    fn are_a_suite(&self) -> bool {
        self.0.iter().any(|(name, _)| *name == "cells")
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("fields in parentheses")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    fields.push((name, map.next_value()?));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_struct("", &[], Collect)
    }
}

/// An identifier.
struct Name<'t>(&'t str);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(name))
            }
        }
        deserializer.deserialize_identifier(Borrow)
    }
}
