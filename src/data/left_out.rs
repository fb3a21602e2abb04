//! What is in a folder and not in its set: counted and named by kind, so that nothing vanishes in silence.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Names of a kind that are kept as examples.
const EXAMPLES: usize = 3;

/// Files or directories of one kind that are no part of the set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// What they are, in the plural.
    pub kind: String,
    /// How many.
    pub count: usize,
    /// The first of them.
    pub examples: Vec<String>,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LeftOut { kind, count, examples } = self;
        write!(f, "{kind}: {count} ({})", list(examples, *count))
    }
}

/// The first of some names.
pub(super) fn examples(names: &[String]) -> String {
    list(&names[..names.len().min(EXAMPLES)], names.len())
}

/// Names of `count` things, and whether there are more.
fn list(names: &[String], count: usize) -> String {
    names.join(", ") + if count > names.len() { ", …" } else { "" }
}

/// Counts by kind while a folder is looked through.
#[derive(Debug, Default)]
pub(super) struct Tally {
    kinds: BTreeMap<String, (usize, Vec<String>)>,
}

impl Tally {
    /// Counts one.
    pub fn add(&mut self, kind: impl Into<String>, name: String) {
        let (count, examples) = self.kinds.entry(kind.into()).or_default();
        *count += 1;
        if examples.len() < EXAMPLES {
            examples.push(name);
        }
    }

    /// Adds what another one has counted.
    pub fn join(&mut self, other: Tally) {
        for (kind, (count, names)) in other.kinds {
            let (all, examples) = self.kinds.entry(kind).or_default();
            *all += count;
            examples.extend(names);
            examples.truncate(EXAMPLES);
        }
    }

    /// The kinds, by name.
    pub fn list(self) -> Vec<LeftOut> {
        let one = |(kind, (count, examples))| LeftOut { kind, count, examples };
        self.kinds.into_iter().map(one).collect()
    }
}
