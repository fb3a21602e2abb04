//! Pictures that a camera held sideways has stored turned, and says so in their EXIF data.

use super::resize::Region;
use image::metadata::Orientation;

/// How a picture is to be shown: the pixel at row y and column x is the stored one at row y and column x, the two
/// exchanged if so, then each counted from the other end if so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turn {
    swap: bool,
    flip_rows: bool,
    flip_columns: bool,
}

impl From<Orientation> for Turn {
    fn from(orientation: Orientation) -> Turn {
        let (swap, flip_rows, flip_columns) = match orientation {
            Orientation::NoTransforms => (false, false, false),
            Orientation::FlipHorizontal => (false, false, true),
            Orientation::Rotate180 => (false, true, true),
            Orientation::FlipVertical => (false, true, false),
            Orientation::Rotate90FlipH => (true, false, false),
            Orientation::Rotate90 => (true, true, false),
            Orientation::Rotate270FlipH => (true, true, true),
            Orientation::Rotate270 => (true, false, true),
        };
        Turn { swap, flip_rows, flip_columns }
    }
}

impl Turn {
    /// Whether the picture is shown as it is stored.
    pub fn is_none(self) -> bool {
        self == Turn::default()
    }

    /// Height and width as they are shown of a picture that is stored with these, or the other way round.
    pub fn size(self, [height, width]: [usize; 2]) -> [usize; 2] {
        if self.swap { [width, height] } else { [height, width] }
    }

    /// Where a part of the picture as it is shown lies in the stored one, of this height and width.
    pub fn stored(self, shown: Region, [height, width]: [usize; 2]) -> Region {
        let Region { top, left, height: h, width: w } = shown;
        let (mut top, mut left, [h, w]) = if self.swap { (left, top, [w, h]) } else { (top, left, [h, w]) };
        if self.flip_rows {
            top = height - top - h;
        }
        if self.flip_columns {
            left = width - left - w;
        }
        Region { top, left, height: h, width: w }
    }

    /// First row and column, height and width of a part of the stored picture, of this height and width, as it is shown.
    pub fn shown_part(self, first: [f64; 2], part: [f64; 2], size: [usize; 2]) -> [[f64; 2]; 2] {
        let [mut top, mut left] = first;
        if self.flip_rows {
            top = size[0] as f64 - top - part[0];
        }
        if self.flip_columns {
            left = size[1] as f64 - left - part[1];
        }
        if self.swap { [[left, top], [part[1], part[0]]] } else { [[top, left], part] }
    }

    /// The pixels of a stored picture, HWC, as they are shown.
    pub fn shown(self, stored: &[u8], [height, width, channels]: [usize; 3]) -> Vec<u8> {
        let [rows, columns] = self.size([height, width]);
        let mut out = Vec::with_capacity(stored.len());
        for y in 0..rows {
            for x in 0..columns {
                let (mut row, mut column) = if self.swap { (x, y) } else { (y, x) };
                if self.flip_rows {
                    row = height - 1 - row;
                }
                if self.flip_columns {
                    column = width - 1 - column;
                }
                out.extend_from_slice(&stored[(row * width + column) * channels..][..channels]);
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{DynamicImage, RgbImage};

    #[test]
    fn every_orientation_is_that_of_the_library_and_a_part_lies_where_it_is_shown() {
        let picture = RgbImage::from_fn(5, 3, |x, y| image::Rgb([x as u8, y as u8, 7]));
        for exif in 1..=8 {
            let orientation = Orientation::from_exif(exif).unwrap();
            let mut expected = DynamicImage::from(picture.clone());
            expected.apply_orientation(orientation);
            let turn = Turn::from(orientation);
            let shown = turn.shown(picture.as_raw(), [3, 5, 3]);
            assert_eq!(shown, expected.as_bytes(), "{exif}");
            assert_eq!(turn.size([3, 5]), [expected.height() as usize, expected.width() as usize]);

            let [_, width] = turn.size([3, 5]);
            let part = Region { top: 1, left: 0, height: 2, width: 2 };
            let Region { top, left, height, width: columns } = turn.stored(part, [3, 5]);
            let stored = image::imageops::crop_imm(&picture, left as u32, top as u32, columns as u32, height as u32);
            let stored = stored.to_image().into_raw();
            let rows = (1..3).flat_map(|y| shown[y * width * 3..][..6].to_vec()).collect::<Vec<u8>>();
            assert_eq!(turn.shown(&stored, [height, columns, 3]), rows, "{exif}");
        }
    }
}
