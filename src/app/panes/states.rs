//! What the panes keep.

use super::hardware::Hardware;
use super::images::Album;
use super::inside::Inside;
use super::journal::Journal;

/// The state of every pane that has one of its own. The charts show that of the run. The rows that steer are in the
/// state of the screen, because their cursor goes from pane to pane.
#[derive(Clone, Debug, Default)]
pub(crate) struct States {
    pub(crate) hardware: Hardware,
    pub(crate) journal: Journal,
    pub(crate) images: Album,
    pub(crate) inside: Inside,
}

impl States {
    /// Another run begins: its panes are empty; the journal and the machine go on.
    pub(crate) fn start_over(&mut self) {
        self.inside = Inside::default();
        self.images.start_over();
    }
}
