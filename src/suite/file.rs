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
//!
//! A search has axes in the place of cells:
//!
//! ```ron
//!     design: Random(trials: 20),
//!     axes: [
//!         (knob: "schedule.base_lr", log: (0.01, 1.0)),
//!         (knob: "schedule.decay", values: [Cosine, Step]),
//!     ],
//!     halving: (factor: 3, from: 2),
//! ```

use super::collect::same;
use super::design::{self, Design, Row};
use super::{Cell, Halving, Suite, search};
use crate::recipe::mistakes::Place;
use crate::recipe::{Changes, Mistake, Mistakes, Preset, Recipe, Value, knobs, preset};
use ron::extensions::Extensions;
use ron::value::RawValue;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// How long the runs of a suite are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Budget {
    /// Epochs of every run.
    Epochs(u64),
    /// Minutes of all runs together, on this machine.
    Minutes(f64),
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
    #[serde(default)]
    cells: Vec<Part<'t>>,
    #[serde(default, borrow)]
    axes: Vec<search::Text<'t>>,
    #[serde(default)]
    halving: Option<Halving>,
    #[serde(default = "three")]
    seeds: u64,
    #[serde(default)]
    budget: Option<Budget>,
}

/// The base or a cell, as written.
#[derive(Deserialize)]
#[serde(rename = "cell", deny_unknown_fields)]
pub(super) struct Part<'t> {
    pub name: String,
    /// The preset that is changed from here on.
    #[serde(default)]
    preset: Option<PathBuf>,
    #[serde(default, borrow)]
    recipe: Option<&'t RawValue>,
    /// Whether a new ladder begins here: this row and those below it take none of the changes above.
    #[serde(default)]
    pub base: bool,
    /// The row that it is compared with; without a name the one that its design chooses.
    #[serde(default)]
    pub over: Option<String>,
    #[serde(default)]
    pub paper: Option<(f64, f64)>,
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
    let Text { title, source, base, design, cells, axes, halving, seeds, budget } = read;
    let parts: Vec<Part> = std::iter::once(base).chain(cells).collect();
    let (axes, rows) = design::rows(design, &parts, &axes).map_err(whole)?;
    let budgeted = budget.is_some();
    let made = Reader { path, shown: &shown, text: &text, budget: budgeted, mistakes: Vec::new() }.cells(&rows, &parts);
    let cells = made.map_err(Mistakes::from_iter)?;
    if let Some(Halving { factor, from }) = halving {
        if factor < 2 || from == 0 {
            return Err(whole(format!("halving is (factor: {factor}, from: {from}); it needs 2 and 1 at least")));
        }
        let epochs = |cell: &Cell| cell.recipe.train.epochs;
        if budget.is_none() && cells.iter().any(|cell| epochs(cell) != epochs(&cells[0])) {
            return Err(whole("halving compares rows after as many epochs: all need the same train.epochs".into()));
        }
        if budget.is_none() && epochs(&cells[0]) <= from {
            let epochs = epochs(&cells[0]);
            return Err(whole(format!(
                "halving compares after {from} epochs, and runs have {epochs}: nothing would fall out"
            )));
        }
        if let Some(cell) = cells.iter().find(|cell| cell.recipe.train.patience > 0) {
            let why = "has train.patience: a run that ends early could not be compared any more by halving";
            return Err(whole(format!("`{}` {why}", cell.name)));
        }
    }
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Suite { file: path.to_path_buf(), name, title, source, cells, seeds, budget, axes, halving })
}

fn one(mistake: Mistake) -> Mistakes {
    [mistake].into_iter().collect()
}

struct Reader<'t> {
    path: &'t Path,
    shown: &'t str,
    text: &'t str,
    /// Whether the suite says how long its runs are.
    budget: bool,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    fn cells(mut self, rows: &[Row], parts: &[Part]) -> Result<Vec<Cell>, Vec<Mistake>> {
        let steps: Vec<Changes> = parts.iter().map(|part| self.changes(part)).collect();
        let mut cells: Vec<Cell> = Vec::new();
        for (place, row) in rows.iter().enumerate() {
            let preset = row.has.iter().rev().find_map(|part| parts[*part].preset.as_deref());
            let preset = preset::beside(self.path, preset.unwrap_or(Path::new("quick")));
            let mut changes = Changes::new();
            for (knob, value) in row.has.iter().flat_map(|part| &steps[*part]).chain(row.point.iter().flatten()) {
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
                // The base of a search may be one of its points.
                Ok(recipe) if row.point.is_some() && same(&cells[0].recipe, &recipe) => {
                    cells[0].name += &format!(" ({})", row.name);
                }
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
        // Seeds, and the epochs of a budget, are the suite's own.
        let own = [("train.seed", Some(0)), ("train.epochs", self.budget.then_some(1))];
        let own = own.into_iter().filter_map(|(path, value)| Some((knobs::find(path)?, Value::Int(value?))));
        let own: Changes = own.collect();
        let bare = |cell: &Cell| cell.recipe.with(own.iter().cloned()).unwrap_or_else(|_| cell.recipe.clone());
        let recipes: Vec<Recipe> = cells.iter().map(bare).collect();
        for (place, cell) in cells.iter().enumerate() {
            if let Some(before) = (0..place).find(|before| same(&recipes[*before], &recipes[place])) {
                let before = &cells[before];
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
