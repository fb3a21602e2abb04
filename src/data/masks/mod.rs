//! Masks: the class of every pixel of an image.

mod file;
mod palette;
mod problem;
mod scenes;
mod values;

pub(super) use file::decode;
pub use palette::{blended, palette};
pub use problem::MaskProblem;
pub(super) use scenes::{NAME as SCENES, classes as scene_classes, open as scenes};
pub(super) use values::Values;

use super::room::Room;
use std::borrow::Cow;

/// What stands for a pixel that is ignored.
pub const IGNORED: u8 = 255;

/// The classes of the pixels of one image.
pub(super) struct Mask<'a> {
    height: usize,
    width: usize,
    classes: Cow<'a, [u8]>,
    /// Its part of the memory for large pictures.
    room: Option<Room>,
}

impl<'a> Mask<'a> {
    /// Of rows of classes, `classes` of height x width.
    pub fn new([height, width]: [usize; 2], classes: impl Into<Cow<'a, [u8]>>) -> Mask<'a> {
        Mask { height, width, classes: classes.into(), room: None }
    }

    /// Height and width.
    pub fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// The classes, row by row.
    pub fn classes(&self) -> &[u8] {
        &self.classes
    }

    /// The classes of a row.
    pub fn row(&self, y: usize) -> &[u8] {
        &self.classes[y * self.width..][..self.width]
    }

    /// The same mask with other classes: `meaning` has one for each.
    pub fn relabelled(mut self, meaning: &[usize]) -> Mask<'a> {
        let new = |class: &u8| meaning.get(usize::from(*class)).map_or(IGNORED, |class| *class as u8);
        self.classes = self.classes.iter().map(new).collect();
        self
    }

    /// Whether it belongs to an image that is shown with the height and width `shown` and stored with those of `stored`.
    ///
    /// # Errors
    /// Another size.
    pub fn fits(&self, shown: [usize; 2], stored: [usize; 2]) -> Result<(), MaskProblem> {
        match self.size() {
            size if size == shown => Ok(()),
            size if size == stored => Err(MaskProblem::NotTurned { mask: size, image: shown }),
            mask => Err(MaskProblem::Size { mask, image: shown }),
        }
    }
}
