//! The formats of image files, by their first bytes and by their names.

use image::ImageFormat;
use std::path::Path;

/// A format that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Jpeg,
    Png,
    WebP,
    Bmp,
    Gif,
    Tiff,
}

impl Format {
    /// That of a file's content.
    pub fn of(bytes: &[u8]) -> Option<Format> {
        Some(match image::guess_format(bytes).ok()? {
            ImageFormat::Jpeg => Format::Jpeg,
            ImageFormat::Png => Format::Png,
            ImageFormat::WebP => Format::WebP,
            ImageFormat::Bmp => Format::Bmp,
            ImageFormat::Gif => Format::Gif,
            ImageFormat::Tiff => Format::Tiff,
            _ => return None,
        })
    }

    /// What the library calls it.
    pub fn library(self) -> ImageFormat {
        match self {
            Format::Jpeg => ImageFormat::Jpeg,
            Format::Png => ImageFormat::Png,
            Format::WebP => ImageFormat::WebP,
            Format::Bmp => ImageFormat::Bmp,
            Format::Gif => ImageFormat::Gif,
            Format::Tiff => ImageFormat::Tiff,
        }
    }

    /// Its name with an article.
    pub fn word(self) -> &'static str {
        match self {
            Format::Jpeg => "a JPEG",
            Format::Png => "a PNG",
            Format::WebP => "a WebP",
            Format::Bmp => "a BMP",
            Format::Gif => "a GIF",
            Format::Tiff => "a TIFF",
        }
    }

    /// Whether a file of it may be called so: JPEG, PNG and WebP files are often called by one another's endings.
    pub fn may_end_in(self, path: &Path) -> bool {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        match self {
            Format::Jpeg | Format::Png | Format::WebP => true,
            Format::Bmp => matches!(ending.as_str(), "bmp" | "dib"),
            Format::Gif => ending == "gif",
            Format::Tiff => matches!(ending.as_str(), "tif" | "tiff"),
        }
    }
}
