//! What happens in a run, as lines.

use super::Line;
use crate::recipe::{Recipe, Value};
use crate::train::{Event, StepRecord};
use std::borrow::Cow;
use std::path::Path;

/// Turns the events of one run into lines. It follows the edits of `train.log_every`.
#[derive(Debug)]
pub struct Lines<'d> {
    dir: Cow<'d, Path>,
    log_every: u64,
}

impl<'d> Lines<'d> {
    /// For a run of `recipe` in `dir`.
    pub fn new(recipe: &Recipe, dir: impl Into<Cow<'d, Path>>) -> Self {
        Self { dir: dir.into(), log_every: recipe.train.log_every }
    }

    /// Whether this step is at a log interval.
    fn logs(&self, step: &StepRecord) -> bool {
        step.step.is_multiple_of(self.log_every)
    }

    /// The lines of `event`, in order.
    pub fn of(&mut self, event: &Event) -> Vec<Line> {
        match event {
            Event::Started(info) => vec![Line::Ready {
                net: info.net.clone(),
                parameters: info.parameters,
                multiply_adds: info.multiply_adds,
                data: info.data.clone(),
                train_images: info.train_images,
                test_images: info.test_images,
                classes: info.classes.clone(),
                notes: info.notes.clone(),
                device: info.device.clone(),
                steps_per_epoch: info.steps_per_epoch,
            }],
            Event::Steps(steps) => steps
                .iter()
                .filter(|s| self.logs(s))
                .map(|s| Line::Step {
                    epoch: s.epoch,
                    step: s.step,
                    loss: s.loss,
                    lr: s.lr,
                    img_s: Some(s.img_s),
                    data_wait: Some(s.wait),
                    scaling: s.scaling,
                })
                .collect(),
            Event::Applied { edit, step, changes, by, .. } => {
                for change in changes {
                    if let ("train.log_every", Value::Int(every)) = (change.knob.path, &change.to) {
                        self.log_every = *every;
                    }
                }
                vec![Line::Edit { step: *step, edit: *edit, changes: changes.clone(), by: by.clone() }]
            }
            Event::RolledBack(back) => {
                self.log_every = back.recipe.train.log_every;
                vec![Line::Rollback { step: back.step, from: back.from, edits: back.edits.clone() }]
            }
            Event::Epoch(end) => {
                let e = &end.evaluation;
                vec![
                    Line::EpochEnd {
                        epoch: end.epoch,
                        step: e.step,
                        train_loss: end.train_loss,
                        val_loss: e.loss,
                        figures: e.figures,
                        img_s: Some(end.img_s),
                        best: end.best,
                    },
                    Line::Confusion { step: e.step, confusion: e.confusion.clone() },
                ]
            }
            Event::Evaluated(e) => vec![
                Line::Evaluation { epoch: e.epoch, step: e.step, val_loss: e.loss, figures: e.figures },
                Line::Confusion { step: e.step, confusion: e.confusion.clone() },
            ],
            Event::Checkpoint { step, path, bytes, ms, score, link } => {
                vec![Line::Checkpoint {
                    step: *step,
                    path: path.to_string_lossy().into(),
                    bytes: *bytes,
                    ms: *ms,
                    best: link.is_none(),
                    score: *score,
                }]
            }
            Event::Alarm { step, kind, message } => {
                vec![Line::Alarm { step: *step, kind: *kind, message: message.clone() }]
            }
            Event::Skipped { step, image, problem, broken } => {
                vec![Line::Skipped { step: *step, image: image.clone(), problem: problem.clone(), broken: *broken }]
            }
            Event::Ended(summary) => vec![Line::run_end(summary, &self.dir)],
            Event::State(_) | Event::Scheduled { .. } | Event::Refused { .. } => Vec::new(),
            Event::Saving { .. } | Event::Hashed { .. } => Vec::new(),
            // Only screens need these.
            Event::Layers(_) | Event::Pictures(_) | Event::Rate(_) | Event::Predicted(_) => Vec::new(),
        }
    }
}
