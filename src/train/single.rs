//! What a net says of a single picture: its classes, or the class of every pixel.

use super::learner::Learner;
use super::scores::predicted;
use super::{Guess, Named, Part, TrainError};
use crate::data::{Batch, Picture, Preprocessor};
use crate::nn::Logits;
use crate::ops::Ops;
use std::cmp::Reverse;

/// Probabilities of logits.
pub fn softmax(logits: &[f32]) -> Vec<f64> {
    let most = logits.iter().fold(f64::NEG_INFINITY, |m, v| m.max(f64::from(*v)));
    let powers: Vec<f64> = logits.iter().map(|v| (f64::from(*v) - most).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

/// A picture as a net has seen it, and what the net says.
pub(super) struct Regarded {
    /// HWC, normalised.
    pub pixels: Vec<f32>,
    /// Height, width and channels of them.
    pub shape: [usize; 3],
    /// Of the picture, or of every pixel.
    pub logits: Vec<f32>,
}

impl Regarded {
    /// Shows a picture to a net: its middle as in a validation, or the whole of it where every pixel has a class.
    ///
    /// # Errors
    /// The device's; a picture that cannot be used.
    pub fn of<D: Ops<f32>>(
        learner: &mut Learner<D>,
        preprocessor: &Preprocessor,
        picture: &Picture,
    ) -> Result<Regarded, TrainError> {
        let preprocessor = match learner.net.spec().logits {
            Logits::Image => preprocessor.clone(),
            Logits::Pixels { .. } => preprocessor.whole(picture.height, picture.width),
        };
        let pixels = preprocessor.picture(picture).map_err(|e| TrainError::Resume(e.to_string()))?;
        let shape = preprocessor.shape;
        let logits = learner.logits(Batch::of_one(pixels.clone(), shape)).map_err(TrainError::device)?;
        Ok(Regarded { pixels, shape, logits })
    }

    /// The `count` likeliest classes of the picture; of two equal ones the lower label first.
    pub fn likeliest(&self, classes: &[String], count: usize) -> Vec<Guess> {
        let mut guesses: Vec<Guess> = (0..)
            .zip(classes)
            .zip(softmax(&self.logits))
            .map(|((label, class), probability)| Guess { class: class.clone(), label, probability })
            .collect();
        guesses.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        guesses.truncate(count);
        guesses
    }

    /// The class of every pixel that the net has seen.
    pub fn mask(&self, classes: usize) -> Mask {
        let [height, width, _] = self.shape;
        Mask { height, width, classes: self.logits.chunks_exact(classes).map(|z| predicted(z) as u8).collect() }
    }
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

impl Mask {
    /// The same in another size: of each pixel the nearest.
    pub(super) fn resized(&self, height: usize, width: usize) -> Mask {
        let at = |y: usize, x: usize| {
            let row = (2 * y + 1) * self.height / (2 * height);
            self.classes[row * self.width + (2 * x + 1) * self.width / (2 * width)]
        };
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
        Mask { height, width, classes: places.map(|(y, x)| at(y, x)).collect() }
    }

    /// The `count` classes of the most pixels; of two equal ones the lower label first.
    pub fn parts(&self, classes: &[String], count: usize) -> Vec<Named> {
        let mut pixels = vec![0usize; classes.len()];
        self.classes.iter().for_each(|class| pixels[usize::from(*class)] += 1);
        let mut parts: Vec<(usize, usize)> = pixels.into_iter().enumerate().filter(|(_, n)| *n > 0).collect();
        parts.sort_by_key(|(_, n)| Reverse(*n));
        let share = |n: usize| n as f64 / self.classes.len() as f64;
        let part = |(label, n): (usize, usize)| Part { class: classes[label].clone(), label, share: share(n) };
        parts.into_iter().take(count).map(part).map(Named::Part).collect()
    }
}
