//! Checkpoints: weights and running statistics under PyTorch's names, velocities, and the recipe beside them, in one
//! safetensors file that is written whole or not at all.

use super::TrainError;
use super::step::Learner;
use crate::nn::{NetSpec, ResNet, State, TensorData};
use crate::ops::Ops;
use crate::recipe::settings::Net;
use crate::recipe::{KNOBS, Recipe, reasons};
use atomic_write_file::AtomicWriteFile;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The teacher inside the program: see `assets/README.md`.
const BUNDLED_TEACHER: &[u8] = include_bytes!("../../assets/teacher.safetensors");

/// Largest checkpoint that is read, in bytes.
const LARGEST: u64 = 4 << 30;

/// What a checkpoint holds.
pub struct Checkpoint {
    state: State,
}

/// Position of a run, as metadata of its checkpoints.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Epochs done.
    pub epoch: f64,
    /// Best top-1 so far.
    pub best_top1: Option<f64>,
}

impl Checkpoint {
    /// Weights and statistics of a run, with `velocities` those of its optimiser too.
    ///
    /// # Errors
    /// The device's.
    pub fn of<D: Ops<f32>>(
        learner: &mut Learner<D>,
        recipe: &Recipe,
        at: Progress,
        velocities: bool,
    ) -> Result<Self, TrainError> {
        let mut tensors = learner.net.export();
        if velocities {
            for (name, values) in learner.sgd.velocities(&learner.net).map_err(TrainError::device)? {
                let shape = tensors.get(&name).map_or_else(|| vec![values.len()], |t| t.shape.clone());
                tensors.insert(format!("velocity/{name}"), TensorData { shape, values });
            }
        }
        let mut metadata: BTreeMap<String, String> =
            KNOBS.iter().map(|k| (k.path.to_string(), recipe.get(k).to_string())).collect();
        metadata.insert("tricktop.version".into(), env!("CARGO_PKG_VERSION").into());
        metadata.insert("tricktop.step".into(), at.step.to_string());
        metadata.insert("tricktop.epoch".into(), format!("{:?}", at.epoch));
        metadata.insert("tricktop.best_top1".into(), at.best_top1.map_or(String::new(), |v| format!("{v:?}")));
        Ok(Checkpoint { state: State { tensors, metadata } })
    }

    /// Reads a checkpoint file.
    ///
    /// # Errors
    /// A file that cannot be read or is damaged.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let wrong = |problem: String| TrainError::Checkpoint { path: path.to_path_buf(), problem };
        let about = std::fs::metadata(path).map_err(|e| wrong(e.to_string()))?;
        if !about.is_file() || about.len() > LARGEST {
            return Err(wrong(format!("is no file of at most {} GB", LARGEST >> 30)));
        }
        let bytes = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
        Ok(Checkpoint { state: State::from_bytes(&bytes).map_err(|e| wrong(e.to_string()))? })
    }

    /// Writes the file whole: a temporary file, fsync, rename, fsync of the directory. Returns its size.
    ///
    /// # Errors
    /// The system's, naming the file; what stood there before stays.
    pub fn write(&self, path: &Path) -> Result<u64, TrainError> {
        let bytes = self.state.to_bytes()?;
        let write = || -> io::Result<()> {
            let mut file = AtomicWriteFile::open(path)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            file.commit()?;
            match path.parent() {
                Some(dir) if cfg!(unix) => std::fs::File::open(dir)?.sync_all(),
                _ => Ok(()),
            }
        };
        write().map_err(|source| TrainError::Write { path: path.to_path_buf(), source })?;
        Ok(bytes.len() as u64)
    }

    /// The net of a teacher: `Bundled`, or a path.
    ///
    /// # Errors
    /// A file that is missing, damaged, without the knobs `net.*` in its metadata, or of other images or classes.
    pub fn teacher<D: Ops<f32>>(
        source: &str,
        dev: &D,
        image_channels: usize,
        classes: usize,
    ) -> Result<ResNet<f32, D>, TrainError> {
        let path = PathBuf::from(source);
        let wrong = |problem: String| TrainError::Checkpoint { path: path.clone(), problem };
        let checkpoint = match source {
            "Bundled" => Checkpoint { state: State::from_bytes(BUNDLED_TEACHER).map_err(|e| wrong(e.to_string()))? },
            _ => Checkpoint::read(&path)?,
        };
        let spec = NetSpec::new(&checkpoint.net().map_err(wrong)?, image_channels, classes);
        // (a net is not built that the file cannot fill)
        let values: usize = checkpoint.state.tensors.values().map(|t| t.values.len()).sum();
        if spec.cost(1, 1).parameters > values {
            return Err(wrong(format!("holds {values} values, too few for the {} that it names", spec.name)));
        }
        let mut net = ResNet::new(dev, &spec).map_err(TrainError::device)?;
        net.import(&checkpoint.state.tensors).map_err(|e| {
            wrong(format!("{e} (a teacher for {image_channels}-channel images of {classes} classes is needed)"))
        })?;
        Ok(net)
    }

    /// The net that the metadata describes.
    fn net(&self) -> Result<Net, String> {
        let knobs = KNOBS.iter().filter(|k| k.path.starts_with("net."));
        let mut changes = Vec::new();
        for knob in knobs {
            let text = self.state.metadata.get(knob.path);
            let text =
                text.ok_or_else(|| format!("its metadata lacks {}: it was not written by tricktop", knob.path))?;
            changes.push((knob, knob.kind.parse(text).map_err(|problem| format!("{} {problem}", knob.path))?));
        }
        let recipe = Recipe::default().with(changes);
        Ok(recipe.map_err(|invalid| reasons(&invalid))?.net.clone())
    }
}
