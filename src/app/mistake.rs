//! A mistake that is looked at: which image it is, and what became of it.

use super::modal::Modal;
use super::panes::images::Mistake;
use super::state::State;
use super::{Tone, number};
use crate::train::MissedImage;

impl State {
    /// The name of a class, or its number where there is none.
    pub(crate) fn class(&self, label: usize) -> String {
        let named = self.run.info.as_ref().and_then(|info| info.classes.get(label));
        named.cloned().unwrap_or_else(|| label.to_string())
    }

    /// What is to be said of the mistake at the cursor.
    pub(crate) fn mistake(&self) -> Option<Mistake> {
        let (MissedImage { name, label, predicted, confidence, loss, .. }, place, count) =
            self.panes.images.mistake()?;
        let (label, predicted) = (self.class(*label), self.class(*predicted));
        let (share, loss) = (number::percent(f64::from(*confidence)), number::loss(f64::from(*loss)));
        let unknown = "its name is not known: the run's program is older than this one";
        Some(Mistake {
            place: format!("{} of {count}", place + 1),
            name: if name.is_empty() { unknown.into() } else { name.clone() },
            about: format!("label {label}, predicted {predicted} with {share}, loss {loss}"),
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
