//! Losses on logits `(N, K)`, as means over the batch.

use super::{FeatureMap, Matrix, Ops, Real};
use dfdx::prelude::*;

/// A mean loss on the tape.
pub type MeanLoss<E, D, T> = Tensor<Rank0, E, D, T>;

/// What logits are compared with, the soft loss being that of section 5.3.
pub struct Objective<E: Real, D: Ops<E>> {
    /// Target probabilities, a map of one pixel.
    pub targets: FeatureMap<E, D>,
    /// Logits of a teacher.
    pub teacher: Option<FeatureMap<E, D>>,
    /// Share of the cross entropy against the targets.
    pub hard: f64,
    /// Share of the soft loss; it counts with a teacher alone.
    pub soft: f64,
    /// Temperature of the soft loss.
    pub temperature: f64,
}

/// The loss of a batch.
pub struct Loss<E: Real, D: Ops<E>> {
    /// On its tape, multiplied by the scale.
    pub on_tape: MeanLoss<E, D, OwnedTape<E, D>>,
    /// How many times too large the gradients are.
    pub scale: f64,
    /// Its value, less what no net can take away; none while the device has still to compute it.
    pub value: Option<f32>,
}

/// Composed loss; see [`Ops::loss`].
///
/// # Errors
/// The device's.
pub fn composed<E: Real, D: Ops<E>>(
    logits: FeatureMap<E, D, OwnedTape<E, D>>,
    auxiliary: Option<FeatureMap<E, D>>,
    objective: Objective<E, D>,
    scale: f64,
) -> Result<Loss<E, D>, D::Err> {
    let Objective { targets, teacher, hard, soft, temperature } = objective;
    let (z, q) = (D::matrix(logits)?, D::matrix(targets)?);
    let teacher = teacher.map(D::matrix).transpose()?;
    let floor = teacher.as_ref().map_or(0.0, |r| floor(&r.as_vec(), r.shape().1, temperature) * soft as f32);
    let taught = |z: Matrix<E, D, OwnedTape<E, D>>, q| {
        let Some(teacher) = teacher else { return cross_entropy(z, q) };
        let (z, tape) = z.split_tape();
        let (hard_loss, tape) = cross_entropy(z.clone().put_tape(tape), q)?.split_tape();
        let soft_loss = distillation(z.put_tape(tape), teacher, temperature)?.try_mul(E::of(soft))?;
        soft_loss.try_add(hard_loss.put_tape(OwnedTape::default()).try_mul(E::of(hard))?)
    };
    let loss = match auxiliary {
        None => taught(z, q)?,
        Some(auxiliary) => {
            let (z, tape) = z.split_tape();
            let (second, tape) = cross_entropy(D::matrix(auxiliary.put_tape(tape))?, q.clone())?.split_tape();
            with_auxiliary(taught(z.put_tape(tape), q)?, second)?
        }
    };
    let value = loss.as_vec()[0].value() as f32 - floor;
    Ok(Loss { on_tape: loss.try_mul(E::of(scale))?, scale, value: Some(value) })
}

/// The part of the soft loss that no net can take away: T² times the mean entropy of softmax(r / T), of a teacher's logits
/// r `(N, K)`.
pub fn floor<E: Real>(teacher: &[E], classes: usize, t: f64) -> f32 {
    let entropy = |r: &[E]| {
        let r: Vec<f32> = r.iter().map(|v| v.value() as f32).collect();
        let most = r.iter().fold(f32::NEG_INFINITY, |m, v| m.max(*v));
        let e: Vec<f64> = r.iter().map(|v| ((v - most) as f64 / t).exp()).collect();
        let sum: f64 = e.iter().sum();
        sum.ln() - e.iter().zip(&r).map(|(e, v)| e / sum * ((v - most) as f64 / t)).sum::<f64>()
    };
    let rows = teacher.chunks_exact(classes);
    let mean = rows.clone().map(entropy).sum::<f64>() / rows.len() as f64;
    (t * t * mean) as f32
}

/// Share of the loss of an auxiliary classifier, as in torchvision's and TF-Slim's training of Inception-V3.
pub const AUXILIARY: f64 = 0.4;

/// Cross entropy against target probabilities `(N, K)`: -sum q log softmax(z), the mean over the batch.
///
/// # Errors
/// The device's.
pub fn cross_entropy<E: Real, D: Ops<E>, T: Tape<E, D>>(
    z: Matrix<E, D, T>,
    q: Matrix<E, D>,
) -> Result<MeanLoss<E, D, T>, D::Err> {
    let n = z.shape().0 as f64;
    let products = z.try_log_softmax::<Axis<1>>()?.try_mul(q)?;
    products.try_sum::<Rank0, Axes2<0, 1>>()?.try_mul(E::of(-1.0 / n))
}

/// T² times the cross entropy of softmax(z / T) against softmax(r / T), r being the teacher's logits (section 5.3).
///
/// # Errors
/// The device's.
pub fn distillation<E: Real, D: Ops<E>, T: Tape<E, D>>(
    z: Matrix<E, D, T>,
    teacher: Matrix<E, D>,
    temperature: f64,
) -> Result<MeanLoss<E, D, T>, D::Err> {
    let q = teacher.try_div(E::of(temperature))?.try_softmax::<Axis<1>>()?;
    cross_entropy(z.try_div(E::of(temperature))?, q)?.try_mul(E::of(temperature * temperature))
}

/// A loss and that of an auxiliary classifier.
///
/// # Errors
/// The device's.
pub fn with_auxiliary<E: Real, D: Ops<E>, T: Tape<E, D>>(
    first: MeanLoss<E, D, T>,
    second: MeanLoss<E, D, NoneTape>,
) -> Result<MeanLoss<E, D, T>, D::Err> {
    first.try_add(second.put_tape(T::default()).try_mul(E::of(AUXILIARY))?)
}
