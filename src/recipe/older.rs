//! What older versions wrote, in the knobs of this one.

use super::former::{WORDS, Word};
use super::{Changes, Knob, Value, knobs, settings};

/// What a run of an older version did with a person's own images where it knew no knobs for it: it read them as they are
/// stored, and up to 40 million pixels. `value` looks into all values that it had.
pub(crate) fn older<'a>(value: impl Fn(&str) -> Option<&'a Value>) -> Changes {
    let own_images = value("data.path").is_some_and(|path| *path != Value::Word(String::new()));
    let was =
        [("data.orient", Value::Word(settings::Orient::Stored.word().into())), ("data.max_megapixels", Value::Int(40))];
    let known = was.into_iter().filter_map(|(path, value)| Some((knobs::find(path)?, value)));
    known.filter(|(knob, _)| own_images && value(knob.path).is_none()).collect()
}

fn word(knob: &Knob, value: &Value) -> Option<&'static Word> {
    let Value::Word(found) = value else { return None };
    WORDS.iter().find(|(path, old, _)| *path == knob.path && old.eq_ignore_ascii_case(found))
}

/// Whether a value is a word that the knob had.
pub(super) fn is_word(knob: &Knob, value: &Value) -> bool {
    word(knob, value).is_some()
}

/// What a change stands for now: itself, unless it sets such a word.
pub(super) fn said(knob: &Knob, value: Value) -> Vec<(&Knob, Value)> {
    let Some((_, _, now)) = word(knob, &value) else { return vec![(knob, value)] };
    let change = |(path, text): &(&str, &str)| {
        let knob = knobs::find(path)?;
        Some((knob, knob.kind.parse(text).ok()?))
    };
    now.iter().filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use crate::recipe::settings::Family;
    use crate::recipe::{Preset, Recipe, Value, preset};
    use std::collections::BTreeMap;

    /// Inception with its head was a family of its own.
    #[test]
    fn inception_with_its_head_is_read_from_presets_sets_and_records() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("old.ron");
        let read = |text: &str, sets: &[&str]| {
            std::fs::write(&file, text).unwrap();
            let sets: Vec<String> = sets.iter().map(ToString::to_string).collect();
            let Preset { recipe, .. } = preset::load_with(&file, &sets).unwrap();
            (recipe.net.family, recipe.net.auxiliary)
        };
        let with_head = (Family::Inception, true);
        assert_eq!(read("(net: (family: InceptionAux, form: ImageNet, depth: 48))", &[]), with_head);
        assert_eq!(read("(net: (family: \"inceptionaux\", form: ImageNet, depth: 48))", &[]), with_head);
        let inception = "(net: (family: Inception, form: ImageNet, depth: 48))";
        assert_eq!(read(inception, &[]), (Family::Inception, false));
        assert_eq!(read(inception, &["net.family=InceptionAux"]), with_head);
        // What another family replaces has left no head.
        let old = "(net: (family: InceptionAux, form: ImageNet, depth: 48))";
        assert_eq!(read(old, &["net.family=ResNet", "net.depth=50"]), (Family::ResNet, false));

        let mut record: BTreeMap<String, Value> = Recipe::default().into();
        let word = |word: &str| Value::Word(word.into());
        record.remove("net.auxiliary");
        record.extend([("net.family".into(), word("InceptionAux")), ("net.form".into(), word("ImageNet"))]);
        record.insert("net.depth".into(), Value::Int(48));
        let recipe = Recipe::try_from(record).unwrap();
        assert_eq!((recipe.net.family, recipe.net.auxiliary), with_head);
    }
}
