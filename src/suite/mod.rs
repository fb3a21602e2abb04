//! Suites: a table of recipes, each trained with several seeds as ordinary runs, and what every trick is worth in it.

mod budget;
mod classes;
pub mod cluster;
mod collect;
mod columns;
mod control;
mod design;
mod file;
mod halving;
mod progress;
pub mod screen;
mod search;
pub mod slurm;
mod stats;
mod table;
mod tally;
mod train;

pub use budget::Store;
pub use collect::{Course, Ran, Results, Stage, collect};
pub use control::Control;
pub use file::{Budget, load};
pub use halving::Halving;
pub use progress::Progress;
pub use stats::{Gain, Spread};
pub use table::{Format, Row, Table};
pub use tally::{Live, Now, Tally};
pub use train::{Board, Job, Plan, Round, pace};

use crate::files::shell_word;
use crate::recipe::settings::Task;
use crate::recipe::{Changes, InvalidChanges, Knob, Recipe, Value, knobs};
use crate::train::Figure;
use std::path::{Path, PathBuf};

/// A table of recipes.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The file as it was opened.
    pub file: PathBuf,
    /// Stem of the file.
    pub name: String,
    /// What it is about, in one line.
    pub title: String,
    /// Where figures of the paper beside it come from.
    pub source: String,
    /// Its rows, the base first.
    pub cells: Vec<Cell>,
    /// Runs of every cell.
    pub seeds: u64,
    /// How long its runs are.
    pub budget: Option<Budget>,
    /// Of a search the knobs that are tried.
    pub axes: Vec<&'static Knob>,
    /// When rows fall out.
    pub halving: Option<Halving>,
}

impl Suite {
    /// The figures of its runs, the one that decides first: all have the task of its base.
    pub fn figures(&self) -> [Figure; 2] {
        Figure::of(self.cells.first().map_or(Task::Classify, |base| base.recipe.task))
    }
}

/// A row: a recipe.
#[derive(Clone, Debug)]
pub struct Cell {
    /// What a person calls it.
    pub name: String,
    /// The preset that it changes.
    pub preset: PathBuf,
    /// Its changes.
    pub changes: Changes,
    /// Both.
    pub recipe: Recipe,
    /// The row that it is compared with; a first row with itself.
    pub over: usize,
    /// The first row of its ladder.
    pub base: usize,
    /// Both figures in the paper, in percent: top-1 and top-5, or mIoU and pixAcc.
    pub paper: Option<(f64, f64)>,
}

/// A run of a suite.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its row.
    pub cell: usize,
    /// Its seed.
    pub seed: u64,
    /// All changes to the preset of its row.
    pub changes: Changes,
    /// Its recipe.
    pub recipe: Recipe,
}

impl Suite {
    /// Every run, first the first seed of every row: a suite that is stopped has whole tables.
    ///
    /// # Errors
    /// The row that is no recipe when its runs have so many epochs, and why.
    pub fn runs(&self, epochs: Option<u64>) -> Result<Vec<Run>, (usize, InvalidChanges)> {
        let places = (0..self.seeds).flat_map(|seed| (0..self.cells.len()).map(move |cell| (cell, seed)));
        places.map(|(cell, seed)| self.run(cell, seed, epochs).map_err(|invalid| (cell, invalid))).collect()
    }

    fn run(&self, cell: usize, seed: u64, epochs: Option<u64>) -> Result<Run, InvalidChanges> {
        let Cell { name, changes, recipe, .. } = &self.cells[cell];
        let own = [
            epochs.map(|epochs| change("train.epochs", Value::Int(epochs))),
            Some(change("train.seed", Value::Int(seed))),
            Some(change("name", Value::Word(format!("{cell:02}-{}-s{seed}", slug(name))))),
        ];
        let changes: Changes = changes.iter().cloned().chain(own.into_iter().flatten()).collect();
        let recipe = recipe.with(changes.iter().map(|(knob, value)| (*knob, value.clone())))?;
        Ok(Run { cell, seed, changes, recipe })
    }

    /// Arrays of jobs that it takes, one behind the other: one more than there are comparisons to come.
    pub fn arrays(&self, epochs: u64, results: &Results) -> usize {
        let next = results.courses.iter().filter_map(|course| course.rest()).min();
        let ahead = |halving: Halving, next: u64| halving.comparisons(epochs).filter(|at| *at >= next).count();
        1 + self.halving.zip(next).map_or(0, |(halving, next)| ahead(halving, next))
    }

    /// Whether a row is compared with another one than its base: else both gains are the same.
    pub fn is_ladder(&self) -> bool {
        self.cells.iter().any(|cell| cell.over != cell.base)
    }

    /// The command that trains a run, as a shell reads it.
    pub fn command(&self, run: &Run, runs: &Path) -> String {
        let mut command = format!("tricktop --batch {}", shell_word(&self.cells[run.cell].preset));
        for (knob, value) in &run.changes {
            command += &format!(" --set {}", shell_word(Path::new(&format!("{}={value}", knob.path))));
        }
        command + &format!(" --runs {}", shell_word(runs))
    }
}

/// A change of a knob that is in the table.
fn change(path: &str, value: Value) -> (&'static Knob, Value) {
    let Some(knob) = knobs::find(path) else { unreachable!("{path} is a knob") };
    (knob, value)
}

/// A name as a directory may have it.
fn slug(name: &str) -> String {
    let plain = name.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), " ");
    let words: Vec<&str> = plain.split_whitespace().collect();
    words.join("-").chars().take(40).collect()
}
