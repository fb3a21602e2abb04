//! Writing a packed file.

use super::{Description, HEADER, MAGIC};
use crate::data::broken::{Broken, Skipped};
use crate::data::decode::Reading;
use crate::data::format::Format;
use crate::data::source::{Split, Stored};
use crate::data::{DataError, DataSet, MaskedError, Problem, decode, resize};
use crate::recipe::settings::Task;
use atomic_write_file::AtomicWriteFile;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use rayon::prelude::*;
use serde::Serialize;
use std::borrow::Cow;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Images read at once.
const TOGETHER: usize = 256;

/// Quality of JPEG files that are made smaller.
const QUALITY: u8 = 95;

/// What is done to images on their way into the file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shrink {
    /// Nothing: every byte is kept.
    Keep,
    /// Larger ones are made smaller, to this shorter edge.
    Edge(usize),
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Packed {
    /// The file.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Training images.
    pub train: usize,
    /// Images to validate with.
    pub val: usize,
    /// BLAKE3 of all images together.
    pub blake3: String,
    /// Images that were left out, and why.
    pub broken: Vec<Skipped>,
}

/// Writes all images of a set into one file, which appears when it is whole. Broken images are left out.
///
/// # Errors
/// A file that cannot be written, no image that can be read, or images with masks.
pub fn pack(set: &DataSet, out: &Path, shrink: Shrink) -> Result<Packed, DataError> {
    if set.task == Task::Segment {
        return Err(MaskedError::NoPack { set: set.name.clone() }.into());
    }
    let wrong = |e| DataError::File { file: out.into(), problem: Problem::Io(e) };
    let file = AtomicWriteFile::open(out).map_err(wrong)?;
    let mut writer =
        Writer { file: BufWriter::new(file), at: HEADER as u64, hasher: blake3::Hasher::new(), index: Vec::new() };
    let mut broken = Vec::new();
    let written = (|| {
        writer.file.write_all(&[0; HEADER])?;
        let train = writer.split(&set.train, shrink, set.preprocessor.reading, &mut broken)?;
        let val = writer.split(&set.test, shrink, set.preprocessor.reading, &mut broken)?;
        io::Result::Ok((train, val))
    })();
    let (train, val) = written.map_err(wrong)?;
    if train == 0 || val == 0 {
        let first = broken.first().map(|s| format!("; {} {}", s.image, s.problem)).unwrap_or_default();
        return Err(DataError::AllBroken { set: set.name.clone(), first });
    }
    let description = Description {
        name: set.name.clone(),
        classes: set.classes.clone(),
        train,
        val,
        shape: set.train.stored_shape(),
        blake3: writer.hasher.finalize().to_string(),
    };
    let blake3 = description.blake3.clone();
    let bytes = writer.finish(&description).map_err(wrong)?;
    Ok(Packed { file: out.into(), bytes, train, val, blake3, broken })
}

struct Writer {
    file: BufWriter<AtomicWriteFile>,
    at: u64,
    hasher: blake3::Hasher,
    index: Vec<u8>,
}

impl Writer {
    /// Writes the images of a split; how many.
    fn split(
        &mut self,
        split: &Split,
        shrink: Shrink,
        reading: Reading,
        broken: &mut Vec<Skipped>,
    ) -> io::Result<usize> {
        let mut count = 0;
        let all: Vec<usize> = (0..split.len()).collect();
        for some in all.chunks(TOGETHER) {
            let contents: Vec<_> = some.par_iter().map(|i| content(split, *i, shrink, reading)).collect();
            for (i, content) in some.iter().zip(contents) {
                match content {
                    Ok(content) => self.image(&content, split.label(*i))?,
                    Err(e) => {
                        broken.push(Skipped { image: split.name(*i), problem: e.to_string() });
                        continue;
                    }
                }
                count += 1;
            }
        }
        Ok(count)
    }

    fn image(&mut self, content: &[u8], label: usize) -> io::Result<()> {
        self.file.write_all(content)?;
        self.hasher.update(content);
        self.index.extend(self.at.to_le_bytes());
        for number in [content.len() as u32, crc32c::crc32c(content), label as u32] {
            self.index.extend(number.to_le_bytes());
        }
        self.at += content.len() as u64;
        Ok(())
    }

    /// Writes the rest; the size of the file.
    fn finish(mut self, description: &Description) -> io::Result<u64> {
        let text = serde_json::to_vec(description)?;
        let mut seal = blake3::Hasher::new();
        seal.update(&self.index).update(&text);
        self.file.write_all(&self.index)?;
        self.file.write_all(&text)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(MAGIC)?;
        self.file.write_all(&self.at.to_le_bytes())?;
        self.file.write_all(&(text.len() as u64).to_le_bytes())?;
        self.file.write_all(seal.finalize().as_bytes())?;
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.commit()?;
        Ok(self.at + (self.index.len() + text.len()) as u64)
    }
}

/// What is written of image `i`. It is decoded in any case, so that no broken image is packed. In a file of
/// smaller ones all are as they are shown, as those that are written anew have no EXIF data.
fn content(split: &Split, i: usize, shrink: Shrink, reading: Reading) -> Result<Cow<'_, [u8]>, Broken> {
    let bytes = match split.read(i)? {
        Stored::Pixels(pixels) => return Ok(pixels),
        Stored::Encoded(bytes) => bytes,
    };
    let mut picture = decode::Picture::default();
    decode::decode(&bytes, reading, &mut picture)?;
    let [height, width] = picture.full;
    match shrink {
        Shrink::Edge(edge) if edge < height.min(width) || !picture.turn.is_none() => {
            let is_jpeg = Format::of(&bytes) == Some(Format::Jpeg);
            let [height, width] = picture.turn.size(resize::shorter_edge(height, width, edge.min(height.min(width))));
            let (pixels, shown) = picture.into_shown();
            let small = resize::whole(&pixels, [shown[0], shown[1], 3], [height, width])?;
            encoded(&small, height, width, is_jpeg).map(Cow::Owned)
        }
        _ => Ok(bytes),
    }
}

/// A picture as a JPEG file when it was one, else as PNG, which loses nothing.
fn encoded(pixels: &[u8], height: usize, width: usize, jpeg: bool) -> Result<Vec<u8>, Broken> {
    let (mut out, width, height) = (Vec::new(), width as u32, height as u32);
    let written = if jpeg {
        JpegEncoder::new_with_quality(&mut out, QUALITY).write_image(pixels, width, height, ExtendedColorType::Rgb8)
    } else {
        PngEncoder::new(&mut out).write_image(pixels, width, height, ExtendedColorType::Rgb8)
    };
    written.map(|()| out).map_err(|e| Broken::Decoder(e.to_string()))
}
