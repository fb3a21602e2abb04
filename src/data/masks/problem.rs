//! Why a mask cannot be used.

use super::super::broken::Broken;
use thiserror::Error;

/// Why a mask cannot be used, as a predicate.
#[derive(Debug, Error)]
pub enum MaskProblem {
    /// It cannot be read, or is damaged.
    #[error("{0}")]
    Broken(Box<Broken>),
    /// It is no PNG file.
    #[error("is {0}; a mask is a PNG file of classes: grey, or indices of a palette")]
    Kind(String),
    /// It has colours.
    #[error(
        "has {0} pixels; a mask is grey, or has indices of a palette: a class is a number and no colour; convert it to one \
         channel of class numbers"
    )]
    Colours(&'static str),
    /// A pixel of no class.
    #[error(
        "has the value {value} at row {row}, column {column}; the classes are {first} to {last}, and {ignored} ignored"
    )]
    Value {
        /// The value.
        value: u16,
        /// Its row, from 0.
        row: usize,
        /// Its column, from 0.
        column: usize,
        /// Value of the first class.
        first: u16,
        /// Value of the last class.
        last: u16,
        /// What is ignored, as a clause.
        ignored: String,
    },
    /// It has another size than its image.
    #[error("has {}x{} pixels, and the image {}x{} (width x height)", mask[1], mask[0], image[1], image[0])]
    Size {
        /// Height and width of the mask.
        mask: [usize; 2],
        /// Height and width of the image as it is shown.
        image: [usize; 2],
    },
    /// It was drawn on the image as it is stored.
    #[error(
        "has {}x{} pixels, as the image is stored; the image is shown turned by its EXIF data, with {}x{} (data.orient: \
         Stored reads it as it is stored)", mask[1], mask[0], image[1], image[0]
    )]
    NotTurned {
        /// Height and width of the mask.
        mask: [usize; 2],
        /// Height and width of the image as it is shown.
        image: [usize; 2],
    },
}

impl From<Broken> for MaskProblem {
    fn from(broken: Broken) -> MaskProblem {
        MaskProblem::Broken(Box::new(broken))
    }
}
