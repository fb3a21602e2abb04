//! The text of files that people write.

use std::io::{self, ErrorKind};
use std::path::Path;
use thiserror::Error;

/// What some editors put before a text in UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Why bytes are no text, as a predicate.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TextError {
    /// Two or four bytes a character.
    #[error("is {0}, not UTF-8; save it as UTF-8")]
    Wide(&'static str),
    /// Bytes that are no UTF-8.
    #[error("is not UTF-8 from line {line}, column {column} on; save it as UTF-8")]
    NotUtf8 {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
}

/// A text in UTF-8, without the byte order mark that it may begin with.
///
/// # Errors
/// Bytes of another encoding.
pub fn text(mut bytes: Vec<u8>) -> Result<String, TextError> {
    if let Some(encoding) = wide(&bytes) {
        return Err(TextError::Wide(encoding));
    }
    bytes.drain(..bytes.len() - without_mark(&bytes).len());
    String::from_utf8(bytes).map_err(|error| {
        let valid = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
        let line = 1 + valid.matches('\n').count();
        let column = 1 + valid.chars().rev().take_while(|c| *c != '\n').count();
        TextError::NotUtf8 { line, column }
    })
}

/// The text of a file, without the byte order mark that it may begin with.
///
/// # Errors
/// The system's, or a file of another encoding.
pub fn read_text(path: &Path) -> io::Result<String> {
    text(std::fs::read(path)?).map_err(|e| io::Error::new(ErrorKind::InvalidData, e))
}

/// Bytes of a text without its byte order mark.
pub fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(MARK).unwrap_or(bytes)
}

/// The encoding of a text of more than one byte a character, by its mark or by the zeros of its first characters.
fn wide(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        [a, 0, b, 0, ..] | [0, a, 0, b, ..] if *a != 0 && *b != 0 => Some("UTF-16"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_left_out_and_another_encoding_is_named() {
        assert_eq!(text(b"\xef\xbb\xbf(a: 1)\r\n".to_vec()).unwrap(), "(a: 1)\r\n");
        assert_eq!(text(b"(a: 1)".to_vec()).unwrap(), "(a: 1)");
        assert_eq!(text(Vec::new()).unwrap(), "");
        let two = |mark: &[u8], each: fn(u16) -> [u8; 2]| {
            let units = "(a: 1)".encode_utf16().flat_map(each);
            text(mark.iter().copied().chain(units).collect()).unwrap_err().to_string()
        };
        for mark in [&b"\xff\xfe"[..], b""] {
            assert_eq!(two(mark, u16::to_le_bytes), "is UTF-16, not UTF-8; save it as UTF-8");
        }
        for mark in [&b"\xfe\xff"[..], b""] {
            assert_eq!(two(mark, u16::to_be_bytes), "is UTF-16, not UTF-8; save it as UTF-8");
        }
        assert_eq!(text(b"\xff\xfe\0\0(\0\0\0".to_vec()), Err(TextError::Wide("UTF-32")));
        // After the mark too, places count from the first character.
        assert_eq!(text(b"\xef\xbb\xbfa\n\xc3\xbcb\xff".to_vec()), Err(TextError::NotUtf8 { line: 2, column: 3 }));
    }
}
