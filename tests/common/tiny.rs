//! The run of most tests: a narrow net of eight layers on some of the bundled images. Its epochs have ten steps and take
//! half a second.

// Each test program uses a part of it.
#![allow(dead_code)]

use tricktop::recipe::knobs::find;
use tricktop::recipe::{Knob, Recipe, Value, preset};

/// Its preset.
pub const TINY: &str = "(
    data: (train_images: 200, test_images: 200),
    net: (depth: 8, width: 0.25),
    train: (epochs: 2, batch: 20, log_every: 1),
)";

/// Its preset with other values in some places, e.g. `("epochs: 2", "epochs: 3")`.
pub fn with(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(TINY.to_string(), |text, (from, to)| {
        assert!(text.contains(from), "{from} is not in {text}");
        text.replace(from, to)
    })
}

pub fn knob(path: &str) -> &'static Knob {
    find(path).unwrap_or_else(|| panic!("no knob {path}"))
}

/// Its recipe, called `tiny`, with these changes.
pub fn recipe<'a>(changes: impl IntoIterator<Item = &'a (&'a str, Value)>) -> Recipe {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tiny.ron");
    std::fs::write(&file, TINY).unwrap();
    let changes = changes.into_iter().map(|(path, value)| (knob(path), value.clone()));
    preset::load(&file).unwrap().recipe.with(changes).unwrap()
}

/// The same as options over a bundled preset: `--set path=value` for each.
pub fn sets() -> Vec<String> {
    let changes = Recipe::default().changes_to(&recipe([]));
    let named = changes.into_iter().filter(|(knob, _)| knob.path != "name");
    named.flat_map(|(knob, value)| ["--set".to_string(), format!("{}={value}", knob.path)]).collect()
}
