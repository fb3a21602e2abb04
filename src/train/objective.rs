//! What a step makes small: the loss of a batch against its targets, and against a teacher's logits (section 5.3).

use crate::ops::loss::{Loss, cross_entropy, distillation, with_auxiliary};
use crate::ops::{Matrix, Ops};
use crate::recipe::settings::{Distill, DistillForm};
use dfdx::prelude::{PutTape, SplitTape, Tape, TryAdd, TryMul};

/// Shares of the hard and the soft loss.
fn shares(distill: &Distill) -> (f32, f32) {
    match distill.form {
        DistillForm::Paper => (1.0, 1.0),
        DistillForm::Weighted => (1.0 - distill.weight as f32, distill.weight as f32),
    }
}

/// The loss of a net's logits, with the hard loss of its auxiliary classifier's where it has one.
///
/// # Errors
/// The device's.
pub(super) fn loss<D: Ops<f32>, T: Tape<f32, D>>(
    (z, beside): (Matrix<f32, D, T>, Option<Matrix<f32, D>>),
    q: Matrix<f32, D>,
    teacher: Option<Matrix<f32, D>>,
    distill: &Distill,
) -> Result<Loss<f32, D, T>, D::Err> {
    let Some(beside) = beside else { return taught(z, q, teacher, distill) };
    let (z, tape) = z.split_tape();
    let (second, tape) = cross_entropy(beside.put_tape(tape), q.clone())?.split_tape();
    let first = taught(z.put_tape(tape), q, teacher, distill)?;
    with_auxiliary(first, second)
}

/// The hard loss alone, or with the teacher's (section 5.3): hard + T² soft, or (1 - w) hard + w T² soft.
fn taught<D: Ops<f32>, T: Tape<f32, D>>(
    z: Matrix<f32, D, T>,
    q: Matrix<f32, D>,
    teacher: Option<Matrix<f32, D>>,
    distill: &Distill,
) -> Result<Loss<f32, D, T>, D::Err> {
    let Some(teacher) = teacher else { return cross_entropy(z, q) };
    let (hard_share, soft_share) = shares(distill);
    let (z, tape) = z.split_tape();
    let (hard, tape) = cross_entropy(z.clone().put_tape(tape), q)?.split_tape();
    let soft = distillation(z.put_tape(tape), teacher, distill.temperature)?.try_mul(soft_share)?;
    soft.try_add(hard.put_tape(T::default()).try_mul(hard_share)?)
}

/// The part of the soft loss that no net can take away: its share of T² times the mean entropy of softmax(r / T), of a
/// teacher's logits r `(N, K)`.
pub(super) fn floor(teacher: &[f32], classes: usize, distill: &Distill) -> f32 {
    let t = distill.temperature;
    let entropy = |r: &[f32]| {
        let most = r.iter().fold(f32::NEG_INFINITY, |m, v| m.max(*v));
        let e: Vec<f64> = r.iter().map(|v| ((v - most) as f64 / t).exp()).collect();
        let sum: f64 = e.iter().sum();
        sum.ln() - e.iter().zip(r).map(|(e, v)| e / sum * ((v - most) as f64 / t)).sum::<f64>()
    };
    let rows = teacher.chunks_exact(classes);
    let mean = rows.clone().map(entropy).sum::<f64>() / rows.len() as f64;
    (t * t * mean) as f32 * shares(distill).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use dfdx::prelude::{Cpu, TensorFromVec};

    fn matrix(values: &[f32]) -> Matrix<f32, Cpu> {
        Cpu::default().tensor_from_vec(values.to_vec(), (1, values.len()))
    }

    #[test]
    fn a_second_classifier_counts_less() {
        let (z, second, q) = ([0.3, -1.0, 0.5], [1.0, 0.2, -2.0], [0.0, 1.0, 0.0]);
        let both = (matrix(&z), Some(matrix(&second)));
        let total = loss(both, matrix(&q), None, &Distill::default()).unwrap().as_vec()[0];
        let hard = |z: &[f32]| cross_entropy(matrix(z), matrix(&q)).unwrap().as_vec()[0];
        assert!((total - (hard(&z) + 0.4 * hard(&second))).abs() < 1e-6);
    }

    #[test]
    fn the_weighted_form_gives_the_weight_to_the_soft_loss() {
        let (z, r, q) = ([0.3, -1.0, 0.5], [1.0, 0.2, -2.0], [0.0, 1.0, 0.0]);
        let with = |form, weight| {
            let distill = Distill { on: true, temperature: 2.0, form, weight, ..Distill::default() };
            taught(matrix(&z), matrix(&q), Some(matrix(&r)), &distill).unwrap().as_vec()[0]
        };
        let hard = cross_entropy(matrix(&z), matrix(&q)).unwrap().as_vec()[0];
        let soft = distillation(matrix(&z), matrix(&r), 2.0).unwrap().as_vec()[0];
        assert!((with(DistillForm::Weighted, 0.3) - (0.7 * hard + 0.3 * soft)).abs() < 1e-5);
        assert!((with(DistillForm::Paper, 0.3) - (hard + soft)).abs() < 1e-5);
    }

    #[test]
    fn the_floor_is_the_soft_loss_of_a_net_that_equals_its_teacher() {
        let r = [1.0, 0.2, -2.0];
        let distill = Distill { on: true, temperature: 20.0, form: DistillForm::Weighted, ..Distill::default() };
        let soft = distillation(matrix(&r), matrix(&r), 20.0).unwrap().as_vec()[0];
        assert!((floor(&r, 3, &distill) - 0.5 * soft).abs() < 1e-3, "{} {soft}", floor(&r, 3, &distill));
    }
}
