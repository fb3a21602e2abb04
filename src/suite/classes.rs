//! Whether the runs of a suite learnt the same classes: the names of a folder may have changed between two of them, and
//! then their figures are of two different questions.

use super::{Ran, Run};
use std::collections::{BTreeMap, BTreeSet};

/// Names that are told of those that differ.
const NAMED: usize = 3;

/// Of these runs, each with its place in the suite, those whose classes are others than most of the same images have (of
/// two equally many those of the first run), and what is the matter with each.
pub(super) fn others(runs: &[Run], there: &[(usize, Ran)]) -> BTreeMap<usize, String> {
    let mut sets: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (i, (place, ran)) in there.iter().enumerate() {
        let data = &runs[*place].recipe.data;
        // (one that never came to its images has no names yet)
        if !ran.classes.is_empty() {
            sets.entry((&data.path, data.kind.word())).or_default().push(i);
        }
    }
    let classes = |i: &usize| there[*i].1.classes.as_slice();
    let mut found = BTreeMap::new();
    for members in sets.into_values() {
        let mut counts: BTreeMap<&[String], usize> = BTreeMap::new();
        members.iter().for_each(|i| *counts.entry(classes(i)).or_default() += 1);
        let Some(usual) = members.iter().rev().map(classes).max_by_key(|names| counts[names]) else { continue };
        let odd = members.iter().filter(|i| classes(i) != usual);
        found.extend(odd.map(|i| (*i, difference(classes(i), usual))));
    }
    found
}

/// In what classes differ from the usual ones, as a sentence.
fn difference(classes: &[String], usual: &[String]) -> String {
    let set = |names: &[String]| names.iter().cloned().collect::<BTreeSet<String>>();
    let (own, usual) = (set(classes), set(usual));
    let list = |names: BTreeSet<&String>| {
        let more = names.len().saturating_sub(NAMED);
        let first: Vec<String> = names.into_iter().take(NAMED).map(|name| format!("{name:?}")).collect();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        first.join(", ") + &more
    };
    let (more, less): (BTreeSet<_>, BTreeSet<_>) = (own.difference(&usual).collect(), usual.difference(&own).collect());
    let what = match (more.is_empty(), less.is_empty()) {
        (false, false) => format!("it has {} and lacks {}", list(more), list(less)),
        (false, true) => format!("it has {} beside them", list(more)),
        (true, false) => format!("it lacks {}", list(less)),
        (true, true) => "the same names in another order".into(),
    };
    format!("its classes are not those of the other runs: {what}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Recipe;
    use crate::suite::Stage;

    /// What is told of each run, which has these classes.
    fn told(classes: &[&str]) -> Vec<String> {
        let run = || Run { cell: 0, seed: 0, changes: Vec::new(), recipe: Recipe::default() };
        let runs: Vec<Run> = classes.iter().map(|_| run()).collect();
        let ran = |names: &str| Ran {
            dir: "x".into(),
            stage: Stage::Done,
            classes: names.split_whitespace().map(String::from).collect(),
            scores: Vec::new(),
            parameters: None,
            multiply_adds: None,
            images: None,
            img_s: None,
        };
        let there: Vec<(usize, Ran)> = classes.iter().map(|names| ran(names)).enumerate().collect();
        others(&runs, &there).into_iter().map(|(i, why)| format!("{i}: {}", why.split(": ").last().unwrap())).collect()
    }

    #[test]
    fn the_run_with_other_classes_is_found() {
        assert_eq!(told(&["cat dog", "cat dog", ""]), [""; 0]);
        assert_eq!(
            told(&["audi volvo", "cat dog", "cat dog"]),
            ["0: it has \"audi\", \"volvo\" and lacks \"cat\", \"dog\""]
        );
        assert_eq!(told(&["cat dog", "cat cow dog"]), ["1: it has \"cow\" beside them"]);
        assert_eq!(told(&["cat dog", "cat"]), ["1: it lacks \"dog\""]);
        assert_eq!(told(&["cat dog", "dog cat"]), ["1: the same names in another order"]);
        assert_eq!(told(&["a", "b c d e f", "a"]), ["1: it has \"b\", \"c\", \"d\" and 2 more and lacks \"a\""]);
    }
}
