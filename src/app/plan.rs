//! The learning rate that is to come, for the recipe with its pending edits and for a value that is being typed.

use super::{Pending, Point};
use crate::recipe::{Knob, Recipe, Value};
use crate::train::When;
use crate::tricks::schedule::{lr_after, peak_lr};

/// Points of a future.
const POINTS: usize = 480;

/// What will happen to the rate.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The rate to come, from now to the last epoch.
    pub future: Vec<Point>,
    /// The same with the value that is being typed or the preset that waits for an answer; empty when that is no other.
    pub draft: Vec<Point>,
    /// The rate at the peak of the schedule now in force.
    pub peak: f64,
    /// Epochs of the planned run (of the draft, when there is one).
    pub epochs: f64,
}

/// Where a run stands, as far as a plan needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) epoch: f64,
    pub(crate) step: u64,
    pub(crate) steps_per_epoch: f64,
}

impl Now {
    fn epoch_at(&self, knob: &Knob, when: When) -> f64 {
        let of_step = |n: u64| self.epoch + n.saturating_sub(self.step + 1) as f64 / self.steps_per_epoch.max(1.0);
        match when.effective(knob.applies) {
            When::Now => self.epoch,
            When::NextEpoch => self.epoch.ceil(),
            When::Step(n) => of_step(n),
            When::EpochFrom(n) => of_step(n).ceil(),
        }
    }
}

/// A change and the epoch from which it is to count.
type Edit = (f64, (&'static Knob, Value));

/// A recipe and the epoch from which it is in force.
struct Turn {
    at: f64,
    recipe: Recipe,
}

impl Plan {
    /// Works the plan out again.
    pub(crate) fn new(now: Now, recipe: &Recipe, pending: &[Pending], draft: &[(&'static Knob, Value, When)]) -> Plan {
        let change = |knob: &'static Knob, to: &Value, when| (now.epoch_at(knob, when), (knob, to.clone()));
        let mut edits: Vec<Edit> = pending.iter().map(|p| change(p.knob, &p.to, p.when())).collect();
        let future = turns(now, recipe, &edits);
        edits.extend(draft.iter().map(|(knob, to, when)| change(knob, to, *when)));
        let drafted = (!draft.is_empty()).then(|| turns(now, recipe, &edits));
        let line = sample(now, &future);
        let typed = drafted.as_deref().map(|turns| sample(now, turns)).filter(|typed| *typed != line);
        let epochs = |turns: &[Turn]| turns.iter().map(|t| t.recipe.train.epochs as f64).fold(0.0, f64::max);
        Plan {
            peak: peak_lr(recipe),
            epochs: epochs(drafted.as_deref().unwrap_or(&future)),
            draft: typed.unwrap_or_default(),
            future: line,
        }
    }
}

/// The recipes in force from now on, by the epoch in which they start. Changes of one time go in together.
fn turns(now: Now, recipe: &Recipe, edits: &[Edit]) -> Vec<Turn> {
    let mut times: Vec<f64> = edits.iter().map(|(at, _)| *at).collect();
    times.sort_by(f64::total_cmp);
    times.dedup();
    let mut turns = vec![Turn { at: now.epoch, recipe: recipe.clone() }];
    let mut current = recipe.clone();
    for at in times {
        let changes = edits.iter().filter(|(t, _)| *t == at).map(|(_, change)| change.clone());
        if let Ok(next) = current.with(changes) {
            current = next;
            turns.push(Turn { at, recipe: current.clone() });
        }
    }
    if let Some(first) = turns.iter().rposition(|t| t.at <= now.epoch) {
        turns.drain(..first);
    }
    turns
}

fn sample(now: Now, turns: &[Turn]) -> Vec<Point> {
    let Some(last) = turns.last() else { return Vec::new() };
    let end = last.recipe.train.epochs as f64;
    if end <= now.epoch {
        return Vec::new();
    }
    let at = |i: usize| now.epoch + (end - now.epoch) * i as f64 / (POINTS - 1) as f64;
    let rate = |x: f64| {
        let turn = turns.iter().rev().find(|t| t.at < x).unwrap_or(&turns[0]);
        Point { x, y: lr_after(x, &turn.recipe) }
    };
    (0..POINTS).map(|i| rate(at(i))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::knobs::find;

    const NOW: Now = Now { epoch: 4.5, step: 450, steps_per_epoch: 100.0 };

    fn plan(draft: &[(&str, Value, When)]) -> Plan {
        let draft: Vec<_> = draft.iter().map(|(path, v, when)| (find(path).unwrap(), v.clone(), *when)).collect();
        Plan::new(NOW, &Recipe::default(), &[], &draft)
    }

    #[test]
    fn the_future_ends_at_zero_with_the_cosine() {
        let plan = plan(&[]);
        assert_eq!(plan.future.len(), POINTS);
        assert_eq!(plan.future[0].x, 4.5);
        assert!(plan.future[POINTS - 1].y.abs() < 1e-12);
        assert!(plan.draft.is_empty());
        assert_eq!(plan.epochs, 15.0);
    }

    #[test]
    fn a_draft_at_a_step_bends_the_line_from_there_on() {
        let plan = plan(&[("schedule.base_lr", Value::Float(0.2), When::Step(951))]);
        for (old, new) in plan.future.iter().zip(&plan.draft) {
            let factor = if new.x > 9.5 { 2.0 } else { 1.0 };
            assert!((new.y - factor * old.y).abs() < 1e-12, "{new:?} {old:?}");
        }
    }

    #[test]
    fn a_draft_of_more_epochs_makes_the_plan_longer() {
        let plan = plan(&[("train.epochs", Value::Int(30), When::Now)]);
        assert_eq!(plan.epochs, 30.0);
        assert_eq!(plan.draft[POINTS - 1].x, 30.0);
        for (old, new) in plan.future.iter().zip(&plan.draft).filter(|(_, new)| new.x <= 5.0) {
            assert!(new.y <= old.y + 1e-3, "the run takes its new length at the next epoch: {new:?} {old:?}");
        }
    }

    #[test]
    fn what_does_not_bend_the_rate_is_no_draft() {
        assert!(plan(&[("optim.momentum", Value::Float(0.8), When::Now)]).draft.is_empty());
    }

    #[test]
    fn a_run_past_its_end_has_no_future() {
        let now = Now { epoch: 15.0, step: 1, steps_per_epoch: 0.0 };
        assert!(Plan::new(now, &Recipe::default(), &[], &[]).future.is_empty());
    }
}
