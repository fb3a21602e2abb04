//! Recipes: what a run does, validated, and the presets they are made from.

pub mod knobs;
pub mod settings;
mod value;

pub use knobs::{Applies, KNOBS, Knob};
pub use settings::Settings;
pub use value::{Kind, Value};

use thiserror::Error;

/// A change that a recipe cannot take, said in one sentence.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("{path} {problem}")]
pub struct Invalid {
    /// Path of the knob.
    pub path: &'static str,
    /// What was found and what is allowed, as a predicate ("is 0; it must be …").
    pub problem: String,
}

/// The settings of a run, always valid.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recipe {
    settings: Settings,
}

impl std::ops::Deref for Recipe {
    type Target = Settings;
    fn deref(&self) -> &Settings {
        &self.settings
    }
}

impl Recipe {
    /// The value of a knob.
    pub fn get(&self, knob: &Knob) -> Value {
        (knob.get)(&self.settings)
    }

    /// The same recipe with these knobs changed together, so that their order does not matter.
    ///
    /// # Errors
    /// Every value out of its range, or, when none is, every clash between settings.
    pub fn with<'a>(&self, changes: impl IntoIterator<Item = (&'a Knob, Value)>) -> Result<Recipe, Vec<Invalid>> {
        let mut settings = self.settings.clone();
        let mut invalid = Vec::new();
        for (knob, value) in changes {
            let set = knob
                .kind
                .accept(value)
                .and_then(|v| (knob.set)(&mut settings, v).map_err(|()| format!("must be {}", knob.kind)));
            if let Err(problem) = set {
                invalid.push(Invalid { path: knob.path, problem });
            }
        }
        if invalid.is_empty() {
            invalid = clashes(&settings);
        }
        if invalid.is_empty() { Ok(Recipe { settings }) } else { Err(invalid) }
    }

    /// The knobs in which `other` differs, with its values.
    pub fn changes_to(&self, other: &Recipe) -> Vec<(&'static Knob, Value)> {
        KNOBS.iter().filter(|k| self.get(k) != other.get(k)).map(|k| (k, other.get(k))).collect()
    }
}

/// Settings that are each in range but cannot stand together.
fn clashes(s: &Settings) -> Vec<Invalid> {
    use settings::{DataKind, Form};
    let mut found = Vec::new();
    let mut clash = |path, problem: String| found.push(Invalid { path, problem });
    let depths: &[u64] = &[18, 34, 50, 101, 152];
    match s.net.form {
        Form::ImageNet if !depths.contains(&s.net.depth) => {
            clash("net.depth", format!("is {}; an ImageNet ResNet has 18, 34, 50, 101 or 152 layers", s.net.depth))
        }
        Form::Small if s.net.depth != 18 && s.net.depth % 6 != 2 => clash(
            "net.depth",
            format!("is {}; a small ResNet has 18 or 6n+2 layers (8, 14, 20, 26, 32, …)", s.net.depth),
        ),
        _ => {}
    }
    if s.schedule.warmup.on && s.schedule.warmup.epochs > s.train.epochs as f64 {
        clash(
            "schedule.warmup.epochs",
            format!("is {}; the whole run has {} epochs", s.schedule.warmup.epochs, s.train.epochs),
        );
    }
    if s.data.kind != DataKind::Bundled && s.data.path.is_empty() {
        clash("data.path", format!("is empty; data.kind {} needs a directory", s.data.kind.word()));
    }
    if s.name.is_empty() || s.name.contains(['/', '\\', '\0']) || s.name.starts_with('.') {
        clash("name", format!("is {:?}; it names a directory: no slash, no leading dot, not empty", s.name));
    }
    found
}
