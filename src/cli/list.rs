//! Lists: the bundled presets and the knobs.

use crate::recipe::bundled::{BUNDLED, Bundled, SUITES};
use crate::recipe::{KNOBS, Knob, Recipe};
use crate::text::{columns, left};

/// Name and summary of every bundled preset, then of every suite.
pub(super) fn presets() -> String {
    let all = || BUNDLED.iter().chain(SUITES);
    let width = all().map(|b| columns(b.name)).max().unwrap_or(0);
    let lines = |list: &[Bundled]| {
        list.iter().map(|b| format!("{}  {}\n", left(b.name, width), b.summary())).collect::<String>()
    };
    format!("{}\nSuites (tricktop suite NAME):\n{}", lines(BUNDLED), lines(SUITES))
}

/// Every knob as aligned columns.
pub(super) fn knobs() -> String {
    let rows: Vec<_> = std::iter::once(HEAD.map(String::from)).chain(KNOBS.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|r| columns(&r[column])).max().unwrap_or(0);
    let (a, b, c) = (width(0), width(1), width(2));
    let line = |[knob, default, applies, section, help, allowed]: &[String; 6]| {
        format!("{}  {}  {}  {section:7}  {help} ({allowed})\n", left(knob, a), left(default, b), left(applies, c))
    };
    rows.iter().map(line).collect()
}

const HEAD: [&str; 6] = ["knob", "default", "applies", "section", "help", "allowed values"];

fn row(knob: &Knob) -> [String; 6] {
    let unit = if knob.unit.is_empty() { String::new() } else { format!(" {}", knob.unit) };
    let default = format!("{}{unit}", Recipe::default().get(knob));
    let or_dash = |text: &str| if text.is_empty() { "-" } else { text }.to_string();
    let (section, help) = (or_dash(knob.paper), knob.help.to_string());
    [knob.path.to_string(), or_dash(&default), knob.applies.word().to_string(), section, help, knob.kind.to_string()]
}
