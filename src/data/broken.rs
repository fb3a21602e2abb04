//! Why one image cannot be used. A run goes on without it.

use super::masks::MaskProblem;
use serde::Serialize;
use std::io;
use thiserror::Error;

/// Why one image cannot be used.
#[derive(Debug, Error)]
pub enum Broken {
    /// The system could not read it.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is none of the formats that are read.
    #[error("is neither JPEG, PNG, WebP, BMP, GIF nor TIFF: it begins with {0}")]
    Kind(String),
    /// It is named as another format than it is.
    #[error(
        "is {0} by its content and not by its name, as what a site gives for a picture that is gone; rename it to use it"
    )]
    Ending(&'static str),
    /// More pixels than are decoded.
    #[error("claims {width}x{height} pixels; at least 1x1 and at most {max} pixels are decoded (data.max_megapixels)")]
    Size {
        /// Width in its header.
        width: usize,
        /// Height in its header.
        height: usize,
        /// Most pixels.
        max: usize,
    },
    /// Decoding takes more memory than any image may take.
    #[error(
        "has {width}x{height} pixels, which take {megabytes} MB to be decoded; at most {most} are taken: store it smaller"
    )]
    Memory {
        /// Width in its header.
        width: usize,
        /// Height in its header.
        height: usize,
        /// What it takes.
        megabytes: usize,
        /// Most that is taken.
        most: usize,
    },
    /// The file is larger than an image of that many pixels.
    #[error("has {bytes} bytes; at most {max} are read")]
    Large {
        /// Its size.
        bytes: u64,
        /// Most bytes.
        max: u64,
    },
    /// A JPEG file without its end.
    #[error("is cut short: it has no end-of-image marker")]
    Cut,
    /// The decoder gave up.
    #[error("is damaged: {0}")]
    Decoder(String),
    /// The decoder has a fault that this image brings out.
    #[error("makes the decoder panic: {0}")]
    Panic(String),
    /// Its mask cannot be used.
    #[error("cannot be used: its mask {name} {problem}")]
    Mask {
        /// What a person calls the mask.
        name: String,
        /// What is wrong with it.
        problem: MaskProblem,
    },
    /// The bytes are not those that were packed.
    #[error("is damaged: CRC-32C {found:08x}, and {expected:08x} was packed; pack the images again")]
    Checksum {
        /// CRC-32C of the bytes.
        found: u32,
        /// CRC-32C that they should have.
        expected: u32,
    },
}

/// An image that was skipped, for messages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Skipped {
    /// What a person calls it.
    pub image: String,
    /// What is wrong with it, as a predicate.
    pub problem: String,
}
