//! One training step: mixup, teacher, forward, loss, backward, optimiser.

use super::TrainError;
use super::origin::Origin;
use super::sgd::{Sgd, Sizes};
use super::sight::Sight;
use super::weights::Teacher;
use crate::data::{Batch, DataSet};
use crate::nn::{Net, NetSpec, Role};
use crate::ops::loss::{Loss, cross_entropy, distillation, with_auxiliary};
use crate::ops::{Map, Matrix, Mode, Ops};
use crate::recipe::Settings;
use crate::recipe::settings::{Distill, DistillForm};
use crate::tricks::mixup;
use crate::tricks::scaling::Scaler;
use crate::tricks::schedule::{self, Position};
use crate::tricks::targets::{mixed_targets, targets};
use dfdx::prelude::{Backward, NoneTape, OwnedTape, PutTape, SplitTape, Tape, TryAdd, TryMul};

/// A net in training, its optimiser and its teacher.
pub struct Learner<D: Ops<f32>> {
    dev: D,
    /// The net.
    pub net: Net<f32, D>,
    /// The optimiser.
    pub sgd: Sgd<f32, D>,
    pub(super) teacher: Option<Teacher<D>>,
    /// Names of the classes, in label order.
    pub(super) classes: Vec<String>,
    /// What a person should know of the weights that it started from.
    pub(super) notes: Vec<String>,
    /// Where the files are that the recipe names.
    pub(super) origin: Origin,
    /// The factor of the loss in mixed precision.
    pub scaler: Scaler,
    /// What is kept of the steps for screens that look.
    pub sight: Sight,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Mean loss of the batch before the update; with a teacher less the share of the soft loss that no net can take
    /// away (T² times the entropy of the teacher's softened output), so that it can come near 0.
    pub loss: f32,
    /// Learning rate.
    pub lr: f64,
    /// Whether the weights were updated; they are not when the loss or a gradient is not finite, and then all is as
    /// before the step.
    pub updated: bool,
    /// Whether they were not because a gradient overflowed in half precision; the next step scales the loss less.
    pub overflow: bool,
}

impl Outcome {
    /// Why the weights were not updated.
    pub fn fault(&self) -> String {
        if self.loss.is_finite() { "a gradient is not finite".into() } else { format!("loss is {}", self.loss) }
    }
}

impl<D: Ops<f32>> Learner<D> {
    /// A freshly initialised net for `data`, and its teacher when the recipe asks for one.
    ///
    /// # Errors
    /// The device's, or a teacher that cannot be had.
    pub fn new(dev: D, s: &Settings, data: &DataSet) -> Result<Self, TrainError> {
        Learner::begun(dev, s, data, Origin::default())
    }

    /// The same for a run that may have been begun elsewhere.
    ///
    /// # Errors
    /// As [`Learner::new`].
    pub(super) fn begun(dev: D, s: &Settings, data: &DataSet, origin: Origin) -> Result<Self, TrainError> {
        let spec = NetSpec::new(&s.net, data.train.channels, data.classes.len());
        let mut net = Net::new(&dev, &spec).map_err(TrainError::device)?;
        net.initialise(s.net.init, s.tricks.zero_gamma, s.train.seed).map_err(TrainError::device)?;
        let (sight, classes) = (Sight::of(data), data.classes.clone());
        let mut learner = Learner { sight, classes, origin, ..Learner::holding(dev, net) };
        learner.ready_teacher(&s.tricks.distill)?;
        Ok(learner)
    }

    /// A net that is not to be trained any more.
    pub fn holding(dev: D, net: Net<f32, D>) -> Self {
        let (sgd, scaler, sight) = Default::default();
        Learner {
            dev,
            net,
            sgd,
            teacher: None,
            classes: Vec::new(),
            notes: Vec::new(),
            origin: Origin::default(),
            scaler,
            sight,
        }
    }

    /// What computes.
    pub(super) fn device(&self) -> &D {
        &self.dev
    }

    /// Images on the device.
    fn images(&self, batch: &Batch, pixels: Vec<f32>) -> Result<Map<f32, D>, D::Err> {
        let Batch { n, height: h, width: w, channels, .. } = *batch;
        Ok(Map::new(self.dev.try_tensor_from_vec(pixels, (n * h * w, channels))?, n, h, w))
    }

    /// Goes through the net as a step does, with its tape, or as an evaluation does; waits for the end.
    pub(super) fn forward(&mut self, batch: &Batch, mode: Mode) -> Result<(), D::Err> {
        D::enter(|| {
            let x = self.images(batch, batch.pixels.clone())?;
            match mode {
                Mode::Train => self.net.forward(x.put_tape(OwnedTape::default()), mode)?.as_vec(),
                Mode::Eval => self.net.forward(x, mode)?.as_vec(),
            };
            Ok(())
        })
    }

    /// Logits of a batch in evaluation, `(N, classes)` row by row.
    ///
    /// # Errors
    /// The device's.
    pub fn logits(&mut self, batch: &Batch) -> Result<Vec<f32>, D::Err> {
        D::enter(|| {
            let x = self.images(batch, batch.pixels.clone())?;
            Ok(self.net.forward(x, Mode::Eval)?.as_vec())
        })
    }

    /// Trains on one batch.
    ///
    /// # Errors
    /// The device's.
    pub fn step(&mut self, batch: &Batch, at: Position, s: &Settings) -> Result<Outcome, D::Err> {
        D::enter(|| self.pass(batch, at, s, None))
    }

    pub(super) fn pass(
        &mut self,
        batch: &Batch,
        at: Position,
        s: &Settings,
        look: Option<&mut Sizes>,
    ) -> Result<Outcome, D::Err> {
        let lr = schedule::lr(at, s);
        let (n, classes) = (batch.n, self.net.spec().classes);
        let len = batch.height * batch.width * batch.channels;
        let draw = (s.train.seed, at.epoch, at.batch);
        let smoothing = &s.tricks.smoothing;
        let plan = mixup::plan(&s.tricks.mixup, s.train.epochs, draw, n);
        let (pixels, q) = match &plan {
            None => (batch.pixels.clone(), targets(&batch.labels, classes, smoothing)),
            Some(plan) => (
                mixup::mix(plan, &batch.pixels, len),
                mixed_targets(&batch.labels, &plan.partners, &plan.lambdas, classes, smoothing),
            ),
        };
        self.sight.feed(batch, &pixels, plan.as_ref(), smoothing);
        let x = self.images(batch, pixels)?;
        let mixed = &s.tricks.mixed;
        let (x, scale) = if mixed.on { (D::narrow(x)?, self.scaler.scale) } else { (x, 1.0) };
        let q = self.dev.try_tensor_from_vec(q, (n, classes))?;
        let soft = match &mut self.teacher {
            Some(teacher) if s.tricks.distill.on => Some(teacher.net.forward(x.clone(), Mode::Eval)?),
            _ => None,
        };

        let statistics = self.statistics();
        let (logits, beside) = self.net.forward_both(x.put_tape(OwnedTape::default()))?;
        let taught = soft.as_ref().map(|teacher| teacher.as_vec());
        if let Some(teacher) = taught.as_ref().filter(|_| self.sight.looks()) {
            self.sight.compare(batch, plan.as_ref(), teacher, &logits.as_vec());
        }
        let floor = taught.map_or(0.0, |teacher| floor(&teacher, classes, &s.tricks.distill));
        let total = loss((logits, beside), q, soft, &s.tricks.distill)?;
        let loss = total.as_vec()[0] - floor;
        let mut updated = loss.is_finite();
        if updated {
            let mut grads = total.try_mul(scale)?.try_backward()?;
            updated = self.sgd.step(self.net.params_mut(), &mut grads, lr, scale as f64, s, look)?;
        }
        if !updated {
            self.restore(statistics);
        }
        let overflow = mixed.on && loss.is_finite() && self.scaler.note(updated, mixed.growth);
        Ok(Outcome { loss, lr, updated, overflow })
    }

    fn statistics(&self) -> Vec<Matrix<f32, D, NoneTape>> {
        let all = self.net.params().into_iter();
        all.filter(|p| p.role == Role::Statistic).map(|p| p.data.clone()).collect()
    }

    fn restore(&mut self, statistics: Vec<Matrix<f32, D, NoneTape>>) {
        let all = self.net.params_mut().into_iter();
        all.filter(|p| p.role == Role::Statistic).zip(statistics).for_each(|(p, kept)| p.data = kept);
    }
}

/// Shares of the hard and the soft loss.
fn shares(distill: &Distill) -> (f32, f32) {
    match distill.form {
        DistillForm::Paper => (1.0, 1.0),
        DistillForm::Weighted => (1.0 - distill.weight as f32, distill.weight as f32),
    }
}

/// The loss of a net's logits, with the hard loss of its auxiliary classifier's where it has one.
fn loss<D: Ops<f32>, T: Tape<f32, D>>(
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

/// The part of the soft loss that no net can take away: its share of T² times the mean entropy of softmax(r / T).
fn floor(teacher: &[f32], classes: usize, distill: &Distill) -> f32 {
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
