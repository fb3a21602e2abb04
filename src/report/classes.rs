//! How every class was recognised, and what it was taken for.

use super::facts::{Judged, Run};
use super::page::{count, numbers, percent};
use crate::train::{Confusion, Figure, Tally};
use maud::{Markup, html};

/// Classes that a matrix may have, and those whose counts are written into it.
const MATRIX: usize = 40;
const WRITTEN: usize = 14;

/// Rows of a list of many.
const LISTED: usize = 30;

/// The sections of the last confusion matrix of a run.
pub(super) fn sections(run: &Run) -> Markup {
    let Some(Judged { step, epoch, confusion }) = &run.judged else {
        return html! { section { h3 { "Classes" } p.none { "nothing was evaluated yet" } } };
    };
    let epoch = (epoch * 100.0).round() / 100.0;
    let weights = format!("Weights of the last evaluation, epoch {epoch}, step {}.", count(*step));
    html! {
        section {
            h3 { "Classes" }
            p.note { (weights) }
            (accuracy(run, confusion))
        }
        section {
            h3 { "Confusion" }
            p.note { (weights) }
            @match confusion.rows(MATRIX) {
                Some(rows) => (matrix(run, &rows)),
                None => (pairs(run, confusion)),
            }
        }
    }
}

/// A row for each class, or for the worst of many.
fn accuracy(run: &Run, confusion: &Confusion) -> Markup {
    let mut classes: Vec<(usize, Tally)> = confusion.tallies().into_iter().enumerate().collect();
    let all = classes.len();
    if all > MATRIX {
        classes.retain(|(_, tally)| tally.images > 0);
        let of = |tally: &Tally| run.figures()[0].of_class(tally);
        classes.sort_by(|(_, a), (_, b)| of(a).partial_cmp(&of(b)).unwrap_or(std::cmp::Ordering::Equal));
        classes.truncate(LISTED);
    }
    let figure = run.figures()[0];
    let pixels = figure == Figure::Miou;
    let share = |v: Option<f64>| html! { @match v { Some(v) => (percent(v)), None => "–" } };
    let row = |(label, tally): (usize, Tally)| {
        vec![
            html! { (run.class(label)) },
            html! { (count(tally.images)) },
            html! { (count(tally.correct)) },
            share(figure.of_class(&tally)),
            share(tally.precision()),
            html! { (bar(figure.of_class(&tally).unwrap_or_default())) },
        ]
    };
    let (name, meaning) = if pixels {
        ("IoU", "IoU: pixels that are of a class and predicted so, of those that are either.")
    } else {
        ("accuracy", "Accuracy: share of a class's images that were predicted to be of it.")
    };
    let counted = figure.counted();
    html! {
        (numbers(&["class", counted, "right", name, "precision", ""], classes.into_iter().map(row)))
        @if all > MATRIX { p.note { "The " (LISTED) " least accurate of " (count(all as u64)) " classes." } }
        p.note {
            (meaning) " Precision: share of the " (counted) " that were predicted to be of it that are."
        }
    }
}

fn bar(share: f64) -> Markup {
    html! {
        svg.bar role="img" aria-label=(percent(share)) width="100" height="8" {
            rect.ground width="100" height="8" rx="2" {}
            rect.fill width={ (format!("{:.1}", 100.0 * share)) } height="8" rx="2" {}
        }
    }
}

/// The matrix as a table; colours are shares of a row.
fn matrix(run: &Run, rows: &[Vec<u64>]) -> Markup {
    let written = rows.len() <= WRITTEN;
    let cell = |label: usize, predicted: usize, n: u64, of: u64| {
        let share = if of > 0 { n as f64 / of as f64 } else { 0.0 };
        // Mistakes are few: their colours rise faster.
        let right = label == predicted;
        let depth = if right { share } else { share.sqrt() };
        let title = format!("{} predicted as {}: {n}, {}", run.class(label), run.class(predicted), percent(share));
        html! {
            @if n == 0 { td {} } @else {
                td.right[right].wrong[!right] style={ "--v:" (format!("{depth:.2}")) } title=(title) {
                    @if written { (n) }
                }
            }
        }
    };
    html! {
        div.scroll {
            table.matrix.small[!written] {
                thead {
                    tr {
                        th.corner { "label ↓ predicted →" }
                        @for class in (0..rows.len()).map(|predicted| run.class(predicted)) {
                            th scope="col" title=(class) { span { (class) } }
                        }
                    }
                }
                tbody {
                    @for (label, row) in rows.iter().enumerate() {
                        tr {
                            th scope="row" title=(run.class(label)) { span { (run.class(label)) } }
                            @for (predicted, n) in row.iter().enumerate() {
                                (cell(label, predicted, *n, row.iter().sum()))
                            }
                        }
                    }
                }
            }
        }
        p.note {
            "A row for each label, a column for what was predicted. Colours show shares of a row, those of mistakes "
            "magnified."
        }
    }
}

/// The most frequent confusions, where a matrix would be too large.
fn pairs(run: &Run, confusion: &Confusion) -> Markup {
    let (tallies, wrong) = (confusion.tallies(), confusion.mistaken());
    let row = |&[label, predicted, n]: &[u64; 3]| {
        let of = tallies.get(label as usize).map_or(0, |tally| tally.images).max(1);
        vec![run.class(label as usize), run.class(predicted as usize), count(n), percent(n as f64 / of as f64)]
    };
    html! {
        (numbers(&["label", "predicted", run.figures()[0].counted(), "share of the label"], wrong.iter().take(LISTED).map(row)))
        p.note {
            "The " (wrong.len().min(LISTED)) " most frequent of " (count(wrong.len() as u64))
            " confusions; a matrix of " (count(confusion.classes.into())) " classes would not be readable."
        }
    }
}
