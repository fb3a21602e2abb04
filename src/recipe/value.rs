//! What a knob may hold: values, their kinds, and the checks between them.

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
            Kind::Int { min, max: u64::MAX } => write!(f, "a whole number of at least {min}"),
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
    /// A sentence saying what was found and what is allowed.
    pub fn accept(&self, value: Value) -> Result<Value, String> {
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
        if fits { Ok(value) } else { Err(format!("is {value}; it must be {self}")) }
    }

    /// Reads a value typed by a person (editor, `--set`).
    ///
    /// # Errors
    /// A sentence saying what was found and what is allowed.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
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
            None => Err(format!("is {text:?}; it must be {self}")),
        }
    }
}
