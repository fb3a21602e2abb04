//! Classification: the class of an image.

use super::{Answer, Found};
use crate::data::Batch;
use crate::ops::{FeatureMap, Objective, Ops};
use crate::recipe::Settings;
use crate::train::scores::{cross_entropy, predicted, rank};
use crate::train::{Confusion, Figures};
use crate::tricks::balance::weigh;
use crate::tricks::mix::Pair;
use crate::tricks::targets::targets;

/// Target probabilities of a batch.
pub(in crate::train) struct Targets<D: Ops<f32>> {
    /// By class, smoothed (section 5.2) and mixed (section 5.4).
    pub objective: Objective<f32, D>,
    /// The class of every image: of a mixed one, that which has the larger share of it.
    pub labels: Vec<usize>,
}

impl<D: Ops<f32>> Targets<D> {
    /// Of a batch.
    ///
    /// # Errors
    /// The device's.
    pub fn of(
        dev: &D,
        batch: &Batch,
        pairs: Option<&[Pair]>,
        classes: usize,
        weights: Option<&[f64]>,
        s: &Settings,
    ) -> Result<Self, D::Err> {
        let labels = &batch.labels;
        let mut q = targets(labels, pairs, classes, &s.tricks.smoothing);
        if let Some(weights) = weights {
            weigh(&mut q, labels, pairs, weights);
        }
        let larger = |i: usize| pairs.map_or(labels[i], |pairs| pairs[i].larger(labels[i], labels[pairs[i].partner]));
        let q = dev.upload(q, (batch.n, 1, 1, classes))?;
        Ok(Targets {
            objective: objective(q, s.tricks.distill.temperature),
            labels: (0..batch.n).map(larger).collect(),
        })
    }
}

fn objective<D: Ops<f32>>(targets: FeatureMap<f32, D>, temperature: f64) -> Objective<f32, D> {
    Objective { targets, teacher: None, hard: 1.0, soft: 1.0, temperature }
}

/// What an evaluation has counted.
#[derive(Default)]
pub(in crate::train) struct Count {
    images: usize,
    loss: f64,
    first: usize,
    among_five: usize,
    /// Labels and predictions.
    pairs: Vec<(usize, usize)>,
}

impl Count {
    /// Adds the images of a batch; `look` is shown what the net says of each, and its loss.
    pub fn add(&mut self, batch: &Batch, classes: usize, logits: &[f32], mut look: impl FnMut(usize, Answer<'_>, f64)) {
        self.images += batch.n;
        for (i, (z, &label)) in logits.chunks_exact(classes).zip(&batch.labels).enumerate() {
            let rank = rank(z, label);
            self.first += usize::from(rank == 0);
            self.among_five += usize::from(rank < 5);
            let (predicted, loss) = (predicted(z), cross_entropy(z, label));
            self.loss += loss;
            self.pairs.push((label, predicted));
            look(i, Answer::Class { label, predicted, logits: z }, loss);
        }
    }

    /// The figures of all images.
    pub fn end(self, classes: usize) -> Found {
        let n = self.images as f64;
        let figures = Figures::Classes { top1: self.first as f64 / n, top5: self.among_five as f64 / n };
        Found { loss: self.loss / n, figures, confusion: Confusion::new(classes, self.pairs) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::loss::{cross_entropy, distillation};
    use crate::ops::{Loss, Matrix};
    use crate::recipe::settings::{Distill, DistillForm};
    use crate::train::task;
    use dfdx::prelude::{Cpu, OwnedTape, TensorFromVec};

    fn matrix(values: &[f32]) -> Matrix<f32, Cpu> {
        Cpu::default().tensor_from_vec(values.to_vec(), (1, values.len()))
    }

    fn map(values: &[f32]) -> FeatureMap<f32, Cpu> {
        FeatureMap::new(matrix(values), 1, 1, 1)
    }

    /// The value of a loss, and the factor that its gradients have.
    fn loss(z: &[f32], auxiliary: Option<&[f32]>, q: &[f32], teacher: Option<&[f32]>, distill: &Distill) -> f32 {
        let targets = Targets { objective: objective(map(q), distill.temperature), labels: Vec::new() };
        let (targets, z) = (task::Targets::Classes(targets), map(z).put_tape(OwnedTape::default()));
        let Loss { value, .. } = targets.loss(z, auxiliary.map(map), teacher.map(map), distill, 1.0).unwrap();
        value.unwrap()
    }

    const Z: [f32; 3] = [0.3, -1.0, 0.5];
    const R: [f32; 3] = [1.0, 0.2, -2.0];
    const Q: [f32; 3] = [0.0, 1.0, 0.0];

    fn hard(z: &[f32]) -> f32 {
        cross_entropy(matrix(z), matrix(&Q)).unwrap().as_vec()[0]
    }

    #[test]
    fn a_second_classifier_counts_less() {
        let total = loss(&Z, Some(&R), &Q, None, &Distill::default());
        assert!((total - (hard(&Z) + 0.4 * hard(&R))).abs() < 1e-6);
    }

    #[test]
    fn the_weighted_form_gives_the_weight_to_the_soft_loss() {
        let with = |form, weight| {
            let distill = Distill { on: true, temperature: 2.0, form, weight, ..Distill::default() };
            loss(&Z, None, &Q, Some(&R), &distill)
        };
        let soft = |r: &[f32]| distillation(matrix(r), matrix(&R), 2.0).unwrap().as_vec()[0];
        // What a net that equals its teacher would have left is taken off.
        let (hard, soft, least) = (hard(&Z), soft(&Z), soft(&R));
        assert!((with(DistillForm::Weighted, 0.3) - (0.7 * hard + 0.3 * (soft - least))).abs() < 1e-5);
        assert!((with(DistillForm::Paper, 0.3) - (hard + soft - least)).abs() < 1e-5);
    }

    #[test]
    fn a_net_that_equals_its_teacher_has_the_hard_loss_alone() {
        let distill = Distill { on: true, temperature: 20.0, form: DistillForm::Weighted, ..Distill::default() };
        let expected = 0.5 * hard(&R);
        assert!((loss(&R, None, &Q, Some(&R), &distill) - expected).abs() < 1e-3);
    }
}
