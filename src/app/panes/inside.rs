//! What the screen keeps of looks inside the net.

use super::{Scroll, moved};
use crate::train::{self, LayerStats};

/// The last look, and the row at the cursor.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inside {
    pub(crate) last: Option<train::Inside>,
    pub(crate) row: usize,
}

impl Inside {
    /// Takes a look in.
    pub(crate) fn take(&mut self, seen: train::Inside) {
        self.last = Some(seen);
        self.shift(0);
    }

    /// The layer at the cursor.
    pub(crate) fn at_cursor(&self) -> Option<&LayerStats> {
        self.last.as_ref()?.layers.get(self.row)
    }
}

impl Scroll for Inside {
    fn shift(&mut self, by: isize) {
        self.row = moved(self.row, by, self.last.as_ref().map_or(0, |seen| seen.layers.len()));
    }
}
