//! The presets of the folder `presets/`, inside the program: it works without the repository.

use std::path::Path;

/// A preset or a suite inside the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bundled {
    /// Name, e.g. `fashion/all`.
    pub name: &'static str,
    /// Path in the repository, e.g. `presets/fashion/all.ron`.
    pub path: &'static str,
    /// The RON text.
    pub text: &'static str,
}

macro_rules! bundle {
    ($(#[$doc:meta])* $list:ident: $($name:literal)+) => {
        $(#[$doc])*
        pub static $list: &[Bundled] = &[$(Bundled {
            name: $name,
            path: concat!("presets/", $name, ".ron"),
            text: include_str!(concat!("../../presets/", $name, ".ron")),
        }),+];
    };
}

bundle! {
    /// Every suite of the folder `presets/`.
    SUITES:
    "suites/fashion-efficient"
    "suites/fashion-tweaks"
    "suites/fashion-refinements"
    "suites/fashion-grid"
    "suites/fashion-random"
    "suites/fashion-halving"
    "paper/table2"
    "paper/table3"
    "paper/table4"
    "paper/table5"
    "paper/table6"
    "suites/scenes-transfer"
    "suites/scenes-tricks"
    "suites/backbones"
    "suites/scenes-backbones"
    "paper/table9"
}

bundle! {
    /// Every preset of the folder `presets/`.
    BUNDLED:
    "quick"
    "photos"
    "finetune/folder"
    "fashion/baseline"
    "fashion/linear-scaling"
    "fashion/warmup"
    "fashion/zero-gamma"
    "fashion/no-bias-decay"
    "fashion/nesterov"
    "fashion/half-precision"
    "fashion/augmentation"
    "fashion/cosine"
    "fashion/smoothing"
    "fashion/distillation"
    "fashion/mixup"
    "fashion/ema"
    "fashion/all"
    "scenes/scratch"
    "scenes/frozen"
    "scenes/transfer"
    "scenes/poly"
    "scenes/cosine"
    "scenes/smoothing"
    "scenes/mixup"
    "scenes/teacher"
    "scenes/distillation"
    "ade20k/fcn50-d"
    "teacher"
    "imagenet/resnet50"
    "imagenet/resnet50b"
    "imagenet/resnet50c"
    "imagenet/resnet50d"
    "paper/table2/inception-v3"
    "paper/table2/mobilenet"
    "paper/table2/resnet50"
    "paper/table3/inception-v3-efficient"
    "paper/table3/mobilenet-efficient"
    "paper/table3/resnet50-efficient"
    "paper/table4/half-precision-1024"
    "paper/table4/half-precision-256"
    "paper/table4/linear-scaling-1024"
    "paper/table4/linear-scaling-256"
    "paper/table4/no-bias-decay-1024"
    "paper/table4/no-bias-decay-256"
    "paper/table4/warmup-1024"
    "paper/table4/warmup-256"
    "paper/table4/zero-gamma-1024"
    "paper/table4/zero-gamma-256"
    "paper/table5/resnet50"
    "paper/table5/resnet50b"
    "paper/table5/resnet50c"
    "paper/table5/resnet50d"
    "paper/table6/inception-v3-all"
    "paper/table6/inception-v3-cosine"
    "paper/table6/inception-v3-distillation"
    "paper/table6/inception-v3-efficient"
    "paper/table6/inception-v3-mixup"
    "paper/table6/inception-v3-smoothing"
    "paper/table6/mobilenet-all"
    "paper/table6/mobilenet-cosine"
    "paper/table6/mobilenet-distillation"
    "paper/table6/mobilenet-efficient"
    "paper/table6/mobilenet-mixup"
    "paper/table6/mobilenet-smoothing"
    "paper/table6/resnet152d"
    "paper/table6/resnet50d-all"
    "paper/table6/resnet50d-cosine"
    "paper/table6/resnet50d-distillation"
    "paper/table6/resnet50d-efficient"
    "paper/table6/resnet50d-mixup"
    "paper/table6/resnet50d-smoothing"
    "cifar10/baseline"
    "cifar10/efficient"
    "cifar10/cosine"
    "cifar10/smoothing"
    "cifar10/distillation"
    "cifar10/mixup"
    "cifar10/all"
    "cifar10/teacher"
    "imagenette/baseline"
    "imagenette/efficient"
    "imagenette/cosine"
    "imagenette/smoothing"
    "imagenette/distillation"
    "imagenette/mixup"
    "imagenette/all"
    "imagenette/teacher"
}

/// The bundled preset or suite with this name (`fashion/all`, with or without `.ron`) or this path in the repository.
pub fn find(path: &Path) -> Option<&'static Bundled> {
    BUNDLED.iter().chain(SUITES).find(|b| {
        let path = path.strip_prefix(".").unwrap_or(path);
        path == Path::new(b.path) || path == Path::new(b.name) || path == Path::new(b.name).with_extension("ron")
    })
}

impl Bundled {
    /// What it shows, in one line.
    pub fn summary(&self) -> &'static str {
        summary(self.text)
    }
}

/// The first line of the comment at the head of a preset's text, or an empty string.
pub fn summary(text: &str) -> &str {
    text.lines().next().and_then(|line| line.strip_prefix("//")).unwrap_or_default().trim()
}
