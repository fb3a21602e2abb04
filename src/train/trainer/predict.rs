//! Says what the net makes of a person's own image, between two steps; nothing of the run changes.

use super::Trainer;
use crate::data::{Broken, Picture, Preprocessor, Thumbnail, decode};
use crate::files::resolved;
use crate::ops::Ops;
use crate::recipe::settings::Task;
use crate::train::single::Regarded;
use crate::train::{Event, Named, Predicted};
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
        let data = self.reader.set();
        let Preprocessor { reading, .. } = data.preprocessor;
        let read = || -> Result<Picture, Broken> { decode(&bytes(path)?, reading) };
        let picture = read().map_err(|e| e.to_string())?;
        let seen = Regarded::of(&mut self.learner, &data.preprocessor, &picture).map_err(|e| e.to_string())?;
        let small = Thumbnail::new(&seen.pixels, seen.shape, &data.mean, &data.std).map_err(|e| e.to_string())?;
        let (named, mask) = match self.recipe.task {
            Task::Classify => (seen.likeliest(&data.classes, MOST).into_iter().map(Named::Guess).collect(), None),
            Task::Segment => {
                let mask = seen.mask(data.classes.len());
                let small = Thumbnail::of_mask(&mask.classes, [mask.height, mask.width]).map_err(|e| e.to_string())?;
                (mask.parts(&data.classes, MOST), Some(small))
            }
        };
        Ok(Predicted { id, path: path.to_path_buf(), step: self.at.step, picture: small, named, mask })
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
