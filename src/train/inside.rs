//! A look inside a net in training: what a step did to every layer, and what every layer gives.
//!
//! Looking changes nothing: the step does what it would have done, and the outputs are those of an evaluation.

use super::gradients::Gradients;
use super::learner::Learner;
use super::protocol::or_nan;
use super::step::Outcome;
use crate::data::Batch;
use crate::nn::{Group, Param, Role};
use crate::ops::Ops;
use crate::recipe::Settings;
use crate::tricks::schedule::Position;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Images of a batch whose outputs are looked at, and their pixels: of large images there are fewer.
const IMAGES: usize = 16;
const PIXELS: usize = 4 * 224 * 224;

/// What a look has seen in a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inside {
    /// The step.
    pub step: u64,
    /// Norm of the gradients of all parameters together, before they are clipped.
    #[serde(deserialize_with = "or_nan")]
    pub gradient: f64,
    /// The layers, in the order of their parameters.
    pub layers: Vec<LayerRow>,
}

/// What a look has seen of one layer: a convolution with its norm, a norm alone or a linear layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerRow {
    /// Its name, as in timm's checkpoints.
    pub name: String,
    /// Norm of the gradients of its parameters, before they are clipped, the loss scaling of mixed precision taken off.
    #[serde(deserialize_with = "or_nan")]
    pub gradient: f32,
    /// Norm of its parameters before the step.
    #[serde(deserialize_with = "or_nan")]
    pub weight: f32,
    /// Norm of what the step added to them, as a share of that.
    #[serde(deserialize_with = "or_nan")]
    pub update: f32,
    /// Its output; none of a classifier that only training asks for.
    pub output: Option<Output>,
}

/// The output of a layer after its norm, sum and ReLU, over some images of the batch in evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// Mean.
    #[serde(deserialize_with = "or_nan")]
    pub mean: f32,
    /// Standard deviation.
    #[serde(deserialize_with = "or_nan")]
    pub std: f32,
    /// Share of zeros.
    pub zeros: f32,
}

impl Output {
    /// From this share of zeros on a layer is dead.
    pub const DEAD: f32 = 0.999;

    /// Of values.
    pub fn of(values: &[f32]) -> Output {
        let n = values.len() as f64;
        let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
        let square = values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / n;
        let zeros = values.iter().filter(|v| **v == 0.0).count() as f64 / n;
        Output { mean: mean as f32, std: square.sqrt() as f32, zeros: zeros as f32 }
    }

    /// Whether it is nothing but zeros.
    pub fn is_dead(&self) -> bool {
        self.zeros >= Output::DEAD
    }
}

impl LayerRow {
    /// Bounds of an update: below a layer stands still, above it jumps; about 1e-3 is healthy.
    pub const UPDATES: (f32, f32) = (1e-4, 1e-1);
}

/// Sums of squares of one parameter in one step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Squares {
    /// Of its gradient, before it is clipped.
    gradient: f64,
    /// Of its values before the step.
    weight: f64,
    /// Of what the step added to them.
    update: f64,
}

/// What a step does to every trained parameter, in order.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    each: Vec<Squares>,
    /// Time that it took to find out.
    spent: Duration,
}

impl Sizes {
    /// Notes the gradients; gives the values as they are before the update.
    pub(super) fn before<D: Ops<f32>>(
        &mut self,
        params: &[&Param<f32, D>],
        gradients: &mut Gradients<f32, D>,
    ) -> Result<Vec<Vec<f32>>, D::Err> {
        let begun = Instant::now();
        let mut values = Vec::new();
        for p in trained(params) {
            self.each.push(Squares { gradient: gradients.norm([p])?.powi(2), ..Squares::default() });
            values.push(p.data.as_vec());
        }
        self.spent += begun.elapsed();
        Ok(values)
    }

    /// Notes what the update has done to the values.
    pub(super) fn after<D: Ops<f32>>(&mut self, before: &[Vec<f32>], params: &[&Param<f32, D>]) {
        let begun = Instant::now();
        for ((squares, before), p) in self.each.iter_mut().zip(before).zip(trained(params)) {
            for (before, after) in before.iter().map(|v| f64::from(*v)).zip(p.data.as_vec()) {
                squares.weight += before * before;
                squares.update += (f64::from(after) - before).powi(2);
            }
        }
        self.spent += begun.elapsed();
    }
}

fn trained<'a, 'p, D: Ops<f32>>(
    params: &'a [&'p Param<f32, D>],
) -> impl Iterator<Item = &'p Param<f32, D>> + use<'a, 'p, D> {
    params.iter().copied().filter(|p| p.role != Role::Statistic)
}

/// The first images of a batch: as many as a look goes through.
pub(super) fn sample(batch: &Batch) -> Batch {
    let (pixels, channels) = (batch.height * batch.width, batch.channels);
    let n = (PIXELS / pixels).clamp(1, IMAGES).min(batch.n);
    let (pixels, labels) = (batch.pixels[..n * pixels * channels].to_vec(), batch.labels[..n].to_vec());
    Batch { pixels, labels, n, skipped: Vec::new(), ..*batch }
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
        let (mut sizes, sample) = (Sizes::default(), sample(&batch));
        let outcome = D::enter(|| self.pass(batch, at, s, Some(&mut sizes)))?;
        if !outcome.updated {
            return Ok((outcome, None));
        }
        let begun = Instant::now();
        let mut outputs: BTreeMap<String, Output> = self.outputs(sample)?.into_iter().collect();
        let inside = Inside {
            step: number,
            gradient: sizes.each.iter().map(|s| s.gradient).sum::<f64>().sqrt(),
            layers: self.rows(&sizes.each, &mut outputs),
        };
        Ok((outcome, Some(Look { inside, spent: sizes.spent + begun.elapsed() })))
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

    fn rows(&self, each: &[Squares], outputs: &mut BTreeMap<String, Output>) -> Vec<LayerRow> {
        let (params, mut each) = (self.net.params(), each.iter());
        let mut roles = params.iter().map(|p| p.role);
        let row = |Group { name, count }| {
            let trained = roles.by_ref().take(count).filter(|role| *role != Role::Statistic).count();
            let sum = each.by_ref().take(trained).fold(Squares::default(), |sum, s| Squares {
                gradient: sum.gradient + s.gradient,
                weight: sum.weight + s.weight,
                update: sum.update + s.update,
            });
            LayerRow {
                gradient: sum.gradient.sqrt() as f32,
                weight: sum.weight.sqrt() as f32,
                update: if sum.update == 0.0 { 0.0 } else { (sum.update / sum.weight).sqrt() as f32 },
                output: outputs.remove(&name),
                name,
            }
        };
        self.net.spec().groups().into_iter().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_its_mean_its_deviation_and_its_share_of_zeros() {
        assert_eq!(Output::of(&[0.0, 0.0, 1.0, 3.0]), Output { mean: 1.0, std: 1.5f32.sqrt(), zeros: 0.5 });
        assert!(Output::of(&[0.0; 7]).is_dead() && Output::of(&[-0.0; 7]).is_dead());
        assert!(Output::of(&[1.0, f32::NAN]).mean.is_nan());
    }
}
