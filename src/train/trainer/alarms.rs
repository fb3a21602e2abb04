//! Alarms of a run in progress: what is looked at after every step, and what the recipe has them do.

use super::{Flow, Trainer};
use crate::data::Batch;
use crate::ops::Ops;
use crate::recipe::settings::Act;
use crate::train::alarms::{Trace, Waits, act, rate_over};
use crate::train::{AlarmKind, Event, Outcome, Output, State, TrainError};
use crate::tricks::schedule::Position;
use std::collections::BTreeSet;
use std::time::Duration;

/// What the alarms remember.
#[derive(Default)]
pub(super) struct Watched {
    pub(super) trace: Trace,
    waits: Waits,
    /// Layers that were dead when they were last looked at.
    dead: BTreeSet<String>,
    /// Whether the rate was over after the last step.
    over: bool,
}

/// What nobody is there to answer.
#[derive(Default)]
pub(super) struct Unanswered {
    /// The alarm that ends the run at the next step boundary.
    pub(super) fault: Option<String>,
    /// Whether it has gone on from a rollback.
    went_on: bool,
}

/// Layers that are named.
const NAMED: usize = 3;

impl<D: Ops<f32>, S: FnMut(Event)> Trainer<D, S> {
    /// Whether it is time to look for dead layers: once an epoch.
    pub(super) fn dead_are_due(&self, at: Position) -> bool {
        at.batch == at.batches && act(&self.recipe.alarms, AlarmKind::Dead) != Act::Off
    }

    /// Looks at a step that was made, and with `sample`, some of its images, for dead layers; says whether the run goes on
    /// where it stands.
    pub(super) fn watch(
        &mut self,
        sample: Option<Batch>,
        at: Position,
        outcome: &Outcome,
        (waited, took): (Duration, Duration),
    ) -> Result<Flow, TrainError> {
        let step = self.at.step;
        if let Some(usual) = self.watched.trace.push(outcome.loss.into(), self.recipe.alarms.spike_size)
            && let again @ Flow::Again = self.raise(
                AlarmKind::Spike,
                format!(
                    "loss {:.3} at step {step} is far above the {:.3} ± {:.3} of the steps before: a lower rate or a \
                     clip norm helps",
                    outcome.loss, usual.mean, usual.deviation
                ),
            )
        {
            return Ok(again);
        }
        let over = rate_over(at, &self.recipe);
        if let Some((rate, left)) = over.filter(|_| !self.watched.over) {
            self.raise(
                AlarmKind::RateOver,
                format!(
                    "the rate is {rate:.1e} at step {step}, at the end of its schedule, and {left:.1} epochs are left in \
                     which nothing is learnt: edit lr, decay or milestones, or shorten train.epochs"
                ),
            );
        }
        self.watched.over = over.is_some();
        if let Some(share) = self.watched.waits.push(waited, took, self.recipe.alarms.wait_share) {
            self.raise(
                AlarmKind::Wait,
                format!(
                    "{:.0} % of the last 10 seconds up to step {step} went on waiting for images: pack them (tricktop \
                     data pack), store them smaller, or give --threads more",
                    100.0 * share
                ),
            );
        }
        sample.map_or(Ok(Flow::On), |sample| self.watch_outputs(sample))
    }

    /// Looks for layers that have died since the last look.
    fn watch_outputs(&mut self, images: Batch) -> Result<Flow, TrainError> {
        let outputs = self.learner.outputs(images).map_err(TrainError::device)?;
        // What is frozen cannot have died.
        let frozen = self.learner.frozen_layers(&self.recipe, self.at.epoch);
        let died = |(name, output): &(String, Output)| output.is_dead() && !frozen.contains(name);
        let dead: Vec<String> = outputs.into_iter().filter(died).map(|(name, _)| name).collect();
        let new: Vec<&str> = dead.iter().filter(|d| !self.watched.dead.contains(*d)).map(String::as_str).collect();
        let message = (!new.is_empty()).then(|| {
            let named = new.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
            let more = if new.len() > NAMED { format!(" and {} more", new.len() - NAMED) } else { String::new() };
            let gives = if new.len() == 1 { "gives" } else { "give" };
            let step = self.at.step;
            format!("{named}{more} {gives} nothing but zeros after step {step} (dead): roll back, and lower the rate")
        });
        self.watched.dead = dead.into_iter().collect();
        Ok(message.map_or(Flow::On, |message| self.raise(AlarmKind::Dead, message)))
    }

    /// Does what the recipe says of an alarm. A run that rolls back or pauses waits for a person: it never tries again
    /// by itself. Where there is none it ends as failed, with the words of the alarm.
    pub(super) fn raise(&mut self, kind: AlarmKind, message: String) -> Flow {
        let mut act = act(&self.recipe.alarms, kind);
        if self.options.again && kind != AlarmKind::NonFinite && act != Act::Off {
            act = Act::Tell;
        }
        let back = match act {
            Act::Off => return Flow::On,
            Act::RollBack => Some(self.back_from_edit()),
            Act::Tell | Act::Pause => None,
        };
        let (waits, alone, step) = (act != Act::Tell, self.options.unattended, self.at.step);
        let rolled_back = matches!(back, Some(Ok(_)));
        let goes_on = alone && rolled_back && !std::mem::replace(&mut self.unanswered.went_on, true);
        let end = match back {
            None if waits && !alone => "; paused".to_string(),
            None => String::new(),
            Some(Ok(from)) => {
                let then = match alone {
                    false => ", and paused",
                    true if goes_on => "; goes on without it, and the next such alarm ends the run",
                    true => "",
                };
                format!("; rolled back from step {from} to step {step}, to before the last edit{then}")
            }
            Some(Err(why)) => format!("; {}not rolled back: {why}", if alone { "" } else { "paused and " }),
        };
        let message = message + &end;
        self.send(Event::Alarm { step, kind, message: message.clone() });
        match alone {
            _ if !waits || goes_on => {}
            false => self.enter(State::Paused),
            true => self.unanswered.fault = Some(message),
        }
        if rolled_back { Flow::Again } else { Flow::On }
    }
}
