//! The crosshair: a place in the run at which all curves are read.

use super::history::{Curve, Window};
use super::number;
use super::run::Run;
use super::state::State;

/// Places between the ends of a chart; the crosshair moves from one to the next.
const PLACES: f64 = 120.0;

/// What the curves say at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Steps done.
    pub step: u64,
    /// Epochs done.
    pub epoch: f64,
    /// Training loss, smoothed.
    pub train: Option<f64>,
    /// Validation loss as last evaluated.
    pub val: Option<f64>,
    /// Learning rate.
    pub rate: Option<f64>,
    /// The task's figures as last evaluated, with their names.
    pub figures: [(&'static str, Option<f64>); 2],
    /// Training loss of the curve that stands behind.
    pub behind: Option<f64>,
    /// What was edited there.
    pub edits: Vec<String>,
}

impl Run {
    /// What the curves say after `epoch` epochs.
    pub(crate) fn reading(&self, epoch: f64, window: Window) -> Reading {
        let value = |curve: &Curve, window| curve.at(window, epoch).map(|p| p.y);
        let known = |curve: &Curve| value(curve, Window::Whole);
        Reading {
            step: self.step_at(epoch),
            epoch,
            train: value(&self.smooth, window),
            val: known(&self.val_loss),
            rate: value(&self.rate, window),
            figures: [(self.titles()[0], known(&self.score)), (self.titles()[1], known(&self.second))],
            behind: self.ghost.as_ref().and_then(|ghost| value(&ghost.smooth, window)),
            edits: self.marks.iter().filter(|m| m.epoch == epoch).map(|m| m.label.clone()).collect(),
        }
    }
}

impl State {
    /// What the curves say at the crosshair, when there is one.
    pub fn reading(&self) -> Option<Reading> {
        self.run.crosshair.map(|epoch| self.run.reading(epoch, self.window))
    }

    /// The epochs at both ends of the charts.
    pub(crate) fn span(&self) -> (f64, f64) {
        let run = &self.run;
        match (self.window, run.raw.first_recent(), run.raw.last()) {
            (Window::Recent, Some(first), Some(last)) if last.x > first.x => (first.x, last.x),
            _ => (0.0, self.plan.epochs.max(run.epoch)),
        }
    }
}

impl Reading {
    /// The values in words, the most important first.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = vec![format!("step {}, epoch {:.2}", number::thousands(self.step), self.epoch)];
        words.extend(self.edits.iter().cloned());
        let loss = |name: &str, v: Option<f64>| v.map(|v| format!("{name} {}", number::loss(v)));
        words.extend(loss("train", self.train));
        words.extend(loss("behind", self.behind));
        words.extend(loss("val", self.val));
        words.extend(self.rate.map(|v| format!("lr {}", number::rate(v))));
        let figure = |(title, v): (&str, Option<f64>)| v.map(|v| format!("{title} {}", number::percent(v)));
        words.extend(self.figures.into_iter().filter_map(figure));
        words
    }
}

/// Moves the crosshair by so many places; an edit on the way stops it. The first move shows it where the run stands.
pub(crate) fn shift(state: &mut State, by: isize) {
    // What was told before would hide what is read.
    state.notice = None;
    let (first, end) = state.span();
    let last = end.min(state.run.epoch).max(first);
    let Some(at) = state.run.crosshair else {
        state.run.crosshair = (state.run.step > 0).then_some(state.run.epoch);
        return;
    };
    let to = (at + by as f64 * (end - first) / PLACES).clamp(first, last);
    let passed = |epoch: f64| if to > at { epoch > at && epoch < to } else { epoch < at && epoch > to };
    let marks = state.run.marks.iter().map(|m| m.epoch).filter(|epoch| passed(*epoch));
    let stop = if to > at { marks.fold(to, f64::min) } else { marks.fold(to, f64::max) };
    state.run.crosshair = Some(if by.unsigned_abs() == 1 { stop } else { to });
}
