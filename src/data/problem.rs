//! What can be wrong with one file of a set.

use std::io;
use thiserror::Error;

/// What is wrong with one file.
#[derive(Debug, Error)]
pub enum Problem {
    /// The system could not read or write it.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The gzip stream is damaged.
    #[error("damaged gzip stream ({0}); fetch or unpack it again")]
    Gzip(io::Error),
    /// The file ends inside its header.
    #[error("ends inside its header, at byte {0}; an IDX file begins with a magic number and one number a dimension")]
    Header(u64),
    /// The magic number is another one.
    #[error("begins with 0x{found:08x}; {what} of an IDX file begin with {expected}")]
    Magic {
        /// The first four bytes.
        found: u32,
        /// What was to be read.
        what: &'static str,
        /// The allowed numbers.
        expected: &'static str,
    },
    /// No items at all.
    #[error("holds no {0}")]
    Empty(&'static str),
    /// Sizes that no image here has.
    #[error("claims {claim}; height and width must be from 1 to {max_side}, channels from 1 to {max_channels}")]
    Dimensions {
        /// Sizes in the header.
        claim: String,
        /// Largest height or width.
        max_side: u32,
        /// Largest number of channels.
        max_channels: u32,
    },
    /// More than this program takes into memory.
    #[error("claims {claim}: {bytes} bytes; at most {max} are read")]
    TooLarge {
        /// Sizes in the header.
        claim: String,
        /// The bytes they make.
        bytes: u64,
        /// Most bytes that are read.
        max: u64,
    },
    /// Fewer bytes than the header claims.
    #[error("claims {claim}: {expected} bytes, but only {found} follow its header; it was cut short")]
    Short {
        /// Sizes in the header.
        claim: String,
        /// The bytes they make.
        expected: u64,
        /// The bytes that are there.
        found: u64,
    },
    /// More bytes than the header claims.
    #[error("claims {claim}: {expected} bytes, but more follow its header")]
    Trailing {
        /// Sizes in the header.
        claim: String,
        /// The bytes they make.
        expected: u64,
    },
    /// A file that is not made of whole records.
    #[error("has {bytes} bytes; expected a multiple of {size}, the bytes of one record")]
    Records {
        /// Its size.
        bytes: usize,
        /// Bytes of a record.
        size: usize,
    },
    /// A label that stands for no class.
    #[error("record {record} has the label {label}; with {classes} classes it must be from 0 to {}", classes - 1)]
    Label {
        /// The record.
        record: usize,
        /// Its label.
        label: usize,
        /// Classes.
        classes: usize,
    },
    /// A packed file that is none, or damaged.
    #[error("{0}; expected a whole file that `tricktop data pack` wrote")]
    Pack(String),
    /// A list of a run's images that is damaged.
    #[error(
        "its line {0} is damaged; copy it from a backup, or take it away: then the split of the images is made anew"
    )]
    Manifest(usize),
}
