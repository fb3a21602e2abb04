//! Classification: the class of an image.

use super::{Answer, Found};
use crate::data::Batch;
use crate::ops::{FeatureMap, Loss, Objective, Ops};
use crate::recipe::Settings;
use crate::recipe::settings::{Distill, DistillForm};
use crate::train::scores::{cross_entropy, predicted, rank};
use crate::train::{Confusion, Figures};
use crate::tricks::balance::weigh;
use crate::tricks::mix::Pair;
use crate::tricks::targets::targets;
use dfdx::prelude::OwnedTape;

/// Target probabilities of a batch.
pub(in crate::train) struct Targets<D: Ops<f32>> {
    /// By class, smoothed (section 5.2) and mixed (section 5.4).
    q: FeatureMap<f32, D>,
    /// The class of every image: of a mixed one, that which has the larger share of it.
    pub labels: Vec<Option<usize>>,
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
        Ok(Targets { q, labels: (0..batch.n).map(|i| Some(larger(i))).collect() })
    }

    /// The loss of logits, and of those of an auxiliary classifier, which a teacher's may be part of.
    ///
    /// # Errors
    /// The device's.
    pub fn loss(
        self,
        logits: FeatureMap<f32, D, OwnedTape<f32, D>>,
        auxiliary: Option<FeatureMap<f32, D>>,
        teacher: Option<FeatureMap<f32, D>>,
        distill: &Distill,
        scale: f64,
    ) -> Result<Loss<f32, D>, D::Err> {
        D::loss(logits, auxiliary, objective(self.q, teacher, distill), scale)
    }
}

/// Shares of the hard and of the teacher's soft loss (section 5.3): hard + T² soft, or (1 - w) hard + w T² soft.
pub(super) fn shares(distill: &Distill, taught: bool) -> (f64, f64) {
    // The shares are numbers of single precision, as the loss is.
    let weight = distill.weight as f32;
    let (hard, soft) = match (taught, distill.form) {
        (false, _) | (true, DistillForm::Paper) => (1.0, 1.0),
        (true, DistillForm::Weighted) => (1.0 - weight, weight),
    };
    (hard.into(), soft.into())
}

fn objective<D: Ops<f32>>(
    targets: FeatureMap<f32, D>,
    teacher: Option<FeatureMap<f32, D>>,
    distill: &Distill,
) -> Objective<f32, D> {
    let (hard, soft) = shares(distill, teacher.is_some());
    Objective { targets, teacher, hard, soft, temperature: distill.temperature }
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
    use dfdx::prelude::{Cpu, OwnedTape, TensorFromVec};

    fn matrix(values: &[f32]) -> Matrix<f32, Cpu> {
        Cpu::default().tensor_from_vec(values.to_vec(), (1, values.len()))
    }

    fn map(values: &[f32]) -> FeatureMap<f32, Cpu> {
        FeatureMap::new(matrix(values), 1, 1, 1)
    }

    /// The value of a loss, and the factor that its gradients have.
    fn loss(z: &[f32], auxiliary: Option<&[f32]>, q: &[f32], teacher: Option<&[f32]>, distill: &Distill) -> f32 {
        let objective = objective(map(q), teacher.map(map), distill);
        let z = map(z).put_tape(OwnedTape::default());
        let Loss { value, .. } = <Cpu as Ops<f32>>::loss(z, auxiliary.map(map), objective, 1.0).unwrap();
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
