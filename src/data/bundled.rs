//! The subset of Fashion-MNIST inside the program; `assets/README.md` says how it was made.

use super::DataError;
use super::parts::{Input, Parts, read};
use std::path::Path;

/// Its short name.
pub(super) const NAME: &str = "fashion-12k";

/// Class names in label order.
const CLASSES: [&str; 10] =
    ["t-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"];

/// A file inside the program.
pub(super) struct File {
    pub name: &'static str,
    bytes: &'static [u8],
    /// Its checksum in hexadecimal digits.
    pub blake3: &'static str,
}

macro_rules! file {
    ($name:literal, $blake3:literal) => {
        File { name: $name, bytes: include_bytes!(concat!("../../assets/fashion-12k/", $name)), blake3: $blake3 }
    };
}

/// The files in the order of [`super::parts::PARTS`].
pub(super) static FILES: [File; 4] = [
    file!("train-images-idx3-ubyte.gz", "0d527c76565a22bc8fa864d3d04833ada61505d96e5353e5968aa22f899c3de1"),
    file!("train-labels-idx1-ubyte.gz", "c5ee26b31a2de8bea427c602e5b9f825bbce7816edf30cd1f20daf6ab04fdf9d"),
    file!("t10k-images-idx3-ubyte.gz", "c23a1a49f20aad77e2e745164c7df09c4166dc4a6176a0a1df614c89de212383"),
    file!("t10k-labels-idx1-ubyte.gz", "2199c8c8f5769c26c32df3fab493d9755eb45e6ec4d3a709d6cb04e7c14a1f91"),
];

/// The class names in label order.
pub(crate) fn classes() -> Vec<String> {
    CLASSES.map(str::to_string).to_vec()
}

/// Verifies and reads the files.
pub(super) fn open() -> Result<Parts, DataError> {
    let [a, b, c, d] = &FILES;
    read([verified(a)?, verified(b)?, verified(c)?, verified(d)?])
}

fn verified(file: &File) -> Result<Input<&'static [u8]>, DataError> {
    let found = blake3::hash(file.bytes).to_hex();
    if found.as_str() != file.blake3 {
        return Err(DataError::Checksum { name: file.name, found: found.to_string(), expected: file.blake3 });
    }
    Ok(Input { file: Path::new("bundled").join(file.name), content: file.bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::parts::PARTS;

    #[test]
    fn the_files_stand_in_the_order_of_the_parts() {
        for (file, part) in FILES.iter().zip(&PARTS) {
            assert_eq!(file.name, part.file);
        }
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let mut bytes = FILES[1].bytes.to_vec();
        bytes[100] ^= 1;
        let damaged = File { bytes: bytes.leak(), ..FILES[1] };
        let found = verified(&damaged).err().map(|e| e.to_string()).unwrap();
        assert!(found.starts_with("bundled train-labels-idx1-ubyte.gz: the checksum is "), "{found}");
    }

    #[test]
    fn every_label_has_a_name_and_the_classes_are_balanced() {
        let parts = open().unwrap();
        assert_eq!(parts.classes, CLASSES.len());
        for (images, each) in [(&parts.train, 1200), (&parts.test, 200)] {
            assert_eq!(images.shape(), [28, 28, 1]);
            for class in 0..CLASSES.len() {
                assert_eq!((0..images.len()).filter(|i| images.label(*i) == class).count(), each, "class {class}");
            }
        }
    }
}
