//! What a step makes small: the loss of a batch against its targets, and against a teacher's logits (section 5.3).

use crate::ops::{FeatureMap, Objective, Ops};
use crate::recipe::settings::{Distill, DistillForm};

/// The hard loss alone, or with the teacher's (section 5.3): hard + T² soft, or (1 - w) hard + w T² soft.
pub(super) fn objective<D: Ops<f32>>(
    targets: FeatureMap<f32, D>,
    teacher: Option<FeatureMap<f32, D>>,
    distill: &Distill,
) -> Objective<f32, D> {
    // The shares are numbers of single precision, as the loss is.
    let weight = distill.weight as f32;
    let (hard, soft) = match (&teacher, distill.form) {
        (None, _) | (_, DistillForm::Paper) => (1.0, 1.0),
        (_, DistillForm::Weighted) => (1.0 - weight, weight),
    };
    Objective { targets, teacher, hard: hard.into(), soft: soft.into(), temperature: distill.temperature }
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
