//! What a run starts from: a file of weights, or weights of the hub with what they ask of images.

use super::TrainError;
use super::checkpoint::{Checkpoint, Found, weights_for};
use super::origin::{BUNDLED, Origin};
use crate::data::{self, DataSet};
use crate::hub::{Cached, Config, Hub, HubError, Name};
use crate::nn::{Design, Head, NetSpec, recognise, timm};
use crate::recipe::Settings;
use crate::recipe::settings::{Data, DataKind, Net, Normalise, Task};
use std::path::{Path, PathBuf};

/// Channels in order, of 0 to 1.
fn shares(of: &[f64]) -> String {
    of.iter().map(f64::to_string).collect::<Vec<_>>().join(", ")
}

/// The net of a recipe as one that gives an image a class: what weights of the hub are of.
fn classifier(s: &Settings) -> Design {
    let net = Net { output_stride: 0, ..s.net.clone() };
    Design { task: Task::Classify, net, auxiliary: false }
}

/// The weights that a recipe starts from.
pub(super) struct Start {
    /// Their file.
    file: PathBuf,
    /// What they are in the hub.
    hub: Option<Cached>,
}

impl Start {
    /// Finds what `net.weights` names: those inside the program, a file that is there, else weights in the cache of the hub.
    ///
    /// # Errors
    /// Weights that are not in the cache.
    pub fn find(origin: &Origin, weights: &str) -> Result<Start, TrainError> {
        let file = origin.weights(weights);
        let Some(name) = Name::parse(weights).filter(|_| !file.exists()) else { return Ok(Start { file, hub: None }) };
        let cached = Hub::from_env().cached(&name)?;
        Ok(Start { file: cached.weights.clone(), hub: Some(cached) })
    }

    /// Whether weights of the hub are what their names say; before they are read.
    fn verify(&self) -> Result<(), TrainError> {
        Ok(self.hub.as_ref().map_or(Ok(()), Cached::verify)?)
    }

    /// What they are called in messages.
    pub fn shown(&self) -> PathBuf {
        self.hub.as_ref().map_or_else(|| self.file.clone(), |hub| hub.name.to_string().into())
    }

    /// The weights as those of a net; of the hub they are those of the architecture that their configuration names.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged, or is of another net.
    pub fn weights(&self, spec: &NetSpec, s: &Settings) -> Result<Found, TrainError> {
        self.verify()?;
        let shown = self.shown();
        let found = weights_for(&self.file, spec, Head::MayDiffer);
        let mut found = found.map_err(|e| match e {
            TrainError::Checkpoint { problem, .. } if self.hub.is_some() => {
                TrainError::Checkpoint { path: shown.clone(), problem }
            }
            e => e,
        })?;
        let Some(config) = self.hub.as_ref().and_then(|hub| hub.config().ok()) else { return Ok(found) };
        found.classes = found.classes.or(config.classes);
        let architecture = config.architecture.unwrap_or_default();
        let made = timm(&classifier(s));
        if made.as_ref().is_some_and(|made| made.name == architecture) {
            return Ok(found);
        }
        // Nets of the same tensors may still be others, as where a block strides.
        let like = recognise(&found.weights.tensors).ok().map(|like| like.design);
        match like.filter(|like| *like != classifier(s) && timm(like).is_some_and(|made| made.name == architecture)) {
            None => Ok(found),
            Some(like) => {
                let sets: Vec<String> = like.knobs().iter().map(|set| format!("--set {set}")).collect();
                let problem = format!(
                    "is of another net than {}, though its tensors have the same shapes: it is timm's {architecture}, which \
                     is {}",
                    spec.name,
                    sets.join(" ")
                );
                Err(TrainError::Checkpoint { path: shown, problem })
            }
        }
    }

    /// Whether the recipe says how images come to the net: itself, or after the configuration of the weights.
    ///
    /// # Errors
    /// A configuration that is needed and missing.
    pub fn check_images(&self, s: &Settings) -> Result<(), TrainError> {
        let by_weights = s.data.normalise == Normalise::Weights;
        match &self.hub {
            Some(hub) if by_weights || s.asks_weights() => Ok(hub.config().map(drop)?),
            None if by_weights => self.own_normalisation().map(drop),
            _ => Ok(()),
        }
    }

    /// Means and deviations of the images that the net of a file was trained on.
    ///
    /// # Errors
    /// A file that does not say them.
    fn own_normalisation(&self) -> Result<(Vec<f32>, Vec<f32>), TrainError> {
        if self.file == Path::new(BUNDLED) {
            let set = data::open(&Data { kind: DataKind::Bundled, ..Data::default() }, Task::Classify, 0)?;
            return Ok((set.mean, set.std));
        }
        let signature = Checkpoint::read(&self.file).ok().and_then(|checkpoint| checkpoint.meta.signature);
        let signature = signature.ok_or_else(|| TrainError::Checkpoint {
            path: self.file.clone(),
            problem:
                "does not say how its images were normalised, and data.normalise is Weights: checkpoints of runs and \
                      weights of the hub do"
                    .into(),
        })?;
        Ok((signature.mean, signature.std))
    }

    /// What is to be told of how images come to the net, as a sentence; none for a file.
    pub fn about_images(&self, s: &Settings) -> Option<String> {
        let hub = self.hub.as_ref()?;
        let (name, commit) = (&hub.name, hub.commit.get(..8).unwrap_or(&hub.commit));
        let Ok(config) = hub.config() else {
            return Some(format!(
                "{name} ({commit}) has no configuration that can be read: images come as the recipe says"
            ));
        };
        let Config { mean, std, size, interpolation, architecture, .. } = &config;
        let (mut same, mut other) = (Vec::new(), Vec::new());
        let mut compare = |knob: &str, own: String, theirs: String, is_same: bool| match is_same {
            true => same.push(format!("{knob} {own}")),
            false => other.push(format!("{knob} is {own} by the recipe, {theirs} by the configuration")),
        };
        let resize = config.resize(*size);
        compare("data.size", s.data.size.to_string(), size.to_string(), s.data.size == *size);
        compare("data.resize", s.data.resize.to_string(), resize.to_string(), s.data.resize == resize);
        let normalise = format!("mean {} and deviation {}", shares(mean), shares(std));
        let by_weights = s.data.normalise == Normalise::Weights;
        let own = if by_weights { normalise.clone() } else { s.data.normalise.word().to_string() };
        compare("data.normalise", own, normalise, by_weights);
        let mut told = vec![format!("{name} ({commit})")];
        if !same.is_empty() {
            told.push(format!("as its configuration has it: {}", same.join(", ")));
        }
        told.extend(other);
        if let Some(how) = interpolation.as_ref().filter(|how| *how != "bilinear") {
            told.push(format!("its images were resized {how}, those here are bilinear"));
        }
        if let (Some(theirs), Some(made)) = (architecture, timm(&classifier(s))) {
            if made.name != *theirs {
                told.push(format!("timm calls its net {theirs}; it is taken as {}", made.name));
            } else if made.args.contains("act_layer") {
                told.push(format!("timm's {theirs} has another activation, so it is a start, not the same net"));
            }
        }
        Some(told.join("; "))
    }
}

/// Normalises images as the configuration of the weights says that a run begins with, where its recipe wants that.
///
/// # Errors
/// Weights without a configuration, or of images of other channels.
pub(super) fn normalise(origin: &Origin, s: &Settings, set: &mut DataSet) -> Result<(), TrainError> {
    if s.data.normalise != Normalise::Weights {
        return Ok(());
    }
    let start = Start::find(origin, &s.net.weights)?;
    let (mean, std) = match &start.hub {
        Some(hub) => hub.config()?.normalisation(),
        None => start.own_normalisation()?,
    };
    let here = set.train.channels;
    if mean.len() != here {
        let problem = format!("its images have {} channels, and those here have {here}", mean.len());
        return Err(match start.hub {
            Some(hub) => HubError::Config { name: hub.name, problem }.into(),
            None => TrainError::Checkpoint { path: start.file, problem },
        });
    }
    set.normalise(&mean, &std);
    Ok(())
}

/// The file of weights that a path or a name in the hub means.
///
/// # Errors
/// Weights that are not in the cache, or damaged there.
pub(super) fn located(path: &Path) -> Result<PathBuf, TrainError> {
    match path.to_str() {
        Some(name) => {
            let start = Start::find(&Origin::default(), name)?;
            start.verify()?;
            Ok(start.file)
        }
        None => Ok(path.to_path_buf()),
    }
}
