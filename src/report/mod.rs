//! Runs, or a suite of them, as one HTML page that needs nothing beside it.
//!
//! [`Run::read`] and [`look`] gather what a run directory holds; all else is a pure function of that. A page has no
//! script, asks for nothing (its policy forbids it) and is bounded: curves are thinned, tables and pictures counted.

mod card;
mod chart;
mod classes;
mod compare;
mod curve;
mod facts;
mod gains;
mod page;
mod picks;
mod run;
mod samples;
mod scatter;
mod suite;

pub use card::{Carried, card};
pub use facts::{Judged, Marked, Ready, Run};
pub use picks::{Pick, Samples, SamplesError, look};
pub use suite::{Told, suite};

use maud::html;

/// Runs of which images are shown: each takes some hundred kilobytes, and an evaluation.
pub const SHOWN: usize = 6;

/// The report of these runs, in their order.
pub fn runs(runs: &[Run]) -> String {
    let title = match runs {
        [one] => one.name.clone(),
        _ => format!("{} runs", runs.len()),
    };
    let versions: Vec<&str> = runs.iter().flat_map(|run| &run.versions).map(String::as_str).collect();
    page::page(
        &title,
        html! {
            @if runs.len() > 1 { (compare::section(runs)) }
            @for (place, run) in runs.iter().enumerate() { (run::section(run, place, runs.len())) }
        },
        &versions,
    )
}
