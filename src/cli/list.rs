//! Lists: the bundled presets and the knobs.

use crate::recipe::bundled::{BUNDLED, Bundled, SUITES};
use crate::recipe::{KNOBS, Knob, Recipe};

/// Name and summary of every bundled preset, then of every suite.
pub(super) fn presets() -> String {
    let all = || BUNDLED.iter().chain(SUITES);
    let width = all().map(|b| b.name.len()).max().unwrap_or(0);
    let lines =
        |list: &[Bundled]| list.iter().map(|b| format!("{:width$}  {}\n", b.name, b.summary())).collect::<String>();
    format!("{}\nSuites (tricktop suite NAME):\n{}", lines(BUNDLED), lines(SUITES))
}

/// Every knob as aligned columns.
pub(super) fn knobs() -> String {
    let rows: Vec<_> = std::iter::once(HEAD.map(String::from)).chain(KNOBS.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
    let (a, b, c) = (width(0), width(1), width(2));
    let line = |[knob, default, applies, section, help, allowed]: &[String; 6]| {
        format!("{knob:a$}  {default:b$}  {applies:c$}  {section:7}  {help} ({allowed})\n")
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
