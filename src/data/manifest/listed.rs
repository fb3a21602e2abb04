//! The lines of a manifest: the files of an image, and names that are not all text.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// What an image is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) enum Part {
    Train,
    Val,
    /// Left over when only some were wanted (`data.train_images`, `data.test_images`).
    SpareTrain,
    SpareVal,
}

impl Part {
    const WORDS: [(Part, &str); 4] =
        [(Part::Train, "train"), (Part::Val, "val"), (Part::SpareTrain, "spare-train"), (Part::SpareVal, "spare-val")];

    /// Whether images of it are used.
    pub(super) fn is_used(self) -> bool {
        matches!(self, Part::Train | Part::Val)
    }
}

/// An image file.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::data) struct Listed {
    pub part: Part,
    pub label: u16,
    /// Its size; none when it could not be told.
    pub bytes: Option<u64>,
    /// Below the set's directory.
    pub path: OsString,
    /// The file of its mask, where images have masks.
    pub mask: Option<ListedMask>,
}

/// The file of a mask.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::data) struct ListedMask {
    /// Its size; none when it could not be told.
    pub bytes: Option<u64>,
    /// Below the set's directory.
    pub path: OsString,
}

impl Listed {
    /// Its line, with its end.
    pub(super) fn line(&self) -> String {
        let word = Part::WORDS.iter().find(|(part, _)| *part == self.part).map_or("", |(_, word)| word);
        let file = |bytes: Option<u64>, path: &OsString| {
            let bytes = bytes.map_or("-".to_string(), |bytes| bytes.to_string());
            format!("\t{bytes}\t{}", escaped(path.as_bytes()))
        };
        let mask = self.mask.as_ref().map(|mask| file(mask.bytes, &mask.path)).unwrap_or_default();
        format!("{word}\t{}{}{mask}\n", self.label, file(self.bytes, &self.path))
    }

    /// What a line says, without its end; none where it is damaged.
    pub(super) fn parse(line: &str) -> Option<Listed> {
        let fields: Vec<&str> = line.split('\t').collect();
        let (&[word, label, bytes, name], mask) = fields.split_first_chunk()?;
        let part = Part::WORDS.iter().find(|(_, w)| *w == word)?.0;
        let size = |bytes: &str| if bytes == "-" { Some(None) } else { bytes.parse().ok().map(Some) };
        let path = |path: &str| unescaped(path).map(OsString::from_vec);
        let (bytes, name) = (size(bytes)?, path(name)?);
        let mask = match mask {
            [] => None,
            [bytes, mask] => Some(ListedMask { bytes: size(bytes)?, path: path(mask)? }),
            _ => return None,
        };
        Some(Listed { part, label: label.parse().ok()?, bytes, path: name, mask })
    }
}

/// Paths as they stand in the lines, as not all are UTF-8.
pub(super) mod path_text {
    use super::{OsStrExt, OsString, OsStringExt, escaped, unescaped};
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use std::path::{Path, PathBuf};

    pub fn serialize<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&escaped(path.as_os_str().as_bytes()))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        let bytes = unescaped(&String::deserialize(from)?).ok_or_else(|| D::Error::custom("no path"))?;
        Ok(OsString::from_vec(bytes).into())
    }
}

fn escaped(bytes: &[u8]) -> String {
    let code = |byte: u8| format!("%{byte:02X}");
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            let one = |c: char| {
                if c == '%' || c.is_control() { c.to_string().bytes().map(code).collect() } else { c.to_string() }
            };
            text.chars().map(one).collect()
        }
        Err(_) => {
            let plain = |byte: u8| (0x20..0x7f).contains(&byte) && byte != b'%';
            bytes.iter().map(|&byte| if plain(byte) { char::from(byte).to_string() } else { code(byte) }).collect()
        }
    }
}

fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_comes_back() {
        for name in
            [&b"cat/a b.png"[..], "caf\u{e9}/\u{1f600}.jpg".as_bytes(), b"100%/a\tb\nc.png", b"Mu\xf1oz%41.png", b""]
        {
            let path = OsString::from_vec(name.to_vec());
            let masked = ListedMask { bytes: None, path: path.clone() };
            for mask in [None, Some(masked)] {
                let image = Listed { part: Part::Val, label: 7, bytes: Some(3), path: path.clone(), mask };
                let line = image.line();
                assert_eq!(line.matches(['\n', '\u{1b}']).count(), 1, "{line}");
                assert_eq!(Listed::parse(line.trim_end_matches('\n')), Some(image));
            }
        }
        for wrong in [
            "",
            "train\t1\t2",
            "some\t1\t2\ta",
            "train\tx\t2\ta",
            "train\t1\tx\ta",
            "train\t1\t2\t%4",
            "train\t1\t2\ta\t3",
            "train\t1\t2\ta\tx\tb",
            "train\t1\t2\ta\t3\tb\tc",
            "val\t1\t2\t%zz",
        ] {
            assert_eq!(Listed::parse(wrong), None, "{wrong}");
        }
    }
}
