//! What the screen keeps of looks inside the net.

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
        self.row = self.row.min(seen.layers.len().saturating_sub(1));
        self.last = Some(seen);
    }

    /// Moves the cursor.
    pub(crate) fn shift(&mut self, by: isize) {
        let last = self.last.as_ref().map_or(0, |seen| seen.layers.len().saturating_sub(1)) as isize;
        self.row = (self.row as isize).saturating_add(by).clamp(0, last) as usize;
    }

    /// The layer at the cursor.
    pub(crate) fn at_cursor(&self) -> Option<&LayerStats> {
        self.last.as_ref()?.layers.get(self.row)
    }
}
