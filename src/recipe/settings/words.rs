//! The words that settings may be, and how plain settings become values and come back.

use crate::recipe::Value;

/// A closed set of words that a knob may hold.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $word:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $word),+ }

        impl $name {
            /// The words, as presets spell them.
            pub const WORDS: &'static [&'static str] = &[$(stringify!($word)),+];

            /// The word of this value.
            pub fn word(self) -> &'static str {
                match self { $(Self::$word => stringify!($word)),+ }
            }
        }

        impl From<&$name> for Value {
            fn from(v: &$name) -> Value { Value::Word(v.word().to_string()) }
        }

        impl TryFrom<Value> for $name {
            type Error = ();
            fn try_from(v: Value) -> Result<Self, ()> {
                match v {
                    $(Value::Word(w) if w == stringify!($word) => Ok(Self::$word),)+
                    _ => Err(()),
                }
            }
        }
    };
}

/// Conversions between a plain setting and a [`Value`].
macro_rules! plain {
    ($($ty:ty => $variant:ident),+) => {$(
        impl From<&$ty> for Value {
            fn from(v: &$ty) -> Value { Value::$variant(v.clone()) }
        }
        impl TryFrom<Value> for $ty {
            type Error = ();
            fn try_from(v: Value) -> Result<Self, ()> {
                match v { Value::$variant(v) => Ok(v), _ => Err(()) }
            }
        }
    )+};
}
plain!(bool => Bool, u64 => Int, f64 => Float, String => Word, Vec<u64> => List);

/// What computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The first NVIDIA GPU that works, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// An NVIDIA GPU.
    Cuda(usize),
}

impl Device {
    /// The words, as presets spell them: GPUs by their numbers.
    pub const WORDS: &'static [&'static str] = &[
        "Auto", "Cpu", "Cuda(0)", "Cuda(1)", "Cuda(2)", "Cuda(3)", "Cuda(4)", "Cuda(5)", "Cuda(6)", "Cuda(7)",
        "Cuda(8)", "Cuda(9)", "Cuda(10)", "Cuda(11)", "Cuda(12)", "Cuda(13)", "Cuda(14)", "Cuda(15)",
    ];
}

impl From<&Device> for Value {
    fn from(v: &Device) -> Value {
        Value::Word(format!("{v:?}"))
    }
}

impl TryFrom<Value> for Device {
    type Error = ();
    fn try_from(v: Value) -> Result<Self, ()> {
        let Value::Word(word) = v else { return Err(()) };
        match Device::WORDS.iter().position(|w| *w == word) {
            Some(0) => Ok(Device::Auto),
            Some(1) => Ok(Device::Cpu),
            Some(n) => Ok(Device::Cuda(n - 2)),
            None => Err(()),
        }
    }
}

choice!(
    /// What a net learns.
    Task {
        /// The class of an image.
        Classify,
        /// The class of every pixel of an image.
        Segment,
    }
);
impl Task {
    /// What is learnt, in words.
    pub fn learns(self) -> &'static str {
        match self {
            Task::Classify => "the class of an image",
            Task::Segment => "the class of every pixel",
        }
    }
}

choice!(
    /// What makes up for classes of uneven size.
    Balance {
        /// Nothing.
        None,
        /// Weights of the classes in the loss.
        Weights,
        /// Every class is drawn as often in an epoch.
        Sampler,
    }
);
choice!(
    /// An optimiser.
    OptimName {
        /// Stochastic gradient descent with momentum.
        Sgd,
        /// Adam with decoupled weight decay.
        AdamW,
    }
);

choice!(
    /// What of a net is frozen: a part, and everything below it.
    Freeze {
        /// Nothing.
        None,
        /// The layers before the first stage.
        Stem,
        /// Up to the end of the first stage.
        Stage1,
        /// Up to the end of the second stage.
        Stage2,
        /// Up to the end of the third stage.
        Stage3,
        /// Up to the end of the fourth stage.
        Stage4,
        /// All but the classifiers.
        Backbone,
    }
);
impl Freeze {
    /// The stage at whose end it ends.
    pub fn stage(self) -> Option<usize> {
        [Freeze::Stage1, Freeze::Stage2, Freeze::Stage3, Freeze::Stage4].iter().position(|f| *f == self).map(|i| i + 1)
    }
}
choice!(
    /// What the norms do that are trained.
    Norms {
        /// They normalise with the statistics of the batch, and update their running ones.
        Train,
        /// They normalise with their running statistics, which stay as they are.
        Frozen,
    }
);

choice!(
    /// Family of nets.
    Family {
        /// ResNet.
        ResNet,
        /// ResNet whose bottlenecks have a 3x3 in 32 groups.
        ResNeXt,
        /// ResNet with squeeze and excite.
        SeResNet,
        /// ResNeXt with squeeze and excite.
        SeResNeXt,
        /// MobileNet v1.
        MobileNet,
        /// DenseNet.
        DenseNet,
        /// Inception-V3.
        Inception,
    }
);
/// Whether nets of a family are ResNets: they have model tweaks, and can be dilated.
pub fn is_resnet(family: Family) -> bool {
    matches!(family, Family::ResNet | Family::ResNeXt | Family::SeResNet | Family::SeResNeXt)
}

choice!(
    /// What images a net is made for.
    Form {
        /// Stem of one 3x3 without pool, or with stride 1: for images of 28 to 64 px.
        Small,
        /// Stem that makes the image 4 times smaller (MobileNet: twice): for images of 224 px.
        ImageNet,
    }
);
choice!(
    /// Model tweak (section 4).
    Variant {
        /// The original: stride in the first 1x1 of a bottleneck.
        A,
        /// Stride in the 3x3.
        B,
        /// B and a stem of three 3x3.
        C,
        /// C and an average pool before the shortcut's 1x1.
        D,
    }
);
choice!(
    /// Weight initialiser (section 2.1).
    Init {
        /// Uniform in ±sqrt(6 / (d_in + d_out)).
        Xavier,
        /// Normal with deviation sqrt(2 / d_out) (MSRA, fan out).
        He,
    }
);
choice!(
    /// Where images come from.
    DataKind {
        /// Found out from the files; without a path the bundled images.
        Auto,
        /// The subset of Fashion-MNIST inside the program.
        Bundled,
        /// A directory of IDX files, plain or gzip.
        Idx,
        /// A directory of the binary files of CIFAR-10 or CIFAR-100.
        Cifar,
        /// A directory per class, of JPEG, PNG and WebP files.
        ImageFolder,
        /// A file that `tricktop data pack` wrote.
        Packed,
    }
);
choice!(
    /// Means and deviations that images are normalised with.
    Normalise {
        /// Those of start weights of the hub, else those of photographs for photographs, else those of the set.
        Auto,
        /// Those of the training images.
        Set,
        /// Those of the configuration of start weights of the hub.
        Weights,
        /// Those of the paper (section 2.1).
        Paper,
    }
);
choice!(
    /// Which way round pictures are read that a camera held sideways has stored turned.
    Orient {
        /// As they are shown: turned as their EXIF data say.
        Exif,
        /// As they are stored, as torchvision reads them.
        Stored,
    }
);
choice!(
    /// Decay of the learning rate after the warmup.
    Decay {
        /// Half a cosine down to 0 (section 5.1).
        Cosine,
        /// Divided at milestones (section 2.1).
        Step,
        /// None.
        Constant,
        /// A power of what is left of the run, down to 0 (GluonCV's segmentation).
        Poly,
    }
);
choice!(
    /// Form of label smoothing (section 5.2).
    SmoothingForm {
        /// eps / (K - 1) on every other class (equation 5).
        Paper,
        /// eps / K on every class (PyTorch, GluonCV).
        Uniform,
    }
);
choice!(
    /// How many mixing ratios a batch draws.
    MixupPer {
        /// One for the batch (GluonCV).
        Batch,
        /// One for each pair (section 5.4).
        Pair,
    }
);
choice!(
    /// What an alarm does.
    Act {
        /// Nothing.
        Off,
        /// It is told.
        Tell,
        /// It is told, and the run pauses.
        Pause,
        /// The run goes back to before its last edit, when that was made within the last epoch, and pauses.
        RollBack,
    }
);
choice!(
    /// Format of the feature maps in mixed precision.
    MixedFormat {
        /// bfloat16 on a CPU that multiplies it, else F16.
        Auto,
        /// IEEE 754's binary16: the loss is scaled, so that small gradients are not lost.
        F16,
        /// bfloat16: the exponents of single precision, so that the loss need not be scaled.
        Bf16,
    }
);
choice!(
    /// Form of the distillation loss (section 5.3).
    DistillForm {
        /// Sum of the hard loss and T² times the soft one.
        Paper,
        /// Hard loss times 1 - weight, soft times weight (GluonCV).
        Weighted,
    }
);
