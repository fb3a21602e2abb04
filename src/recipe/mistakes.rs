//! Mistakes of presets and of `--set`: where they stand, how they are worded, and the nearest known name.

use super::{KNOBS, Knob, knobs};
use crate::text::nearest;
use std::fmt;

/// Where a mistake stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// File as it was opened, or `--set`.
    pub source: String,
    /// Line and column in characters, both from 1; none when the whole source is meant.
    pub position: Option<(usize, usize)>,
}

impl Place {
    /// The place of a whole source.
    pub fn whole(source: impl Into<String>) -> Place {
        Place { source: source.into(), position: None }
    }

    /// The place right after `before`, which is the text of `source` up to it.
    pub fn after(source: impl Into<String>, before: &str) -> Place {
        let line = 1 + before.matches('\n').count();
        let column = 1 + before.chars().rev().take_while(|c| *c != '\n').count();
        Place { source: source.into(), position: Some((line, column)) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        match self.position {
            Some((line, column)) => write!(f, ":{line}:{column}"),
            None => Ok(()),
        }
    }
}

/// One mistake.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    /// Where it stands.
    pub place: Place,
    /// What was found and what is allowed.
    pub message: String,
}

impl fmt::Display for Mistake {
    /// Writes the mistake on one line; what a file holds never reaches a terminal as a control character.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{}: {}", self.place, self.message).replace(char::is_control, "?"))
    }
}

/// Every mistake of a preset, its extended files and its `--set` options: never empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistakes(pub(super) Vec<Mistake>);

impl Mistakes {
    /// The mistakes: the opened file's first, then those of the files it extends, then `--set`.
    pub fn list(&self) -> &[Mistake] {
        &self.0
    }
}

impl fmt::Display for Mistakes {
    /// Writes a line for each mistake and a last line with their number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for mistake in &self.0 {
            writeln!(f, "{mistake}")?;
        }
        let plural = if self.0.len() == 1 { "" } else { "s" };
        write!(f, "{} mistake{plural}; nothing was started", self.0.len())
    }
}

impl std::error::Error for Mistakes {}

impl FromIterator<Mistake> for Mistakes {
    /// Gathers the mistakes of several presets; one that they share (of `--set`) stands once.
    fn from_iter<I: IntoIterator<Item = Mistake>>(mistakes: I) -> Mistakes {
        let mut list = Vec::new();
        for mistake in mistakes {
            if !list.contains(&mistake) {
                list.push(mistake);
            }
        }
        Mistakes(list)
    }
}

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

/// The message for a knob path that is not in the table.
pub(super) fn unknown_knob(path: &str) -> String {
    match nearest(path, KNOBS.iter().flat_map(aliases), 0.6) {
        Some(known) => format!("unknown knob `{}`; did you mean `{known}`?", plain(path)),
        None => format!("unknown knob `{}`; `tricktop knobs` lists them", plain(path)),
    }
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

/// `text` on one line, cut to a length that a message can hold.
pub(super) fn excerpt(text: &str) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(40) {
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_from_one() {
        assert_eq!(Place::after("f", "").to_string(), "f:1:1");
        assert_eq!(Place::after("f", "ab\n\té").to_string(), "f:2:3");
        assert_eq!(Place::after("f", "a\r\nb").to_string(), "f:2:2");
        assert_eq!(Place::whole("--set").to_string(), "--set");
    }

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
                "unknown field `qqq` in augment; the fields here are resized, crop, flip, hue, saturation, \
                 brightness, pca, erase",
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
            ("schedule.lr", "unknown knob `schedule.lr`; did you mean `schedule.decay`?"),
            ("tricks.mixup", "unknown knob `tricks.mixup`; did you mean `tricks.mixup.on`?"),
            ("train.epochs\u{200b}", "unknown knob `train.epochs\\u{200b}`; did you mean `train.epochs`?"),
            ("train.epoch", "unknown knob `train.epoch`; did you mean `train.epochs`?"),
            ("frobnicate", "unknown knob `frobnicate`; `tricktop knobs` lists them"),
        ];
        for (path, message) in cases {
            assert_eq!(unknown_knob(path), message);
        }
    }
}
