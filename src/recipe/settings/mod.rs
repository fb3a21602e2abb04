//! Every setting of a run as plain data, with its default.

#[macro_use]
mod structs;
mod augment;
mod words;

pub use augment::*;
pub use words::*;

settings! {
    /// All settings of a run.
    Settings {
        /// Name of the run directory's stem.
        name: String = "run".to_string(),
        /// What the net learns.
        task: Task = Task::Classify,
        /// What computes.
        device: Device = Device::Auto,
        /// Data source.
        data: Data = Data::default(),
        /// Network.
        net: Net = Net::default(),
        /// What a net has for the classes of pixels.
        seg: Seg = Seg::default(),
        /// Length, batch, seed.
        train: Train = Train::default(),
        /// Optimiser.
        optim: Optim = Optim::default(),
        /// What is frozen.
        finetune: Finetune = Finetune::default(),
        /// Learning rate.
        schedule: Schedule = Schedule::default(),
        /// Augmentation.
        augment: Augment = Augment::default(),
        /// Switches of the paper.
        tricks: Tricks = Tricks::default(),
        /// What is watched, and what happens when it goes wrong.
        alarms: Alarms = Alarms::default(),
    }
    /// Data source.
    Data {
        /// Kind of source.
        kind: DataKind = DataKind::Auto,
        /// Directory or file, for the kinds that need one.
        path: String = String::new(),
        /// Edge of the square that the net sees, 0 for that of the images, or 224 for photographs.
        size: u64 = 0,
        /// Shorter edge before the centre crop, 0 for 8/7 of the size, or the size itself for small images.
        resize: u64 = 0,
        /// Means and deviations.
        normalise: Normalise = Normalise::Auto,
        /// Training images used, class-balanced, 0 for all.
        train_images: u64 = 0,
        /// Test images that are evaluated, class-balanced, 0 for all.
        test_images: u64 = 0,
        /// What makes up for classes of uneven size.
        balance: Balance = Balance::None,
        /// Share of each class that is validated with, where a folder has no `val/`.
        val_fraction: f64 = 0.1,
        /// Share of images that may be broken.
        broken_share: f64 = 0.01,
        /// Value of a mask that is ignored beside 255.
        ignore: u64 = 255,
        /// Which way round pictures are read.
        orient: Orient = Orient::Exif,
        /// Millions of pixels that an image file may have.
        max_megapixels: u64 = 200,
    }
    /// Network.
    Net {
        /// Family.
        family: Family = Family::ResNet,
        /// Form of stem and stages.
        form: Form = Form::Small,
        /// Depth in layers.
        depth: u64 = 20,
        /// Model tweak of ResNets; other families have none.
        variant: Variant = Variant::D,
        /// Whether Inception has its auxiliary head, a second classifier in the middle whose loss counts 0.4 in training.
        auxiliary: bool = false,
        /// Factor on every channel count.
        width: f64 = 1.0,
        /// Pixels of an image along an axis for one of the last stage, 0 for as many as the net has; with fewer the last
        /// stages are dilated.
        output_stride: u64 = 0,
        /// Whether upsampling takes the corners of both maps to be at the same places.
        corners: bool = false,
        /// Safetensors file of weights to start from, or their name in the hub; empty for none.
        weights: String = String::new(),
        /// Initialiser.
        init: Init = Init::Xavier,
    }
    /// What a net has for the classes of pixels.
    Seg {
        /// Whether the last stage but one has a head of its own, which training alone uses.
        aux: bool = true,
        /// Share of its loss.
        aux_weight: f64 = 0.5,
        /// Share of a head's values that a step leaves out.
        dropout: f64 = 0.1,
    }
    /// Length, batch, seed.
    Train {
        /// Passes over the training set.
        epochs: u64 = 15,
        /// Images a step.
        batch: u64 = 128,
        /// Images that go through the net together, 0 for all of a step.
        shard: u64 = 0,
        /// Seed of every random draw.
        seed: u64 = 0,
        /// Steps between two lines of the metrics log.
        log_every: u64 = 10,
        /// Epochs between two checkpoints; the last epoch always writes one.
        checkpoint_epochs: u64 = 1,
        /// Steps between two checkpoints, 0 for none inside an epoch.
        checkpoint_steps: u64 = 0,
        /// Minutes after which a checkpoint is due, 0 for never.
        checkpoint_minutes: f64 = 10.0,
        /// Newest checkpoints that stay.
        keep_last: u64 = 2,
        /// Checkpoints that stay because their epoch ended best.
        keep_best: u64 = 1,
        /// Epochs without a better figure after which the run stops, 0 for never.
        patience: u64 = 0,
        /// Megabytes of states before edits that are kept in memory, 0 for none.
        rollback_mb: u64 = 256,
    }
    /// Optimiser.
    Optim {
        /// Which one.
        name: OptimName = OptimName::Sgd,
        /// Momentum.
        momentum: f64 = 0.9,
        /// Nesterov's form of momentum.
        nesterov: bool = true,
        /// Weight decay: L2 with SGD, decoupled with AdamW.
        weight_decay: f64 = 5e-4,
        /// Share that AdamW's mean of gradients keeps at a step.
        beta1: f64 = 0.9,
        /// Share that AdamW's mean of squared gradients keeps at a step.
        beta2: f64 = 0.999,
        /// What AdamW adds to the root of the mean square.
        epsilon: f64 = 1e-8,
        /// Norm to which the gradients of all parameters together are clipped; 0 for as they are.
        clip_norm: f64 = 0.0,
        /// Factor of the learning rate of the classifiers.
        head_lr: f64 = 1.0,
        /// Factor of the learning rate from one block to the block before it.
        layer_decay: f64 = 1.0,
        /// Running average of the weights.
        ema: Ema = Ema::default(),
    }
    /// Running average of the weights.
    Ema {
        /// Switch.
        on: bool = false,
        /// Share that the average keeps at a step, at most: it grows to that from the first step on.
        decay: f64 = 0.9998,
    }
    /// What of a net stays as it is.
    Finetune {
        /// What is frozen.
        freeze: Freeze = Freeze::None,
        /// Epochs from the start of the run for which it is, 0 for all.
        freeze_epochs: u64 = 0,
        /// What norms do in what is trained.
        norms: Norms = Norms::Train,
    }
    /// Learning rate.
    Schedule {
        /// Learning rate, for `reference_batch` images a batch when scaling is on.
        base_lr: f64 = 0.1,
        /// Multiply the rate by batch / reference batch.
        linear_scaling: bool = false,
        /// Batch size that `base_lr` is meant for.
        reference_batch: u64 = 256,
        /// Linear warmup.
        warmup: Warmup = Warmup::default(),
        /// Decay after the warmup.
        decay: Decay = Decay::Cosine,
        /// Epochs at which `Step` divides.
        milestones: Vec<u64> = vec![30, 60, 90],
        /// Factor of `Step` at a milestone.
        factor: f64 = 0.1,
        /// Power of `Poly`.
        power: f64 = 0.9,
    }
    /// Linear warmup from 0.
    Warmup {
        /// Switch.
        on: bool = true,
        /// Length in epochs, counted inside the total.
        epochs: f64 = 1.0,
    }
    /// Switches of the paper.
    Tricks {
        /// gamma = 0 in the last norm of every residual block.
        zero_gamma: bool = false,
        /// Weight decay on weights only.
        no_bias_decay: bool = true,
        /// Label smoothing.
        smoothing: Smoothing = Smoothing::default(),
        /// Mixup.
        mixup: Mixup = Mixup::default(),
        /// Knowledge distillation.
        distill: Distill = Distill::default(),
        /// Mixed precision.
        mixed: Mixed = Mixed::default(),
    }
    /// Mixed precision.
    Mixed {
        /// Switch.
        on: bool = false,
        /// Format of the feature maps.
        format: MixedFormat = MixedFormat::Auto,
        /// Steps without an overflow after which the loss is scaled twice as much, 0 for never.
        growth: u64 = 2000,
    }
    /// Label smoothing.
    Smoothing {
        /// Switch.
        on: bool = false,
        /// Mass taken from the label.
        epsilon: f64 = 0.1,
        /// Form.
        form: SmoothingForm = SmoothingForm::Paper,
    }
    /// Mixup.
    Mixup {
        /// Switch.
        on: bool = false,
        /// Both parameters of the Beta distribution.
        alpha: f64 = 0.2,
        /// One ratio a batch or one a pair.
        per: MixupPer = MixupPer::Batch,
        /// Last epochs without mixup.
        off_epochs: u64 = 0,
    }
    /// Knowledge distillation.
    Distill {
        /// Switch.
        on: bool = false,
        /// Softening T of both softmaxes.
        temperature: f64 = 20.0,
        /// Share of the soft loss in the weighted form.
        weight: f64 = 0.5,
        /// Form.
        form: DistillForm = DistillForm::Paper,
        /// `Bundled`, or the path of a checkpoint.
        teacher: String = "Bundled".to_string(),
        /// Whether a teacher of other classes teaches by their places.
        by_place: bool = false,
    }
    /// What is watched, and what happens when it goes wrong.
    Alarms {
        /// Switch; a loss that is not finite is acted upon in any case.
        on: bool = true,
        /// A loss or a gradient is not finite.
        non_finite: Act = Act::Pause,
        /// The loss of a batch is far above those before it.
        spike: Act = Act::Tell,
        /// How far, in deviations of the losses before it.
        spike_size: f64 = 6.0,
        /// A layer gives nothing but zeros.
        dead: Act = Act::Tell,
        /// The rate is at the end of its schedule and the run is not.
        rate_over: Act = Act::Tell,
        /// Much of the time goes on waiting for images.
        wait: Act = Act::Tell,
        /// How much: a share of ten seconds.
        wait_share: f64 = 0.2,
        /// The memory of a GPU is nearly full.
        memory: Act = Act::Tell,
    }
}
