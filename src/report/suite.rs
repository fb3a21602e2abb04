//! The report of a suite: its table, what every row gains, the curves of the rows, and how each run is made again.

use super::chart::{Chart, Look, Series};
use super::curve::Point;
use super::page::{command, facts, head, numbers, of, page};
use super::{Run, gains, scatter};
use crate::recipe::{Changes, Recipe};
use crate::suite::{self, Results, Suite, Table};
use crate::train::EpochEnd;
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::path::Path;

/// Rows whose curves are drawn.
const DRAWN: usize = 24;

/// A suite, its runs, and what there is of them.
pub struct Told<'a> {
    /// The suite.
    pub suite: &'a Suite,
    /// Where its runs are.
    pub dir: &'a Path,
    /// Its runs.
    pub runs: &'a [suite::Run],
    /// What they came to.
    pub results: &'a Results,
    /// What their directories say, where there are any.
    pub read: Vec<Option<Run>>,
}

/// The report of a suite.
pub fn suite(told: &Told<'_>) -> String {
    let Told { suite, runs, results, read, .. } = told;
    let table = Table::new(suite, runs, results).ranked();
    let versions: Vec<&str> = read.iter().flatten().flat_map(|run| &run.versions).map(String::as_str).collect();
    let done = results.ran.iter().flatten().filter(|ran| ran.counts()).count();
    let (heads, cells) = table.grid();
    let body = html! {
        article {
            header {
                h1 { (table.head()) }
                p.lede {
                    (of(suite.cells.len(), "row", "rows")) ", " (done) " of " (of(runs.len(), "run", "runs")) " done"
                    @if suite.halving.is_some() { ", or out after a comparison" }
                }
            }
            section {
                h3 { "Table" }
                (numbers(&heads, cells.into_iter()))
                @for note in table.notes() { p.note { (note) } }
                @for note in &results.notes { p.note { (note) } }
            }
            (scatter::section(&table))
            (gains::section(&table))
            (told.curves())
            (told.recipes())
            (told.made())
        }
    };
    page(&suite.title, body, &versions)
}

impl Told<'_> {
    /// What is read of the runs of a row that count: those that are done, or else the one that is furthest.
    fn of_row(&self, cell: usize) -> Vec<&Run> {
        let row =
            || self.runs.iter().zip(&self.results.ran).zip(&self.read).filter(move |((run, _), _)| run.cell == cell);
        let is_done = |ran: &Option<suite::Ran>| ran.as_ref().is_some_and(suite::Ran::counts);
        let done: Vec<&Run> =
            row().filter(|((_, ran), _)| is_done(ran)).filter_map(|(_, read)| read.as_ref()).collect();
        let furthest = || row().filter_map(|(_, read)| read.as_ref()).max_by_key(|run| run.epochs.len());
        if done.is_empty() { furthest().into_iter().collect() } else { done }
    }

    fn curves(&self) -> Markup {
        let cells = &self.suite.cells[..self.suite.cells.len().min(DRAWN)];
        let rows: Vec<Vec<&Run>> = (0..cells.len()).map(|cell| self.of_row(cell)).collect();
        let epochs = self.runs.iter().map(|run| run.recipe.train.epochs).max().unwrap_or_default() as f64;
        let chart = |title, unit, wide, look, of: &dyn Fn(&[&Run]) -> Vec<Point>| {
            let series = |(colour, (cell, row)): (usize, (&suite::Cell, &Vec<&Run>))| Series {
                name: cell.name.clone(),
                colour,
                look,
                points: of(row),
            };
            let series = cells.iter().zip(&rows).enumerate().map(series).collect();
            Chart { title, unit, series, marks: &[], epochs, wide }.html()
        };
        html! {
            section.charts {
                h3 { "Curves" }
                p.note { "Of every row the mean over the seeds that are done; without any, the run that is furthest." }
                div.pair {
                    (chart("Accuracy", self.suite.figures()[0].title(), false, Look::Dotted,
                        &|row| mean(row, |end| end.evaluation.figures.score().percent())))
                    (chart("Test loss", "cross entropy", true, Look::Dotted,
                        &|row| mean(row, |end| end.evaluation.loss)))
                    (chart("Training loss", "mean of an epoch, of each row's own targets", true, Look::Dotted,
                        &|row| mean(row, |end| end.train_loss)))
                    (chart("Learning rate", "of the first seed", false, Look::Line,
                        &|row| row.first().map(|run| run.rates.clone()).unwrap_or_default()))
                }
                @if self.suite.cells.len() > DRAWN { p.note { "The curves of the first " (DRAWN) " rows." } }
            }
        }
    }

    /// The recipe of a row's first run.
    fn recipe(&self, cell: usize) -> &Recipe {
        let run = self.runs.iter().find(|run| run.cell == cell);
        run.map_or(&self.suite.cells[cell].recipe, |run| &run.recipe)
    }

    /// What every row changes in the one that it is compared with, and the whole recipe of the base.
    fn recipes(&self) -> Markup {
        let (cells, default) = (&self.suite.cells, Recipe::default());
        html! {
            section {
                h3 { "Differences" }
                div.scroll {
                    table.words {
                        (head(&["row", "compared with", "change"]))
                        tbody {
                            @for (place, cell) in cells.iter().enumerate() {
                                @let first = cell.over == place;
                                @let before = if first { &default } else { self.recipe(cell.over) };
                                tr {
                                    th scope="row" { (cell.name) }
                                    td { @if first { "the defaults" } @else { (cells[cell.over].name) } }
                                    td { (changes(before, &before.changes_to(self.recipe(place)))) }
                                }
                            }
                        }
                    }
                }
                @if let Some(base) = cells.first() {
                    details { summary { "Every knob of " (base.name) } pre { code { (self.recipe(0).to_ron()) } } }
                }
            }
        }
    }

    /// Hardware, versions, and the commands.
    fn made(&self) -> Markup {
        let mut devices: BTreeMap<&str, usize> = BTreeMap::new();
        let mut versions: BTreeMap<&str, usize> = BTreeMap::new();
        for run in self.read.iter().flatten() {
            run.devices.iter().for_each(|device| *devices.entry(device).or_default() += 1);
            run.versions.iter().for_each(|version| *versions.entry(version).or_default() += 1);
        }
        let list = |counts: &BTreeMap<&str, usize>| {
            let item = |(what, n): (&&str, &usize)| format!("{what} ({})", of(*n, "run", "runs"));
            counts.iter().map(item).collect::<Vec<_>>().join(", ")
        };
        let ready = self.read.iter().flatten().find_map(|run| run.ready.as_ref());
        let seeds = of(self.suite.seeds as usize, "seed", "seeds");
        html! {
            section {
                h3 { "Made on, made with" }
                (facts(&[
                    ("device", list(&devices)),
                    ("images", ready.map_or(String::new(), |ready| ready.data.clone())),
                    ("repeats", seeds),
                    ("tricktop", list(&versions)),
                    ("suite", self.suite.file.display().to_string()),
                    ("runs", self.dir.display().to_string()),
                ]))
            }
            section {
                h3 { "Runs" }
                details {
                    summary { "The command of every run" }
                    @for ((run, ran), read) in self.runs.iter().zip(&self.results.ran).zip(&self.read) {
                        div.again {
                            p {
                                b { (self.suite.cells[run.cell].name) } ", seed " (run.seed) ": "
                                (ran.as_ref().map_or("not there yet".into(), |ran| ran.stage.words()))
                                @if let Some((score, _)) = ran.as_ref().and_then(|ran| ran.scores.last()) {
                                    (format!(", {} {score:.2} %", self.suite.figures()[0].title()))
                                }
                            }
                            (command(&self.suite.command(run, self.dir)))
                            @if let Some(read) = read { (command(&read.reproduce())) }
                        }
                    }
                }
            }
        }
    }
}

/// Knobs that change, each on a line; those that name and repeat a run are not what a row is about.
fn changes(before: &Recipe, changes: &Changes) -> Markup {
    html! {
        @for (knob, value) in changes.iter().filter(|(knob, _)| !["name", "train.seed"].contains(&knob.path)) {
            div { code { (knob.path) } " " (before.get(knob)) " → " b { (value) } }
        }
    }
}

/// A value of every epoch, its mean over the runs, as far as all have come.
fn mean(runs: &[&Run], of: impl Fn(&EpochEnd) -> f64) -> Vec<Point> {
    let epochs = runs.iter().map(|run| run.epochs.len()).min().unwrap_or_default();
    let point = |i: usize| {
        let sum: f64 = runs.iter().map(|run| of(&run.epochs[i])).sum();
        (runs[0].epochs[i].epoch as f64, sum / runs.len() as f64)
    };
    (0..epochs).map(point).collect()
}
