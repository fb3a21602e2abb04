//! The knob table: the one place that knows a knob's path, name, unit, range, step, help and source, and when a
//! change takes effect. The editor's rows, `--set`, the preset fields, `tricktop knobs`, the journal and the docs
//! read it.

use super::former::todays_path;
use super::settings::*;
use super::{Kind, Value};

/// When a change of a knob takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    /// At the next step.
    Live,
    /// At the next epoch.
    NextEpoch,
    /// Only in a new run.
    Fork,
}

impl Applies {
    /// The word the screen and the docs use.
    pub fn word(self) -> &'static str {
        match self {
            Applies::Live => "live",
            Applies::NextEpoch => "epoch",
            Applies::Fork => "fork",
        }
    }
}

/// How `+` and `-` move a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// Add or take away.
    Add(f64),
    /// Multiply or divide.
    Times(f64),
}

/// Where the screen shows a knob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// A row among the hyperparameters.
    Knob,
    /// A switch of the paper: a check box.
    Trick,
    /// A value of the trick whose switch stands above it in the table.
    TrickValue,
}

/// One knob.
pub struct Knob {
    /// Path in a preset, e.g. `schedule.base_lr`.
    pub path: &'static str,
    /// Short name for a row of the screen, at most 14 characters.
    pub name: &'static str,
    /// Place on the screen.
    pub group: Group,
    /// Allowed values.
    pub kind: Kind,
    /// Unit, or an empty string.
    pub unit: &'static str,
    /// Size of `+` and `-`.
    pub step: Step,
    /// When a change takes effect.
    pub applies: Applies,
    /// Section of the paper, or an empty string.
    pub paper: &'static str,
    /// One line of help.
    pub help: &'static str,
    pub(super) get: fn(&Settings) -> Value,
    pub(super) set: fn(&mut Settings, Value) -> Result<(), ()>,
}

macro_rules! knobs {
    ($($($field:ident).+ , $name:literal, $group:ident, $kind:expr, $unit:literal, $step:expr, $applies:ident, $paper:literal, $help:literal;)+) => {
        /// Every knob, in the order of the screen.
        pub static KNOBS: &[Knob] = &[$(Knob {
            path: concat!(knobs!(@path $($field).+)),
            name: $name,
            group: Group::$group,
            kind: $kind,
            unit: $unit,
            step: $step,
            applies: Applies::$applies,
            paper: $paper,
            help: $help,
            get: |s| Value::from(&s.$($field).+),
            set: |s, v| { s.$($field).+ = v.try_into()?; Ok(()) },
        }),+];
    };
    (@path $a:ident) => { stringify!($a) };
    (@path $a:ident . $b:ident) => { concat!(stringify!($a), ".", stringify!($b)) };
    (@path $a:ident . $b:ident . $c:ident) => { concat!(stringify!($a), ".", stringify!($b), ".", stringify!($c)) };
}

const fn int(min: u64, max: u64) -> Kind {
    Kind::Int { min, max }
}
const fn above(min: f64, max: f64) -> Kind {
    Kind::Float { min, open: true, max }
}
const fn from(min: f64, max: f64) -> Kind {
    Kind::Float { min, open: false, max }
}
use Step::{Add, Times};

knobs! {
    schedule.base_lr, "lr", Knob, above(0.0, 100.0), "", Times(1.25), Live, "2.1", "learning rate at the peak of the schedule";
    optim.momentum, "momentum", Knob, from(0.0, 0.9999), "", Add(0.01), Live, "2.1", "momentum of SGD";
    optim.weight_decay, "weight decay", Knob, from(0.0, 1.0), "", Times(2.0), Live, "2.1", "weight decay: L2 with Sgd, decoupled with AdamW";
    optim.clip_norm, "clip norm", Knob, from(0.0, 1e6), "", Add(0.5), Live, "", "norm to which all gradients together are clipped, 0 for none";
    train.batch, "batch", Knob, int(1, 65536), "images", Times(2.0), NextEpoch, "3.1", "images a step";
    train.epochs, "epochs", Knob, int(1, 100_000), "epochs", Add(1.0), NextEpoch, "", "length of the run";
    task, "task", Knob, Kind::Choice(Task::WORDS), "", Add(1.0), Fork, "6.2", "Classify: the class of an image; Segment: the class of every pixel, from images and masks";
    net.family, "net family", Knob, Kind::Choice(Family::WORDS), "", Add(1.0), Fork, "4", "family of nets; `tricktop nets` lists them with their sizes";
    net.form, "net form", Knob, Kind::Choice(Form::WORDS), "", Add(1.0), Fork, "", "Small: 3x3 stem, no max-pool; ImageNet: 7x7 or deep stem, max-pool";
    net.depth, "net depth", Knob, int(8, 1202), "layers", Add(1.0), Fork, "4", "ImageNet: 18, 34, 50, 101, 152; Small: 18 or 6n+2; DenseNet: 121, 169, 201; MobileNet: 28; Inception: 48";
    net.variant, "net variant", Knob, Kind::Choice(Variant::WORDS), "", Add(1.0), Fork, "4", "model tweak A, B, C or D of ResNets; a small net pools in its shortcuts with D, and A, B and C are the same";
    net.width, "net width", Knob, above(0.0, 16.0), "x", Add(0.25), Fork, "", "factor on every channel count";
    net.output_stride, "output stride", Knob, int(0, 32), "px", Times(2.0), Fork, "6.2", "pixels of an image for one of a ResNet's last stage, 0 as the net is; ImageNet 8, 16, 32, Small 2, 4: stages that would stride further are dilated";
    net.corners, "corners", Knob, Kind::Switch, "", Add(1.0), Fork, "6.2", "Segment: upsampling aligns the corners of logits and image, as MXNet did; off: their edges, as torchvision does";
    seg.aux, "auxiliary head", Knob, Kind::Switch, "", Add(1.0), Fork, "6.2", "Segment: a second head on the last stage but one, which training alone uses";
    seg.aux_weight, "aux weight", Knob, from(0.0, 100.0), "", Add(0.1), Live, "6.2", "Segment: share of the auxiliary head's loss";
    seg.dropout, "dropout", Knob, from(0.0, 0.95), "", Add(0.05), Live, "6.2", "Segment: share of a head's values that a step leaves out before its last layer";
    net.init, "init", Knob, Kind::Choice(Init::WORDS), "", Add(1.0), Fork, "2.1", "initialiser of the weights";
    net.weights, "start weights", Knob, Kind::Text, "", Add(1.0), Fork, "", "safetensors file to start from, of any program, under timm's names, or weights of the hub such as timm/resnet50.a1_in1k (tricktop weights get); of other classes, the linear layer starts anew";
    data.kind, "data", Knob, Kind::Choice(DataKind::WORDS), "", Add(1.0), Fork, "", "where the images come from; Auto: recognised from data.path, bundled when that is empty";
    data.path, "data path", Knob, Kind::Text, "", Add(1.0), Fork, "", "directory or packed file of the images";
    data.size, "image size", Knob, int(0, 1024), "px", Add(32.0), Fork, "2.1", "edge of the square the net sees, 0 for that of start weights of the hub, the images' own, 224 for photographs";
    data.resize, "resize", Knob, int(0, 2048), "px", Add(32.0), Fork, "2.1", "shorter edge before the centre crop, 0 for that of start weights of the hub, 8/7 of the size of photographs, the size of small images";
    data.normalise, "normalise", Knob, Kind::Choice(Normalise::WORDS), "", Add(1.0), Fork, "2.1", "mean and deviation of the set, of the start weights, or the paper's; Auto: those of the weights, the paper's for photographs";
    data.val_fraction, "val fraction", Knob, above(0.0, 0.9), "", Add(0.05), Fork, "", "share of each class to validate with where a folder has no val directory";
    data.broken_share, "broken share", Knob, from(0.0, 1.0), "", Add(0.01), Live, "", "share of broken images above which the run fails";
    data.ignore, "ignored value", Knob, int(0, 255), "", Add(1.0), Fork, "6.2", "value in the masks whose pixels are ignored; those of 255 always are";
    data.orient, "orient", Knob, Kind::Choice(Orient::WORDS), "", Add(1.0), Fork, "", "Exif: photographs as they are shown, turned as their EXIF data say; Stored: as they are stored, as torchvision reads them";
    data.max_megapixels, "max pixels", Knob, int(1, 1000), "MP", Add(10.0), Fork, "", "millions of pixels above which an image is left out as broken; what takes too much memory at its size is read smaller, or left out";
    data.train_images, "train images", Knob, int(0, u64::MAX), "images", Add(1000.0), Fork, "", "training images used, 0 for all";
    data.test_images, "test images", Knob, int(0, u64::MAX), "images", Add(1000.0), Fork, "", "test images that are evaluated, 0 for all";
    data.balance, "balance", Knob, Kind::Choice(Balance::WORDS), "", Add(1.0), NextEpoch, "", "for classes of uneven size: Weights of n / (K n_c) in the loss, or a Sampler that draws every class as often";
    train.seed, "seed", Knob, int(0, u64::MAX), "", Add(1.0), Fork, "", "seed of every random draw";
    train.log_every, "log every", Knob, int(1, 1_000_000), "steps", Add(1.0), Live, "", "steps between two lines of the metrics log";
    train.checkpoint_epochs, "checkpoint", Knob, int(1, 100_000), "epochs", Add(1.0), Live, "", "epochs between two checkpoints";
    train.checkpoint_steps, "ckpt steps", Knob, int(0, u64::MAX), "steps", Add(100.0), Live, "", "steps between two checkpoints inside an epoch, 0 for none";
    train.checkpoint_minutes, "ckpt minutes", Knob, from(0.0, 1e6), "min", Add(1.0), Live, "", "longest time without a checkpoint, 0 for any";
    train.keep_last, "keep last", Knob, int(1, 100_000), "files", Add(1.0), Live, "", "newest checkpoints that stay";
    train.keep_best, "keep best", Knob, int(0, 100_000), "files", Add(1.0), Live, "", "checkpoints that stay because their epoch ended best";
    train.patience, "patience", Knob, int(0, 100_000), "epochs", Add(1.0), Live, "", "epochs without a better top-1 or mIoU after which the run stops, 0 for never";
    train.rollback_mb, "rollback mem", Knob, int(0, 1_000_000), "MB", Times(2.0), Live, "", "memory for the states before the last edits, which U goes back to; 0 for none";
    train.shard, "shard", Knob, int(0, 65536), "images", Times(2.0), Fork, "2.1", "images that go through the net together, their gradients added up to those of a batch; 0 for the whole batch";
    net.auxiliary, "auxiliary", Knob, Kind::Switch, "", Add(1.0), Fork, "", "Inception with its auxiliary head: a second classifier in the middle, whose loss counts 0.4 in training";
    optim.name, "optimiser", Knob, Kind::Choice(OptimName::WORDS), "", Add(1.0), Live, "2.1", "SGD with momentum, or AdamW; what it keeps begins anew with another one";
    optim.beta1, "beta 1", Knob, from(0.0, 0.9999), "", Add(0.01), Live, "", "share that AdamW's mean of gradients keeps at a step";
    optim.beta2, "beta 2", Knob, from(0.0, 0.99999), "", Add(0.001), Live, "", "share that AdamW's mean of squared gradients keeps at a step";
    optim.epsilon, "adamw epsilon", Knob, above(0.0, 1.0), "", Times(10.0), Live, "", "what AdamW adds to the root of the mean square";
    device, "device", Knob, Kind::Choice(Device::WORDS), "", Add(1.0), Fork, "", "what computes: the CPU, an NVIDIA GPU by its number, or Auto: the first GPU that works, else the CPU";
    name, "run name", Knob, Kind::Text, "", Add(1.0), Fork, "", "stem of the run directory's name";
    schedule.linear_scaling, "linear scaling", Trick, Kind::Switch, "", Add(1.0), NextEpoch, "3.1", "lr = base_lr * batch / reference_batch";
    schedule.reference_batch, "ref. batch", TrickValue, int(1, 65536), "images", Times(2.0), NextEpoch, "3.1", "batch size that base_lr is meant for";
    schedule.warmup.on, "warmup", Trick, Kind::Switch, "", Add(1.0), Live, "3.1", "lr rises from 0 over the first epochs";
    schedule.warmup.epochs, "length", TrickValue, from(0.0, 1000.0), "epochs", Add(0.5), Live, "3.1", "length of the warmup, counted inside the total";
    schedule.decay, "decay", Knob, Kind::Choice(Decay::WORDS), "", Add(1.0), Live, "5.1", "decay of the rate after the warmup";
    schedule.milestones, "milestones", Knob, Kind::Epochs, "epochs", Add(1.0), Live, "2.1", "epochs at which the step decay divides";
    schedule.factor, "step factor", Knob, above(0.0, 1.0), "", Times(2.0), Live, "2.1", "factor of the step decay at a milestone";
    schedule.power, "poly power", Knob, above(0.0, 10.0), "", Add(0.1), Live, "6.2", "power of the poly decay: lr = peak * (1 - t / T)^power";
    optim.head_lr, "head lr", Knob, above(0.0, 1000.0), "x", Times(2.0), Live, "6.2", "factor of the learning rate of the classifiers, auxiliary ones too";
    optim.layer_decay, "layer decay", Knob, above(0.0, 1.0), "", Add(0.05), Live, "", "factor of the learning rate from each block to the block below it: d^(L-i), 1 for the head, least for the stem";
    finetune.freeze, "freeze", Knob, Kind::Choice(Freeze::WORDS), "", Add(1.0), Live, "6.2", "frozen up to here from the stem on: neither weights nor statistics change; Backbone: all but the classifiers";
    finetune.freeze_epochs, "freeze epochs", Knob, int(0, 100_000), "epochs", Add(1.0), Live, "", "finetune.freeze holds for the first epochs of the run, then everything trains; 0: for as long as it says so";
    finetune.norms, "norms", Knob, Kind::Choice(Norms::WORDS), "", Add(1.0), Live, "", "Frozen: all norms use their running statistics, which stay as they are; their factors and summands still train, except in what is frozen";
    tricks.zero_gamma, "zero gamma", Trick, Kind::Switch, "", Add(1.0), Fork, "3.1", "last norm of every residual block starts at 0";
    tricks.no_bias_decay, "no bias decay", Trick, Kind::Switch, "", Add(1.0), Live, "3.1", "weight decay on weights only";
    optim.nesterov, "nesterov", Trick, Kind::Switch, "", Add(1.0), Live, "2.1", "Nesterov's form of momentum";
    tricks.smoothing.on, "smoothing", Trick, Kind::Switch, "", Add(1.0), Live, "5.2", "label smoothing";
    tricks.smoothing.epsilon, "epsilon", TrickValue, from(0.0, 0.9999), "", Add(0.05), Live, "5.2", "mass taken from the label";
    tricks.smoothing.form, "form", TrickValue, Kind::Choice(SmoothingForm::WORDS), "", Add(1.0), Live, "5.2", "Paper: eps/(K-1) on the others; Uniform: eps/K on all";
    tricks.mixup.on, "mixup", Trick, Kind::Switch, "", Add(1.0), Live, "5.4", "trains on mixed pairs of images";
    tricks.mixup.alpha, "alpha", TrickValue, above(0.0, 10.0), "", Add(0.05), Live, "5.4", "lambda is drawn from Beta(alpha, alpha)";
    tricks.mixup.per, "lambda per", TrickValue, Kind::Choice(MixupPer::WORDS), "", Add(1.0), Live, "5.4", "one lambda a batch, or one a pair";
    tricks.mixup.off_epochs, "off for last", TrickValue, int(0, 100_000), "epochs", Add(1.0), Live, "5.4", "last epochs without mixup";
    tricks.distill.on, "distillation", Trick, Kind::Switch, "", Add(1.0), Live, "5.3", "learns from a teacher's softened output";
    tricks.distill.temperature, "temperature", TrickValue, above(0.0, 1000.0), "", Add(1.0), Live, "5.3", "softening T of teacher and student";
    tricks.distill.form, "form", TrickValue, Kind::Choice(DistillForm::WORDS), "", Add(1.0), Live, "5.3", "Paper: hard + T^2 soft; Weighted: (1-w) hard + w T^2 soft";
    tricks.distill.weight, "weight", TrickValue, from(0.0, 1.0), "", Add(0.05), Live, "5.3", "share w of the soft loss in the weighted form";
    tricks.distill.teacher, "teacher", TrickValue, Kind::Text, "", Add(1.0), Live, "5.3", "Bundled, or the path of a checkpoint or of PyTorch's weights (safetensors)";
    tricks.distill.by_place, "by place", TrickValue, Kind::Switch, "", Add(1.0), Live, "5.3", "a teacher of other classes is refused; with this its outputs are taken by their places";
    tricks.mixed.on, "half precision", Trick, Kind::Switch, "", Add(1.0), Live, "3.2", "16-bit feature maps and gradients, single-precision weights";
    tricks.mixed.format, "format", TrickValue, Kind::Choice(MixedFormat::WORDS), "", Add(1.0), Live, "3.2", "F16, which a CPU emulates, or Bf16, with single precision's range and fewer digits; Auto: what the device is fast at";
    tricks.mixed.growth, "growth", TrickValue, int(0, u64::MAX), "steps", Times(2.0), Live, "3.2", "steps without overflow after which the loss scale doubles, 0 for never";
    optim.ema.on, "weight EMA", Trick, Kind::Switch, "", Add(1.0), Live, "", "evaluates and exports a running average of the weights; training goes on with the weights themselves";
    optim.ema.decay, "decay", TrickValue, from(0.0, 0.999999), "", Add(0.001), Live, "", "share d that the average keeps at step t since it was switched on: the smaller of this and 1 - (1 + t)^(-2/3)";
    augment.resized.on, "resized crop", Trick, Kind::Switch, "", Add(1.0), Live, "2.1", "random crop of any area and aspect, resized to the image size";
    augment.resized.min_area, "least area", TrickValue, above(0.0, 1.0), "", Add(0.05), Live, "2.1", "least share of the area that a crop takes";
    augment.resized.max_area, "largest area", TrickValue, above(0.0, 1.0), "", Add(0.05), Live, "2.1", "largest share of the area that a crop takes";
    augment.resized.ratio, "aspect", TrickValue, from(1.0, 10.0), "", Add(0.1), Live, "2.1", "largest aspect ratio of a crop, the least is one over it";
    augment.scale.on, "scale", Trick, Kind::Switch, "", Add(1.0), Live, "6.2", "gives the longer side of an image a random size and crops what the net sees, padded where the image is smaller";
    augment.scale.least, "least side", TrickValue, from(0.05, 20.0), "x", Add(0.1), Live, "6.2", "least longer side of an image, in parts of what the net sees (data.size)";
    augment.scale.most, "largest side", TrickValue, from(0.05, 20.0), "x", Add(0.1), Live, "6.2", "largest longer side of an image, in parts of what the net sees";
    augment.rotate.on, "rotation", Trick, Kind::Switch, "", Add(1.0), Live, "", "turns what the net sees about its middle; what comes from outside is padding";
    augment.rotate.degrees, "angle", TrickValue, from(0.0, 180.0), "degrees", Add(5.0), Live, "", "largest angle to either side, drawn uniformly";
    augment.blur.on, "blur", Trick, Kind::Switch, "", Add(1.0), Live, "6.2", "blurs some images with a Gaussian";
    augment.blur.probability, "share", TrickValue, from(0.0, 1.0), "", Add(0.1), Live, "6.2", "share of the images that are blurred";
    augment.blur.radius, "radius", TrickValue, from(0.0, 20.0), "px", Add(0.5), Live, "6.2", "largest standard deviation of the Gaussian, drawn uniformly from 0";
    augment.crop.on, "pad and crop", Trick, Kind::Switch, "", Add(1.0), Live, "2.1", "random crop out of the padded image";
    augment.crop.pad, "pad", TrickValue, int(0, 32), "px", Add(1.0), Live, "2.1", "pixels padded on each side";
    augment.flip, "flip", Trick, Kind::Switch, "", Add(1.0), Live, "2.1", "mirrors an image with probability 1/2";
    augment.hue.on, "hue", Trick, Kind::Switch, "", Add(1.0), Live, "2.1", "turns the hue by (c - 1) * 180 degrees, c in 1 ± strength";
    augment.hue.strength, "strength", TrickValue, from(0.0, 1.0), "", Add(0.1), Live, "2.1", "largest distance of the coefficient c from 1";
    augment.saturation.on, "saturation", Trick, Kind::Switch, "", Add(1.0), Live, "2.1", "scales the distance from grey by a coefficient in 1 ± strength";
    augment.saturation.strength, "strength", TrickValue, from(0.0, 1.0), "", Add(0.1), Live, "2.1", "largest distance of the coefficient from 1";
    augment.brightness.on, "brightness", Trick, Kind::Switch, "", Add(1.0), Live, "2.1", "scales all values by a coefficient in 1 ± strength";
    augment.brightness.strength, "strength", TrickValue, from(0.0, 1.0), "", Add(0.1), Live, "2.1", "largest distance of the coefficient from 1";
    augment.pca.on, "PCA noise", Trick, Kind::Switch, "", Add(1.0), Live, "2.1", "adds noise along the principal colours of photographs (AlexNet)";
    augment.pca.std, "deviation", TrickValue, from(0.0, 10.0), "", Add(0.05), Live, "2.1", "standard deviation of the three coefficients";
    augment.erase.on, "random erasing", Trick, Kind::Switch, "", Add(1.0), Live, "", "greys out a random rectangle of some images (Zhong et al. 2017)";
    augment.erase.probability, "share", TrickValue, from(0.0, 1.0), "", Add(0.1), Live, "", "share of the images that lose a rectangle";
    augment.erase.max_area, "max area", TrickValue, from(0.02, 1.0), "", Add(0.05), Live, "", "largest share of the area that goes, the least is 0.02";
    alarms.on, "alarms", Trick, Kind::Switch, "", Add(1.0), Live, "", "tell when something looks wrong, and act on it; a loss that is not finite is acted upon in any case";
    alarms.non_finite, "not finite", TrickValue, Kind::Choice(&["Pause", "RollBack"]), "", Add(1.0), Live, "", "a loss or gradient is not finite; RollBack: back to before an edit of the last epoch, then pause";
    alarms.spike, "loss spike", TrickValue, Kind::Choice(Act::WORDS), "", Add(1.0), Live, "", "the loss of a batch is far above those before it";
    alarms.spike_size, "spike size", TrickValue, from(2.0, 1000.0), "", Add(1.0), Live, "", "how far above their mean, in their deviations";
    alarms.dead, "dead layer", TrickValue, Kind::Choice(Act::WORDS), "", Add(1.0), Live, "", "a layer outputs nothing but zeros at the end of an epoch";
    alarms.rate_over, "rate over", TrickValue, Kind::Choice(&["Off", "Tell", "Pause"]), "", Add(1.0), Live, "", "the learning rate has come to the end of its schedule, and the run has not";
    alarms.wait, "data wait", TrickValue, Kind::Choice(&["Off", "Tell", "Pause"]), "", Add(1.0), Live, "", "more than the wait share of 10 seconds goes on waiting for images";
    alarms.wait_share, "wait share", TrickValue, above(0.0, 1.0), "", Add(0.05), Live, "", "share of waiting that is too much";
    alarms.memory, "GPU memory", TrickValue, Kind::Choice(&["Off", "Tell"]), "", Add(1.0), Live, "", "the memory of the run's GPU is 95 % full; the screen watches it";
}

/// The knob with this path, e.g. `tricks.mixup.alpha`, or that it had in an earlier version.
pub fn find(path: &str) -> Option<&'static Knob> {
    let path = todays_path(path);
    KNOBS.iter().find(|k| k.path == path)
}

/// The fields that presets know in a section such as `tricks.mixup`, or at the top level for an empty one; none when
/// there is no such section.
pub fn fields(section: &str) -> Vec<&'static str> {
    let mut fields: Vec<&'static str> = Vec::new();
    for knob in KNOBS {
        let rest = match section {
            "" => Some(knob.path),
            _ => knob.path.strip_prefix(section).and_then(|rest| rest.strip_prefix('.')),
        };
        let field = rest.map(|rest| rest.split('.').next().unwrap_or(rest));
        fields.extend(field.filter(|field| !fields.contains(field)));
    }
    fields
}

/// The path of a field in a section, which is empty at the top level.
pub(super) fn join(section: &str, field: &str) -> String {
    if section.is_empty() { field.to_string() } else { format!("{section}.{field}") }
}

/// `docs/reference/knobs.md`: every knob in a table.
pub fn markdown_table() -> String {
    let mut page = String::from(
        "# Knobs\n\nEvery knob, as `tricktop knobs --markdown` prints it. *applies* says when a change takes effect in a run: \
         `live` at the next step, `epoch` at the next epoch, `fork` in a new run only. *paper* is the section of \"Bag of \
         Tricks for Image Classification with Convolutional Neural Networks\". This page is generated; \
         `TRICKTOP_BLESS=1 cargo test --test docs` writes it.\n\n\
         | knob | default | allowed | applies | paper | what it does |\n|---|---|---|---|---|---|\n",
    );
    let defaults = Settings::default();
    for knob in KNOBS {
        let default = (knob.get)(&defaults).to_string();
        let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
        let unit = if knob.unit.is_empty() { String::new() } else { format!(" ({})", knob.unit) };
        let Knob { path, kind, applies, paper, help, .. } = knob;
        page += &format!("| `{path}` | {default} | {kind}{unit} | {} | {paper} | {help} |\n", applies.word());
    }
    page
}

impl serde::Serialize for Knob {
    /// Writes the path.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.path)
    }
}

impl PartialEq for Knob {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl std::fmt::Debug for Knob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_table_is_in_order() {
        let mut paths = HashSet::new();
        let mut group = Group::Knob;
        for knob in KNOBS {
            let Knob { path, name, help, .. } = knob;
            assert!(paths.insert(path), "{path} stands twice");
            assert!(fields(path).is_empty(), "{path} is a section too");
            assert!((1..=14).contains(&name.len()), "{path}: the name {name:?} does not fit a row");
            assert!(!help.is_empty() && !help.contains('|'), "{path}: {help:?} does not fit the page of knobs");
            assert!(knob.group != Group::TrickValue || group != Group::Knob, "{path} belongs to no trick");
            assert!(knob.group != Group::Trick || knob.kind == Kind::Switch, "{path} is no switch");
            let default = (knob.get)(&Settings::default());
            assert_eq!(knob.kind.accept(default.clone()), Ok(default), "{path}: the default is not allowed");
            assert!(!matches!(knob.step, Step::Add(by) | Step::Times(by) if by <= 0.0), "{path} steps nowhere");
            group = knob.group;
        }
    }

    #[test]
    fn sections_are_read_off_the_paths() {
        assert_eq!(
            fields("augment"),
            ["resized", "scale", "rotate", "blur", "crop", "flip", "hue", "saturation", "brightness", "pca", "erase"]
        );
        assert_eq!(fields("augment.crop"), ["on", "pad"]);
        assert_eq!(fields("aug"), [""; 0]);
        assert_eq!(fields("augment.flip"), [""; 0]);
        assert!(fields("").contains(&"name"));
    }
}
