//! Classes of single images, and of their pixels.

use super::checkpoint::{Checkpoint, Signature};
use super::learner::Learner;
use super::scores::predicted;
use super::{Guess, TrainError};
use crate::data::{Batch, Picture, Preprocessor, Reading};
use crate::nn::Logits;
use crate::recipe::Recipe;
use crate::recipe::settings::Task;
use dfdx::prelude::Cpu;
use std::path::Path;

/// Probabilities of logits.
pub fn softmax(logits: &[f32]) -> Vec<f64> {
    let most = logits.iter().fold(f64::NEG_INFINITY, |m, v| m.max(f64::from(*v)));
    let powers: Vec<f64> = logits.iter().map(|v| (f64::from(*v) - most).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

/// The `count` likeliest of classes; of two equal ones the lower label first.
pub(super) fn likeliest(logits: &[f32], classes: &[String], count: usize) -> Vec<Guess> {
    let mut guesses: Vec<Guess> = (0..)
        .zip(classes)
        .zip(softmax(logits))
        .map(|((label, class), probability)| Guess { class: class.clone(), label, probability })
        .collect();
    guesses.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    guesses.truncate(count);
    guesses
}

/// The class of every pixel of a picture.
pub struct Mask {
    /// Height of the picture.
    pub height: usize,
    /// Width of the picture.
    pub width: usize,
    /// Classes, row by row.
    pub classes: Vec<u8>,
}

/// A trained net that names the classes of images, or of their pixels.
pub struct Classifier {
    learner: Learner<Cpu>,
    signature: Signature,
    reading: Reading,
    note: Option<String>,
    /// Steps that the net has seen.
    step: u64,
}

impl Classifier {
    /// The net of a checkpoint.
    ///
    /// # Errors
    /// A checkpoint that cannot be read, or that does not say what its net sees.
    pub fn read(path: &Path) -> Result<Classifier, TrainError> {
        let checkpoint = Checkpoint::read(path)?;
        let net = checkpoint.net(&Cpu::default())?;
        let signature = checkpoint.meta.signature.clone().ok_or_else(|| TrainError::Checkpoint {
            path: path.to_path_buf(),
            problem:
                "does not say what images its net is for: it was written by an older version; `tricktop resume` of \
                      its run writes one that does"
                    .into(),
        })?;
        let recipe = checkpoint.meta.recipe(&Recipe::default())?;
        let (learner, reading) = (Learner::holding(Cpu::default(), net), Reading::of(&recipe.data));
        let (note, step) = (checkpoint.note(), checkpoint.meta.at.step);
        Ok(Classifier { learner, signature, reading, note, step })
    }

    /// Steps that the net has seen.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// What is to be told of its weights: that they are an average.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// How the files are to be read that it is shown: as its training images were.
    pub fn reading(&self) -> Reading {
        self.reading
    }

    /// The `count` most probable classes of a picture; of two equal ones the lower label first.
    ///
    /// # Errors
    /// The device's.
    pub fn classify(&mut self, picture: &Picture, count: usize) -> Result<Vec<Guess>, TrainError> {
        let Signature { classes, image, edge, mean, std } = &self.signature;
        let pixels = Preprocessor::new(*image, *edge, mean, std)
            .picture(picture)
            .map_err(|e| TrainError::Resume(e.to_string()))?;
        let [height, width, channels] = *image;
        let batch =
            Batch { pixels, labels: vec![0], masks: Vec::new(), n: 1, height, width, channels, skipped: Vec::new() };
        let logits = self.learner.logits(batch).map_err(TrainError::device)?;
        Ok(likeliest(&logits, classes, count))
    }

    /// What the net says the class of.
    pub fn task(&self) -> Task {
        match self.learner.net.spec().logits {
            Logits::Image => Task::Classify,
            Logits::Pixels { .. } => Task::Segment,
        }
    }

    /// Names of the classes, in label order.
    pub fn classes(&self) -> &[String] {
        &self.signature.classes
    }

    /// The class of every pixel of a whole picture, which the net sees with the shorter edge of its validation.
    ///
    /// # Errors
    /// The device's; a net that gives an image a class.
    pub fn mask(&mut self, picture: &Picture) -> Result<Mask, TrainError> {
        if self.task() != Task::Segment {
            return Err(TrainError::Resume("the net gives an image a class, and no mask".into()));
        }
        let Signature { image: [.., channels], edge, mean, std, classes } = &self.signature;
        let (edge, channels, classes) = (*edge, *channels, classes.len());
        let shorter = picture.height.min(picture.width).max(1);
        let [height, width] = [picture.height, picture.width].map(|side| (side * edge / shorter).max(1));
        let pixels = Preprocessor::new([height, width, channels], height.min(width), mean, std)
            .picture(picture)
            .map_err(|e| TrainError::Resume(e.to_string()))?;
        let batch =
            Batch { pixels, labels: vec![0], masks: Vec::new(), n: 1, height, width, channels, skipped: Vec::new() };
        let logits = self.learner.logits(batch).map_err(TrainError::device)?;
        let seen: Vec<u8> = logits.chunks_exact(classes).map(|z| predicted(z) as u8).collect();
        // The mask has the picture's size: of each of its pixels the nearest that the net has seen.
        let at = |y: usize, x: usize| {
            let row = (2 * y + 1) * height / (2 * picture.height);
            seen[row * width + (2 * x + 1) * width / (2 * picture.width)]
        };
        let places = (0..picture.height).flat_map(|y| (0..picture.width).map(move |x| (y, x)));
        let classes = places.map(|(y, x)| at(y, x)).collect();
        Ok(Mask { height: picture.height, width: picture.width, classes })
    }
}
