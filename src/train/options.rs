//! What a run is called, where it writes, and what it goes on from.

use super::checkpoint::{Checkpoint, Link};
use super::edits::ScheduledEdit;
use super::error::TrainError;
use super::origin::Origin;
use crate::data::Found;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// What a run is called and where it writes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Name of the run.
    pub name: String,
    /// Its directory, which exists; without one no checkpoints are written.
    pub dir: Option<PathBuf>,
    /// The checkpoint from which it goes on.
    pub from: Option<Box<Checkpoint>>,
    /// The last link of its chain.
    pub link: Option<Link>,
    /// Edits that wait for their time; those of the recipe when there are none here.
    pub edits: Option<Vec<ScheduledEdit>>,
    /// Number of the last edit in its journal.
    pub last_edit: u64,
    /// Step after which it is done, if it is not before.
    pub until: Option<u64>,
    /// Epochs after which it stops with a checkpoint, to be gone on with or not, if it has more.
    pub rest: Option<u64>,
    /// Steps after which the state is hashed.
    pub probes: BTreeSet<u64>,
    /// Whether it makes a recorded run again: then alarms tell, and do no more.
    pub again: bool,
    /// Whether nobody sits there who answers an alarm: one that would have the run wait ends it as failed. A rollback is
    /// gone on from, once.
    pub unattended: bool,
    /// The list of its images that it keeps to, or that is written when it begins (see [`Manifest`](crate::data::Manifest)).
    pub manifest: Option<PathBuf>,
    /// Where its images are now, when that is another place than it began with.
    pub images_at: Option<String>,
    /// Its images, when they were found already: they are not looked for once more.
    pub found: Option<Found>,
    /// Threads that compute, of its own; without a number those of the program.
    pub threads: Option<NonZeroUsize>,
}

impl Options {
    /// Where its images and files are.
    pub(super) fn origin(&self) -> Result<Origin, TrainError> {
        let origin = Origin::read(self.manifest.as_deref(), self.images_at.as_deref())?;
        Ok(if self.again { origin.exactly() } else { origin })
    }
}
