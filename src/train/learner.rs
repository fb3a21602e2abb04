//! A net in training: its optimiser, its teacher, and what goes through it without being learnt from.

use super::TrainError;
use super::balance::Classes;
use super::checkpoint::Trained;
use super::observer::Observer;
use super::optim::Optimiser;
use super::optim::ema::Average;
use super::origin::Origin;
use super::teacher::Teacher;
use crate::data::{Batch, DataSet};
use crate::nn::{Group, Net, NetSpec, Tuning};
use crate::ops::{FeatureMap, Mode, Ops, Precision};
use crate::recipe::Settings;
use crate::recipe::settings::{Ema, Mixed, Norms};
use crate::tricks::finetune;
use crate::tricks::scaling::{Scaler, of_evaluation, precision};
use std::collections::BTreeSet;

/// A net in training, its optimiser and its teacher.
pub struct Learner<D: Ops<f32>> {
    pub(super) dev: D,
    /// The net.
    pub net: Net<f32, D>,
    /// The optimiser.
    pub optimiser: Optimiser<f32, D>,
    /// The running average of the weights, which is evaluated in their place.
    pub average: Option<Average<D>>,
    pub(super) teacher: Option<Teacher<D>>,
    /// Of every parameter of the net, how many groups below the head it lies.
    depths: Vec<usize>,
    /// Names of the classes, in label order.
    pub(super) classes: Vec<String>,
    /// How uneven they are.
    pub(super) sizes: Classes,
    /// What a person should know of the weights that it started from.
    pub(super) notes: Vec<String>,
    /// Where the files are that the recipe names.
    pub(super) origin: Origin,
    /// The factor of the loss in mixed precision.
    pub scaler: Scaler,
    /// The format of feature maps in evaluations.
    pub(super) evaluates_in: Precision,
    /// What is kept of the steps for screens that look.
    pub observer: Observer,
}

impl<D: Ops<f32>> Learner<D> {
    /// A freshly initialised net for `data`, and its teacher when the recipe asks for one.
    ///
    /// # Errors
    /// The device's, or a teacher that cannot be had.
    pub fn new(dev: D, s: &Settings, data: &DataSet) -> Result<Self, TrainError> {
        let mut learner = Learner::begun(dev, s, data, Origin::default())?;
        learner.ready_average(&s.optim.ema)?;
        Ok(learner)
    }

    /// The same for a run that may have been begun elsewhere, without an average: that of other weights may follow.
    ///
    /// # Errors
    /// As [`Learner::new`].
    pub(super) fn begun(dev: D, s: &Settings, data: &DataSet, origin: Origin) -> Result<Self, TrainError> {
        let spec = NetSpec::of(s, data.train.channels, data.classes.len());
        let mut net = Net::new(&dev, &spec).map_err(TrainError::device)?;
        net.initialise(s.net.init, s.tricks.zero_gamma, s.train.seed).map_err(TrainError::device)?;
        let (observer, classes, sizes) = (Observer::of(data), data.classes.clone(), Classes::of(data));
        let mut learner = Learner { observer, classes, sizes, origin, ..Learner::holding(dev, net) };
        learner.ready_teacher(&s.tricks.distill)?;
        Ok(learner)
    }

    /// A net that is not to be trained any more.
    pub fn holding(dev: D, net: Net<f32, D>) -> Self {
        Learner {
            dev,
            depths: net.spec().depths(),
            net,
            optimiser: Optimiser::default(),
            average: None,
            teacher: None,
            classes: Vec::new(),
            sizes: Classes::default(),
            notes: Vec::new(),
            origin: Origin::default(),
            scaler: Scaler::default(),
            evaluates_in: Precision::Single,
            observer: Observer::default(),
        }
    }

    /// What a step of an epoch trains.
    pub(super) fn tuning(&self, s: &Settings, epoch: u64) -> Tuning {
        let norms = if s.finetune.norms == Norms::Frozen { Mode::Eval } else { Mode::Train };
        let frozen = self.net.spec().frozen_layers(finetune::frozen(&s.finetune, epoch));
        Tuning { frozen, norms, dropout: None }
    }

    /// The names of the layers with parameters that an epoch does not train.
    pub(super) fn frozen_layers(&self, s: &Settings, epoch: u64) -> BTreeSet<String> {
        let spec = self.net.spec();
        let mut left = spec.params_of(self.tuning(s, epoch).frozen);
        let is_frozen = |group: &Group| {
            left.checked_sub(group.count).is_some_and(|rest| {
                left = rest;
                true
            })
        };
        spec.groups().into_iter().take_while(is_frozen).map(|group| group.name).collect()
    }

    /// For every parameter and statistic the factor of its learning rate; none where it is frozen.
    pub(super) fn rates(&self, tuning: Tuning, s: &Settings) -> Vec<Option<f64>> {
        let frozen = self.net.spec().params_of(tuning.frozen);
        let rate = |(i, depth): (usize, &usize)| (i >= frozen).then(|| finetune::rate(&s.optim, *depth));
        self.depths.iter().enumerate().map(rate).collect()
    }

    /// What checkpoints hold of it.
    pub fn trained(&mut self) -> Trained<'_, D> {
        let Learner { dev, net, optimiser, average, scaler, .. } = self;
        Trained { dev, net, optimiser, average, scaler }
    }

    /// A running average that begins from the weights as they are.
    ///
    /// # Errors
    /// The device's.
    pub(super) fn average_begun(&self) -> Result<Average<D>, TrainError> {
        Average::begun(&self.dev, &self.net)
    }

    /// Keeps an average or none, as settings want it.
    ///
    /// # Errors
    /// The device's; then nothing has changed.
    pub(super) fn ready_average(&mut self, ema: &Ema) -> Result<(), TrainError> {
        match &self.average {
            _ if !ema.on => self.average = None,
            None => self.average = Some(self.average_begun()?),
            Some(_) => {}
        }
        Ok(())
    }

    /// In which format mixed precision has the feature maps on this device.
    pub(super) fn precision(mixed: &Mixed) -> Precision {
        precision(mixed, D::low_precision())
    }

    /// Has evaluations be in the format that mixed precision trains in.
    pub(super) fn evaluate_as(&mut self, mixed: &Mixed) {
        self.evaluates_in = of_evaluation(Self::precision(mixed));
    }

    /// Images on the device.
    pub(super) fn images(&self, batch: Batch) -> Result<FeatureMap<f32, D>, D::Err> {
        let Batch { n, height: h, width: w, channels, pixels, .. } = batch;
        self.dev.upload(pixels, (n, h, w, channels))
    }

    /// Goes through the net as a step does that trains so much of it, with its tape, or as an evaluation does; waits for
    /// the end.
    pub(super) fn forward(&mut self, batch: Batch, training: Option<Tuning>, mixed: &Mixed) -> Result<(), D::Err> {
        D::enter(|| {
            let x = D::to_precision(self.images(batch)?, Self::precision(mixed))?;
            let logits = match training {
                Some(tuning) => self.net.forward_both(x.put_tape(D::tape()), tuning)?.0.split_tape().0,
                None => self.net.forward(x, Mode::Eval)?,
            };
            D::values(&logits).map(drop)
        })
    }

    /// Logits of a batch in evaluation, `(N, classes)` row by row: those of the average where one is kept.
    ///
    /// # Errors
    /// The device's.
    pub fn logits(&mut self, batch: Batch) -> Result<Vec<f32>, D::Err> {
        D::enter(|| {
            let x = self.images(batch)?;
            D::values(&self.evaluated(x)?)
        })
    }

    /// Logits of images on the device in evaluation: those of the average where one is kept.
    pub(super) fn evaluated(&mut self, x: FeatureMap<f32, D>) -> Result<FeatureMap<f32, D>, D::Err> {
        let net = self.average.as_mut().map_or(&mut self.net, |average| &mut average.net);
        net.forward(D::to_precision(x, self.evaluates_in)?, Mode::Eval)
    }
}
