//! What a knob may hold: values, their kinds, and the checks between them.

use super::NotAllowed;
use std::fmt;

/// A knob's value, as it stands in a preset, a journal or the editor.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A switch.
    Bool(bool),
    /// A whole number.
    Int(u64),
    /// A real number.
    Float(f64),
    /// A list of epochs.
    List(Vec<u64>),
    /// A word out of a choice, or free text such as a path.
    Word(String),
}

/// The values a knob accepts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Switch,
    /// A whole number from `min` to `max`.
    Int {
        /// Smallest value.
        min: u64,
        /// Largest value.
        max: u64,
    },
    /// A real number from `min` (left out when `open`) to `max`.
    Float {
        /// Smallest value.
        min: f64,
        /// Whether `min` itself is left out.
        open: bool,
        /// Largest value.
        max: f64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Text.
    Text,
    /// Rising whole numbers, e.g. the epochs of a step schedule.
    Epochs,
}

impl fmt::Display for Value {
    /// Writes the value as a preset spells it, words without quotes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(v) => write!(f, "{v}"),
            Value::Int(v) => write!(f, "{v}"),
            Value::Float(v) if *v != 0.0 && (v.abs() < 1e-3 || v.abs() >= 1e6) => write!(f, "{v:e}"),
            Value::Float(v) => write!(f, "{v:?}"),
            Value::List(v) => write!(f, "{v:?}"),
            Value::Word(v) => f.write_str(v),
        }
    }
}

impl fmt::Display for Kind {
    /// Says what is allowed, as the end of "it must be …".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Switch => write!(f, "true or false"),
            Kind::Int { min, max: u64::MAX } => write!(f, "a whole number from {min} to 2^64 - 1"),
            Kind::Int { min, max } => write!(f, "a whole number from {min} to {max}"),
            Kind::Float { min, open, max } => {
                write!(f, "a number in {}{min}, {max}]", if *open { '(' } else { '[' })
            }
            Kind::Choice(words) => write!(f, "one of {}", words.join(", ")),
            Kind::Text => write!(f, "text"),
            Kind::Epochs => write!(f, "a list of rising epochs such as [30, 60, 90]"),
        }
    }
}

impl Kind {
    /// Checks `value` and brings it into this kind's form (a whole number where a real one is due becomes one).
    ///
    /// # Errors
    /// What was found and what is allowed.
    pub fn accept(&self, value: Value) -> Result<Value, NotAllowed> {
        let fits = match (self, &value) {
            (Kind::Float { .. }, Value::Int(v)) => return self.accept(Value::Float(*v as f64)),
            (Kind::Float { min, open, max }, Value::Float(v)) => (if *open { v > min } else { v >= min }) && v <= max,
            (Kind::Int { min, max }, Value::Int(v)) => min <= v && v <= max,
            (Kind::Choice(words), Value::Word(v)) => {
                if let Some(word) = words.iter().find(|w| w.eq_ignore_ascii_case(v)) {
                    return Ok(Value::Word(word.to_string()));
                }
                false
            }
            (Kind::Epochs, Value::List(v)) => v.windows(2).all(|w| w[0] < w[1]),
            (Kind::Switch, Value::Bool(_)) | (Kind::Text, Value::Word(_)) => true,
            _ => false,
        };
        if fits { Ok(value) } else { Err(self.refusal(value.to_string())) }
    }

    /// Reads a value typed by a person (editor, `--set`).
    ///
    /// # Errors
    /// What was found and what is allowed.
    pub fn parse(&self, text: &str) -> Result<Value, NotAllowed> {
        let text = text.trim();
        let value = match self {
            Kind::Switch => match text {
                "true" | "on" | "yes" => Some(Value::Bool(true)),
                "false" | "off" | "no" => Some(Value::Bool(false)),
                _ => None,
            },
            Kind::Int { .. } => text.parse().ok().map(Value::Int),
            Kind::Float { .. } => text.parse().ok().map(Value::Float),
            Kind::Choice(_) | Kind::Text => Some(Value::Word(text.trim_matches('"').to_string())),
            Kind::Epochs => {
                let inner = text.trim_start_matches('[').trim_end_matches(']');
                let items = inner.split(',').map(str::trim).filter(|s| !s.is_empty());
                items.map(|s| s.parse().ok()).collect::<Option<Vec<u64>>>().map(Value::List)
            }
        };
        match value {
            Some(value) => self.accept(value),
            None => Err(self.refusal(text.to_string())),
        }
    }

    /// The error for a value that is not allowed, `found` as it was written.
    pub(super) fn refusal(self, found: String) -> NotAllowed {
        NotAllowed { found, kind: self }
    }

    /// What somebody may have meant who wrote a comma into a number.
    pub(super) fn comma(&self, found: &str) -> Option<String> {
        let (whole, rest) = found.trim().trim_matches('"').split_once(',')?;
        let digits = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
        if !matches!(self, Kind::Int { .. } | Kind::Float { .. }) || !digits(rest) {
            return None;
        }
        let meant =
            [("with a decimal point", format!("{whole}.{rest}")), ("without the comma", format!("{whole}{rest}"))];
        let (how, number) = meant.into_iter().find(|(_, number)| self.parse(number).is_ok())?;
        Some(format!("; {how}: {number}?"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_accepted_up_to_their_bounds() {
        let open = Kind::Float { min: 0.0, open: true, max: 10.0 };
        let closed = Kind::Float { min: 0.0, open: false, max: 10.0 };
        let whole = Kind::Int { min: 1, max: 8 };
        let cases = [
            (open, Value::Float(10.0), true),
            (open, Value::Float(5e-324), true),
            (open, Value::Float(0.0), false),
            (open, Value::Float(10.000001), false),
            (open, Value::Float(f64::NAN), false),
            (open, Value::Float(f64::INFINITY), false),
            (open, Value::Int(3), true),
            (open, Value::Int(11), false),
            (closed, Value::Float(0.0), true),
            (closed, Value::Float(-1e-9), false),
            (closed, Value::Bool(true), false),
            (whole, Value::Int(1), true),
            (whole, Value::Int(8), true),
            (whole, Value::Int(0), false),
            (whole, Value::Int(9), false),
            (whole, Value::Float(3.0), false),
        ];
        for (kind, value, fits) in cases {
            assert_eq!(kind.accept(value.clone()).is_ok(), fits, "{value} as {kind}");
        }
    }

    #[test]
    fn accepted_values_take_the_form_of_their_kind() {
        let float = Kind::Float { min: 0.0, open: false, max: 10.0 };
        assert_eq!(float.accept(Value::Int(3)), Ok(Value::Float(3.0)));
        let choice = Kind::Choice(&["Cosine", "Step"]);
        assert_eq!(choice.accept(Value::Word("cOSINE".into())), Ok(Value::Word("Cosine".into())));
        let refused = choice.accept(Value::Word("cos".into())).unwrap_err();
        assert_eq!(refused.to_string(), "is cos; it must be one of Cosine, Step");
    }

    #[test]
    fn epochs_rise() {
        for (list, fits) in
            [(vec![], true), (vec![3], true), (vec![1, 2], true), (vec![2, 2], false), (vec![2, 1], false)]
        {
            assert_eq!(Kind::Epochs.accept(Value::List(list.clone())).is_ok(), fits, "{list:?}");
        }
    }

    #[test]
    fn typed_values_are_read_as_a_person_writes_them() {
        let float = Kind::Float { min: 0.0, open: true, max: 100.0 };
        let whole = Kind::Int { min: 0, max: u64::MAX };
        let cases = [
            (Kind::Switch, " on ", Ok(Value::Bool(true))),
            (Kind::Switch, "no", Ok(Value::Bool(false))),
            (Kind::Switch, "1", Err("is 1; it must be true or false")),
            (float, "5e-4", Ok(Value::Float(5e-4))),
            (float, "3", Ok(Value::Float(3.0))),
            (float, "nan", Err("is NaN; it must be a number in (0, 100]")),
            (float, "0,1", Err("is 0,1; it must be a number in (0, 100]; with a decimal point: 0.1?")),
            (float, "-0,1", Err("is -0,1; it must be a number in (0, 100]")),
            (float, "0,1,2", Err("is 0,1,2; it must be a number in (0, 100]")),
            (float, "1,5e-3", Err("is 1,5e-3; it must be a number in (0, 100]; with a decimal point: 1.5e-3?")),
            (whole, "1,000", Err("is 1,000; it must be a whole number from 0 to 2^64 - 1; without the comma: 1000?")),
            (float, "", Err("is empty; it must be a number in (0, 100]")),
            (whole, "18446744073709551615", Ok(Value::Int(u64::MAX))),
            (
                whole,
                "18446744073709551616",
                Err("is 18446744073709551616; it must be a whole number from 0 to 2^64 - 1"),
            ),
            (whole, "-1", Err("is -1; it must be a whole number from 0 to 2^64 - 1")),
            (Kind::Epochs, "[30, 60]", Ok(Value::List(vec![30, 60]))),
            (Kind::Epochs, "30,60,", Ok(Value::List(vec![30, 60]))),
            (Kind::Epochs, "", Ok(Value::List(vec![]))),
            (Kind::Epochs, "60, 30", Err("is [60, 30]; it must be a list of rising epochs such as [30, 60, 90]")),
            (Kind::Text, "\"a b\"", Ok(Value::Word("a b".into()))),
        ];
        for (kind, text, expected) in cases {
            assert_eq!(
                kind.parse(text).map_err(|e| e.to_string()),
                expected.map_err(String::from),
                "{text:?} as {kind}"
            );
        }
    }

    #[test]
    fn a_shown_value_can_be_typed_back() {
        let float = Kind::Float { min: 0.0, open: false, max: f64::MAX };
        for v in [0.0, 0.1, 5e-4, 1e-9, 3.0, 123456.75, 1e6, 1.2345678901234567e300] {
            assert_eq!(float.parse(&Value::Float(v).to_string()), Ok(Value::Float(v)));
        }
        assert_eq!(Kind::Epochs.parse(&Value::List(vec![1, 5]).to_string()), Ok(Value::List(vec![1, 5])));
    }
}
