//! The metrics of a run as a table and as one document.

use super::dir::{LOG, METRICS};
use super::record::journal;
use super::{Line, Record, RunError, logs};
use crate::train::{Figure, Figures, Score};
use serde::Serialize;
use std::collections::HashMap;
use std::path::Path;

/// A column of the table: its name, and the value that a line has for it.
type Column = (&'static str, fn(&Line) -> Option<String>);

const COLUMNS: &[Column] = &[
    ("event", |line| match line {
        Line::Step { .. } => Some("step".into()),
        Line::EpochEnd { .. } => Some("epoch_end".into()),
        Line::Evaluation { .. } => Some("evaluation".into()),
        _ => None,
    }),
    ("step", |line| match line {
        Line::Step { step, .. } | Line::EpochEnd { step, .. } | Line::Evaluation { step, .. } => Some(step.to_string()),
        _ => None,
    }),
    ("epoch", |line| match line {
        Line::Step { epoch, .. } | Line::Evaluation { epoch, .. } => Some(epoch.to_string()),
        Line::EpochEnd { epoch, .. } => Some(epoch.to_string()),
        _ => None,
    }),
    ("loss", |line| if let Line::Step { loss, .. } = line { Some(loss.to_string()) } else { None }),
    ("lr", |line| if let Line::Step { lr, .. } = line { Some(lr.to_string()) } else { None }),
    ("img_s", |line| if let Line::Step { img_s, .. } = line { img_s.map(|v| v.to_string()) } else { None }),
    (
        "train_loss",
        |line| if let Line::EpochEnd { train_loss, .. } = line { Some(train_loss.to_string()) } else { None },
    ),
    ("val_loss", |line| evaluation(line).map(|(loss, _)| loss.to_string())),
];

/// Loss and figures on the test set.
fn evaluation(line: &Line) -> Option<(f64, Figures)> {
    match line {
        Line::EpochEnd { val_loss, figures, .. } | Line::Evaluation { val_loss, figures, .. } => {
            Some((*val_loss, *figures))
        }
        _ => None,
    }
}

/// Steps, epochs and evaluations of the run in `dir` as comma-separated values; what a row does not have is empty.
///
/// # Errors
/// A file that cannot be read.
pub fn csv(dir: &Path) -> Result<String, RunError> {
    let row = |cells: Vec<String>| cells.join(",") + "\n";
    let lines = metrics(dir)?;
    let scores = Figure::of(Record::read(dir)?.recipe.task).map(|figure| format!("val_{}", figure.key()));
    let mut table = row(COLUMNS.iter().map(|(name, _)| name.to_string()).chain(scores).collect());
    for line in lines.iter().filter(|line| !matches!(line, Line::Confusion { .. })) {
        let scores = match evaluation(line) {
            Some((_, figures)) => figures.scores().map(|score| score.value.to_string()),
            None => Default::default(),
        };
        table += &row(COLUMNS.iter().map(|(_, of)| of(line).unwrap_or_default()).chain(scores).collect());
    }
    Ok(table)
}

/// Everything that a run has recorded.
#[derive(Serialize)]
struct Document {
    recipe: crate::recipe::Recipe,
    /// Best score at the end of an epoch.
    #[serde(flatten, with = "crate::train::best")]
    best: Option<Score>,
    /// The epoch that ended with it.
    best_epoch: Option<u64>,
    edits: Vec<Line>,
    metrics: Vec<Line>,
    chain: Vec<crate::train::Link>,
    log: Vec<Line>,
}

/// Recipe, edits, metrics, chain and log of the run in `dir` as one JSON document.
///
/// # Errors
/// A file that cannot be read.
pub fn json(dir: &Path) -> Result<String, RunError> {
    let Record { recipe, chain, log, .. } = Record::read(dir)?;
    let log = log.into_iter().filter(|line| !matches!(line, Line::Speed { .. })).collect();
    let metrics = metrics(dir)?;
    let best = metrics.iter().rev().find_map(|line| match line {
        Line::EpochEnd { epoch, figures, best: true, .. } => Some((figures.score(), *epoch)),
        _ => None,
    });
    let (best, best_epoch) = (best.map(|(score, _)| score), best.map(|(_, epoch)| epoch));
    let document = Document { recipe, best, best_epoch, edits: journal(dir)?, metrics, chain, log };
    let text = serde_json::to_string_pretty(&document);
    Ok(text.map_err(|e| RunError::read(dir)(e.into()))? + "\n")
}

/// The metrics, with the speed of each step from the log.
pub(super) fn metrics(dir: &Path) -> Result<Vec<Line>, RunError> {
    let speeds: HashMap<u64, f64> = logs::read(&dir.join(LOG))?
        .into_iter()
        .filter_map(|line| if let Line::Speed { step, img_s, .. } = line { Some((step, img_s)) } else { None })
        .collect();
    let mut lines: Vec<Line> = logs::read(&dir.join(METRICS))?;
    for line in &mut lines {
        if let Line::Step { step, img_s, .. } = line {
            *img_s = speeds.get(step).copied();
        }
    }
    Ok(lines)
}
