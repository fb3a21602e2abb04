//! The columns of the table of a suite.

use super::table::Row;
use super::{Gain, Spread};

/// A column: for people, and its numbers alone.
pub(super) struct Column {
    pub head: Head,
    /// What stands in it, or nothing.
    pub cell: fn(&Row) -> String,
    pub raw: &'static [(&'static str, Number)],
}

/// What stands above a column: words, or the name of a figure, which begins the names of its numbers too.
pub(super) enum Head {
    Text(&'static str),
    Figure(usize),
}

pub(super) type Number = fn(&Row) -> Option<f64>;

/// Every column.
pub(super) const COLUMNS: &[Column] = &[
    Column { head: Head::Text(""), cell: |row| row.cell.clone(), raw: &[] },
    Column {
        head: Head::Text("runs"),
        cell: |row| row.runs.to_string(),
        raw: &[("runs", |row| Some(row.runs as f64))],
    },
    Column {
        head: Head::Text("epochs"),
        cell: |row| row.epochs.map_or(String::new(), |epochs| epochs.to_string()),
        // (stands before the other numbers, where there are any)
        raw: &[],
    },
    Column {
        head: Head::Figure(0),
        cell: |row| spread(row.score()),
        raw: &[("", |row| row.score().map(|s| s.mean)), ("_deviation", |row| row.score().and_then(|s| s.deviation))],
    },
    Column {
        head: Head::Figure(1),
        cell: |row| spread(row.figures[1].1.filter(|_| row.second_tells)),
        raw: &[
            ("", |row| row.figures[1].1.map(|s| s.mean)),
            ("_deviation", |row| row.figures[1].1.and_then(|s| s.deviation)),
        ],
    },
    Column {
        head: Head::Text("Δ above"),
        cell: |row| gain(row.above),
        raw: &[("above", |row| row.above.map(|g| g.mean)), ("above_margin", |row| row.above.and_then(|g| g.margin))],
    },
    Column {
        head: Head::Text("Δ base"),
        cell: |row| gain(row.base),
        raw: &[("base", |row| row.base.map(|g| g.mean)), ("base_margin", |row| row.base.and_then(|g| g.margin))],
    },
    Column {
        head: Head::Text("paper"),
        cell: |row| row.paper.map_or(String::new(), |(score, second)| format!("{score:.2} / {second:.2}")),
        raw: &[("paper_top1", |row| row.paper.map(|p| p.0)), ("paper_top5", |row| row.paper.map(|p| p.1))],
    },
    Column {
        head: Head::Text("paper Δ"),
        cell: |row| row.paper_gain.map_or(String::new(), |gain| format!("{gain:+.2}")),
        raw: &[("paper_gain", |row| row.paper_gain)],
    },
    Column {
        head: Head::Text("params"),
        cell: |row| row.parameters.map_or(String::new(), |n| format!("{:.2} M", n as f64 / 1e6)),
        raw: &[("parameters", |row| row.parameters.map(|n| n as f64))],
    },
    Column {
        head: Head::Text("mult-adds"),
        cell: |row| row.multiply_adds.map_or(String::new(), |n| format!("{:.3} G", n as f64 / 1e9)),
        raw: &[("multiply_adds", |row| row.multiply_adds.map(|n| n as f64))],
    },
    Column {
        head: Head::Text("s/epoch"),
        cell: |row| row.epoch_seconds.map_or(String::new(), |s| format!("{s:.1}")),
        raw: &[("epoch_seconds", |row| row.epoch_seconds)],
    },
    Column {
        head: Head::Text("img/s"),
        cell: |row| row.img_s.map_or(String::new(), |v| format!("{v:.0}")),
        raw: &[("img_s", |row| row.img_s)],
    },
];

fn spread(of: Option<Spread>) -> String {
    of.map_or(String::new(), |spread| spread.to_string())
}

fn gain(of: Option<Gain>) -> String {
    of.map_or(String::new(), |gain| gain.to_string())
}
