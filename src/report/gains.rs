//! What every row of a suite gains, with its interval, beside the paper's.

use super::chart::percent;
use super::curve::{Axis, tick};
use crate::suite::{Gain, Row, Table};
use maud::{Markup, html};

/// A row's gain: over the row above where there is a ladder, else over the base.
struct Gained<'a> {
    cell: &'a str,
    gain: Option<Gain>,
    paper: Option<f64>,
}

/// Gains as points with their intervals, on one scale.
pub(super) fn section(table: &Table) -> Markup {
    let ladder = table.rows.iter().any(|row| row.above.is_some());
    let gained = |row: &'_ Row| if ladder { row.above } else { row.base };
    let rows: Vec<Gained> = table
        .rows
        .iter()
        .map(|row| Gained { cell: &row.cell, gain: gained(row), paper: row.paper_gain })
        .filter(|row| row.gain.is_some() || row.paper.is_some())
        .collect();
    if rows.is_empty() {
        return html! {};
    }
    let axis = axis(&rows);
    let any_paper = rows.iter().any(|row| row.paper.is_some());
    let over = if ladder { "the row that each is compared with" } else { "the base" };
    html! {
        section {
            h3 { "Gains" }
            p.note { (table.title_of(0)) " over " (over) ", in points of percent." }
            div.scroll {
                table.gains {
                    tbody {
                        @for Gained { cell, gain, paper } in &rows {
                            tr {
                                th scope="row" { (cell) }
                                td.track { (track(&axis, *gain, *paper)) }
                                td.n { @if let Some(gain) = gain { (written(gain)) } }
                                @if any_paper {
                                    td.n.soft { @if let Some(paper) = paper { (format!("{paper:+.2}")) } }
                                }
                            }
                        }
                        tr.scale {
                            th {}
                            td.track { (scale(&axis)) }
                            td.n.soft { "here" }
                            @if any_paper { td.n.soft { "paper" } }
                        }
                    }
                }
            }
            p.legend {
                (key(false, "gain with its 95 % interval"))
                (key(true, "within its noise"))
                @if any_paper {
                    span.key {
                        svg.swatch width="10" height="10" { circle.paper cx="5" cy="5" r="4" {} }
                        "the paper's, on ImageNet"
                    }
                }
            }
        }
    }
}

fn key(unclear: bool, name: &str) -> Markup {
    html! {
        span.key {
            svg.swatch width="26" height="10" {
                line.interval.unclear[unclear] x1="1" x2="25" y1="5" y2="5" {}
                circle.gain.unclear[unclear] cx="13" cy="5" r="4" {}
            }
            (name)
        }
    }
}

/// Holds zero and all gains, and their intervals as far as they do not dwarf the gains.
fn axis(rows: &[Gained]) -> Axis {
    let middles = rows.iter().flat_map(|row| [row.gain.map(|gain| gain.mean), row.paper]).flatten();
    let far = middles.clone().fold(0.1, |most, v| v.abs().max(most)) * 2.0;
    let ends = rows.iter().filter_map(|row| row.gain).filter_map(|gain| Some((gain.mean, gain.margin?)));
    let ends = ends.flat_map(|(mean, margin)| [mean - margin, mean + margin]).map(|v| v.clamp(-far, far));
    Axis::linear(middles.chain(ends.collect::<Vec<_>>()).chain([0.0]))
}

fn track(axis: &Axis, gain: Option<Gain>, paper: Option<f64>) -> Markup {
    let x = |v: f64| percent(axis.place(v).clamp(0.0, 1.0));
    let label = gain.map_or(String::new(), |gain| written(&gain));
    html! {
        svg.gain width="100%" height="22" role="img" aria-label=(label) {
            line.zero x1=(x(0.0)) x2=(x(0.0)) y1="0" y2="22" {}
            @if let Some(gain) = gain {
                @let unclear = !gain.is_clear();
                @if let Some(margin) = gain.margin {
                    @let (from, to) = (x(gain.mean - margin), x(gain.mean + margin));
                    line.interval.unclear[unclear] x1=(from) x2=(to) y1="11" y2="11" {}
                }
                circle.gain.unclear[unclear] cx=(x(gain.mean)) cy="11" r="4.5" {}
            }
            @if let Some(paper) = paper { circle.paper cx=(x(paper)) cy="11" r="4.5" {} }
        }
    }
}

fn scale(axis: &Axis) -> Markup {
    html! {
        svg.gain width="100%" height="20" {
            @for value in axis.ticks() {
                text.below x=(percent(axis.place(value))) y="14" { @if value > 1e-9 { "+" } (tick(value)) }
            }
        }
    }
}

fn written(gain: &Gain) -> String {
    let margin = gain.margin.map_or(String::new(), |margin| format!(" ± {margin:.2}"));
    format!("{:+.2}{margin}", gain.mean)
}
