//! The search for a learning rate, as the screen that asked for it sees it.

use super::modal::Modal;
use super::orders::change;
use super::state::State;
use super::{Effect, Point, Tone, number};
use crate::recipe::Value;
use crate::recipe::knobs::find;
use crate::train::{Command, RateSearch, When};
use crate::tricks::finder::STEPS;
use crate::tricks::schedule::{lr_after, peak_lr};

/// A search: its losses over the logarithm of the rate, and what is said of it.
#[derive(Clone, Debug, Default)]
pub struct Finder {
    /// Smoothed losses.
    pub smooth: Vec<Point>,
    /// Losses of the batches.
    pub raw: Vec<Point>,
    /// The logarithm of the suggested rate.
    pub at: Option<f64>,
    /// What is said of it, in one sentence each.
    pub said: Vec<String>,
    /// Whether it is over.
    pub over: bool,
    /// The value for `schedule.base_lr`.
    base_lr: Option<f64>,
}

/// Asks for a search, and opens its window.
pub(crate) fn ask(state: &mut State) -> Vec<Effect> {
    let said = vec!["waiting for the end of the step".to_string()];
    state.modal = Some(Modal::Finder(Box::new(Finder { said, ..Finder::default() })));
    vec![Effect::Send(Command::FindRate)]
}

/// Takes a report in; a screen that has not asked hears of the end alone.
pub(crate) fn take(state: &mut State, report: RateSearch) {
    let mut ended = None;
    let mut finder = match &mut state.modal {
        Some(Modal::Finder(finder)) => Some(finder),
        _ => None,
    };
    match (report, &mut finder) {
        (RateSearch::Begun, Some(finder)) => ***finder = Finder::default(),
        (RateSearch::Point(p), Some(finder)) => {
            let x = p.lr.log10();
            finder.smooth.push(Point { x, y: p.smooth });
            finder.raw.push(Point { x, y: p.loss });
            let (step, rate, loss) = (finder.smooth.len(), number::rate(p.lr), number::loss(p.smooth));
            finder.said = vec![format!("step {step} of {STEPS}: rate {rate}, loss {loss}")];
        }
        (RateSearch::Found { suggestion, base_lr, why }, _) => {
            let (told, more) = match (suggestion, base_lr) {
                (Some(found), Some(lr)) => {
                    let (rate, steepest) = (number::rate(found.lr), number::rate(found.steepest));
                    let told = format!("a rate of {rate} is suggested; the loss falls fastest at {steepest}");
                    (told, Some(format!("lr {lr:?} has it at the peak of the schedule{}", share(state))))
                }
                _ => ("no rate is suggested: the loss does not fall, or too few steps were made".into(), None),
            };
            ended = Some(format!("lr-find: {told} ({why})"));
            if let Some(Modal::Finder(finder)) = &mut state.modal {
                finder.said = [Some(why), Some(told), more].into_iter().flatten().collect();
                (finder.over, finder.base_lr, finder.at) = (true, base_lr, suggestion.map(|found| found.lr.log10()));
            }
        }
        (_, None) => {}
    }
    if let Some(text) = ended {
        state.note(Tone::Plain, text);
    }
}

/// How much of its peak the schedule has now, where that is less.
fn share(state: &State) -> String {
    let share = lr_after(state.run.epoch, &state.recipe) / peak_lr(&state.recipe);
    if share < 0.995 { format!(", of which it now has {:.0} %", 100.0 * share) } else { String::new() }
}

/// Takes the suggestion as an edit; while the search goes on its window stays.
pub(crate) fn accept(state: &mut State, finder: Box<Finder>) -> Vec<Effect> {
    match (finder.base_lr, find("schedule.base_lr")) {
        (Some(lr), Some(knob)) => change(state, knob, Value::Float(lr), When::Now),
        _ if finder.over => Vec::new(),
        _ => {
            state.modal = Some(Modal::Finder(finder));
            Vec::new()
        }
    }
}

/// Leaves the window, and ends a search that goes on.
pub(crate) fn leave(finder: &Finder) -> Vec<Effect> {
    if finder.over { Vec::new() } else { vec![Effect::Send(Command::EndFinding)] }
}
