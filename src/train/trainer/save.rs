//! Checkpoints of a run in progress.

use super::Trainer;
use crate::ops::Ops;
use crate::train::checkpoint::{Checkpoint, Progress};
use crate::train::{Event, TrainError};
use std::time::Instant;

impl<D: Ops<f32>, S: FnMut(Event)> Trainer<D, S> {
    /// Writes the last state, or the best; a failure is an alarm, and the file of before stays.
    pub(super) fn checkpoint(&mut self, best: bool) {
        let Some(dir) = self.options.dir.clone() else { return };
        let begun = Instant::now();
        let path = match best {
            true => dir.join("best.safetensors"),
            false => dir.join("checkpoints").join(format!("step-{:06}.safetensors", self.step)),
        };
        let epoch = if self.step == 0 { 0.0 } else { self.at.epochs() };
        let at = Progress { step: self.step, epoch, best_top1: self.best_top1 };
        let written = std::fs::create_dir_all(dir.join("checkpoints"))
            .map_err(|source| TrainError::Write { path: dir.join("checkpoints"), source })
            .and_then(|()| Checkpoint::of(&mut self.learner, &self.recipe, at, !best))
            .and_then(|c| c.write(&path));
        match written {
            Err(e) => self.alarm(e.to_string()),
            Ok(bytes) => {
                if !best {
                    self.saved_at = Some(self.step);
                }
                if !best && let Some(old) = self.last_checkpoint.replace(path.clone()).filter(|old| *old != path) {
                    // the new one is safe on disk; an old one that stays is only a file too many
                    if let Err(e) = std::fs::remove_file(&old) {
                        self.alarm(format!("{}: cannot be removed: {e}", old.display()));
                    }
                }
                let ms = begun.elapsed().as_secs_f64() * 1e3;
                self.send(Event::Checkpoint { step: self.step, path, bytes, ms, best });
            }
        }
    }
}
