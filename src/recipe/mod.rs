//! Recipes: what a run does, validated, and the presets they are made from.

pub mod bundled;
mod edits;
mod error;
mod former;
pub mod knobs;
pub mod mistakes;
mod net;
mod older;
mod parse;
pub mod preset;
mod pretrained;
pub mod settings;
mod source;
mod unknown;
mod value;
mod write;

pub use edits::Edit;
pub use error::{EditError, Invalid, InvalidChanges, NotAllowed, SetError, UnknownKnob};
pub use knobs::{Applies, KNOBS, Knob};
pub use mistakes::{Mistake, Mistakes};
pub(crate) use older::older;
pub use preset::Preset;
pub use settings::Settings;
pub use value::{Kind, Value};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Knobs and the values they are to take, changed together.
pub type Changes = Vec<(&'static Knob, Value)>;

/// The settings of a run, always valid, and the edits that are to be made on the way. Serialised it is the value of every
/// knob, without those edits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(into = "BTreeMap<String, Value>", try_from = "BTreeMap<String, Value>")]
pub struct Recipe {
    settings: Settings,
    edits: Vec<Edit>,
}

impl std::ops::Deref for Recipe {
    type Target = Settings;
    fn deref(&self) -> &Settings {
        &self.settings
    }
}

impl Recipe {
    /// The value of a knob.
    pub fn get(&self, knob: &Knob) -> Value {
        (knob.get)(&self.settings)
    }

    /// The same recipe with these knobs changed together, so that their order does not matter; its edits stay.
    ///
    /// # Errors
    /// Every value out of its range, or, when none is, every clash between settings.
    pub fn with<'a>(&self, changes: impl IntoIterator<Item = (&'a Knob, Value)>) -> Result<Recipe, InvalidChanges> {
        let mut settings = self.settings.clone();
        let mut invalid = Vec::new();
        for (knob, value) in changes.into_iter().flat_map(|(knob, value)| older::said(knob, value)) {
            let accepted = knob.kind.accept(value).map_err(|e| e.to_string());
            let set =
                accepted.and_then(|v| (knob.set)(&mut settings, v).map_err(|()| format!("must be {}", knob.kind)));
            if let Err(problem) = set {
                invalid.push(Invalid { path: knob.path, problem });
            }
        }
        if invalid.is_empty() {
            invalid = clashes(&settings);
        }
        if invalid.is_empty() {
            Ok(Recipe { settings, edits: self.edits.clone() })
        } else {
            Err(InvalidChanges(invalid))
        }
    }

    /// The knobs in which `other` differs, with its values.
    pub fn changes_to(&self, other: &Recipe) -> Vec<(&'static Knob, Value)> {
        KNOBS.iter().filter(|k| self.get(k) != other.get(k)).map(|k| (k, other.get(k))).collect()
    }
}

impl From<Recipe> for BTreeMap<String, Value> {
    fn from(recipe: Recipe) -> Self {
        KNOBS.iter().map(|k| (k.path.to_string(), recipe.get(k))).collect()
    }
}

impl TryFrom<BTreeMap<String, Value>> for Recipe {
    type Error = InvalidChanges;

    /// A knob that is not known is passed over, one that is missing has its default.
    fn try_from(values: BTreeMap<String, Value>) -> Result<Recipe, InvalidChanges> {
        let older = older(|path| values.get(path));
        let known = values.into_iter().filter_map(|(path, value)| Some((knobs::find(&path)?, value)));
        Recipe::default().with(known.chain(older))
    }
}

/// Settings that are each in range but cannot stand together.
fn clashes(s: &Settings) -> Vec<Invalid> {
    use settings::{Balance, DataKind, Task};
    let mut found: Vec<Invalid> = net::clashes(s).into_iter().chain(pretrained::clash(s)).collect();
    let mut clash = |path, problem: String| found.push(Invalid { path, problem });
    if s.schedule.warmup.on && s.schedule.warmup.epochs > s.train.epochs as f64 {
        clash(
            "schedule.warmup.epochs",
            format!("is {}; the whole run has {} epochs", s.schedule.warmup.epochs, s.train.epochs),
        );
    }
    match (s.data.kind, s.data.path.as_str()) {
        (DataKind::Auto, _) | (DataKind::Bundled, "") => {}
        (DataKind::Bundled, path) => {
            clash("data.path", format!("is {path:?}; data.kind Bundled reads none: Auto finds out what is there"))
        }
        (kind, "") => {
            let word = kind.word();
            clash("data.path", format!("is empty; data.kind {word} needs one, e.g. --set data.path=DIRECTORY"))
        }
        _ => {}
    }
    if s.task == Task::Segment && !matches!(s.data.kind, DataKind::Auto | DataKind::Bundled | DataKind::ImageFolder) {
        let kind = s.data.kind.word();
        clash(
            "data.kind",
            format!("is {kind}, which has no masks; with task Segment it is Bundled (scenes) or ImageFolder, or Auto"),
        );
    }
    if s.task == Task::Classify && s.data.ignore != settings::Data::default().ignore {
        let value = s.data.ignore;
        clash("data.ignore", format!("is {value}, a value of masks; with task Classify there are none"));
    }
    let scale = &s.augment.scale;
    if scale.least > scale.most {
        let (least, most) = (scale.least, scale.most);
        clash("augment.scale.least", format!("is {least}; augment.scale.most is {most}"));
    }
    if scale.on && s.augment.resized.on {
        let problem = "is true, and augment.resized.on too; each cuts a part out of the image: switch one off";
        clash("augment.scale.on", problem.to_string());
    }
    let area = &s.augment.resized;
    if area.min_area > area.max_area {
        let (min, max) = (area.min_area, area.max_area);
        clash("augment.resized.min_area", format!("is {min}; augment.resized.max_area is {max}"));
    }
    if s.tricks.mixup.on && s.tricks.mixup.off_epochs >= s.train.epochs {
        let (off, epochs) = (s.tricks.mixup.off_epochs, s.train.epochs);
        clash("tricks.mixup.off_epochs", format!("is {off}; of {epochs} epochs none would be mixed"));
    }
    if let Some(stage) = s.finetune.freeze.stage()
        && stage > stages(&s.net)
    {
        let (word, net, has) = (s.finetune.freeze.word(), s.net.family.word(), stages(&s.net));
        let of = if s.net.form == settings::Form::Small { format!("a small {net}") } else { net.to_string() };
        let depth = s.net.depth;
        clash(
            "finetune.freeze",
            format!("is {word}; {of} of {depth} layers has {has} stages, and Backbone freezes them all"),
        );
    }
    if s.train.patience > 0 && s.train.keep_best == 0 {
        clash("train.keep_best", format!("is 0; a run that train.patience {} stops keeps its best", s.train.patience));
    }
    if s.task == Task::Segment && s.data.balance != Balance::None {
        let word = s.data.balance.word();
        clash(
            "data.balance",
            format!("is {word}, which weighs the classes of images; there is none for those of pixels"),
        );
    }
    if s.name.len() > 100 {
        clash("name", "is longer than 100 bytes; it names a directory".to_string());
    }
    if s.name.is_empty() || s.name.contains(['/', '\\', '\0']) || s.name.starts_with('.') {
        clash("name", format!("is {:?}; it names a directory: no slash, no leading dot, not empty", s.name));
    }
    found
}

/// Stages of a net, behind its stem: parts that end where the map becomes smaller.
pub fn stages(net: &settings::Net) -> usize {
    use settings::{Family, Form};
    match (net.family, net.form, net.depth) {
        (Family::Inception, ..) => 3,
        (Family::MobileNet, ..) => 5,
        (Family::ResNet | Family::SeResNet, Form::Small, depth) if depth % 6 == 2 => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knob(path: &str) -> &'static Knob {
        knobs::find(path).unwrap()
    }

    fn invalid(changes: &[(&str, Value)]) -> Vec<&'static str> {
        let changes = changes.iter().map(|(path, value)| (knob(path), value.clone()));
        Recipe::default().with(changes).unwrap_err().list().iter().map(|i| i.path).collect()
    }

    #[test]
    fn the_default_recipe_is_valid() {
        assert_eq!(Recipe::default().with([]), Ok(Recipe::default()));
    }

    #[test]
    fn every_knob_reads_back_what_was_set() {
        for knob in KNOBS {
            let value = match (knob.kind, Recipe::default().get(knob)) {
                (Kind::Switch, Value::Bool(v)) => Value::Bool(!v),
                (Kind::Int { min, .. }, _) if !["net.depth", "net.output_stride"].contains(&knob.path) => {
                    Value::Int(min + 7)
                }
                (Kind::Int { .. }, _) if knob.path == "net.output_stride" => Value::Int(2),
                (Kind::Int { .. }, _) => Value::Int(32),
                (Kind::Choice(_), _) if knob.path == "net.family" => Value::Word("SeResNet".into()),
                (Kind::Float { min, max, .. }, _) => Value::Float(min + (max - min) / 1024.0),
                (Kind::Choice(words), Value::Word(v)) => {
                    Value::Word(words.iter().rfind(|w| **w != v).unwrap().to_string())
                }
                (Kind::Text, _) => Value::Word("some-text".into()),
                (Kind::Epochs, _) => Value::List(vec![1, 2]),
                other => panic!("{} holds {other:?}", knob.path),
            };
            // What the last words of net.form and data.kind, and the smallest largest area and side, need beside them.
            let with = [
                (knob_for("net.depth", knob), Value::Int(18)),
                (knob_for("data.path", knob), Value::Word("d".into())),
                (knob_for("augment.resized.min_area", knob), Value::Float(1e-6)),
                (knob_for("augment.scale.least", knob), Value::Float(0.05)),
            ];
            let inception = [
                ("net.family", Value::Word("Inception".into())),
                ("net.form", Value::Word("ImageNet".into())),
                ("net.depth", Value::Int(48)),
            ];
            let inception = inception.into_iter().filter(|_| knob.path == "net.auxiliary");
            let inception = inception.map(|(path, value)| (self::knob(path), value));
            let of_pixels = ["net.corners", "data.ignore"].contains(&knob.path) || knob.path.starts_with("seg.");
            let segment = of_pixels.then(|| (self::knob("task"), Value::Word("Segment".into())));
            let beside = with.into_iter().filter_map(|(k, v)| Some((k?, v))).chain(inception).chain(segment);
            let recipe = Recipe::default().with(beside.chain([(knob, value.clone())])).unwrap();
            assert_eq!(recipe.get(knob), value, "{}", knob.path);
            let changed = recipe.changes_to(&Recipe::default());
            assert!(changed.contains(&(knob, Recipe::default().get(knob))), "{}", knob.path);
        }
    }

    fn knob_for(path: &str, tested: &Knob) -> Option<&'static Knob> {
        (tested.path != path).then(|| knob(path))
    }

    #[test]
    fn changes_are_taken_together_whatever_their_order() {
        let form = (knob("net.form"), Value::Word("ImageNet".into()));
        let depth = (knob("net.depth"), Value::Int(34));
        let one = Recipe::default().with([form.clone(), depth.clone()]).unwrap();
        assert_eq!(Recipe::default().with([depth.clone(), form]).unwrap(), one);
        assert_eq!(invalid(&[("net.depth", depth.1)]), ["net.depth"]);
    }

    #[test]
    fn every_value_out_of_range_is_named_before_any_clash() {
        let (zero, depth) = (Value::Int(0), Value::Int(21));
        assert_eq!(
            invalid(&[("train.epochs", zero.clone()), ("net.depth", depth.clone()), ("train.batch", zero)]),
            ["train.epochs", "train.batch"]
        );
        assert_eq!(invalid(&[("net.depth", depth), ("name", Value::Word("a/b".into()))]), ["net.depth", "name"]);
    }

    #[test]
    fn clashes() {
        let word = |w: &str| Value::Word(w.into());
        assert_eq!(invalid(&[("schedule.warmup.epochs", Value::Float(15.5))]), ["schedule.warmup.epochs"]);
        assert_eq!(invalid(&[("data.kind", word("Idx"))]), ["data.path"]);
        assert_eq!(invalid(&[("net.form", word("ImageNet"))]), ["net.depth"]);
        let on = Value::Bool(true);
        assert_eq!(invalid(&[("data.ignore", Value::Int(0))]), ["data.ignore"]);
        let idx = [("task", word("Segment")), ("data.kind", word("Idx")), ("data.path", word("d"))];
        assert_eq!(invalid(&idx), ["data.kind"]);
        assert_eq!(invalid(&[("augment.scale.least", Value::Float(3.0))]), ["augment.scale.least"]);
        assert_eq!(invalid(&[("augment.scale.on", on.clone()), ("augment.resized.on", on)]), ["augment.scale.on"]);
        assert_eq!(invalid(&[("net.auxiliary", Value::Bool(true))]), ["net.auxiliary"]);
        for (family, path) in
            [("ResNeXt", "net.form"), ("Inception", "net.form"), ("MobileNet", "net.depth"), ("DenseNet", "net.depth")]
        {
            assert_eq!(invalid(&[("net.family", word(family))]), [path], "{family}");
        }
        let mobile = [(knob("net.family"), word("MobileNet")), (knob("net.depth"), Value::Int(28))];
        assert!(Recipe::default().with(mobile).is_ok());
        for name in ["", ".", "..", ".hidden", "a/b", "a\\b", "/"] {
            assert_eq!(invalid(&[("name", word(name))]), ["name"], "{name}");
        }
        let off =
            [(knob("schedule.warmup.on"), Value::Bool(false)), (knob("schedule.warmup.epochs"), Value::Float(50.0))];
        assert!(Recipe::default().with(off).is_ok(), "a warmup that is off cannot be too long");
    }
}
