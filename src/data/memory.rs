//! Images of one size in memory: the bundled ones, IDX files and made-up ones.

use super::broken::Broken;
use super::source::{Source, Stored};
use std::borrow::Cow;

/// Labelled images of one size: 0 to 255, NHWC.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Images {
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub pixels: Vec<u8>,
    pub labels: Vec<u16>,
}

impl Images {
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    pub fn shape(&self) -> [usize; 3] {
        [self.height, self.width, self.channels]
    }

    /// The pixels of image `i`, HWC.
    pub fn pixels(&self, i: usize) -> &[u8] {
        let size = self.height * self.width * self.channels;
        &self.pixels[i * size..(i + 1) * size]
    }

    /// The class of image `i`.
    pub fn label(&self, i: usize) -> usize {
        self.labels[i].into()
    }

    /// These images alone, in this order.
    pub fn select(&self, indices: &[u32]) -> Images {
        let indices = || indices.iter().map(|i| *i as usize);
        Images {
            pixels: indices().flat_map(|i| self.pixels(i)).copied().collect(),
            labels: indices().map(|i| self.labels[i]).collect(),
            ..*self
        }
    }
}

impl Source for Images {
    fn len(&self) -> usize {
        self.len()
    }

    fn label(&self, i: usize) -> usize {
        self.label(i)
    }

    fn shape(&self) -> Option<[usize; 3]> {
        Some(self.shape())
    }

    fn read(&self, i: usize) -> Result<Stored<'_>, Broken> {
        Ok(Stored::Pixels(Cow::Borrowed(self.pixels(i))))
    }

    fn name(&self, i: usize) -> String {
        format!("image {i}")
    }

    fn identity(&self) -> Option<String> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.pixels);
        for label in &self.labels {
            hasher.update(&label.to_le_bytes());
        }
        Some(hasher.finalize().to_string())
    }
}
