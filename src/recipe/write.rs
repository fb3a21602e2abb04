//! A recipe as a complete preset.

use super::{Edit, Kind, Knob, Recipe, Value, knobs};

impl Recipe {
    /// This recipe as a preset that sets every knob, with its schedule of edits, under a comment with the program's
    /// version. Reading it back gives an equal recipe.
    pub fn to_ron(&self) -> String {
        let version = env!("CARGO_PKG_VERSION");
        let knobs = section(&|knob| Some(self.get(knob)), "", INDENT);
        format!("{WRITTEN}{version}{COMPLETE}\n(\n{knobs}{})\n", schedule(self.edits()))
    }
}

const INDENT: &str = "    ";

/// The first line of a recipe that has every knob; the version stands between.
const WRITTEN: &str = "// tricktop ";
const COMPLETE: &str = ": every knob as resolved";

/// Whether a preset says that it has every knob that the version that wrote it knew.
pub(super) fn is_complete(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.starts_with(WRITTEN) && line.ends_with(COMPLETE))
}

/// The field `edits`, when there are any.
fn schedule(edits: &[Edit]) -> String {
    let one = |edit: &Edit| {
        let value = |knob: &Knob| edit.changes.iter().rfind(|(k, _)| *k == knob).map(|(_, v)| v.clone());
        let knobs = section(&value, "", &INDENT.repeat(3));
        format!("{0}(\n{0}{INDENT}after: {1},\n{knobs}{0}),\n", INDENT.repeat(2), edit.after)
    };
    match edits {
        [] => String::new(),
        edits => format!("{INDENT}edits: [\n{}{INDENT}],\n", edits.iter().map(one).collect::<String>()),
    }
}

/// The fields of a section whose knobs have a value.
fn section(value: &dyn Fn(&Knob) -> Option<Value>, name: &str, indent: &str) -> String {
    let line = |field: &&str| {
        let path = knobs::join(name, field);
        match knobs::find(&path) {
            Some(knob) => {
                value(knob).map_or(String::new(), |v| format!("{indent}{field}: {},\n", spelled(knob.kind, &v)))
            }
            None => match section(value, &path, &format!("{indent}{INDENT}")) {
                inside if inside.is_empty() => inside,
                inside => format!("{indent}{field}: (\n{inside}{indent}),\n"),
            },
        }
    };
    knobs::fields(name).iter().map(line).collect()
}

/// A value in RON's spelling.
fn spelled(kind: Kind, value: &Value) -> String {
    match (kind, value) {
        (Kind::Text, Value::Word(word)) => format!("{word:?}"),
        _ => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::{KNOBS, knobs, preset};
    use proptest::prelude::*;
    use std::fs;

    /// A value of a knob that clashes with none of the others made here.
    fn value(path: &str, kind: Kind) -> BoxedStrategy<Value> {
        match (path, kind) {
            ("net.family", _) => {
                prop_oneof![Just("ResNet"), Just("SeResNet")].prop_map(|w: &str| Value::Word(w.to_string())).boxed()
            }
            // A head that Inception alone has.
            ("net.auxiliary", _) => Just(Value::Bool(false)).boxed(),
            // Strides that not all nets have, and what task Segment alone has.
            ("net.output_stride", _) => Just(Value::Int(0)).boxed(),
            ("net.corners", _) => Just(Value::Bool(false)).boxed(),
            (path, _) if path.starts_with("seg.") => Just(Recipe::default().get(knobs::find(path).unwrap())).boxed(),
            ("net.depth", _) => prop_oneof![Just(18), Just(50)].prop_map(Value::Int).boxed(),
            ("train.epochs", _) => (1000..=100_000u64).prop_map(Value::Int).boxed(),
            ("tricks.mixup.off_epochs", _) => (0..1000u64).prop_map(Value::Int).boxed(),
            ("name", _) => "[^./\\\\\0][^/\\\\\0]{0,20}".prop_map(Value::Word).boxed(),
            // Values of masks go with the other task, and one part alone can be cut out of an image.
            ("task", _) => Just(Value::Word("Classify".into())).boxed(),
            ("data.ignore", _) => Just(Value::Int(255)).boxed(),
            ("augment.scale.on", _) => Just(Value::Bool(false)).boxed(),
            ("augment.scale.least", _) => (0.05..1.0f64).prop_map(Value::Float).boxed(),
            ("augment.scale.most", _) => (1.0..=20.0f64).prop_map(Value::Float).boxed(),
            ("data.kind", Kind::Choice(words)) => {
                let needing = words.iter().filter(|w| **w != "Bundled").copied().collect::<Vec<_>>();
                prop::sample::select(needing).prop_map(|w| Value::Word(w.into())).boxed()
            }
            // A stage that a small net may not have.
            ("finetune.freeze", Kind::Choice(words)) => {
                let others = words.iter().filter(|w| **w != "Stage4").copied().collect::<Vec<_>>();
                prop::sample::select(others).prop_map(|w| Value::Word(w.into())).boxed()
            }
            ("augment.resized.min_area", _) => (0.01..0.3f64).prop_map(Value::Float).boxed(),
            ("augment.resized.max_area", _) => (0.3..=1.0f64).prop_map(Value::Float).boxed(),
            // Weights needs those of the hub beside it.
            ("data.normalise", _) => {
                prop::sample::select(vec!["Auto", "Set", "Paper"]).prop_map(|w| Value::Word(w.into())).boxed()
            }
            ("data.path", _) => any::<String>().prop_map(|s| Value::Word(s + "/")).boxed(),
            (_, Kind::Switch) => any::<bool>().prop_map(Value::Bool).boxed(),
            (_, Kind::Int { min, max }) => (min..=max).prop_map(Value::Int).boxed(),
            (_, Kind::Float { min, max, .. }) => (0.0..1.0f64, 0..300i32)
                .prop_map(move |(x, e)| Value::Float(max - (max - min) * x * 10f64.powi(-e)))
                .boxed(),
            (_, Kind::Choice(words)) => prop::sample::select(words).prop_map(|w| Value::Word(w.to_string())).boxed(),
            (_, Kind::Text) => any::<String>().prop_map(Value::Word).boxed(),
            (_, Kind::Epochs) => prop::collection::btree_set(any::<u64>(), 0..5)
                .prop_map(|s| Value::List(s.into_iter().collect()))
                .boxed(),
        }
    }

    proptest! {
        #[test]
        fn a_written_recipe_reads_back_equal(values in KNOBS.iter().map(|k| value(k.path, k.kind)).collect::<Vec<_>>()) {
            let recipe = Recipe::default().with(KNOBS.iter().zip(values)).unwrap();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("recipe.ron");
            fs::write(&path, recipe.to_ron()).unwrap();
            let read = preset::load(&path).unwrap_or_else(|m| panic!("{m}\n{}", recipe.to_ron()));
            prop_assert_eq!(read.recipe, recipe);
        }
    }

    #[test]
    fn a_schedule_of_edits_reads_back_equal() {
        let edit = |after, changes: &[(&str, Value)]| Edit {
            after,
            changes: changes.iter().map(|(path, v)| (knobs::find(path).unwrap(), v.clone())).collect(),
        };
        let edits = vec![
            edit(0, &[("optim.momentum", Value::Float(0.5))]),
            edit(120, &[("tricks.mixup.on", Value::Bool(true)), ("tricks.mixup.alpha", Value::Float(0.3))]),
            edit(120, &[("tricks.distill.teacher", Value::Word("a \"b\"".into()))]),
        ];
        let recipe = Recipe::default().with_edits(edits).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.ron");
        fs::write(&path, recipe.to_ron()).unwrap();
        let read = preset::load(&path).unwrap_or_else(|m| panic!("{m}\n{}", recipe.to_ron()));
        assert_eq!(read.recipe, recipe);
    }

    #[test]
    fn the_text_is_laid_out_in_sections() {
        let text = Recipe::default().to_ron();
        assert!(text.starts_with(concat!("// tricktop ", env!("CARGO_PKG_VERSION"))), "{text}");
        assert!(text.contains("\n    schedule: (\n        base_lr: 0.1,\n"), "{text}");
        assert!(
            text.contains("\n        warmup: (\n            on: true,\n            epochs: 1.0,\n        ),\n"),
            "{text}"
        );
        assert!(text.contains("\n    name: \"run\",\n"), "{text}");
        assert_eq!(text.matches(": ").count(), KNOBS.len() + text.matches("(\n").count(), "{text}");
    }
}
