//! The text of a suite.
//!
//! ```ron
//! (
//!     title: "Table 6: training refinements",
//!     base: (name: "efficient", preset: "../quick.ron"),
//!     design: Ladder,
//!     cells: [
//!         (name: "+ cosine decay", recipe: (schedule: (decay: Cosine))),
//!     ],
//!     seeds: 3,
//!     budget: Epochs(6),
//! )
//! ```

use super::collect::same;
use super::{Cell, Suite};
use crate::recipe::mistakes::Place;
use crate::recipe::{Changes, Mistake, Mistakes, Preset, Recipe, preset};
use ron::extensions::Extensions;
use ron::value::RawValue;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Rows that a suite may have.
const MOST_CELLS: usize = 512;

/// How long the runs of a suite are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Budget {
    /// Epochs of every run.
    Epochs(u64),
    /// Minutes of all runs together, on this machine.
    Minutes(f64),
}

/// How the rows follow from the cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
enum Design {
    /// Every row has the changes of all cells up to its own.
    #[default]
    Ladder,
    /// Every row has the changes of its own cell alone.
    Alone,
    /// The base has all changes; every other row lacks those of its cell.
    LeaveOneOut,
    /// A row for every choice of cells.
    Full,
}

#[derive(Deserialize)]
#[serde(rename = "suite", deny_unknown_fields)]
struct Text<'t> {
    title: String,
    #[serde(default)]
    source: String,
    #[serde(borrow)]
    base: Part<'t>,
    #[serde(default)]
    design: Design,
    cells: Vec<Part<'t>>,
    #[serde(default = "three")]
    seeds: u64,
    #[serde(default)]
    budget: Option<Budget>,
}

/// The base or a cell, as written.
#[derive(Deserialize)]
#[serde(rename = "cell", deny_unknown_fields)]
struct Part<'t> {
    name: String,
    /// The preset that is changed from here on.
    #[serde(default)]
    preset: Option<PathBuf>,
    #[serde(default, borrow)]
    recipe: Option<&'t RawValue>,
    /// Whether a new ladder begins here: this row and those below it take none of the changes above.
    #[serde(default)]
    base: bool,
    /// The row that it is compared with; without a name the one that its design chooses.
    #[serde(default)]
    over: Option<String>,
    #[serde(default)]
    paper: Option<(f64, f64)>,
}

fn three() -> u64 {
    3
}

/// Loads a suite by the path of a file or the name of a bundled one.
///
/// # Errors
/// Every mistake of its recipes, or the first of its form.
pub fn load(path: &Path) -> Result<Suite, Mistakes> {
    let (shown, text) = preset::text(path).map_err(one)?;
    let whole = |message: String| one(Mistake { place: Place::whole(&shown), message });
    let options = ron::Options::default().with_default_extension(Extensions::IMPLICIT_SOME);
    let read: Text = options.from_str(&text).map_err(|e| {
        let position = Some((e.span.end.line, e.span.end.col));
        one(Mistake { place: Place { source: shown.clone(), position }, message: format!("not a suite: {}", e.code) })
    })?;
    if read.seeds == 0 || read.seeds > 1000 {
        return Err(whole(format!("seeds is {}; it must be from 1 to 1000", read.seeds)));
    }
    let Text { title, source, base, design, cells, seeds, budget } = read;
    let parts: Vec<Part> = std::iter::once(base).chain(cells).collect();
    let made = Reader { path, shown: &shown, text: &text, mistakes: Vec::new() }.cells(design, &parts);
    let cells = made.map_err(Mistakes::from_iter)?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Suite { file: path.to_path_buf(), name, title, source, cells, seeds, budget })
}

fn one(mistake: Mistake) -> Mistakes {
    [mistake].into_iter().collect()
}

/// A row as its design makes it; numbers are places, the base's is 0.
struct Row {
    name: String,
    /// The parts whose changes it has.
    has: Vec<usize>,
    /// The row that it is compared with.
    over: usize,
    /// The first row of its ladder.
    base: usize,
    paper: Option<(f64, f64)>,
}

impl Design {
    /// The rows, for the base and the cells.
    fn rows(self, parts: &[Part]) -> Vec<Row> {
        let cells = 1..parts.len();
        let row = |name: String, has, paper| Row { name, has, over: 0, base: 0, paper };
        let own = |place: usize, has| row(parts[place].name.clone(), has, parts[place].paper);
        match self {
            Design::Ladder | Design::Alone => {
                let mut base = 0;
                let rows = (0..parts.len()).map(|place| {
                    base = if parts[place].base { place } else { base };
                    let (has, over) = match self {
                        _ if place == base => (vec![place], place),
                        Design::Alone => (vec![base, place], base),
                        _ => ((base..=place).collect(), place - 1),
                    };
                    Row { over, base, ..own(place, has) }
                });
                rows.collect()
            }
            Design::LeaveOneOut => {
                let without = |out: usize| {
                    let rest = (0..parts.len()).filter(|place| *place != out).collect();
                    row(format!("without {}", parts[out].name), rest, None)
                };
                std::iter::once(own(0, (0..parts.len()).collect())).chain(cells.map(without)).collect()
            }
            Design::Full => {
                let choice = |bits: usize| {
                    let chosen: Vec<usize> = cells.clone().filter(|place| bits >> (place - 1) & 1 == 1).collect();
                    let names: Vec<&str> = chosen.iter().map(|place| parts[*place].name.as_str()).collect();
                    let has = std::iter::once(0).chain(chosen.iter().copied()).collect();
                    if bits == 0 { own(0, has) } else { row(names.join(", "), has, None) }
                };
                (0..1 << cells.len()).map(choice).collect()
            }
        }
    }
}

struct Reader<'t> {
    path: &'t Path,
    shown: &'t str,
    text: &'t str,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    fn cells(mut self, design: Design, parts: &[Part]) -> Result<Vec<Cell>, Vec<Mistake>> {
        let many = match design {
            Design::Full if parts.len() > 1 + MOST_CELLS.ilog2() as usize => true,
            _ => parts.len() > MOST_CELLS,
        };
        if many {
            return Err(vec![self.mistake(format!("has more than {MOST_CELLS} rows"))]);
        }
        if let (Design::LeaveOneOut | Design::Full, Some(part)) =
            (design, parts.iter().find(|part| part.base || part.over.is_some()))
        {
            let why = format!("`{}` has `base` or `over`: they are for the designs Ladder and Alone", part.name);
            return Err(vec![self.mistake(why)]);
        }
        let steps: Vec<Changes> = parts.iter().map(|part| self.changes(part)).collect();
        let rows = design.rows(parts);
        let mut cells = Vec::new();
        for (place, row) in rows.iter().enumerate() {
            let preset = row.has.iter().rev().find_map(|part| parts[*part].preset.as_deref());
            let preset = preset::beside(self.path, preset.unwrap_or(Path::new("quick")));
            let mut changes = Changes::new();
            for (knob, value) in row.has.iter().flat_map(|part| &steps[*part]) {
                changes.retain(|(other, _)| other.path != knob.path);
                changes.push((knob, value.clone()));
            }
            let over = match parts.get(place).and_then(|part| part.over.as_deref()) {
                None => row.over,
                Some(name) => rows.iter().position(|row| row.name == name).unwrap_or_else(|| {
                    let why = format!("`{}` is to be compared with `{name}`, which is no row", row.name);
                    self.mistakes.push(self.mistake(why));
                    0
                }),
            };
            match self.recipe(&row.name, &preset, &changes) {
                Ok(recipe) => {
                    let (name, base, paper) = (row.name.clone(), row.base, row.paper);
                    cells.push(Cell { name, preset, changes, recipe, over, base, paper });
                }
                Err(mistakes) => self.mistakes.extend(mistakes),
            }
        }
        if !self.mistakes.is_empty() {
            return Err(self.mistakes);
        }
        for (place, cell) in cells.iter().enumerate() {
            if let Some(before) = cells[..place].iter().find(|before| same(&before.recipe, &cell.recipe)) {
                let why = format!("`{}` and `{}` are the same recipe", before.name, cell.name);
                self.mistakes.push(self.mistake(why));
            }
        }
        if self.mistakes.is_empty() { Ok(cells) } else { Err(self.mistakes) }
    }

    fn mistake(&self, message: String) -> Mistake {
        Mistake { place: Place::whole(self.shown), message }
    }

    /// The knobs of a partial recipe.
    fn changes(&mut self, part: &Part) -> Changes {
        let Some(recipe) = part.recipe else { return Vec::new() };
        preset::part(self.shown, self.text, recipe.trim().get_ron()).unwrap_or_else(|mistakes| {
            self.mistakes.extend(mistakes);
            Vec::new()
        })
    }

    fn recipe(&self, name: &str, path: &Path, changes: &Changes) -> Result<Recipe, Vec<Mistake>> {
        let Preset { recipe, .. } = preset::load(path).map_err(|mistakes| mistakes.list().to_vec())?;
        recipe
            .with(changes.iter().map(|(knob, value)| (*knob, value.clone())))
            .map(Recipe::settled)
            .map_err(|invalid| vec![self.mistake(format!("`{name}` is no recipe: {invalid}"))])
    }
}
