//! The names of earlier versions: of knobs, and of words that are values. Presets, runs and `--set` with them are read.

/// What knobs were called, and what they are called now.
const PATHS: &[(&str, &str)] = &[("schedule.per", "schedule.reference_batch")];

/// A word that a knob had: the knob's path, the word, and the paths and values of the knobs that say the same now.
pub(super) type Word = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// The words that knobs had.
pub(super) const WORDS: &[Word] =
    &[("net.family", "InceptionAux", &[("net.family", "Inception"), ("net.auxiliary", "true")])];

/// What the knob with this path is called now.
pub(super) fn todays_path(path: &str) -> &str {
    PATHS.iter().find(|(former, _)| *former == path).map_or(path, |(_, now)| now)
}
