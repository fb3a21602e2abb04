//! The rows of the two panes that steer: knobs, and tricks with their values beneath.

use super::{Pane, moved};
use crate::app::words::{title, trick_of, values_of};
use crate::recipe::knobs::Group;
use crate::recipe::{Applies, KNOBS, Knob};

/// The visible rows, the place of the cursor, and what decides about them.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    pub(crate) knobs: Vec<&'static Knob>,
    pub(crate) tricks: Vec<&'static Knob>,
    pub(crate) filter: String,
    expanded: Vec<&'static Knob>,
    all: bool,
    knob: &'static Knob,
    trick: &'static Knob,
    /// Where the cursors were, and the focus, when a search began.
    before: (Pane, &'static Knob, &'static Knob),
}

impl Rows {
    pub(crate) fn new() -> Rows {
        let first = |group| KNOBS.iter().find(|k| k.group == group).unwrap_or(&KNOBS[0]);
        let (knob, trick) = (first(Group::Knob), first(Group::Trick));
        let mut rows = Rows {
            knobs: Vec::new(),
            tricks: Vec::new(),
            filter: String::new(),
            expanded: Vec::new(),
            all: false,
            knob,
            trick,
            before: (Pane::Knobs, knob, trick),
        };
        rows.refresh();
        rows
    }

    fn refresh(&mut self) {
        let words: Vec<String> = self.filter.split_whitespace().map(str::to_lowercase).collect();
        let hit = |k: &Knob| {
            let text = format!("{} {} {}", title(k), k.path, k.help).to_lowercase();
            words.iter().all(|w| text.contains(w.as_str()))
        };
        self.knobs = KNOBS.iter().filter(|k| k.group == Group::Knob && hit(k)).collect();
        self.knobs.sort_by_key(|k| k.applies == Applies::Fork);
        self.tricks.clear();
        for trick in KNOBS.iter().filter(|k| k.group == Group::Trick) {
            let open = self.all || self.expanded.contains(&trick);
            let values: Vec<_> = values_of(trick).filter(|v| hit(v) && (open || !words.is_empty())).collect();
            if hit(trick) || !values.is_empty() {
                self.tricks.push(trick);
                self.tricks.extend(values);
            }
        }
        if !self.tricks.contains(&self.trick) {
            let home = trick_of(self.trick).filter(|t| self.tricks.contains(t));
            self.trick = home.or(self.tricks.first().copied()).unwrap_or(self.trick);
        }
        if !self.knobs.contains(&self.knob) {
            self.knob = self.knobs.first().copied().unwrap_or(self.knob);
        }
    }

    /// Whether all tricks show their values, because there is room for them.
    pub(crate) fn expand_all(&mut self, all: bool) {
        self.all = all;
        self.refresh();
    }

    pub(crate) fn set_filter(&mut self, filter: String) {
        self.filter = filter;
        self.refresh();
    }

    /// A search begins, while this pane has the focus.
    pub(crate) fn leave(&mut self, focus: Pane) {
        self.before = (focus, self.knob, self.trick);
    }

    /// A search is given up: everything is shown and the cursors stand where they stood. Gives the pane that had the
    /// focus.
    pub(crate) fn come_back(&mut self) -> Pane {
        let (focus, knob, trick) = self.before;
        (self.knob, self.trick) = (knob, trick);
        self.set_filter(String::new());
        focus
    }

    /// Shows a trick's values and goes to the first.
    pub(crate) fn open(&mut self, trick: &'static Knob) {
        let Some(first) = values_of(trick).next() else { return };
        if !self.expanded.contains(&trick) {
            self.expanded.push(trick);
        }
        self.trick = first;
        self.refresh();
    }

    /// Hides the values of the trick at the cursor.
    pub(crate) fn close(&mut self) {
        let trick = trick_of(self.trick).unwrap_or(self.trick);
        self.expanded.retain(|t| *t != trick);
        self.trick = trick;
        self.refresh();
    }

    /// The value that a trick's row shows: its first, unless its values have rows of their own.
    pub(crate) fn inline(&self, trick: &Knob) -> Option<&'static Knob> {
        values_of(trick).next().filter(|first| !self.tricks.contains(first))
    }

    fn list(&self, pane: Pane) -> &[&'static Knob] {
        if pane == Pane::Tricks { &self.tricks } else { &self.knobs }
    }

    /// The knob at the cursor of a pane.
    pub(crate) fn selected(&self, pane: Pane) -> Option<&'static Knob> {
        let knob = if pane == Pane::Tricks { self.trick } else { self.knob };
        (matches!(pane, Pane::Knobs | Pane::Tricks) && self.list(pane).contains(&knob)).then_some(knob)
    }

    /// Moves the cursor by `by` rows; past the end of the knobs it goes on in the tricks and back.
    pub(crate) fn shift(&mut self, pane: Pane, by: isize) -> Pane {
        let list = self.list(pane);
        let Some(at) = self.selected(pane).and_then(|k| list.iter().position(|l| *l == k)) else {
            return match pane {
                Pane::Knobs if !self.tricks.is_empty() => Pane::Tricks,
                Pane::Tricks if !self.knobs.is_empty() => Pane::Knobs,
                _ => pane,
            };
        };
        let to = at as isize + by;
        if by == 1 && pane == Pane::Knobs && to as usize == list.len() && !self.tricks.is_empty() {
            self.trick = self.tricks[0];
            return Pane::Tricks;
        }
        if by == -1 && pane == Pane::Tricks && to < 0 && !self.knobs.is_empty() {
            self.knob = self.knobs[self.knobs.len() - 1];
            return Pane::Knobs;
        }
        let knob = list[moved(at, by, list.len())];
        if pane == Pane::Tricks {
            self.trick = knob
        } else {
            self.knob = knob
        }
        pane
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::knobs::find;

    #[test]
    fn every_knob_can_be_reached_with_the_arrow_alone_when_all_is_open() {
        let mut rows = Rows::new();
        rows.expand_all(true);
        let (mut pane, mut seen) = (Pane::Knobs, 1);
        loop {
            let before = (pane, rows.selected(pane));
            pane = rows.shift(pane, 1);
            if (pane, rows.selected(pane)) == before {
                break;
            }
            seen += 1;
        }
        assert_eq!(seen, KNOBS.len());
    }

    #[test]
    fn the_filter_finds_by_name_path_and_help_and_keeps_the_cursor_on_something_visible() {
        let mut rows = Rows::new();
        rows.set_filter("BETA".into());
        assert_eq!(rows.tricks, [find("tricks.mixup.on").unwrap(), find("tricks.mixup.alpha").unwrap()]);
        assert_eq!(rows.knobs, [find("optim.beta1").unwrap(), find("optim.beta2").unwrap()]);
        rows.set_filter("MIXUP".into());
        assert!(rows.knobs.is_empty());
        assert_eq!(rows.selected(Pane::Knobs), None);
        assert_eq!(rows.shift(Pane::Knobs, 1), Pane::Tricks);
        rows.set_filter("nothing has this".into());
        assert_eq!(rows.shift(Pane::Knobs, 1), Pane::Knobs);
        assert_eq!(rows.selected(Pane::Tricks), None);
    }
}
