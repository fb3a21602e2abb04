//! Pictures of what is trained and of what is mistaken, for screens that look at them.

use super::nan::or_nan;
use crate::data::Thumbnail;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Most images of a kind that are sent at once.
pub(super) const MOST: usize = 24;

/// Pictures for screens that look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pictures {
    /// Of the batch that was trained last; at most once a second.
    Fed(BatchPreview),
    /// Of what the last evaluation got wrong; after it, and when a screen begins to look.
    Missed(Missed),
}

/// Images of a batch as they were fed to the net.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchPreview {
    /// Steps done with it.
    pub step: u64,
    /// Epochs done with it.
    pub epoch: f64,
    /// Images of the batch.
    pub batch: usize,
    /// The first of them.
    pub images: Vec<PreviewImage>,
    /// Target probability of the label, where label smoothing takes from it.
    pub smoothed: Option<f32>,
    /// What teacher and student predicted of all images since the last pictures, when distilling.
    pub agreement: Option<Agreement>,
}

/// An image as it was fed: augmented, and mixed with another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PreviewImage {
    /// The image.
    pub picture: Thumbnail,
    /// Its class.
    pub label: usize,
    /// The class of the one that was mixed into it, and the share that the image itself kept (lambda).
    pub mixed: Option<(usize, f32)>,
    /// The classes of its pixels, in segmentation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<Thumbnail>,
}

/// How often teacher and student predicted the same of training images, and were right: a mixed image is of the class that
/// has the larger share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// Images.
    pub images: u64,
    /// Of which both predicted the same class.
    pub same: u64,
    /// Of which the teacher was right.
    pub teacher: u64,
    /// Of which the student was right.
    pub student: u64,
}

/// Test images that an evaluation got wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Missed {
    /// Steps done at the evaluation.
    pub step: u64,
    /// Those of the largest losses, in segmentation of the fewest pixels recognised; the worst first.
    pub worst: Vec<MissedImage>,
    /// Those of the two classes, as label and what was predicted, that were confused most often; the worst first.
    pub confused: Vec<MissedImage>,
}

/// What a test image is, and what it was taken for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Taken {
    /// As a whole.
    Class {
        /// Its class.
        label: usize,
        /// The class that it was taken for.
        predicted: usize,
        /// The probability that the net gave to that class.
        #[serde(deserialize_with = "or_nan")]
        confidence: f32,
    },
    /// Pixel by pixel.
    Mask {
        /// The classes of its pixels.
        mask: Thumbnail,
        /// The classes that they were taken for.
        taken: Thumbnail,
        /// Share of the pixels that were recognised.
        accuracy: f32,
    },
}

/// A test image that was taken for something else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MissedImage {
    /// The image.
    pub picture: Thumbnail,
    /// What a person calls it: the path of its file, or its set and its place there; empty when that is not known.
    #[serde(default)]
    pub name: String,
    /// What it was taken for.
    #[serde(flatten)]
    pub taken: Taken,
    /// Cross entropy, the mean over what counts.
    #[serde(deserialize_with = "or_nan")]
    pub loss: f32,
}

/// A class that an image may be of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guess {
    /// Name of the class.
    pub class: String,
    /// Its label.
    pub label: usize,
    /// Its probability: softmax of the logits.
    #[serde(deserialize_with = "or_nan")]
    pub probability: f64,
}

/// A class that some pixels of an image are of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Name of the class.
    pub class: String,
    /// Its label.
    pub label: usize,
    /// Share of the pixels that are taken for it.
    pub share: f64,
}

/// What a net names of an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Named {
    /// A class that it may be of.
    Guess(Guess),
    /// A class that some of its pixels are of.
    Part(Part),
}

impl Named {
    /// The class, and its probability or its share of the pixels.
    pub fn parts(&self) -> (&str, f64) {
        match self {
            Named::Guess(guess) => (&guess.class, guess.probability),
            Named::Part(part) => (&part.class, part.share),
        }
    }
}

/// What the net makes of a person's own image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predicted {
    /// The request.
    pub id: u64,
    /// The file.
    pub path: PathBuf,
    /// Steps done.
    pub step: u64,
    /// The image as the net sees it.
    pub picture: Thumbnail,
    /// The likeliest classes, or those of the most pixels; the first one first.
    #[serde(rename = "guesses")]
    pub named: Vec<Named>,
    /// The classes of its pixels, in segmentation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<Thumbnail>,
}
