//! Several runs beside one another.

use super::Run;
use super::chart::{Chart, Look, Mark, Series};
use super::page::{count, loss, millions, numbers, percent};
use super::run::marks;
use crate::recipe::settings::Task;
use crate::recipe::{KNOBS, Knob};
use crate::runs::Course;
use crate::train::Figure;
use maud::{Markup, html};

/// Runs whose curves are drawn together.
const DRAWN: usize = 24;

/// The place of top-5 among the figures.
const SECOND: usize = 3;

/// The figures of the runs, their curves in common charts, and the knobs in which they differ.
pub(super) fn section(runs: &[Run]) -> Markup {
    html! {
        header {
            h1 { (runs.len()) " runs" }
            p.lede { (runs.iter().map(|run| run.name.as_str()).collect::<Vec<_>>().join(", ")) }
        }
        section { h3 { "Figures" } (figures(runs)) }
        (curves(runs))
        section { h3 { "Differences" } (differences(runs)) }
    }
}

fn figures(runs: &[Run]) -> Markup {
    let second = runs.iter().any(|run| run.epochs.iter().any(|end| run.second(&end.evaluation).is_some()));
    let row = |(place, run): (usize, &Run)| {
        let text = |text: Option<String>| html! { (text.unwrap_or_else(|| "–".into())) };
        let last = run.epochs.last();
        let row = vec![
            html! { a href={ "#run-" (place + 1) } { (run.name) } },
            text(last.map(|end| percent(end.evaluation.figures.score().value))),
            text(run.best_score()),
            text(last.and_then(|end| run.second(&end.evaluation)).map(|second| percent(second.value))),
            text(last.map(|end| loss(end.evaluation.loss))),
            text(last.map(|end| end.epoch.to_string())),
            text(run.steps().map(count)),
            html! { (run.edits.len()) },
            text(run.ready.as_ref().map(|ready| millions(ready.parameters))),
            text(run.img_s.map(|v| format!("{v:.0}"))),
            html! { (run.state) },
        ];
        columns(row, second)
    };
    let [score, other] = titles(runs);
    let heads = ["run", score, "best", other, "test loss", "epochs", "steps", "edits", "params", "img/s", "state"];
    html! {
        (numbers(&columns(heads.to_vec(), second), runs.iter().enumerate().map(row)))
        p.note {
            "Accuracy and loss on the test images with the weights of the last epoch; best: the highest " (score) " of any "
            "epoch."
        }
    }
}

/// The names of the figures that all runs have in common, else of what they are.
fn titles(runs: &[Run]) -> [&'static str; 2] {
    let first = runs.first().map_or(Figure::of(Task::Classify), Run::figures);
    if runs.iter().all(|run| run.figures() == first) { first.map(Figure::title) } else { ["score", "second figure"] }
}

/// The cells of a row of figures, without that of the second one where it tells nothing.
fn columns<T>(mut cells: Vec<T>, second: bool) -> Vec<T> {
    if !second {
        cells.remove(SECOND);
    }
    cells
}

fn curves(runs: &[Run]) -> Markup {
    let epochs = runs.iter().map(|run| run.epochs.len()).max().unwrap_or_default() as f64;
    let drawn = &runs[..runs.len().min(DRAWN)];
    let several = drawn.iter().filter(|run| !run.edits.is_empty()).count() > 1;
    let all: Vec<Mark> = drawn
        .iter()
        .enumerate()
        .flat_map(|(colour, run)| {
            let own = move |mark: Mark| {
                let title = format!("{}: {}", run.name, mark.title);
                Mark { title, colour: Some(colour), ..mark }
            };
            marks(run).into_iter().map(own)
        })
        // A number alone would not say of which run it is.
        .map(|mark| if several { Mark { number: String::new(), ..mark } } else { mark })
        .collect();
    let chart = |title, unit, wide, look, of: &dyn Fn(&Run) -> Vec<(f64, f64)>| {
        let series = |(colour, run): (usize, &Run)| Series { name: run.name.clone(), colour, look, points: of(run) };
        let series = drawn.iter().enumerate().map(series).collect();
        Chart { title, unit, series, marks: &all, epochs, wide }.html()
    };
    html! {
        section.charts {
            h3 { "Curves" }
            div.pair {
                (chart("Accuracy", titles(runs)[0], false, Look::Dotted,
                    &|run| run.by_epoch(|end| end.evaluation.figures.score().percent())))
                (chart("Test loss", "cross entropy", true, Look::Dotted,
                    &|run| run.by_epoch(|end| end.evaluation.loss)))
                (chart("Training loss", "mean of an epoch, of each run's own targets", true, Look::Dotted,
                    &|run| run.by_epoch(|end| end.train_loss)))
                (chart("Learning rate", "at every logged step", false, Look::Line, &|run| run.rates.clone()))
            }
            @if runs.len() > DRAWN { p.note { "The curves of the first " (DRAWN) " runs." } }
        }
    }
}

/// The knobs whose values are not the same in all runs.
fn differences(runs: &[Run]) -> Markup {
    let courses = |knob: &'static Knob| (knob, runs.iter().map(|run| run.course(knob)).collect::<Vec<_>>());
    let differ = |(_, courses): &(_, Vec<Course>)| courses.windows(2).any(|pair| pair[0] != pair[1]);
    let knobs: Vec<_> = KNOBS.iter().filter(|knob| knob.path != "name").map(courses).filter(differ).collect();
    if knobs.is_empty() {
        return html! { p { "The recipes and the edits are the same." } };
    }
    html! {
        div.scroll {
            table.words {
                thead { tr { th scope="col" { "knob" } @for run in runs { th scope="col" { (run.name) } } } }
                tbody {
                    @for (knob, courses) in knobs {
                        tr {
                            th scope="row" { code { (knob.path) } }
                            @for course in courses { td { (course.text(ToString::to_string)) " " (knob.unit) } }
                        }
                    }
                }
            }
        }
        p.note { "The knobs in which the runs differ: as started, and every edit with the steps done before it." }
    }
}
