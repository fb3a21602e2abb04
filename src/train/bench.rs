//! Times whole training steps on made-up images: net, loss, gradients, optimiser.

use super::learner::Learner;
use super::{Chosen, TrainError};
use crate::data::{Batch, DataSet, Synthetic, epoch_order, train_batch};
use crate::kernels::profile;
use crate::ops::{Ops, gpu_memory};
use crate::recipe::settings::{
    Augment, Crop, Device, Family, Finetune, Form, Freeze, Mixed, MixedFormat, Net, Settings, Tricks, Variant,
};
use crate::tricks::schedule::Position;
use dfdx::prelude::Cpu;
use serde::Serialize;
use std::time::Instant;

/// A net of the benchmark.
#[derive(Clone, Copy)]
pub struct Case {
    /// Name: net and edge of an image.
    pub name: &'static str,
    family: Family,
    depth: u64,
    form: Form,
    variant: Variant,
    channels: usize,
    edge: usize,
    classes: usize,
    /// Images a step.
    pub batch: usize,
    /// Format of the feature maps in mixed precision; none: single precision.
    pub mixed: Option<MixedFormat>,
    /// Whether all but the classifier is frozen.
    pub frozen: bool,
}

impl Case {
    /// The same net with so many images a step, in this format, and frozen or not.
    pub fn of(&self, batch: Option<usize>, mixed: Option<MixedFormat>, frozen: bool) -> Case {
        Case { batch: batch.unwrap_or(self.batch), mixed, frozen, ..*self }
    }
}

/// A ResNet-D for small images.
const SMALL: Case = Case {
    name: "resnet20d-28",
    family: Family::ResNet,
    depth: 20,
    form: Form::Small,
    variant: Variant::D,
    channels: 1,
    edge: 28,
    classes: 10,
    batch: 128,
    mixed: None,
    frozen: false,
};

/// A ResNet-50-D for photographs.
const LARGE: Case = Case {
    name: "resnet50d-224",
    depth: 50,
    form: Form::ImageNet,
    channels: 3,
    edge: 224,
    classes: 1000,
    batch: 8,
    ..SMALL
};

/// The nets that can be timed.
pub const CASES: &[Case] = &[
    SMALL,
    Case { name: "resnet18d-32", depth: 18, channels: 3, edge: 32, batch: 64, ..SMALL },
    LARGE,
    Case { name: "resnext50-224", family: Family::ResNeXt, variant: Variant::B, ..LARGE },
    Case { name: "mobilenet-224", family: Family::MobileNet, depth: 28, variant: Variant::B, ..LARGE },
];

/// Steps before the clock starts.
const WARM: usize = 2;

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timing {
    /// Net.
    pub net: &'static str,
    /// Format of the feature maps.
    pub format: &'static str,
    /// Images a step.
    pub batch: usize,
    /// Whether all but the classifier was frozen.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub frozen: bool,
    /// Fastest step in milliseconds.
    pub step_ms: f64,
    /// Median step in milliseconds.
    pub step_ms_median: f64,
    /// Mean step in milliseconds.
    pub step_ms_mean: f64,
    /// Images a second at the fastest step.
    pub img_s: f64,
    /// Fastest forward pass of a step in milliseconds: the net alone, as training goes through it.
    pub forward_ms: f64,
    /// Fastest pass of an evaluation over the same images in milliseconds.
    pub inference_ms: f64,
    /// Most memory the process has had, in MB, where the system tells.
    pub peak_rss_mb: Option<u64>,
    /// Most memory of maps, gradients and workspace on a GPU, in MB.
    pub gpu_mb: Option<u64>,
    /// The share of every kind of work in the time of all steps.
    pub profile: Vec<Share>,
}

/// A kind of work.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    /// What was done.
    pub work: &'static str,
    /// Share of the time, a fraction of 1.
    pub share: f64,
}

/// What was measured of the kinds of work over `seconds`, and what is left.
fn shares(seconds: f64) -> Vec<Share> {
    let known: Vec<Share> =
        profile::take().into_iter().map(|(work, t)| Share { work, share: t.as_secs_f64() / seconds }).collect();
    let rest = 1.0 - known.iter().map(|s| s.share).sum::<f64>();
    known.into_iter().chain([Share { work: "loss, tape and memory", share: rest }]).collect()
}

/// Times `steps` steps of a net.
///
/// # Errors
/// A device that cannot be had, or that gives up.
pub fn run(case: Case, steps: usize, device: Device) -> Result<Timing, TrainError> {
    Chosen::apart(device, move |chosen| match chosen {
        Chosen::Cpu => time(Cpu::default(), case, steps),
        #[cfg(feature = "cuda")]
        Chosen::Cuda(dev, _) => time(dev, case, steps),
    })
}

fn time<D: Ops<f32>>(dev: D, case: Case, steps: usize) -> Result<Timing, TrainError> {
    let data = Synthetic {
        height: case.edge,
        width: case.edge,
        channels: case.channels,
        classes: case.classes,
        train: case.batch,
        test: 1,
    }
    .build(0);
    let mixed = Mixed { on: case.mixed.is_some(), format: case.mixed.unwrap_or(MixedFormat::Auto), ..Mixed::default() };
    let settings = Settings {
        tricks: Tricks { mixed, ..Tricks::default() },
        finetune: Finetune { freeze: if case.frozen { Freeze::Backbone } else { Freeze::None }, ..Finetune::default() },
        net: Net { family: case.family, depth: case.depth, form: case.form, variant: case.variant, ..Net::default() },
        ..Settings::default()
    };
    let (mut learner, batch, mut times) = timed(dev, &settings, &data, case.batch, steps)?;
    let profile = shares(times.iter().sum());
    times.sort_by(f64::total_cmp);
    let peak_rss_mb = peak_rss_mb();
    // The two alternate, so that a slow moment of the machine slows both.
    let mut passes = [f64::INFINITY; 2];
    for _ in 0..times.len() {
        let training = learner.tuning(&settings, 0);
        for (training, fastest) in [Some(training), None].into_iter().zip(&mut passes) {
            let images = batch.clone();
            let begun = Instant::now();
            learner.forward(images, training, &settings.tricks.mixed).map_err(TrainError::device)?;
            *fastest = fastest.min(begun.elapsed().as_secs_f64());
        }
    }
    let round = |v: f64, places: f64| (v * places).round() / places;
    Ok(Timing {
        net: case.name,
        format: Learner::<D>::precision(&settings.tricks.mixed).name(),
        batch: case.batch,
        frozen: case.frozen,
        step_ms: round(times[0] * 1e3, 100.0),
        step_ms_median: round(times[times.len() / 2] * 1e3, 100.0),
        step_ms_mean: round(times.iter().sum::<f64>() / times.len() as f64 * 1e3, 100.0),
        img_s: round(case.batch as f64 / times[0], 10.0),
        forward_ms: round(passes[0] * 1e3, 100.0),
        inference_ms: round(passes[1] * 1e3, 100.0),
        peak_rss_mb,
        gpu_mb: gpu_memory().map(|bytes| bytes / 1_000_000),
        profile,
    })
}

/// A net that has made some steps on the first images of some made-up ones, those images, and the seconds of its steps after
/// the first few.
///
/// # Errors
/// A device that gives up.
pub(super) fn timed<D: Ops<f32>>(
    dev: D,
    settings: &Settings,
    data: &DataSet,
    batch: usize,
    steps: usize,
) -> Result<(Learner<D>, Batch, Vec<f64>), TrainError> {
    let mut learner = Learner::new(dev, settings, data)?;
    let order = epoch_order(data.train.len(), 0, 0);
    let plain = Augment { flip: false, crop: Crop { on: false, pad: 0 }, ..Augment::default() };
    let images = train_batch(data, &order[..batch], 0, 0, &plain);
    let at = Position { epoch: 0, batch: 1, batches: 100 };
    let mut times = Vec::new();
    for step in 0..steps.max(1) + WARM {
        if step == WARM {
            profile::take();
        }
        let images = images.clone();
        let begun = Instant::now();
        learner.step(images, at, settings).map_err(TrainError::device)?;
        if step >= WARM {
            times.push(begun.elapsed().as_secs_f64());
        }
    }
    Ok((learner, images, times))
}

/// Peak resident memory, as Linux tells it.
fn peak_rss_mb() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    line.trim().split(' ').next()?.parse::<u64>().ok().map(|kb| kb / 1024)
}
