//! Where a run's images and files are: its recipe calls them as they were called where it was begun.

use super::TrainError;
use crate::data::{self, DataSet, Manifest};
use crate::recipe::Recipe;
use crate::recipe::settings::Data;
use std::path::{Path, PathBuf};

/// What a run's directory remembers of its images and of where it was begun; nothing for a run that begins here.
#[derive(Clone, Debug, Default)]
pub(super) struct Origin {
    manifest: Option<Manifest>,
    /// Where its images are now, by a person's word.
    moved: Option<PathBuf>,
    /// Whether each image that it began with must be there: for a run that is made again.
    exact: bool,
}

impl Origin {
    /// Of the run whose manifest this file is, or will be; `moved` is where its images are now.
    ///
    /// # Errors
    /// A file that cannot be read or is damaged.
    pub fn read(file: Option<&Path>, moved: Option<&str>) -> Result<Origin, TrainError> {
        let manifest = file.filter(|file| file.exists()).map(Manifest::read).transpose()?;
        Ok(Origin { manifest, moved: moved.map(PathBuf::from), exact: false })
    }

    /// The same, when each image must be there.
    pub fn exactly(self) -> Origin {
        Origin { exact: true, ..self }
    }

    /// Opens the images of the run: those that it began with.
    ///
    /// # Errors
    /// Images that cannot be had or are others.
    pub fn open(&self, recipe: &Recipe) -> Result<DataSet, TrainError> {
        let (path, moved) = self.images(&recipe.data.path);
        let data = Data { path: path.display().to_string(), ..recipe.data.clone() };
        Ok(match &self.manifest {
            Some(manifest) => data::open_kept(&data, recipe.train.seed, manifest, moved || self.exact)?,
            None => data::open(&data, recipe.train.seed)?,
        })
    }

    /// Writes the manifest of a run that begins, or that found its images at another place.
    ///
    /// # Errors
    /// The system's.
    pub fn write(&self, file: &Path, set: &DataSet, recipe: &Recipe) -> Result<(), TrainError> {
        let (path, moved) = self.images(&recipe.data.path);
        let data = Data { path: path.display().to_string(), ..recipe.data.clone() };
        let manifest = match &self.manifest {
            None => Manifest::of(set, &data),
            Some(manifest) if moved => manifest.clone().at(&path),
            Some(_) => return Ok(()),
        };
        manifest.write(file).map_err(TrainError::write(file))
    }

    /// Where the images are, and whether that is another place than the run began with: what was said, else where they
    /// were, else what the recipe calls them here.
    fn images(&self, path: &str) -> (PathBuf, bool) {
        match (&self.moved, &self.manifest) {
            (Some(moved), manifest) => (moved.clone(), manifest.is_some()),
            (None, Some(manifest)) if !path.is_empty() => {
                let (there, here) = (manifest.path(), Path::new(path));
                if there.exists() || !here.exists() { (there.to_path_buf(), false) } else { (here.to_path_buf(), true) }
            }
            _ => (path.into(), false),
        }
    }

    /// A file that the recipe names: where the run was begun, else here.
    pub fn file(&self, path: &str) -> PathBuf {
        let there = self.manifest.as_ref().map(|manifest| manifest.from().join(path));
        there.filter(|there| there.exists()).unwrap_or_else(|| path.into())
    }
}
