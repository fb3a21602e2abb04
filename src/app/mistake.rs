//! A mistake that is looked at: which image it is, and what became of it.

use super::modal::Modal;
use super::panes::images::Mistake;
use super::state::State;
use super::{Tone, number};
use crate::data::{IGNORED, Thumbnail};
use crate::train::{MissedImage, Taken};
use std::cmp::Reverse;
use std::collections::BTreeMap;

impl State {
    /// The name of a class, or its number where there is none.
    pub(crate) fn class(&self, label: usize) -> String {
        let named = self.run.info.as_ref().and_then(|info| info.classes.get(label));
        named.cloned().unwrap_or_else(|| label.to_string())
    }

    /// The names of the classes that a mask has, the largest first.
    pub(crate) fn classes_of(&self, mask: &Thumbnail) -> Vec<String> {
        let mut counts = BTreeMap::new();
        mask.values()
            .into_iter()
            .filter(|class| *class != IGNORED)
            .for_each(|class| *counts.entry(class).or_insert(0) += 1);
        let mut classes: Vec<(u8, usize)> = counts.into_iter().collect();
        classes.sort_by_key(|(_, n)| Reverse(*n));
        classes.into_iter().map(|(class, _)| self.class(class.into())).collect()
    }

    /// What is to be said of the mistake at the cursor.
    pub(crate) fn mistake(&self) -> Option<Mistake> {
        let (MissedImage { name, taken, loss, .. }, place, count) = self.panes.images.mistake()?;
        let loss = number::loss(f64::from(*loss));
        let about = match taken {
            Taken::Class { label, predicted, confidence } => {
                let (label, predicted) = (self.class(*label), self.class(*predicted));
                let share = number::percent(f64::from(*confidence));
                format!("label {label}, predicted {predicted} with {share}, loss {loss}")
            }
            Taken::Mask { mask, taken, accuracy } => {
                let names = |of: &Thumbnail| self.classes_of(of).join(", ");
                let share = number::percent(f64::from(*accuracy));
                format!("pixAcc {share}, loss {loss}; labels {}; predicted {}", names(mask), names(taken))
            }
        };
        let unknown = "its name is not known: the run's program is older than this one";
        Some(Mistake {
            place: format!("{} of {count}", place + 1),
            name: if name.is_empty() { unknown.into() } else { name.clone() },
            about,
        })
    }
}

/// Shows which image the cursor is at.
pub(crate) fn show(state: &mut State) {
    match state.mistake() {
        Some(mistake) => state.modal = Some(Modal::Mistake(Box::new(mistake))),
        None => state.notify(Tone::Plain, "enter shows the file of a mistake; the page of mistakes has them"),
    }
}
