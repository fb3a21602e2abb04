//! Whether the runs of a suite learnt the same classes: the names of a folder may have changed between two of them, and
//! then their figures are of two different questions.

use std::collections::{BTreeMap, BTreeSet};

/// Names that are told of those that differ.
const NAMED: usize = 3;

/// What a run learnt.
pub(super) struct Learnt<'a> {
    /// Where its images are, and of what kind they are.
    pub(super) data: (&'a str, &'a str),
    /// Its classes; none when it never came to its images.
    pub(super) classes: &'a [String],
}

/// The runs whose classes differ from those of most runs on the same images, by their places here, and in what they
/// differ. Where two sets of classes are equally frequent, that of the first run is the usual one.
pub(super) fn others(runs: &[Learnt<'_>]) -> BTreeMap<usize, String> {
    let mut sets: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (i, run) in runs.iter().enumerate().filter(|(_, run)| !run.classes.is_empty()) {
        sets.entry(run.data).or_default().push(i);
    }
    let classes = |i: &usize| runs[*i].classes;
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

    /// What is told of each run, which has these classes.
    fn told(classes: &[&str]) -> Vec<String> {
        let names: Vec<Vec<String>> =
            classes.iter().map(|names| names.split_whitespace().map(String::from).collect()).collect();
        let runs: Vec<Learnt> = names.iter().map(|classes| Learnt { data: ("x", "y"), classes }).collect();
        others(&runs).into_iter().map(|(i, why)| format!("{i}: {}", why.split(": ").last().unwrap())).collect()
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
