//! What was found at a place, before it is read for a run.

use super::decode::Reading;
use super::image_folder::Folder;
use super::left_out::LeftOut;
use super::parts::Parts;
use super::prepare::Preprocessor;
use super::source::{Source, Split};
use super::{DataError, DataSet, statistics};
use crate::recipe::settings::{Data, Normalise, Task};
use std::sync::Arc;

/// Edge of the square that the net sees of photographs, unless the recipe names one (section 2.1).
pub(super) const PHOTOGRAPH: usize = 224;

/// Mean and deviation of the colours of photographs, 0 to 255 (section 2.1).
const PAPER: ([f32; 3], [f32; 3]) = ([123.68, 116.779, 103.939], [58.393, 57.12, 57.375]);

/// What a source has to say.
#[derive(Clone)]
pub(super) struct Opened {
    pub task: Task,
    pub name: String,
    pub train: Split,
    pub test: Split,
    pub classes: Vec<String>,
    pub notes: Vec<String>,
    pub left_out: Vec<LeftOut>,
    pub spare_val: usize,
    pub first_class: Option<u8>,
}

impl Opened {
    /// Of two sources, whose images the net sees as squares of `size`, or as they are for 0.
    pub fn new(name: String, train: Arc<dyn Source>, test: Arc<dyn Source>, classes: Vec<String>, size: u64) -> Opened {
        let size = edge(size, train.shape());
        let (train, test) = (Split::new(train, size), Split::new(test, size));
        let task = Task::Classify;
        let (notes, left_out) = (Vec::new(), Vec::new());
        Opened { task, name, train, test, classes, notes, left_out, spare_val: 0, first_class: None }
    }

    /// Images in memory.
    pub fn in_memory(name: String, Parts { train, test, .. }: Parts, classes: Vec<String>, size: u64) -> Opened {
        Opened::new(name, Arc::new(train), Arc::new(test), classes, size)
    }

    /// Those of a folder.
    pub fn from_folder(name: String, folder: Folder) -> Opened {
        let Folder { train, val, classes, notes, left_out, spare_val, first: first_class } = folder;
        let task = if first_class.is_some() { Task::Segment } else { Task::Classify };
        Opened { task, name, train, test: val, classes, notes, left_out, spare_val, first_class }
    }

    /// As many images as the settings want.
    pub fn chosen(&self, data: &Data, seed: u64) -> Result<[Split; 2], DataError> {
        let some = |split: &Split, what, count| match count {
            0 => Ok(split.clone()),
            count => split.balanced(what, count, seed, &self.name),
        };
        Ok([
            some(&self.train, "data.train_images", data.train_images)?,
            some(&self.test, "data.test_images", data.test_images)?,
        ])
    }

    /// As a set, of these of its images.
    pub fn ready(self, data: &Data, [train, test]: [Split; 2]) -> DataSet {
        let Opened { task, name, classes, notes, left_out, .. } = self;
        let shape = train.shape();
        let square = shape[0].min(shape[1]);
        let photographs = train.stored_shape().is_none();
        let edge = match data.resize as usize {
            // Masks are compared whole: their images lose no more than makes them square.
            0 if photographs && task == Task::Classify => square * 8 / 7,
            edge => edge.max(square),
        };
        let paper = match data.normalise {
            Normalise::Auto => photographs,
            Normalise::Set => false,
            // Whoever reads the weights puts theirs in: `train/pretrained.rs`.
            Normalise::Paper | Normalise::Weights => true,
        };
        let reading = Reading::of(data);
        let (mean, std) = match paper.then_some(PAPER).filter(|_| shape[2] == 3) {
            Some((mean, std)) => (mean.to_vec(), std.to_vec()),
            None => statistics::of(&train, edge, reading),
        };
        let preprocessor = Preprocessor::new(shape, edge, &mean, &std).reading(reading);
        let tests_there = self.test.len() + self.spare_val;
        let (whole, first_class) = ([self.train, self.test], self.first_class);
        DataSet {
            name,
            train,
            test,
            task,
            classes,
            mean,
            std,
            preprocessor,
            notes,
            left_out,
            tests_there,
            whole,
            first_class,
        }
    }
}

/// The edge of the square that a net sees of images of this shape, or of photographs; none for images as they are.
pub(super) fn edge(size: u64, stored: Option<[usize; 3]>) -> Option<usize> {
    match (size as usize, stored) {
        (0, Some(_)) => None,
        (0, None) => Some(PHOTOGRAPH),
        (size, _) => Some(size),
    }
}
