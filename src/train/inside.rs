//! A look inside a net in training: what a step did to every layer, and what every layer gives.
//!
//! Looking changes nothing: the step does what it would have done, and the outputs are those of an evaluation.

use super::layers::{Inside, LayerStats, Output};
use super::learner::Learner;
use super::step::Outcome;
use super::updates::{Squares, Updates};
use crate::data::Batch;
use crate::nn::{Group, Role};
use crate::ops::Ops;
use crate::recipe::Settings;
use crate::tricks::schedule::Position;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Images of a batch whose outputs are looked at, and their pixels: of large images there are fewer.
const IMAGES: usize = 16;
const PIXELS: usize = 4 * 224 * 224;

/// The first images of a batch: as many as a look goes through.
pub(super) fn sample(batch: &Batch) -> Batch {
    let (pixels, channels) = (batch.height * batch.width, batch.channels);
    let n = (PIXELS / pixels).clamp(1, IMAGES).min(batch.n);
    let masks = batch.masks[..batch.masks.len().min(n * pixels)].to_vec();
    let (pixels, labels) = (batch.pixels[..n * pixels * channels].to_vec(), batch.labels[..n].to_vec());
    Batch { pixels, labels, masks, n, skipped: Vec::new(), ..*batch }
}

/// A look, and what it cost.
#[derive(Clone, Debug)]
pub struct Look {
    /// What was seen.
    pub inside: Inside,
    /// Time beside the step's own.
    pub spent: Duration,
}

impl<D: Ops<f32>> Learner<D> {
    /// Trains on one batch as [`Learner::step`] does, to the bit, and looks inside; sees nothing when the weights could not
    /// be updated. The step is called `number`.
    ///
    /// # Errors
    /// The device's.
    pub fn step_and_look(
        &mut self,
        batch: Batch,
        at: Position,
        s: &Settings,
        number: u64,
    ) -> Result<(Outcome, Option<Look>), D::Err> {
        let (mut updates, sample) = (Updates::default(), sample(&batch));
        let outcome = D::enter(|| self.pass(batch, at, s, Some(&mut updates)))?;
        if !outcome.updated {
            return Ok((outcome, None));
        }
        let begun = Instant::now();
        let mut outputs: BTreeMap<String, Output> = self.outputs(sample)?.into_iter().collect();
        let inside = Inside {
            step: number,
            gradient: updates.each.iter().map(|s| s.gradient).sum::<f64>().sqrt(),
            layers: self.rows(&updates.each, &mut outputs),
        };
        Ok((outcome, Some(Look { inside, spent: updates.spent + begun.elapsed() })))
    }

    /// The outputs of all layers for some images, in the order in which images go through.
    ///
    /// # Errors
    /// The device's.
    pub fn outputs(&mut self, images: Batch) -> Result<Vec<(String, Output)>, D::Err> {
        let mut found = Vec::new();
        D::enter(|| {
            let x = self.images(images)?;
            self.net.look(x, &mut |name, y| found.push((name.to_string(), Output::of(&y.as_vec()))))
        })?;
        Ok(found)
    }

    fn rows(&self, each: &[Squares], outputs: &mut BTreeMap<String, Output>) -> Vec<LayerStats> {
        let (params, mut each) = (self.net.params(), each.iter());
        let mut roles = params.iter().map(|p| p.role);
        let row = |Group { name, count }| {
            let trained = roles.by_ref().take(count).filter(|role| *role != Role::Statistic).count();
            let sum = each.by_ref().take(trained).fold(Squares::default(), |sum, s| Squares {
                gradient: sum.gradient + s.gradient,
                weight: sum.weight + s.weight,
                update: sum.update + s.update,
                frozen: s.frozen,
            });
            LayerStats {
                gradient: sum.gradient.sqrt() as f32,
                weight: sum.weight.sqrt() as f32,
                update: if sum.update == 0.0 { 0.0 } else { (sum.update / sum.weight).sqrt() as f32 },
                output: outputs.remove(&name),
                frozen: sum.frozen,
                name,
            }
        };
        self.net.spec().groups().into_iter().map(row).collect()
    }
}
