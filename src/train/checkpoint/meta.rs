//! What a checkpoint says about itself: one JSON text in the file's metadata, in a fixed order, so that equal states
//! make equal files.

use super::CheckpointError;
use super::digest::Digests;
use crate::data::{DataError, DataSet, composed};
use crate::recipe::{InvalidChanges, Recipe, Value, knobs, older};
use crate::train::Score;
use crate::train::classes::listed;
use crate::train::edits::ScheduledEdit;
use crate::tricks::scaling::Scaler;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The key of the text in the metadata of a safetensors file.
pub(super) const KEY: &str = "tricktop";

/// Where a run stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Whole epochs done.
    pub epoch: u64,
    /// Batches done of the epoch that has begun; 0 between two epochs.
    pub batch: u64,
    /// Sum of the losses of those batches.
    pub loss_sum: f64,
    /// Edits made so far: the position in the journal.
    pub edits: u64,
    /// Score on the test set when this is the end of an epoch.
    #[serde(flatten, with = "crate::train::score")]
    pub score: Option<Score>,
    /// Best score at the end of an epoch so far.
    #[serde(flatten, with = "crate::train::best")]
    pub best: Option<Score>,
    /// The epoch that ended so; checkpoints of older versions do not tell.
    #[serde(default)]
    pub best_epoch: Option<u64>,
    /// Loss scaling in mixed precision.
    #[serde(default)]
    pub scaler: Scaler,
    /// Updates that the optimiser has made since it began with what it keeps.
    #[serde(default)]
    pub updates: u64,
    /// How many of them each of the first trained parameters was left out of, being frozen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missed: Vec<u64>,
    /// Steps that the running average of the weights has taken in, where one is kept; a file of weights alone holds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub averaged: Option<u64>,
}

impl Progress {
    /// Epochs done since the best one; since the start while there is none.
    pub fn epochs_since_best(&self) -> u64 {
        match (self.best_epoch, self.best) {
            (Some(best), _) => self.epoch.saturating_sub(best),
            (None, None) => self.epoch,
            // Of an older version's run it is not known.
            (None, Some(_)) => 0,
        }
    }

    /// Why the run stops after this epoch, when so many without a better figure are too many.
    pub fn out_of_patience(&self, patience: u64) -> Option<String> {
        let since = self.epochs_since_best();
        if patience == 0 || self.batch > 0 || since < patience {
            return None;
        }
        let best = self.best_epoch.map_or("none was the best".into(), |epoch| format!("the best is epoch {epoch}"));
        let title = self.best.map_or("score", |best| best.figure.title());
        let epochs = if since == 1 { "epoch" } else { "epochs" };
        Some(format!("no better {title} for {since} {epochs}: stopped, {best}"))
    }
}

/// What a net was trained to see and to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signature {
    /// Class names, in label order.
    pub classes: Vec<String>,
    /// Height, width and channels of an image.
    pub image: [usize; 3],
    /// Shorter edge to which an image is resized before its middle is cut out.
    pub edge: usize,
    /// Mean of each channel that images are normalised with, 0 to 255.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel that images are normalised with, 0 to 255.
    pub std: Vec<f32>,
}

impl Signature {
    /// Of a net for these images.
    pub(in crate::train) fn of(data: &DataSet) -> Signature {
        let DataSet { preprocessor, classes, mean, std, .. } = data;
        let (classes, mean, std) = (classes.clone(), mean.clone(), std.clone());
        Signature { classes, image: preprocessor.shape, edge: preprocessor.edge, mean, std }
    }

    /// Whether images are of the classes that the net was trained to say, in their order.
    ///
    /// # Errors
    /// Other classes.
    pub(in crate::train) fn same_classes(&self, data: &DataSet) -> Result<(), DataError> {
        let (ours, theirs) = (&self.classes, &data.classes);
        if ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| composed(a) == composed(b)) {
            return Ok(());
        }
        let (now, then) = (listed(theirs), listed(ours));
        Err(DataError::OtherClasses {
            set: data.name.clone(),
            problem: format!("has the classes {now}; the run was trained on {then}, in that order"),
        })
    }
}

/// What a checkpoint says about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// Version of the program.
    pub version: String,
    /// Kernels that computed it, or `cuda`; others round differently.
    pub kernels: String,
    /// Where the run stands.
    pub at: Progress,
    /// Edits that wait for their time.
    pub waiting: Vec<ScheduledEdit>,
    /// Every knob with its value.
    pub recipe: BTreeMap<String, Value>,
    /// What the net sees and says; checkpoints of older versions do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
    /// Hashes of the tensors.
    pub digests: Digests,
}

/// The text in the metadata: what a checkpoint says, and the BLAKE3 of that.
#[derive(Serialize, Deserialize)]
struct Sealed<'a> {
    blake3: String,
    #[serde(borrow)]
    run: &'a RawValue,
}

impl Meta {
    /// Of a state of this program; the hashes are still to come.
    pub(in crate::train) fn new(kernels: &str, recipe: &Recipe, at: Progress, waiting: Vec<ScheduledEdit>) -> Meta {
        Meta {
            version: env!("CARGO_PKG_VERSION").into(),
            kernels: kernels.into(),
            at,
            waiting,
            recipe: recipe.clone().into(),
            signature: None,
            digests: Digests::default(),
        }
    }

    /// The text with its seal.
    ///
    /// # Errors
    /// None that is known: the writer's own.
    pub(super) fn seal(&self) -> Result<String, serde_json::Error> {
        let run = serde_json::value::to_raw_value(self)?;
        serde_json::to_string(&Sealed { blake3: blake3::hash(run.get().as_bytes()).to_string(), run: &run })
    }

    /// Reads a text and checks its seal.
    ///
    /// # Errors
    /// A text that cannot be read, or was changed.
    pub(super) fn unseal(text: &str) -> Result<Meta, CheckpointError> {
        let sealed: Sealed = serde_json::from_str(text)?;
        let found = blake3::hash(sealed.run.get().as_bytes()).to_string();
        if found != sealed.blake3 && !cfg!(fuzzing) {
            return Err(CheckpointError::Seal { found, written: sealed.blake3 });
        }
        Ok(serde_json::from_str(sealed.run.get())?)
    }

    /// `base` with the knobs of the checkpoint; a knob that the checkpoint does not know stays.
    ///
    /// # Errors
    /// Values that are not allowed.
    pub fn recipe(&self, base: &Recipe) -> Result<Recipe, InvalidChanges> {
        let known = self.recipe.iter().filter_map(|(path, value)| Some((knobs::find(path)?, value.clone())));
        base.with(known.chain(older(|path| self.recipe.get(path))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_reads_back_and_a_changed_one_does_not() {
        let meta =
            Meta::new("plain", &Recipe::default(), Progress { loss_sum: 0.1 + 0.2, ..Progress::default() }, Vec::new());
        let text = meta.seal().unwrap();
        assert_eq!(Meta::unseal(&text).unwrap(), meta);
        assert_eq!(meta.recipe(&Recipe::default()).unwrap(), Recipe::default());
        let changed = text.replace("\"train.batch\":128", "\"train.batch\":129");
        assert_ne!(changed, text);
        assert!(Meta::unseal(&changed).unwrap_err().to_string().contains("damaged"));
    }
}
