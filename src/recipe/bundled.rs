//! The presets of the folder `presets/`, inside the program: it works without the repository.

use std::path::Path;

/// A preset inside the program.
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
    ($($name:literal)+) => {
        /// Every preset of the folder `presets/`.
        pub static BUNDLED: &[Bundled] = &[$(Bundled {
            name: $name,
            path: concat!("presets/", $name, ".ron"),
            text: include_str!(concat!("../../presets/", $name, ".ron")),
        }),+];
    };
}

bundle! {
    "quick"
    "fashion/baseline"
    "fashion/linear-scaling"
    "fashion/warmup"
    "fashion/zero-gamma"
    "fashion/no-bias-decay"
    "fashion/nesterov"
    "fashion/augmentation"
    "fashion/cosine"
    "fashion/smoothing"
    "fashion/distillation"
    "fashion/mixup"
    "fashion/all"
    "teacher"
    "imagenet/resnet50"
    "imagenet/resnet50b"
    "imagenet/resnet50c"
    "imagenet/resnet50d"
}

/// The bundled preset with this name (`fashion/all`, with or without `.ron`) or this path in the repository.
pub fn find(path: &Path) -> Option<&'static Bundled> {
    BUNDLED.iter().find(|b| {
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
