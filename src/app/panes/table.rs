//! The table of panes: a row is all that the rest of the screen knows of a pane.

use super::{Scroll, States, beside};
use crate::train::Target;

/// What the table says of a pane. Its place in the table is that of its key: the first nine have the digits, and all of
/// them are reached by tab and by `:pane NAME`.
#[derive(Clone, Copy, Debug)]
pub struct PaneRow {
    /// The pane.
    pub pane: Pane,
    /// The heading.
    pub title: &'static str,
    /// Its title and what it shows, for the help.
    pub help: &'static str,
    /// Where it stands.
    pub place: Place,
    /// What the arrows do in it.
    pub moves: Moves,
    /// What Enter does in it.
    pub enter: Enter,
    /// What it shows that the trainer makes only while somebody looks.
    pub target: Option<Target>,
    /// What the line above the keys says while there is nothing else to say.
    pub hints: &'static [&'static str],
}

/// Where a pane stands on a screen that has room for several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the column at the left, always.
    Left,
    /// At the right, as long as no other pane is chosen that covers it. A small screen shows one of them at a time.
    Right,
    /// In the place of these panes, while it is chosen.
    Over(&'static [Pane]),
}

/// What the arrows do in a pane.
#[derive(Clone, Copy, Debug)]
pub enum Moves {
    /// They go from knob to knob, and into the values of a trick.
    Rows,
    /// They move the place at which the curves are read.
    Curves,
    /// They move what the pane keeps.
    Own(OwnScroll),
    /// Nothing.
    Nothing,
}

/// The state that the arrows move.
#[derive(Clone, Copy, Debug)]
pub struct OwnScroll(fn(&mut States) -> &mut dyn Scroll);

impl OwnScroll {
    /// That state, among those of all panes.
    pub(crate) fn of(self, states: &mut States) -> &mut dyn Scroll {
        (self.0)(states)
    }
}

/// What Enter does in a pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enter {
    /// It opens the editor of the value at the cursor.
    Edit,
    /// It shows the file of the image at the cursor.
    File,
}

/// Makes the panes and their table of the same rows.
macro_rules! panes {
    ($($(#[$doc:meta])* $pane:ident { $($field:ident: $value:expr),+ $(,)? })+) => {
        /// A pane of the screen.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Pane {
            $($(#[$doc])* $pane,)+
        }

        /// Every pane, in the order of the keys.
        pub const PANES: &[PaneRow] = &[$(PaneRow { $($field: $value,)+ ..PaneRow::plain(Pane::$pane) },)+];
    };
}

const fn own(state: fn(&mut States) -> &mut dyn Scroll) -> Moves {
    Moves::Own(OwnScroll(state))
}

panes! {
    /// Hyperparameters.
    Knobs {
        title: "Knobs",
        help: "knobs: hyperparameters with their units and when a change applies",
        place: Place::Left,
        moves: Moves::Rows,
    }
    /// Switches of the paper and their values.
    Tricks {
        title: "Tricks",
        help: "tricks: the tricks of the paper and their values",
        place: Place::Left,
        moves: Moves::Rows,
    }
    /// Training and validation loss.
    Loss {
        title: "Loss",
        help: "loss: training and validation loss",
        moves: Moves::Curves,
        hints: &[
            "line: training, smoothed",
            "dots: single steps",
            "◆: validation",
            "← → read",
            "y log  z zoom  x last steps",
        ],
    }
    /// Learning rate.
    Rate {
        title: "Learning rate",
        help: "learning rate: so far and to come",
        moves: Moves::Curves,
        hints: &["line: so far", "dots: to come", "← → read", "z zoom"],
    }
    /// Top-1 and top-5.
    Accuracy {
        title: "Accuracy",
        help: "accuracy: top-1 and top-5, or mIoU and pixAcc, on the test set",
        moves: Moves::Curves,
        hints: &["line: top-1", "◆: top-5", "on the test set", "← → read", "z zoom"],
    }
    /// CPU, GPUs and memory.
    Hardware { title: "Hardware", help: "hardware: CPU, GPUs, memory, waiting for data" }
    /// What happened.
    Journal {
        title: "Journal",
        help: "journal: what happened",
        moves: own(|panes| &mut panes.journal),
        hints: &["arrows scroll", "z zoom"],
    }
    /// Images: batches, mistakes, classes.
    Images {
        title: "Images",
        help: "images: batches as they are fed, mistakes, confusion, classes, the teacher",
        place: Place::Over(&[Pane::Loss, Pane::Rate]),
        moves: own(|panes| &mut panes.images),
        enter: Enter::File,
        target: Some(Target::Pictures),
        hints: &["left and right: pages", "up and down: the next", "z zoom"],
    }
    /// Gradients, updates and outputs of every layer.
    Inside {
        title: "Inside",
        help: "inside: gradients, updates and outputs of every layer",
        place: Place::Over(&[Pane::Rate, Pane::Hardware]),
        moves: own(|panes| &mut panes.inside),
        target: Some(Target::Layers),
    }
}

impl PaneRow {
    /// A pane that stands at the right and shows something, no more.
    const fn plain(pane: Pane) -> PaneRow {
        PaneRow {
            pane,
            title: "",
            help: "",
            place: Place::Right,
            moves: Moves::Nothing,
            enter: Enter::Edit,
            target: None,
            hints: &["z zoom"],
        }
    }

    /// The title as a word of the command line.
    pub(crate) fn name(&self) -> String {
        self.title.replace(' ', "-").to_lowercase()
    }
}

impl Pane {
    /// Its row of the table.
    pub fn row(self) -> &'static PaneRow {
        &PANES[self as usize]
    }

    /// Its place in the table.
    pub(crate) fn place(self) -> usize {
        self as usize
    }

    /// The pane after it, after the last the first; or the one before it.
    pub(crate) fn next(self, forward: bool) -> Pane {
        PANES[beside(self.place(), PANES.len(), forward)].pane
    }

    /// The pane of a name, where there is one.
    pub(crate) fn find(name: &str) -> Option<Pane> {
        PANES.iter().find(|row| row.name().eq_ignore_ascii_case(name)).map(|row| row.pane)
    }

    /// Whether it is one of those that steer.
    pub(crate) fn steers(self) -> bool {
        matches!(self.row().moves, Moves::Rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pane_finds_its_row_by_its_place_and_by_its_name() {
        for (place, row) in PANES.iter().enumerate() {
            assert_eq!((row.pane.place(), row.pane.row().title), (place, row.title));
            assert_eq!(Pane::find(&row.name()), Some(row.pane), "two panes have the name {}", row.name());
            assert!(row.help.starts_with(&format!("{}: ", row.title.to_lowercase())), "{}", row.help);
        }
    }

    #[test]
    fn however_many_panes_there_are_tab_reaches_each_of_them() {
        for count in [1, 9, 10, 30] {
            for forward in [true, false] {
                let mut seen = vec![false; count];
                (0..count).fold(0, |at, _| {
                    seen[at] = true;
                    beside(at, count, forward)
                });
                assert!(seen.iter().all(|seen| *seen), "of {count} panes {seen:?}");
            }
        }
    }

    #[test]
    fn a_pane_covers_only_panes_that_stand_at_the_right() {
        let covered = PANES.iter().filter_map(|row| match row.place {
            Place::Over(covered) => Some((row.pane, covered)),
            _ => None,
        });
        for (pane, covered) in covered {
            assert!(!covered.is_empty(), "{pane:?} has no place");
            assert!(covered.iter().all(|below| below.row().place == Place::Right), "{pane:?} over {covered:?}");
        }
    }
}
