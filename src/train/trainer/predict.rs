//! Says what the net makes of a person's own image, between two steps; nothing of the run changes.

use super::Trainer;
use crate::data::{Batch, Broken, Picture, Preprocessor, Thumbnail, decode};
use crate::files::resolved;
use crate::ops::Ops;
use crate::recipe::settings::Task;
use crate::train::classifier::likeliest;
use crate::train::{Event, Predicted, TrainError};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Largest file that is read, in bytes.
const LARGEST: u64 = 1 << 30;
/// Classes that are told.
const MOST: usize = 5;

impl<D: Ops<f32>, S: FnMut(Event)> Trainer<D, S> {
    /// Answers with the likeliest classes of an image, or refuses what is none.
    pub(super) fn predict(&mut self, id: u64, path: PathBuf) {
        let shown = path.display().to_string();
        let answer = match self.predicted(id, &path) {
            Ok(predicted) => Event::Predicted(Box::new(predicted)),
            Err(why) => Event::Refused { id, reason: format!("{shown}: {why}") },
        };
        self.send(answer);
    }

    fn predicted(&mut self, id: u64, path: &Path) -> Result<Predicted, String> {
        if self.recipe.task != Task::Classify {
            return Err(format!(
                "task is {}: classes of a whole image are of a net that classifies",
                self.recipe.task.word()
            ));
        }
        let data = self.reader.set();
        let Preprocessor { shape, reading, .. } = data.preprocessor;
        let read = || -> Result<Picture, Broken> { decode(&bytes(path)?, reading) };
        let picture = read().map_err(|e| e.to_string())?;
        let pixels = data.preprocessor.picture(&picture).map_err(|e| e.to_string())?;
        let thumbnail = Thumbnail::new(&pixels, shape, &data.mean, &data.std).map_err(|e| e.to_string())?;
        let (classes, [height, width, channels]) = (data.classes.clone(), shape);
        let batch =
            Batch { pixels, labels: vec![0], masks: Vec::new(), n: 1, height, width, channels, skipped: Vec::new() };
        let logits = self.learner.logits(batch).map_err(|e| TrainError::device(e).to_string())?;
        let guesses = likeliest(&logits, &classes, MOST);
        Ok(Predicted { id, path: path.to_path_buf(), step: self.at.step, picture: thumbnail, guesses })
    }
}

/// The bytes of a file; a pipe would have the run wait.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let path = resolved(path).map_err(io::Error::other)?;
    let about = fs::metadata(&path)?;
    if about.is_dir() {
        return Err(io::Error::other("is a directory, no image"));
    }
    if !about.is_file() || about.len() > LARGEST {
        return Err(io::Error::other("is no file of at most 1 GB"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}
