//! The section of one run.

use super::chart::{Chart, Look, Mark, Series};
use super::facts::Ready;
use super::page::{command, count, duration, facts, figures, head, loss, millions, numbers, of, percent};
use super::{Run, classes, samples};
use crate::app::number;
use crate::recipe::Recipe;
use crate::train::{EpochEnd, Figure};
use maud::{Markup, html};

/// Rows that a table of epochs has at most.
const EPOCHS: usize = 60;

/// Epochs that stand in the page as they are; more are folded.
const OPEN: usize = 12;

/// Everything about a run, the `place`-th of `all`.
pub(super) fn section(run: &Run, place: usize, all: usize) -> Markup {
    let last = run.epochs.last();
    let evaluated = |of: fn(&EpochEnd) -> String| last.map(of);
    let [score, second] = run.figures().map(Figure::title);
    let other = last.and_then(|end| run.second(&end.evaluation)).map(|second| percent(second.value));
    html! {
        article.run id={ "run-" (place + 1) } {
            header {
                @if all == 1 { h1 { (run.name) } } @else { h2 { (run.name) } }
                p.lede { (lede(run)) }
            }
            (figures(&[
                (score, evaluated(|end| percent(end.evaluation.figures.score().value))),
                (second, other),
                ("test loss", evaluated(|end| loss(end.evaluation.loss))),
                ("training loss", evaluated(|end| loss(end.train_loss))),
                (&format!("best {score}"), run.best_score()),
            ]))
            @if let Some(end) = last {
                p.note {
                    "All but the best are those of the last epoch, " (end.epoch) ", step "
                    (count(end.evaluation.step)) "."
                }
            }
            @if let Some(message) = &run.alarm { p.alarm { "The last alarm: " (message) } }
            (curves(run))
            (edits(run))
            (epochs(run))
            (classes::sections(run))
            (samples::section(run))
            (recipe(run))
            (made(run))
        }
    }
}

fn lede(run: &Run) -> String {
    let ready = run.ready.as_ref().map_or(String::new(), |Ready { net, data, .. }| format!("{net} on {data}: "));
    let steps = run.steps().map_or(String::new(), |steps| format!(", {} steps", count(steps)));
    let edits = match run.edits.len() {
        0 => String::new(),
        n => format!(", {}", of(n, "edit", "edits")),
    };
    format!("{ready}{}, {}{steps}{edits}", run.state, of(run.epochs.len(), "epoch", "epochs"))
}

/// The edits as marks of a chart.
pub(super) fn marks(run: &Run) -> Vec<Mark> {
    let mark = |(i, edit): (usize, &super::Marked)| {
        let changes: Vec<String> =
            edit.changes.iter().map(|c| format!("{} {} → {}", c.knob.path, c.from, c.to)).collect();
        Mark { x: edit.epoch, number: (i + 1).to_string(), title: changes.join(", "), colour: None }
    };
    run.edits.iter().enumerate().map(mark).collect()
}

fn curves(run: &Run) -> Markup {
    let marks = marks(run);
    let series = |name: &str, colour, look, points| Series { name: name.into(), colour, look, points };
    let training: Vec<_> = run.by_epoch(|end| end.train_loss).into_iter().map(|(x, y)| (x - 0.5, y)).collect();
    let [score, second] = run.figures().map(Figure::title);
    let scores = run.by_epoch(|end| end.evaluation.figures.score().percent());
    let mut accuracy = vec![series(score, 0, Look::Dotted, scores)];
    if run.epochs.iter().any(|end| run.second(&end.evaluation).is_some()) {
        let others = run.by_epoch(|end| end.evaluation.figures.scores()[1].percent());
        accuracy.push(series(second, 2, Look::Dotted, others));
    }
    let chart = |title, unit, wide, series| {
        Chart { title, unit, series, marks: &marks, epochs: run.epochs.len() as f64, wide }.html()
    };
    html! {
        section.charts {
            h3 { "Curves" }
            div.pair {
                (chart("Loss", "cross entropy", true, vec![
                    series("training, single steps", 0, Look::Faint, run.losses.clone()),
                    series("training, mean of an epoch", 0, Look::Dotted, training),
                    series("test", 1, Look::Dotted, run.by_epoch(|end| end.evaluation.loss)),
                ]))
                (chart("Accuracy", "% of the test set", false, accuracy))
                (chart("Learning rate", "at every logged step", false, vec![
                    series("learning rate", 3, Look::Line, run.rates.clone()),
                ]))
            }
        }
    }
}

fn edits(run: &Run) -> Markup {
    if run.edits.is_empty() {
        return html! {};
    }
    html! {
        section {
            h3 { "Edits" }
            div.scroll {
                table.words {
                    (head(&["", "after step", "epoch", "change"]))
                    tbody {
                        @for (i, edit) in run.edits.iter().enumerate() {
                            tr {
                                th scope="row" { (i + 1) }
                                td.n { (count(edit.step)) }
                                td.n { (format!("{:.2}", edit.epoch)) }
                                td {
                                    @for change in &edit.changes {
                                        div { code { (change.knob.path) } " " (change.from) " → " b { (change.to) } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The epochs as a table: of many those at equal distances, the best and the last.
fn epochs(run: &Run) -> Markup {
    let all = run.epochs.len();
    let best = run.best().map(|end| end.epoch);
    let [score, second] = run.figures().map(Figure::title);
    let heads = &["epoch", "steps", "training loss", "test loss", score, second];
    let told = run.epochs.iter().any(|end| run.second(&end.evaluation).is_some());
    let heads = if told { &heads[..] } else { &heads[..5] };
    let every = all.div_ceil(EPOCHS).max(1) as u64;
    let shown = |end: &&EpochEnd| end.epoch.is_multiple_of(every) || Some(end.epoch) == best || end.epoch == all as u64;
    let row = |end: &EpochEnd| {
        let e = &end.evaluation;
        let mark = if Some(end.epoch) == best { " best" } else { "" };
        let mut row = vec![
            format!("{}{mark}", end.epoch),
            count(e.step),
            loss(end.train_loss),
            loss(e.loss),
            percent(e.figures.score().value),
            percent(e.figures.scores()[1].value),
        ];
        row.truncate(heads.len());
        row
    };
    let table = numbers(heads, run.epochs.iter().filter(shown).map(row));
    html! {
        section {
            h3 { "Epochs" }
            @if all == 0 { p.none { "none has ended yet" } }
            @else if all <= OPEN { (table) }
            @else {
                details {
                    summary { (of(all, "epoch", "epochs")) @if every > 1 { ", every " (every) "th" } }
                    (table)
                }
            }
        }
    }
}

fn recipe(run: &Run) -> Markup {
    let default = Recipe::default();
    let differs = default.changes_to(&run.recipe);
    html! {
        section {
            h3 { "Recipe" }
            @if differs.is_empty() { p { "The defaults, without a change." } } @else {
                div.scroll {
                    table.words {
                        (head(&["knob", "value", "default"]))
                        tbody {
                            @for (knob, value) in &differs {
                                tr {
                                    th scope="row" { code { (knob.path) } }
                                    td { (value) " " (knob.unit) }
                                    td.soft { (default.get(knob)) }
                                }
                            }
                        }
                    }
                }
            }
            details { summary { "Every knob, as the run was started" } pre { code { (run.recipe.to_ron()) } } }
        }
    }
}

/// What it was made on and with, and how to make it again.
fn made(run: &Run) -> Markup {
    let ready = run.ready.as_ref();
    let list = [
        ("device", run.devices.join(", then ")),
        ("speed", run.img_s.map_or(String::new(), |v| format!("{v:.0} images a second"))),
        ("started", run.time.map_or(String::new(), |(first, _)| format!("{} UTC", number::date(first)))),
        ("first to last step", run.time.map_or(String::new(), |(first, last)| duration(last - first))),
        ("net", ready.map_or(String::new(), |ready| ready.net.clone())),
        ("parameters", ready.map_or(String::new(), |ready| millions(ready.parameters))),
        (
            "multiply-adds",
            ready.map_or(String::new(), |ready| format!("{:.3} G an image", ready.multiply_adds as f64 / 1e9)),
        ),
        ("images", ready.map_or(String::new(), images)),
        ("tricktop", run.versions.join(", then ")),
        ("directory", run.dir.display().to_string()),
    ];
    html! {
        section {
            h3 { "Made on, made with" }
            (facts(&list))
            h4 { "The same run again" }
            (command(&run.reproduce()))
            h4 { "It was started by" }
            @for line in &run.commands { (command(line)) }
        }
    }
}

fn images(ready: &Ready) -> String {
    let Ready { train_images, test_images, data, .. } = ready;
    format!("{data}: {} for training, {} for testing", count(*train_images as u64), count(*test_images as u64))
}
