//! Where each pixel that a net sees of an image lies in the image: its mask is sampled there, once, whatever was done to
//! the image on the way.

use super::augment::{Placement, Rotation};
use super::masks::{IGNORED, Mask, MaskProblem};

/// Where what a net sees of one image comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Geometry {
    /// Height and width of the image as it is stored.
    pub stored: [usize; 2],
    /// Height and width of the image as it is shown.
    pub shown: [usize; 2],
    /// First row and column of the part that is taken of it, in its pixels as it is shown.
    pub first: [f64; 2],
    /// Height and width of that part.
    pub part: [f64; 2],
    /// Height and width that the part was given.
    pub size: [usize; 2],
    /// Row and column of the resized part that come first in what the net sees.
    pub cut: [usize; 2],
    /// How it was turned then.
    pub rotation: Rotation,
    /// How it was laid into the batch.
    pub placement: Placement,
}

impl Geometry {
    /// Writes the classes of the `net` pixels (height and width) that the net sees, each that of the nearest pixel of the
    /// mask; where the image is padded they are ignored.
    ///
    /// # Errors
    /// A mask of another size than its image.
    pub fn lay(&self, mask: &Mask<'_>, net: [usize; 2], out: &mut [u8]) -> Result<(), MaskProblem> {
        mask.fits(self.shown, self.stored)?;
        let [height, width] = net;
        let Placement { top, left, flip } = self.placement;
        let row = |y: usize| inside(y as i64 + top, height);
        let column = |x: usize| inside(if flip { width - 1 - x } else { x } as i64 + left, width);
        let (rows, columns): (Vec<_>, Vec<_>) = ((0..height).map(row).collect(), (0..width).map(column).collect());
        // Without a rotation the row of a pixel depends on its row alone, and its column on its column.
        let straight: Vec<Option<usize>> = columns.iter().map(|x| self.source(1, (*x)?)).collect();
        for (row, line) in rows.into_iter().zip(out.chunks_exact_mut(width.max(1))) {
            if self.rotation.is_none() {
                match row.and_then(|row| self.source(0, row)) {
                    Some(row) => {
                        let from = mask.row(row);
                        line.iter_mut().zip(&straight).for_each(|(to, x)| *to = x.map_or(IGNORED, |x| from[x]));
                    }
                    None => line.fill(IGNORED),
                }
                continue;
            }
            for (to, column) in line.iter_mut().zip(&columns) {
                let turned = row.zip(*column).and_then(|(y, x)| self.rotation.source([y, x], net));
                let source = turned.and_then(|[y, x]| self.source(0, y).zip(self.source(1, x)));
                *to = source.map_or(IGNORED, |(y, x)| mask.row(y)[x]);
            }
        }
        Ok(())
    }

    /// The row (`axis` 0) or column of the image at a place in what the net sees; none in its padding.
    fn source(&self, axis: usize, at: f64) -> Option<usize> {
        let at = at + self.cut[axis] as f64;
        if at >= self.size[axis] as f64 {
            return None;
        }
        let source = self.first[axis] + at * self.part[axis] / self.size[axis] as f64;
        Some((source.max(0.0) as usize).min(self.shown[axis].saturating_sub(1)))
    }
}

/// The middle of a pixel; none of one that is outside.
fn inside(at: i64, most: usize) -> Option<f64> {
    (0..most as i64).contains(&at).then_some(at as f64 + 0.5)
}

#[cfg(test)]
mod tests {
    use super::super::augment::Stages;
    use super::super::prepare::Preprocessor;
    use super::super::source::Stored;
    use super::*;
    use crate::recipe::settings::{Augment, Crop, Resized, Rotate, Scale};
    use image::codecs::jpeg::JpegEncoder;
    use image::{ExtendedColorType, ImageEncoder};

    const NET: [usize; 2] = [60, 72];

    /// A picture whose red says the row and whose green the column, blue everywhere, stored under an orientation of EXIF.
    fn picture([height, width]: [usize; 2], exif: u8) -> Vec<u8> {
        let pixels: Vec<u8> =
            (0..height * width).flat_map(|at| [(at / width) as u8 + 1, (at % width) as u8 + 1, 255]).collect();
        let shown = image::RgbImage::from_raw(width as u32, height as u32, pixels).unwrap();
        let mut stored = image::DynamicImage::from(shown);
        // Those that turn by a quarter are each other's inverse, all others their own.
        let back = [0, 1, 2, 3, 4, 5, 8, 7, 6][usize::from(exif)];
        stored.apply_orientation(image::metadata::Orientation::from_exif(back).unwrap());
        let mut file = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut file, 100);
        let tiff = [b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", &[exif][..], b"\0\0\0\0\0\0"].concat();
        encoder.set_exif_metadata(tiff).unwrap();
        encoder.write_image(stored.as_bytes(), stored.width(), stored.height(), ExtendedColorType::Rgb8).unwrap();
        file
    }

    /// What the net sees, and the row and the column of each pixel as two masks have them.
    fn seen(size: [usize; 2], exif: u8, edge: usize, stages: &Stages<'_>) -> (Vec<f32>, [Vec<u8>; 2], f32) {
        let input = Preprocessor::new([NET[0], NET[1], 3], edge, &[0.0; 3], &[1.0; 3]);
        let mut out = vec![0.0; NET[0] * NET[1] * 3];
        let file = picture(size, exif);
        let geometry = input.write(&Stored::Encoded(file[..].into()), None, stages, &mut out).unwrap();
        let masks = [0, 1].map(|axis| {
            let class = |at: usize| [at / size[1], at % size[1]][axis] as u8;
            let mask = Mask::new(size, (0..size[0] * size[1]).map(class).collect::<Vec<u8>>());
            let mut laid = vec![7; NET[0] * NET[1]];
            geometry.lay(&mask, NET, &mut laid).unwrap();
            laid
        });
        let scale = (0..2).map(|axis| geometry.part[axis] / geometry.size[axis] as f64).fold(0.0, f64::max);
        (out, masks, scale as f32)
    }

    #[test]
    fn every_pixel_of_the_mask_is_that_of_the_image_whatever_is_done_to_it() {
        let plain = Augment { crop: Crop { on: false, pad: 0 }, flip: false, ..Augment::default() };
        let resized = Resized { on: true, ..Resized::default() };
        let (scale, rotate) = (Scale { on: true, ..Scale::default() }, Rotate { on: true, degrees: 60.0 });
        let crop = Crop { on: true, pad: 11 };
        let cases = [
            plain.clone(),
            Augment { flip: true, crop: crop.clone(), ..plain.clone() },
            Augment { resized: resized.clone(), flip: true, ..plain.clone() },
            Augment { scale: scale.clone(), flip: true, ..plain.clone() },
            Augment { rotate: rotate.clone(), ..plain.clone() },
            Augment { resized, rotate: rotate.clone(), crop: crop.clone(), flip: true, ..plain.clone() },
            Augment { scale, rotate, crop, flip: true, ..plain },
        ];
        let mut drawn: Vec<(bool, Stages<'_>)> = vec![(false, Stages::Middle)];
        for augment in &cases {
            let blended = augment.scale.on && augment.rotate.on;
            drawn.extend((0..12).map(|image| (blended, Stages::Train { augment, seed: 3, epoch: 1, image })));
        }
        let mut wrong = Vec::new();
        for (exif, size, edge) in
            [(1, [140, 250], 80), (6, [250, 140], 72), (3, [90, 100], 80), (5, [200, 240], 60), (8, [31, 40], 90)]
        {
            for (n, (blended, stages)) in drawn.iter().enumerate() {
                let (pixels, [rows, columns], scale) = seen(size, exif, edge, stages);
                let mut ignored = 0;
                for (at, pixel) in pixels.chunks(3).enumerate() {
                    let (y, x) = (rows[at], columns[at]);
                    let padding = pixel[2] < if *blended { 128.0 } else { 4.0 };
                    ignored += usize::from(y == IGNORED);
                    let right = if *blended && (4.0..251.0).contains(&pixel[2]) {
                        true
                    } else if y == IGNORED || padding {
                        y == IGNORED && x == IGNORED && padding
                    } else {
                        // Half a pixel of the mask, one of the net at a border, and two levels that JPEG loses.
                        let apart = |value: f32, class: u8| (value - 1.0 - f32::from(class)).abs();
                        apart(pixel[0], y).max(apart(pixel[1], x)) < 2.5 + scale
                    };
                    if !right {
                        wrong.push(format!("orientation {exif}, case {n}, pixel {at}: {pixel:?} {y} {x}"));
                    }
                }
                assert!(ignored < rows.len(), "{n}");
            }
        }
        assert!(wrong.is_empty(), "{} of them: {:#?}", wrong.len(), &wrong[..wrong.len().min(10)]);
    }

    #[test]
    fn a_mask_at_its_own_size_is_the_same_to_the_pixel() {
        let input = Preprocessor::new([20, 24, 1], 20, &[0.0], &[1.0]);
        let classes: Vec<u8> = (0..20 * 24).map(|at| (at * 7 % 200) as u8 + 1).collect();
        let flip = Augment { flip: true, crop: Crop { on: true, pad: 3 }, ..Augment::default() };
        let drawn = |image| Stages::Train { augment: &flip, seed: 1, epoch: 0, image };
        for stages in [Stages::Middle].into_iter().chain((0..20).map(drawn)) {
            let (mut out, mut laid) = (vec![0.0; 480], vec![0; 480]);
            let image = Stored::Pixels(classes[..].into());
            let geometry = input.write(&image, Some([20, 24, 1]), &stages, &mut out).unwrap();
            geometry.lay(&Mask::new([20, 24], &classes[..]), [20, 24], &mut laid).unwrap();
            let expected: Vec<u8> = out.iter().map(|v| if *v == 0.0 { IGNORED } else { *v as u8 }).collect();
            assert_eq!(laid, expected);
        }
    }

    #[test]
    fn a_mask_of_another_size_is_refused() {
        let input = Preprocessor::new([20, 20, 3], 20, &[0.0; 3], &[1.0; 3]);
        let mut out = vec![0.0; 20 * 20 * 3];
        let file = picture([30, 40], 6);
        let geometry = input.write(&Stored::Encoded(file[..].into()), None, &Stages::Middle, &mut out).unwrap();
        let said = |size: [usize; 2]| {
            let mask = Mask::new(size, vec![0; size[0] * size[1]]);
            geometry.lay(&mask, [20, 20], &mut [0; 400]).map_err(|problem| problem.to_string())
        };
        assert_eq!(said([30, 40]), Ok(()));
        assert_eq!(said([30, 41]), Err("has 41x30 pixels, and the image 40x30 (width x height)".into()));
        let turned = said([40, 30]).unwrap_err();
        assert!(turned.starts_with("has 30x40 pixels, as the image is stored; the image is shown turned"), "{turned}");
    }
}
