//! One training step: mixup, teacher, forward, loss, backward, optimiser.

use super::TrainError;
use super::checkpoint::Checkpoint;
use super::sgd::Sgd;
use crate::data::{Batch, DataSet};
use crate::nn::{NetSpec, ResNet, Role};
use crate::ops::loss::{cross_entropy, distillation};
use crate::ops::{Map, Matrix, Mode, Ops};
use crate::recipe::Settings;
use crate::recipe::settings::{Distill, DistillForm};
use crate::tricks::mixup;
use crate::tricks::schedule::{self, Position};
use crate::tricks::targets::{mixed_targets, targets};
use dfdx::prelude::{Backward, NoneTape, OwnedTape, PutTape, SplitTape, TryAdd, TryMul};

/// A teacher and where it came from.
struct Teacher<D: Ops<f32>> {
    source: String,
    net: ResNet<f32, D>,
}

/// A net in training, its optimiser and its teacher.
pub struct Learner<D: Ops<f32>> {
    dev: D,
    /// The net.
    pub net: ResNet<f32, D>,
    /// The optimiser.
    pub sgd: Sgd<f32, D>,
    teacher: Option<Teacher<D>>,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Mean loss of the batch before the update.
    pub loss: f32,
    /// Learning rate.
    pub lr: f64,
    /// Whether the weights were updated; they are not when the loss is not finite, and all is as before the step.
    pub updated: bool,
}

impl<D: Ops<f32>> Learner<D> {
    /// A freshly initialised net for `data`, and its teacher when the recipe asks for one.
    ///
    /// # Errors
    /// The device's, or a teacher that cannot be had.
    pub fn new(dev: D, s: &Settings, data: &DataSet) -> Result<Self, TrainError> {
        let spec = NetSpec::new(&s.net, data.train.channels, data.classes.len());
        let mut net = ResNet::new(&dev, &spec).map_err(TrainError::device)?;
        net.initialise(s.net.init, s.tricks.zero_gamma, s.train.seed).map_err(TrainError::device)?;
        let mut learner = Learner { dev, net, sgd: Sgd::default(), teacher: None };
        learner.ready_teacher(&s.tricks.distill)?;
        Ok(learner)
    }

    /// Loads the teacher that `distill` names, when it is on and another one is there.
    ///
    /// # Errors
    /// A checkpoint that is missing, damaged or of other classes; then the present teacher stays.
    pub fn ready_teacher(&mut self, distill: &Distill) -> Result<(), TrainError> {
        if distill.on && self.teacher.as_ref().is_none_or(|t| t.source != distill.teacher) {
            let spec = self.net.spec();
            let net = Checkpoint::teacher(&distill.teacher, &self.dev, spec.image_channels, spec.classes)?;
            self.teacher = Some(Teacher { source: distill.teacher.clone(), net });
        }
        Ok(())
    }

    /// Images on the device.
    fn images(&self, batch: &Batch, pixels: Vec<f32>) -> Result<Map<f32, D>, D::Err> {
        let Batch { n, height: h, width: w, channels, .. } = *batch;
        Ok(Map { data: self.dev.try_tensor_from_vec(pixels, (n * h * w, channels))?, n, h, w })
    }

    /// Logits of a batch in evaluation, `(N, classes)` row by row.
    ///
    /// # Errors
    /// The device's.
    pub fn logits(&mut self, batch: &Batch) -> Result<Vec<f32>, D::Err> {
        let x = self.images(batch, batch.pixels.clone())?;
        Ok(self.net.forward(x, Mode::Eval)?.as_vec())
    }

    /// Trains on one batch.
    ///
    /// # Errors
    /// The device's.
    pub fn step(&mut self, batch: &Batch, at: Position, s: &Settings) -> Result<Outcome, D::Err> {
        let lr = schedule::lr(at, s);
        let (n, classes) = (batch.n, self.net.spec().classes);
        let len = batch.height * batch.width * batch.channels;
        let draw = (s.train.seed, at.epoch, at.batch);
        let smoothing = &s.tricks.smoothing;
        let (pixels, q) = match mixup::plan(&s.tricks.mixup, s.train.epochs, draw, n) {
            None => (batch.pixels.clone(), targets(&batch.labels, classes, smoothing)),
            Some(plan) => (
                mixup::mix(&plan, &batch.pixels, len),
                mixed_targets(&batch.labels, &plan.partners, &plan.lambdas, classes, smoothing),
            ),
        };
        let x = self.images(batch, pixels)?;
        let q = self.dev.try_tensor_from_vec(q, (n, classes))?;
        let soft = match &mut self.teacher {
            Some(teacher) if s.tricks.distill.on => Some(teacher.net.forward(x.clone(), Mode::Eval)?),
            _ => None,
        };

        let statistics = self.statistics();
        let logits = self.net.forward(x.put_tape(OwnedTape::default()), Mode::Train)?;
        let loss = self.loss(logits, q, soft, &s.tricks.distill)?;
        let value = loss.as_vec()[0];
        if !value.is_finite() {
            self.restore(statistics);
            return Ok(Outcome { loss: value, lr, updated: false });
        }
        let mut grads = loss.try_backward()?;
        self.sgd.step(&mut self.net, &mut grads, lr, s)?;
        Ok(Outcome { loss: value, lr, updated: true })
    }

    /// The hard loss alone, or with the teacher's (section 5.3): hard + T² soft, or (1 - w) hard + w T² soft.
    fn loss(
        &self,
        z: Matrix<f32, D, OwnedTape<f32, D>>,
        q: Matrix<f32, D>,
        teacher: Option<Matrix<f32, D>>,
        distill: &Distill,
    ) -> Result<crate::ops::loss::Loss<f32, D, OwnedTape<f32, D>>, D::Err> {
        let Some(teacher) = teacher else { return cross_entropy(z, q) };
        let (hard_share, soft_share) = match distill.form {
            DistillForm::Paper => (1.0, 1.0),
            DistillForm::Weighted => (1.0 - distill.weight as f32, distill.weight as f32),
        };
        let (z, tape) = z.split_tape();
        let (hard, tape) = cross_entropy(z.clone().put_tape(tape), q)?.split_tape();
        let soft = distillation(z.put_tape(tape), teacher, distill.temperature)?.try_mul(soft_share)?;
        soft.try_add(hard.put_tape(OwnedTape::default()).try_mul(hard_share)?)
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
