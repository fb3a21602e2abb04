//! The list as lines, for people and for programs.

use super::Run;
use crate::app::number;
use crate::recipe::Recipe;
use crate::text::{columns, left, right, shown};
use crate::train::{Figure, Score};
use serde::Serialize;
use std::path::Path;
use std::time::Duration;

/// Columns of text with a heading.
pub fn text(runs: &[Run]) -> String {
    let figure = figure(runs);
    let best = figure.map_or("best".into(), |figure| format!("best {}", figure.title()));
    let head = ["run", "begun (UTC)", "state", "epochs", &best, "at epoch", "time", "tags and note"].map(String::from);
    let rows: Vec<[String; 8]> =
        std::iter::once(head).chain(runs.iter().map(|run| row(run, figure.is_none()))).collect();
    let width = |column: usize| rows.iter().map(|row| columns(&row[column])).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    let line = |row: &[String; 8]| {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column {
            4..=6 => right(cell, width),
            _ => left(cell, width),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_string() + "\n"
    };
    rows.iter().map(line).collect()
}

/// The figure that all runs have in common: that of classification without runs.
pub(crate) fn figure<'a>(runs: impl IntoIterator<Item = &'a Run>) -> Option<Figure> {
    let mut figures = runs.into_iter().map(|run| Figure::of(run.brief.recipe.task)[0]);
    let first = figures.next().unwrap_or(Figure::Top1);
    figures.all(|figure| figure == first).then_some(first)
}

/// A score in percent, `named` where others stand beside it that are of another figure.
pub(crate) fn score(of: Score, named: bool) -> String {
    let name = if named { format!("{} ", of.figure.title()) } else { String::new() };
    format!("{name}{:.2}", of.percent())
}

fn row(run: &Run, named: bool) -> [String; 8] {
    let brief = &run.brief;
    let tags = brief.notes.tags.iter().map(|tag| format!("#{tag}"));
    let said = tags.chain([brief.notes.note.clone()]).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    [
        shown(&run.name).into(),
        number::date(brief.begun),
        brief.status.word().into(),
        epochs(run),
        brief.best.map_or("-".into(), |best| score(best, named)),
        brief.best_epoch.map_or("-".into(), |epoch| epoch.to_string()),
        took(run),
        shown(&said).into(),
    ]
}

/// Epochs that are done, of those that are planned.
pub(crate) fn epochs(run: &Run) -> String {
    let all = run.brief.recipe.train.epochs;
    match run.brief.epoch {
        Some(epoch) => format!("{}/{all}", epoch.floor()),
        None if run.can_go_on() => format!("0/{all}"),
        None => all.to_string(),
    }
}

/// The best score in percent with the epoch that ended with it: `83.40 (epoch 11)`.
pub(crate) fn best(run: &Run, named: bool) -> Option<String> {
    let epoch = run.brief.best_epoch.map_or(String::new(), |epoch| format!(" (epoch {epoch})"));
    run.brief.best.map(|best| format!("{}{epoch}", score(best, named)))
}

/// The time that the last start took.
pub(crate) fn took(run: &Run) -> String {
    number::duration(Duration::try_from_secs_f64(run.brief.seconds).unwrap_or_default())
}

/// A run as programs read it.
#[derive(Serialize)]
struct Out<'a> {
    run: &'a str,
    dir: &'a Path,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    step: u64,
    #[serde(flatten, with = "crate::train::best")]
    best: Option<Score>,
    best_epoch: Option<u64>,
    /// Seconds since 1970.
    begun: f64,
    /// Of the last start.
    seconds: f64,
    edits: usize,
    parent: Option<&'a Path>,
    note: &'a str,
    tags: &'a [String],
    recipe: &'a Recipe,
}

/// One JSON object a line.
///
/// # Errors
/// None that is known: all that is written is text and numbers.
pub fn json(runs: &[Run]) -> Result<String, serde_json::Error> {
    let line = |run: &Run| {
        let brief = &run.brief;
        let out = Out {
            run: &run.name,
            dir: &brief.dir,
            state: brief.status.word(),
            error: brief.error.as_deref(),
            step: brief.step,
            best: brief.best,
            best_epoch: brief.best_epoch,
            begun: brief.begun,
            seconds: brief.seconds,
            edits: brief.edits.len(),
            parent: brief.parent.as_deref(),
            note: &brief.notes.note,
            tags: &brief.notes.tags,
            recipe: &brief.recipe,
        };
        Ok(serde_json::to_string(&out)? + "\n")
    };
    runs.iter().map(line).collect()
}
