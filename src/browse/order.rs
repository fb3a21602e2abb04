//! The rows of the list: which runs, in which order, as a list or as a tree.

use super::filter::Filter;
use super::{Row, Run};
use crate::app::beside;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::path::Path;

/// Levels of a tree that are indented; deeper ones stand below those.
const LEVELS: usize = 8;

/// What the list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest first.
    #[default]
    When,
    /// By name.
    Name,
    /// The best first.
    Best,
}

impl Order {
    /// Every order, in the order of the key.
    pub const ALL: [Order; 3] = [Order::When, Order::Name, Order::Best];

    /// The name on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Order::When => "when",
            Order::Name => "name",
            Order::Best => "best",
        }
    }

    /// The one after it, and after the last the first.
    pub(super) fn next(self) -> Order {
        let at = Order::ALL.iter().position(|order| *order == self).unwrap_or(0);
        Order::ALL[beside(at, Order::ALL.len(), true)]
    }

    fn compare(self, a: &Run, b: &Run) -> Ordering {
        let by_name = || natural(&a.name, &b.name);
        match self {
            Order::When => b.brief.begun.total_cmp(&a.brief.begun).then_with(by_name),
            Order::Name => by_name(),
            Order::Best => {
                let best = |run: &Run| run.brief.best.map_or(-1.0, |best| best.value);
                best(b).total_cmp(&best(a)).then_with(by_name)
            }
        }
    }
}

/// Compares names so that `quick-2` comes before `quick-10`.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut x, mut y) = (a.as_bytes(), b.as_bytes());
    let number = |s: &[u8]| s.iter().take_while(|c| c.is_ascii_digit()).count();
    while let (Some(p), Some(q)) = (x.first(), y.first()) {
        let (n, m) = (number(x), number(y));
        let (by, n, m) = if n > 0 && m > 0 {
            let digits = |s: &[u8], n: usize| s[..n].iter().position(|c| *c != b'0').unwrap_or(n);
            let (from, other) = (digits(x, n), digits(y, m));
            ((n - from).cmp(&(m - other)).then_with(|| x[from..n].cmp(&y[other..m])), n, m)
        } else {
            (p.cmp(q), 1, 1)
        };
        if by.is_ne() {
            return by;
        }
        (x, y) = (&x[n..], &y[m..]);
    }
    x.len().cmp(&y.len()).then_with(|| a.cmp(b))
}

/// The rows that a filter finds.
pub(super) fn rows(runs: &[Run], filter: &str, order: Order, tree: bool) -> Vec<Row> {
    let filter = Filter::new(filter);
    let mut found: Vec<usize> = (0..runs.len()).filter(|place| filter.finds(&runs[*place])).collect();
    found.sort_by(|a, b| order.compare(&runs[*a], &runs[*b]));
    if tree { lineage(runs, &found) } else { found.into_iter().map(|run| Row { run, stem: String::new() }).collect() }
}

/// A run of the tree that is still to be placed: its depth, the lines before it, and whether siblings follow.
struct Branch {
    run: usize,
    depth: usize,
    lines: String,
    last: bool,
}

/// The runs below those that they were forked from, or below the nearest that was found.
fn lineage(runs: &[Run], found: &[usize]) -> Vec<Row> {
    let places: HashMap<&Path, usize> = runs.iter().enumerate().map(|(i, run)| (run.brief.dir.as_path(), i)).collect();
    let mut shown = vec![false; runs.len()];
    found.iter().for_each(|run| shown[*run] = true);
    let parent = |run: usize| runs[run].brief.parent.as_deref().and_then(|dir| places.get(dir).copied());
    // Whoever writes a circle into the notes gets the runs of it without a tree.
    let above = |run: usize| {
        let mut at = parent(run);
        for _ in 0..runs.len() {
            match at {
                Some(place) if place == run => return None,
                Some(place) if shown[place] => return Some(place),
                Some(place) => at = parent(place),
                None => return None,
            }
        }
        None
    };
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); runs.len()];
    let mut tops = Vec::new();
    for run in found {
        match above(*run) {
            Some(parent) => children[parent].push(*run),
            None => tops.push(*run),
        }
    }
    let mut rows = Vec::with_capacity(found.len());
    let mut placed = vec![false; runs.len()];
    // Runs of a circle hang on one another alone: they come last.
    for top in tops.into_iter().chain(found.iter().copied()) {
        let mut left = vec![Branch { run: top, depth: 0, lines: String::new(), last: true }];
        while let Some(Branch { run, depth, lines, last }) = left.pop() {
            if std::mem::replace(&mut placed[run], true) {
                continue;
            }
            let own = if depth == 0 {
                ""
            } else if last {
                "└ "
            } else {
                "├ "
            };
            rows.push(Row { run, stem: format!("{lines}{own}") });
            let below = if depth == 0 {
                ""
            } else if last {
                "  "
            } else {
                "│ "
            };
            let lines = if depth < LEVELS { format!("{lines}{below}") } else { lines };
            for (i, child) in children[run].iter().enumerate().rev() {
                let last = i + 1 == children[run].len();
                left.push(Branch { run: *child, depth: depth + 1, lines: lines.clone(), last });
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_numbers_are_in_the_order_of_the_numbers() {
        let mut names = ["quick-10", "quick", "a2/b", "quick-9", "quick-009", "a10", "Quick", "quick-2-x"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["Quick", "a2/b", "a10", "quick", "quick-2-x", "quick-009", "quick-9", "quick-10"]);
    }
}
