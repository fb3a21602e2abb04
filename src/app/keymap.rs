//! Key tables in use: looked up, shown, with keys by name, and changed by a person.

use super::binding::{Binding, Key, Section};
use super::keys::Action;
use crossterm::event::KeyCode;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

impl<C: PartialEq, A: Copy> Binding<C, A> {
    /// What a key does in a context.
    pub fn lookup(table: &[Binding<C, A>], context: C, key: Key) -> Option<A> {
        table.iter().find(|b| b.contexts.contains(&context) && b.keys.contains(&key)).map(|b| b.action)
    }

    /// The rows of the footer in a context, in the order of the table.
    pub fn footer(table: &'static [Binding<C, A>], context: C) -> impl Iterator<Item = &'static Binding<C, A>> {
        table.iter().filter(move |b| b.contexts.contains(&context) && !b.short.is_empty())
    }

    /// Headings and rows of the help.
    pub fn help(table: &'static [Binding<C, A>]) -> Vec<(&'static str, Vec<&'static Binding<C, A>>)> {
        let sections =
            [("Steer", Section::Steer), ("Look", Section::Look), ("While a value is typed", Section::Typing)];
        let rows = |section| table.iter().filter(|b| !b.label.is_empty() && b.section == section).collect::<Vec<_>>();
        sections.map(|(name, section)| (name, rows(section))).into_iter().filter(|(_, rows)| !rows.is_empty()).collect()
    }
}

/// Keys that are no characters, by name.
const NAMED: [(&str, KeyCode); 16] = [
    ("space", KeyCode::Char(' ')),
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("shift-tab", KeyCode::BackTab),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("insert", KeyCode::Insert),
    ("delete", KeyCode::Delete),
    ("backspace", KeyCode::Backspace),
];

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("ctrl-")?;
        }
        match (NAMED.iter().find(|(_, code)| *code == self.code), self.code) {
            (Some((name, _)), _) => f.write_str(name),
            (None, KeyCode::Char(c)) => write!(f, "{c}"),
            (None, KeyCode::F(n)) => write!(f, "f{n}"),
            (None, other) => write!(f, "{other:?}"),
        }
    }
}

/// A text that is no key.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "{0:?} is no key; a key is one character, {names}, f1 to f24, and any of them after ctrl-",
    names = NAMED.map(|(name, _)| name).join(", ")
)]
pub struct KeyError(String);

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Key, KeyError> {
        let (ctrl, name) = text.strip_prefix("ctrl-").map_or((false, text), |rest| (true, rest));
        let mut chars = name.chars();
        let code = match (chars.next(), chars.as_str()) {
            (Some(c), "") => Some(KeyCode::Char(c)),
            (Some('f'), number) => number.parse().ok().filter(|n| (1..=24).contains(n)).map(KeyCode::F),
            _ => None,
        };
        let named = || NAMED.iter().find(|(word, _)| *word == name).map(|(_, code)| *code);
        let code = code.or_else(named).ok_or_else(|| KeyError(text.to_string()))?;
        Ok(Key { code, ctrl })
    }
}

impl serde::Serialize for Key {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Key {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Key, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Keys for actions, as a person sets them.
pub type Keys<A = Action> = BTreeMap<A, Vec<Key>>;

/// Whether a person may give a row other keys: dialogs show their own, the line in which a value is typed needs its own,
/// and Ctrl-C must always work.
fn settable<C, A>(row: &Binding<C, A>) -> bool {
    matches!(row.section, Section::Steer | Section::Look) && !row.keys.contains(&Key::ctrl('c'))
}

/// The actions of a table whose keys may be set, with the keys that they have.
pub fn settable_keys<C, A: Ord + Copy>(table: &'static [Binding<C, A>]) -> Keys<A> {
    let mut keys = Keys::new();
    for row in table.iter().filter(|row| settable(row)) {
        let of = keys.entry(row.action).or_default();
        of.extend(row.keys.iter().filter(|key| !of.contains(key)).copied().collect::<Vec<_>>());
    }
    keys
}

/// A key table with other keys. It is made once and stays as long as the program.
///
/// # Errors
/// A sentence for every key that would mean two things, and for every action that cannot be set.
pub fn with_keys<C: Copy + PartialEq, A: Ord + Copy + fmt::Debug>(
    table: &'static [Binding<C, A>],
    set: &Keys<A>,
) -> Result<&'static [Binding<C, A>], Vec<String>> {
    let known = settable_keys(table);
    let unknown = set.keys().filter(|action| !known.contains_key(action));
    let mut wrong: Vec<String> = unknown
        .map(|a| format!("{a:?} keeps its keys: it belongs to a dialog or to typing, or must always work"))
        .collect();
    let mut rows = table.to_vec();
    for row in rows.iter_mut().filter(|row| settable(row)) {
        if let Some(keys) = set.get(&row.action) {
            row.keys = keys.clone().leak();
        }
    }
    label(&mut rows, set);
    wrong.extend(conflicts(&rows));
    if wrong.is_empty() { Ok(rows.leak()) } else { Err(wrong) }
}

/// Spells keys that were set in the rows that explain them: a row without a label is explained by the one above.
fn label<C, A: Ord>(rows: &mut [Binding<C, A>], set: &Keys<A>) {
    let explained: Vec<usize> = (0..rows.len()).filter(|at| !rows[*at].label.is_empty()).collect();
    for (i, &first) in explained.iter().enumerate() {
        let group = first..explained.get(i + 1).copied().unwrap_or(rows.len());
        if rows[group.clone()].iter().any(|row| settable(row) && set.contains_key(&row.action)) {
            let keys = rows[group].iter().flat_map(|row| row.keys).map(ToString::to_string).collect::<Vec<_>>();
            rows[first].label = keys.join(" ").leak();
        }
    }
}

/// Keys that would mean two things in one context.
pub(crate) fn conflicts<C: PartialEq, A: PartialEq + fmt::Debug>(rows: &[Binding<C, A>]) -> Vec<String> {
    let mut found = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        for other in rows[i + 1..].iter().filter(|other| other.action != row.action) {
            let together = row.contexts.iter().any(|c| other.contexts.contains(c));
            for key in row.keys.iter().filter(|key| together && other.keys.contains(key)) {
                found.push(format!("the key `{key}` would be both {:?} and {:?}", row.action, other.action));
            }
        }
    }
    found
}

/// Asserts of a key table that no key means two things in one context, and that every context shows its way back: `q`
/// where a screen is `open`, else `esc` or `k`.
#[cfg(test)]
pub(crate) fn assert_sound<C: Copy + PartialEq + fmt::Debug, A: Copy + PartialEq + fmt::Debug>(
    table: &'static [Binding<C, A>],
    contexts: &[C],
    open: impl Fn(C) -> bool,
) {
    assert_eq!(conflicts(table), [""; 0]);
    for context in contexts {
        let back = if open(*context) { ["q"; 2] } else { ["esc", "k"] };
        assert!(Binding::footer(table, *context).any(|b| b.rank == 0 && back.contains(&b.label)), "{context:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::{BINDINGS, Context, EVERY};
    use super::*;

    fn key(text: &str) -> Key {
        text.parse().unwrap()
    }

    #[test]
    fn every_key_of_the_table_reads_back_by_its_name() {
        for key in BINDINGS.iter().flat_map(|row| row.keys) {
            assert_eq!(key.to_string().parse(), Ok(*key));
        }
        assert_eq!(key("ctrl-f5"), Key { code: KeyCode::F(5), ctrl: true });
        assert!("hyper".parse::<Key>().unwrap_err().to_string().contains("is no key"));
        assert!("".parse::<Key>().is_err());
    }

    #[test]
    fn the_present_keys_set_again_change_nothing() {
        let rows = with_keys(BINDINGS, &settable_keys(BINDINGS)).unwrap();
        for (new, old) in rows.iter().zip(BINDINGS).filter(|(new, _)| settable(new)) {
            assert!(old.keys.iter().all(|key| new.keys.contains(key)), "{:?}", old.action);
        }
    }

    #[test]
    fn a_key_that_is_set_does_its_action_and_the_old_one_no_longer() {
        let rows = with_keys(BINDINGS, &Keys::from([(Action::Pause, vec![key("P"), key("f5")])])).unwrap();
        let does = |k| Binding::lookup(rows, Context::Main, key(k));
        assert_eq!((does("P"), does("f5"), does("p")), (Some(Action::Pause), Some(Action::Pause), None));
        assert!(rows.iter().any(|row| row.label == "P f5"));
    }

    #[test]
    fn what_would_mean_two_things_is_told_and_dialogs_keep_their_keys() {
        let wrong = with_keys(BINDINGS, &Keys::from([(Action::Pause, vec![key("u")])])).unwrap_err();
        assert_eq!(wrong, ["the key `u` would be both Undo and Pause"]);
        let wrong = with_keys(BINDINGS, &Keys::from([(Action::Accept, vec![key("a")])])).unwrap_err();
        assert!(wrong[0].contains("Accept keeps its keys"), "{wrong:?}");
        // Ctrl-C saves and stops, whatever else is set.
        assert!(with_keys(BINDINGS, &Keys::from([(Action::Undo, vec![key("ctrl-c")])])).is_err());
    }

    #[test]
    fn no_key_means_two_things_and_every_context_shows_its_way_back() {
        assert_sound(BINDINGS, EVERY, |context| matches!(context, Context::Main | Context::Ended));
    }
}
