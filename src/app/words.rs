//! Knobs, values and times in the words of the screen.

use crate::recipe::knobs::Group;
use crate::recipe::settings::{Finetune, Freeze, Norms};
use crate::recipe::{KNOBS, Knob, Settings, Value};
use crate::train::When;
use crate::tricks::finetune;

/// A value in the words of the screen.
pub fn value_text(value: &Value) -> String {
    match value {
        Value::Bool(on) => if *on { "on" } else { "off" }.to_string(),
        Value::List(list) => list.iter().map(u64::to_string).collect::<Vec<_>>().join(" "),
        value => value.to_string(),
    }
}

/// The trick that a value belongs to.
pub fn trick_of(knob: &Knob) -> Option<&'static Knob> {
    let at = KNOBS.iter().position(|k| k == knob)?;
    let value = KNOBS[at].group == Group::TrickValue;
    KNOBS[..at].iter().rev().find(|k| value && k.group == Group::Trick)
}

/// The values of a trick.
pub fn values_of(trick: &Knob) -> impl Iterator<Item = &'static Knob> {
    let at = KNOBS.iter().position(|k| k == trick && k.group == Group::Trick).map_or(KNOBS.len(), |at| at + 1);
    KNOBS[at..].iter().take_while(|k| k.group == Group::TrickValue)
}

/// The name of a knob where no trick stands above it: `mixup alpha`.
pub fn title(knob: &Knob) -> String {
    match trick_of(knob) {
        Some(trick) => format!("{} {}", trick.name, knob.name),
        None => knob.name.to_string(),
    }
}

/// A value with its unit, switches as words.
pub(crate) fn shown(knob: &Knob, value: &Value) -> String {
    let unit =
        if knob.unit.is_empty() || matches!(value, Value::Bool(_)) { String::new() } else { format!(" {}", knob.unit) };
    value_text(value) + &unit
}

/// What a step of an epoch, which counts from 0, leaves as it is: `frozen: backbone until epoch 1`.
pub(crate) fn frozen_text(s: &Settings, epoch: u64) -> Option<String> {
    let Finetune { freeze_epochs, norms, .. } = s.finetune;
    let part = match finetune::frozen(&s.finetune, epoch) {
        Freeze::None => None,
        Freeze::Stem => Some("stem".to_string()),
        Freeze::Backbone => Some("backbone".to_string()),
        stage => stage.stage().map(|n| format!("to stage {n}")),
    };
    let until = |part: String| {
        let ends = freeze_epochs > 0 && freeze_epochs < s.train.epochs;
        if ends { format!("{part} until epoch {freeze_epochs}") } else { part }
    };
    let norms = (norms == Norms::Frozen).then(|| "norms".to_string());
    let all: Vec<String> = part.map(until).into_iter().chain(norms).collect();
    (!all.is_empty()).then(|| format!("frozen: {}", all.join(", ")))
}

/// When an edit takes effect in a run that has done so many epochs, as the end of a sentence.
pub(crate) fn when_text(epoch: f64, when: When) -> String {
    match when {
        When::Now => "at the next step".to_string(),
        When::NextEpoch => format!("at epoch {}", epoch.ceil() as u64 + 1),
        When::Step(n) => format!("at step {n}"),
        When::EpochFrom(n) => format!("at the first epoch from step {n} on"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::knobs::find;

    #[test]
    fn what_is_frozen_is_told_for_as_long_as_it_is() {
        let mut s = Settings::default();
        let text = |s: &Settings, epoch| frozen_text(s, epoch).unwrap_or_default();
        assert_eq!(text(&s, 0), "");
        (s.finetune.freeze, s.finetune.freeze_epochs) = (Freeze::Backbone, 2);
        assert_eq!(
            [0, 1, 2].map(|epoch| text(&s, epoch)),
            ["frozen: backbone until epoch 2", "frozen: backbone until epoch 2", ""]
        );
        s.finetune = Finetune { freeze: Freeze::Stage3, norms: Norms::Frozen, ..Finetune::default() };
        assert_eq!(text(&s, 99), "frozen: to stage 3, norms");
        s.finetune.freeze = Freeze::None;
        assert_eq!(text(&s, 0), "frozen: norms");
    }

    #[test]
    fn every_trick_value_stands_beneath_its_trick() {
        let names = |path| values_of(find(path).unwrap()).map(|k| k.name).collect::<Vec<_>>();
        assert_eq!(names("tricks.smoothing.on"), ["epsilon", "form"]);
        assert_eq!(names("tricks.zero_gamma"), Vec::<&str>::new());
        assert_eq!(title(find("tricks.mixup.alpha").unwrap()), "mixup alpha");
        for knob in KNOBS.iter().filter(|k| k.group == Group::TrickValue) {
            assert!(trick_of(knob).is_some_and(|t| values_of(t).any(|v| v == knob)), "{knob:?}");
        }
    }
}
