//! Why one image cannot be used. A run goes on without it.

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
    #[error("is neither JPEG nor PNG nor WebP: it begins with {0}")]
    Kind(String),
    /// More pixels than are decoded.
    #[error("claims {width}x{height} pixels; at least 1x1 and at most {max} pixels are decoded")]
    Size {
        /// Width in its header.
        width: usize,
        /// Height in its header.
        height: usize,
        /// Most pixels.
        max: usize,
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
