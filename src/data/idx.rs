//! Reader and writer of IDX files, the format of MNIST and its kin, plain or gzip.
//!
//! A header is two zero bytes, a type (8: u8), the number of dimensions, then one big-endian u32 a dimension. What it
//! claims is never trusted: buffers grow as bytes arrive.

use super::memory::Images;
use super::{DataError, Problem};
use flate2::bufread::MultiGzDecoder;
use std::io::{BufRead, ErrorKind, Read};
use std::path::Path;

const LABELS: u32 = 0x0801;
const GREY: u32 = 0x0803;
const COLOUR: u32 = 0x0804;

const MAX_SIDE: u32 = 4096;
const MAX_CHANNELS: u32 = 4;
const MAX_BYTES: u64 = 4 << 30;

/// Images as the file holds them, NHWC.
#[derive(Debug)]
pub(super) struct Pixels {
    pub count: usize,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub bytes: Vec<u8>,
}

/// Reads a file of images: N x H x W, or N x H x W x C in colour.
pub(super) fn images(file: &Path, input: impl BufRead) -> Result<Pixels, DataError> {
    unpacked(input, read_images).map_err(|problem| DataError::File { file: file.into(), problem })
}

/// Reads a file of labels.
pub(super) fn labels(file: &Path, input: impl BufRead) -> Result<Vec<u8>, DataError> {
    unpacked(input, read_labels).map_err(|problem| DataError::File { file: file.into(), problem })
}

/// Hands `read` the content of `input`, unpacked if it begins as gzip does.
fn unpacked<T>(mut input: impl BufRead, read: impl FnOnce(&mut dyn Read) -> Result<T, Problem>) -> Result<T, Problem> {
    if !input.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        return read(&mut input);
    }
    read(&mut MultiGzDecoder::new(input)).map_err(|problem| match problem {
        Problem::Io(e)
            if matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::UnexpectedEof) =>
        {
            Problem::Gzip(e)
        }
        other => other,
    })
}

fn read_images(input: &mut dyn Read) -> Result<Pixels, Problem> {
    let expected = "0x00000803 (grey, u8) or 0x00000804 (colour, u8)";
    let [count, height, width, channels] = header(input, "images", &[GREY, COLOUR], expected)?;
    let claim = format!("{count} images of {height}x{width}x{channels}");
    if count == 0 {
        return Err(Problem::Empty("images"));
    }
    let side = 1..=MAX_SIDE;
    if !(side.contains(&height) && side.contains(&width) && (1..=MAX_CHANNELS).contains(&channels)) {
        return Err(Problem::Dimensions { claim, max_side: MAX_SIDE, max_channels: MAX_CHANNELS });
    }
    let bytes = [count, height, width, channels].into_iter().map(u64::from).product();
    if bytes > MAX_BYTES {
        return Err(Problem::TooLarge { claim, bytes, max: MAX_BYTES });
    }
    Ok(Pixels {
        count: count as usize,
        height: height as usize,
        width: width as usize,
        channels: channels as usize,
        bytes: body(input, claim, bytes)?,
    })
}

fn read_labels(input: &mut dyn Read) -> Result<Vec<u8>, Problem> {
    let [count, ..] = header(input, "labels", &[LABELS], "0x00000801 (u8)")?;
    if count == 0 {
        return Err(Problem::Empty("labels"));
    }
    body(input, format!("{count} labels"), count.into())
}

/// Checks the magic number, whose last byte is the number of dimensions, and reads their sizes, 1 where there is none.
fn header(
    input: &mut dyn Read,
    what: &'static str,
    magics: &[u32],
    expected: &'static str,
) -> Result<[u32; 4], Problem> {
    let mut at = 0;
    let found = number(input, &mut at)?;
    if !magics.contains(&found) {
        return Err(Problem::Magic { found, what, expected });
    }
    let mut sizes = [1; 4];
    for size in sizes.iter_mut().take((found & 0xff) as usize) {
        *size = number(input, &mut at)?;
    }
    Ok(sizes)
}

/// Reads one number of the header, which begins at byte `at`.
fn number(input: &mut dyn Read, at: &mut u64) -> Result<u32, Problem> {
    let mut bytes = Vec::with_capacity(4);
    *at += input.take(4).read_to_end(&mut bytes)? as u64;
    let bytes: [u8; 4] = bytes.try_into().map_err(|_| Problem::Header(*at))?;
    Ok(u32::from_be_bytes(bytes))
}

/// Reads the bytes behind the header, which must be exactly `expected`.
fn body(input: &mut dyn Read, claim: String, expected: u64) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let found = input.take(expected).read_to_end(&mut bytes)? as u64;
    if found < expected {
        return Err(Problem::Short { claim, expected, found });
    }
    // Reading past the last byte also verifies the checksum of a gzip stream.
    if input.take(1).read_to_end(&mut Vec::new())? > 0 {
        return Err(Problem::Trailing { claim, expected });
    }
    Ok(bytes)
}

/// The images as an IDX file.
pub(super) fn encode_images(images: &Images) -> Vec<u8> {
    let shape = [images.len(), images.height, images.width, images.channels];
    let (magic, shape) = if images.channels == 1 { (GREY, &shape[..3]) } else { (COLOUR, &shape[..]) };
    encode(magic, shape, (0..images.len()).flat_map(|i| images.pixels(i)).copied())
}

/// The labels, each below 256, as an IDX file.
pub(super) fn encode_labels(images: &Images) -> Vec<u8> {
    encode(LABELS, &[images.len()], (0..images.len()).map(|i| images.label(i) as u8))
}

fn encode(magic: u32, shape: &[usize], body: impl Iterator<Item = u8>) -> Vec<u8> {
    let header = std::iter::once(magic).chain(shape.iter().map(|n| *n as u32));
    header.flat_map(u32::to_be_bytes).chain(body).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;
    use std::io::Write;

    fn file(numbers: &[u32], body: &[u8]) -> Vec<u8> {
        numbers.iter().flat_map(|n| n.to_be_bytes()).chain(body.iter().copied()).collect()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn images_of(bytes: &[u8]) -> Result<Pixels, String> {
        images(Path::new("x"), bytes).map_err(|e| e.to_string())
    }

    fn labels_of(bytes: &[u8]) -> Result<Vec<u8>, String> {
        labels(Path::new("x"), bytes).map_err(|e| e.to_string())
    }

    #[test]
    fn grey_and_colour_are_read_plain_and_gzip() {
        let body: Vec<u8> = (0..24).collect();
        for (numbers, shape) in [(vec![GREY, 2, 3, 4], (2, 3, 4, 1)), (vec![COLOUR, 1, 4, 2, 3], (1, 4, 2, 3))] {
            let plain = file(&numbers, &body);
            for bytes in [gzip(&plain), plain] {
                let read = images_of(&bytes).unwrap();
                assert_eq!((read.count, read.height, read.width, read.channels), shape);
                assert_eq!(read.bytes, body);
            }
        }
        assert_eq!(labels_of(&gzip(&file(&[LABELS, 3], &[7, 0, 9]))).unwrap(), [7, 0, 9]);
    }

    #[test]
    fn every_mistake_is_named() {
        let two_by_two = file(&[GREY, 2, 2, 2], &[0; 8]);
        let mut bad_crc = gzip(&two_by_two);
        let at = bad_crc.len() - 8;
        bad_crc[at] ^= 1;
        let mut garbage_behind = gzip(&two_by_two);
        garbage_behind.extend(b"garbage");
        let mut trailing = two_by_two.clone();
        trailing.push(0);
        let cases: Vec<(&str, Vec<u8>, &str)> = vec![
            ("empty file", vec![], "ends inside its header, at byte 0"),
            ("labels for images", file(&[LABELS, 1], &[0]), "begins with 0x00000801; images of an IDX file begin with"),
            ("floats", file(&[0x0d03, 1, 1, 1], &[0; 4]), "begins with 0x00000d03"),
            ("text", b"<html><body>".to_vec(), "begins with 0x3c68746d"),
            ("short", two_by_two[..two_by_two.len() - 1].to_vec(), "claims 2 images of 2x2x1: 8 bytes, but only 7"),
            ("trailing", trailing.clone(), "claims 2 images of 2x2x1: 8 bytes, but more follow"),
            ("trailing in gzip", gzip(&trailing), "but more follow"),
            ("none", file(&[GREY, 0, 28, 28], &[]), "holds no images"),
            (
                "flat",
                file(&[GREY, 1, 0, 28], &[]),
                "claims 1 images of 0x28x1; height and width must be from 1 to 4096",
            ),
            ("absurd sides", file(&[GREY, 1, u32::MAX, u32::MAX], &[]), "claims 1 images of 4294967295x4294967295x1;"),
            ("absurd channels", file(&[COLOUR, 1, 1, 1, 5], &[0; 5]), "channels from 1 to 4"),
            ("absurd count", file(&[GREY, u32::MAX, 4096, 4096], &[]), "at most 4294967296 are read"),
            ("count of a lie", file(&[GREY, u32::MAX, 1, 1], &[]), "4294967295 bytes, but only 0 follow"),
            ("gzip cut", gzip(&two_by_two)[..20].to_vec(), "damaged gzip stream"),
            ("gzip header only", vec![0x1f, 0x8b], "damaged gzip stream"),
            ("gzip checksum", bad_crc, "damaged gzip stream"),
            ("gzip and garbage", garbage_behind, "damaged gzip stream"),
        ];
        for (name, bytes, expected) in cases {
            let found = images_of(&bytes).unwrap_err();
            assert!(found.starts_with("x: ") && found.contains(expected), "{name}: {found}");
        }
        for (bytes, expected) in [
            (file(&[GREY, 1, 1, 1], &[0]), "begins with 0x00000803; labels of an IDX file begin with 0x00000801"),
            (file(&[LABELS, 0], &[]), "holds no labels"),
            (file(&[LABELS, u32::MAX], &[1]), "claims 4294967295 labels: 4294967295 bytes, but only 1 follow"),
        ] {
            let found = labels_of(&bytes).unwrap_err();
            assert!(found.contains(expected), "{found}");
        }
    }

    #[test]
    fn a_cut_at_every_byte_of_the_header_says_where() {
        let whole = file(&[COLOUR, 1, 1, 1, 3], &[0; 3]);
        for cut in 0..20 {
            let found = images_of(&whole[..cut]).unwrap_err();
            assert!(found.contains(&format!("ends inside its header, at byte {cut};")), "{cut}: {found}");
        }
    }

    #[test]
    fn a_writer_of_the_reader_is_the_identity() {
        for channels in [1, 3] {
            let pixels: Vec<u8> = (0..2 * 3 * 2 * channels as u8).collect();
            let images = Images { height: 3, width: 2, channels, pixels: pixels.clone(), labels: vec![3, 250] };
            let read = images_of(&encode_images(&images)).unwrap();
            assert_eq!((read.count, read.height, read.width, read.channels), (2, 3, 2, channels));
            assert_eq!(read.bytes, pixels);
            assert_eq!(labels_of(&encode_labels(&images)).unwrap(), [3, 250]);
        }
    }

    proptest! {
        /// Whatever a header claims, no more is held than twice what arrived (growth of the buffer) and a little.
        #[test]
        fn arbitrary_bytes_neither_panic_nor_allocate_by_claim(
            magic in prop::sample::select(vec![GREY, COLOUR, LABELS, 0x0802]),
            sizes in prop::collection::vec(prop_oneof![0u32..6, any::<u32>()], 0..5),
            tail in prop::collection::vec(any::<u8>(), 0..200),
            packed: bool,
        ) {
            let mut bytes = file(&[magic], &[]);
            bytes.extend(sizes.iter().flat_map(|n| n.to_be_bytes()).chain(tail));
            let input = if packed { gzip(&bytes) } else { bytes.clone() };
            if let Ok(read) = images_of(&input) {
                prop_assert_eq!(read.bytes.len(), read.count * read.height * read.width * read.channels);
                prop_assert!(read.bytes.capacity() <= 2 * bytes.len() + 64);
            }
            if let Ok(read) = labels_of(&input) {
                prop_assert!(read.capacity() <= 2 * bytes.len() + 64);
            }
        }

        #[test]
        fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400), gzip_start: bool) {
            let mut bytes = bytes;
            if gzip_start {
                bytes.splice(0..0, [0x1f, 0x8b, 8]);
            }
            let _ = (images_of(&bytes), labels_of(&bytes));
        }
    }
}
