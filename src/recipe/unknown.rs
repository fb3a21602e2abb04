//! Names that no knob has, and the nearest that one has.

use super::mistakes::excerpt;
use super::{KNOBS, Knob, UnknownKnob, knobs};
use crate::text::nearest;
use serde::de::{Deserialize, Deserializer, Error};

/// The message for a field that `section` (empty at the top level) does not have.
pub(super) fn unknown_field(section: &str, name: &str) -> String {
    let mut fields = knobs::fields(section);
    let mut message = format!("unknown field `{}`", plain(name));
    if section.is_empty() {
        fields.splice(0..0, ["extends", "edits"]);
    } else {
        message += &format!(" in {section}");
    }
    if let Some(known) = nearest(name, fields.iter().map(|f| (*f, *f)), 0.6) {
        return format!("{message}; did you mean `{known}`?");
    }
    match nearest(name, KNOBS.iter().flat_map(aliases), 0.8) {
        // The bare name would look like the one that was written.
        Some(known) if !known.contains('.') => format!("{message}; `{known}` stands outside all sections"),
        Some(known) => format!("{message}; did you mean `{known}`?"),
        None => format!("{message}; the fields here are {}", fields.join(", ")),
    }
}

/// The error for a knob path that is not in the table.
pub(super) fn unknown_knob(path: &str) -> UnknownKnob {
    // A name on the screen with the right section, as `schedule.lr`.
    let (section, name) = path.rsplit_once('.').unwrap_or(("", path));
    let named = KNOBS.iter().find(|knob| knob.name == name && !section.is_empty() && knob.path.starts_with(section));
    let likely = || nearest(path, KNOBS.iter().flat_map(aliases), 0.6);
    UnknownKnob { path: plain(path), nearest: named.map(|knob| knob.path).or_else(likely) }
}

/// What a person may call a knob: its path, its last field, its name on the screen.
fn aliases(knob: &'static Knob) -> [(&'static str, &'static str); 3] {
    let last = knob.path.rsplit('.').next().unwrap_or(knob.path);
    [(knob.path, knob.path), (last, knob.path), (knob.name, knob.path)]
}

/// A name on one line, with what cannot be seen in it as escapes: it never looks like another one.
fn plain(name: &str) -> String {
    let seen = |c: char| if c.is_ascii() { c.to_string() } else { c.escape_debug().to_string() };
    excerpt(&name.chars().map(seen).collect::<String>())
}

impl<'de> Deserialize<'de> for &'static Knob {
    /// Reads a path.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = String::deserialize(deserializer)?;
        knobs::find(&path).ok_or_else(|| Error::custom(unknown_knob(&path)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_get_the_nearest_name() {
        let cases = [
            ("tricks.smoothing", "epsilonn", "unknown field `epsilonn` in tricks.smoothing; did you mean `epsilon`?"),
            ("", "tricsk", "unknown field `tricsk`; did you mean `tricks`?"),
            ("", "extend", "unknown field `extend`; did you mean `extends`?"),
            ("", "lr", "unknown field `lr`; did you mean `schedule.base_lr`?"),
            ("", "epochs", "unknown field `epochs`; did you mean `train.epochs`?"),
            ("tricks", "distillation", "unknown field `distillation` in tricks; did you mean `tricks.distill.on`?"),
            ("schedule", "warm_up", "unknown field `warm_up` in schedule; did you mean `warmup`?"),
            ("train", "device", "unknown field `device` in train; `device` stands outside all sections"),
            ("train", "batch\u{200b}", "unknown field `batch\\u{200b}` in train; did you mean `batch`?"),
            ("optim", "weight-decay", "unknown field `weight-decay` in optim; did you mean `weight_decay`?"),
            (
                "augment",
                "qqq",
                "unknown field `qqq` in augment; the fields here are resized, scale, rotate, blur, crop, \
                 flip, hue, saturation, brightness, pca, erase",
            ),
        ];
        for (section, name, message) in cases {
            assert_eq!(unknown_field(section, name), message);
        }
    }

    #[test]
    fn unknown_knobs_get_the_nearest_path() {
        let cases = [
            ("lr", "unknown knob `lr`; did you mean `schedule.base_lr`?"),
            ("alpha", "unknown knob `alpha`; did you mean `tricks.mixup.alpha`?"),
            ("schedule.lr", "unknown knob `schedule.lr`; did you mean `schedule.base_lr`?"),
            ("tricks.mixup", "unknown knob `tricks.mixup`; did you mean `tricks.mixup.on`?"),
            ("train.epochs\u{200b}", "unknown knob `train.epochs\\u{200b}`; did you mean `train.epochs`?"),
            ("train.epoch", "unknown knob `train.epoch`; did you mean `train.epochs`?"),
            ("frobnicate", "unknown knob `frobnicate`; `tricktop knobs` lists them"),
        ];
        for (path, message) in cases {
            assert_eq!(unknown_knob(path).to_string(), message);
        }
    }
}
