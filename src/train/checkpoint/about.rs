//! What another program has to know of exported weights, as text in their file. `docs/guide/nets.md` lists the keys.

use super::{Checkpoint, Meta, Signature};
use crate::nn::{Design, timm};
use crate::recipe::Recipe;
use crate::recipe::settings::Task;
use crate::train::TrainError;
use serde::Serialize;
use std::collections::BTreeMap;

/// How an image becomes what the net reads, in words.
fn preparation(task: Task) -> String {
    let cut = match task {
        Task::Classify => "cut the middle out (`input_size`: channels, height, width)",
        Task::Segment => "keep the whole of it, or cut the middle out as validation does (`input_size`)",
    };
    format!(
        "turn as EXIF says; resize the shorter edge to `resize` pixels (bilinear with antialias, as Pillow does); {cut}; \
         divide by 255; subtract `mean` and divide by `std`, of 0 to 1, for each channel"
    )
}

fn json(of: &impl Serialize) -> Result<String, TrainError> {
    serde_json::to_string(of).map_err(|e| TrainError::Resume(e.to_string()))
}

/// The key of the names of the classes, a JSON list in label order, as timm calls it.
pub(super) const LABELS: &str = "label_names";

/// The key of the net as knobs.
pub(super) const KNOBS: &str = "knobs";

impl Checkpoint {
    /// Texts beside its weights in an exported file: how timm makes the net, its classes, and how images come to it.
    ///
    /// # Errors
    /// Knobs that this version does not allow.
    pub(super) fn about(&self) -> Result<BTreeMap<String, String>, TrainError> {
        let Meta { version, signature, .. } = &self.meta;
        let recipe = self.meta.recipe(&Recipe::default())?;
        let design = Design::of(&recipe);
        let mut about = BTreeMap::from([("format", "pt".to_string()), ("tricktop_version", version.clone())]);
        about.extend([("recipe", recipe.name.clone()), ("step", self.meta.at.step.to_string())]);
        about.insert("task", recipe.task.word().to_lowercase());
        about.extend(self.meta.at.averaged.map(|steps| ("averaged_steps", steps.to_string())));
        about.insert(KNOBS, design.knobs().join(" "));
        if let Some(made) = timm(&design) {
            about.extend([("architecture", made.name), ("model_args", made.args.to_string())]);
        }
        // Checkpoints of earlier versions have no signature.
        if let Some(Signature { classes, image: [height, width, channels], edge, mean, std, .. }) = signature {
            let share = |of: &[f32]| json(&of.iter().map(|v| f64::from(*v) / 255.0).collect::<Vec<f64>>());
            about.extend([
                ("num_classes", classes.len().to_string()),
                (LABELS, json(classes)?),
                ("input_size", json(&[channels, height, width])?),
                ("resize", edge.to_string()),
                ("interpolation", "bilinear".to_string()),
                ("crop_mode", "center".to_string()),
                ("mean", share(mean)?),
                ("std", share(std)?),
                ("preparation", preparation(recipe.task)),
            ]);
        }
        Ok(about.into_iter().map(|(key, text)| (key.to_string(), text)).collect())
    }
}
