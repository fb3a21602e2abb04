//! Classes of single images, and of their pixels.

use super::checkpoint::{Checkpoint, Signature};
use super::learner::Learner;
use super::single::{Mask, Regarded};
use super::{Guess, TrainError};
use crate::data::{Picture, Preprocessor, Reading};
use crate::nn::Logits;
use crate::recipe::Recipe;
use crate::recipe::settings::Task;
use dfdx::prelude::Cpu;
use std::path::Path;

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
        Ok(self.regard(picture)?.likeliest(&self.signature.classes, count))
    }

    fn regard(&mut self, picture: &Picture) -> Result<Regarded, TrainError> {
        let Signature { image, edge, mean, std, .. } = &self.signature;
        Regarded::of(&mut self.learner, &Preprocessor::new(*image, *edge, mean, std), picture)
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
        let seen = self.regard(picture)?.mask(self.signature.classes.len());
        Ok(seen.resized(picture.height, picture.width))
    }
}
