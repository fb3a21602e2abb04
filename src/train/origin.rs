//! Where a run's images and files are: its recipe calls them as they were called where it was begun.

use super::TrainError;
use crate::data::{self, DataSet, Manifest};
use crate::files::resolved;
use crate::recipe::Recipe;
use crate::recipe::settings::Data;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The weights inside the program, as a recipe calls them: of a net for the bundled images, which teaches.
pub(super) const BUNDLED: &str = "Bundled";

/// What a run's directory remembers of its images and of where it was begun; nothing for a run that begins here.
#[derive(Clone, Debug, Default)]
pub(super) struct Origin {
    manifest: Option<Manifest>,
    /// The directory that it was begun in.
    from: Option<PathBuf>,
    /// Where its images are now, by a person's word.
    moved: Option<PathBuf>,
    /// Whether each image that it began with must be there: for a run that is made again.
    exact: bool,
}

/// The images of a run, and where its other files are.
pub(super) struct Opened {
    pub set: Arc<DataSet>,
    pub origin: Origin,
}

impl Origin {
    /// Of the run whose manifest this file is, or will be; `moved` is where its images are now.
    ///
    /// # Errors
    /// A file that cannot be read or is damaged.
    pub fn read(file: Option<&Path>, moved: Option<&str>) -> Result<Origin, TrainError> {
        let manifest = file.filter(|file| file.exists()).map(Manifest::read).transpose()?;
        let from = manifest.as_ref().map(|manifest| manifest.from().to_path_buf());
        Ok(Origin { manifest, from, moved: moved.map(resolved).transpose()?, exact: false })
    }

    /// The same, when each image must be there.
    pub fn exactly(self) -> Origin {
        Origin { exact: true, ..self }
    }

    /// The same once the images are open: their names may take much memory.
    pub fn without_images(self) -> Origin {
        Origin { manifest: None, ..self }
    }

    /// Whether the images are those that the recipe names here: a run that begins, of images that nobody has moved.
    pub fn is_here(&self) -> bool {
        self.manifest.is_none() && self.moved.is_none()
    }

    /// Opens the images of the run: those that it began with.
    ///
    /// # Errors
    /// Images that cannot be had or are others.
    pub fn open(&self, recipe: &Recipe) -> Result<DataSet, TrainError> {
        let (data, moved) = self.images(&recipe.data)?;
        Ok(match &self.manifest {
            Some(manifest) => data::open_kept(&data, recipe.task, recipe.train.seed, manifest, moved || self.exact)?,
            None => data::open(&data, recipe.task, recipe.train.seed)?,
        })
    }

    /// Writes the manifest of a run that begins, or that found its images at another place.
    ///
    /// # Errors
    /// The system's.
    pub fn write(&self, file: &Path, set: &DataSet, recipe: &Recipe) -> Result<(), TrainError> {
        let (data, moved) = self.images(&recipe.data)?;
        let manifest = match &self.manifest {
            None => Manifest::of(set, &data),
            Some(manifest) if moved => manifest.clone().at(Path::new(&data.path)),
            Some(_) => return Ok(()),
        };
        manifest.write(file).map_err(TrainError::write(file))
    }

    /// The settings with the place where the images are, and whether that is another one than the run began with: what was
    /// said, else where they were, else what the recipe calls them here.
    fn images(&self, data: &Data) -> Result<(Data, bool), TrainError> {
        let here = if data.path.is_empty() { PathBuf::new() } else { resolved(&data.path)? };
        let (path, moved) = match (&self.moved, &self.manifest) {
            (Some(said), manifest) => {
                let same = |manifest: &Manifest| said.canonicalize().is_ok_and(|said| said == manifest.path());
                (said.clone(), manifest.as_ref().is_some_and(|manifest| !same(manifest)))
            }
            (None, Some(manifest)) if !data.path.is_empty() => {
                let there = manifest.path();
                match (here.canonicalize().is_ok_and(|here| here == there), there.exists()) {
                    // The path stays as the recipe writes it.
                    (true, _) => (here, false),
                    (false, false) if here.exists() => (here, true),
                    (false, _) => (there.to_path_buf(), false),
                }
            }
            _ => (here, false),
        };
        Ok((Data { path: path.display().to_string(), ..data.clone() }, moved))
    }

    /// A file that the recipe names: where the run was begun, else here.
    pub fn file(&self, path: &str) -> PathBuf {
        let there = self.from.as_ref().map(|from| from.join(path));
        there.filter(|there| there.exists()).unwrap_or_else(|| path.into())
    }

    /// Weights that the recipe names: those inside the program, or a file.
    pub fn weights(&self, source: &str) -> PathBuf {
        if source == BUNDLED { source.into() } else { self.file(source) }
    }
}
