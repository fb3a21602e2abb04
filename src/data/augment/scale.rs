//! Random scale (GluonCV's training of segmentation): the longer side of the image becomes a random number of pixels, and a
//! random part of what the net sees is cut out of that, padded at the bottom and on the right where it is smaller.

use crate::data::resize::{Cut, Region};
use crate::random::ChaCha8Rng;
use crate::recipe::settings::Scale;
use rand::Rng;

/// Draws the longer side, uniform between `least` and `most` times that of what the net sees, and the place of the part,
/// for an image of this height and width of which the net sees so many pixels.
pub(in crate::data) fn draw(s: &Scale, image: [usize; 2], net: [usize; 2], rng: &mut ChaCha8Rng) -> Cut {
    let longer = |[height, width]: [usize; 2]| height.max(width) as f64;
    let by = (longer(net) * rng.gen_range(s.least..=s.most)).round() / longer(image);
    let axis = |axis: usize, rng: &mut ChaCha8Rng| {
        let (all, seen) = (image[axis], net[axis]);
        let scaled = ((all as f64 * by).round() as usize).max(1);
        let first = rng.gen_range(0..=scaled.saturating_sub(seen));
        let size = scaled.min(seen);
        // In whole pixels of the image, as every other part that is cut out.
        let pixels = |scaled_pixels: usize| (scaled_pixels as f64 * all as f64 / scaled as f64).round() as usize;
        let from = pixels(first).min(all - 1);
        (from, (pixels(first + size)).clamp(from + 1, all) - from, size)
    };
    let (top, height, rows) = axis(0, rng);
    let (left, width, columns) = axis(1, rng);
    Cut { region: Region { top, left, height, width }, size: [rows, columns] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, rng};

    fn draws(s: &Scale, image: [usize; 2], net: [usize; 2]) -> Vec<Cut> {
        (0..4000).map(|i| draw(s, image, net, &mut rng(3, Purpose::Scale, 0, i))).collect()
    }

    #[test]
    fn longer_sides_and_places_are_uniform_and_parts_have_the_scale_that_was_drawn() {
        let s = Scale { least: 0.5, most: 2.0, ..Scale::default() };
        for image in [[300, 400], [400, 300], [50, 80]] {
            let (mut scales, mut places) = (Vec::new(), Vec::new());
            for Cut { region: r, size: [h, w] } in draws(&s, image, [100, 100]) {
                assert!(r.top + r.height <= image[0] && r.left + r.width <= image[1] && h <= 100 && w <= 100);
                let (down, across) = (h as f64 / r.height as f64, w as f64 / r.width as f64);
                assert!((down / across - 1.0).abs() < 0.12, "{r:?} {h} {w}");
                let longer = if image[0] > image[1] { down * image[0] as f64 } else { across * image[1] as f64 };
                assert!((48.0..=210.0).contains(&longer), "{longer}");
                scales.push(longer / 100.0);
                if r.width < image[1] {
                    places.push(r.left as f64 / (image[1] - r.width) as f64);
                }
                // Nothing is left out of an image that the net could see whole.
                assert!(longer > 101.0 || [r.height, r.width] == image, "{r:?} {longer}");
            }
            let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
            assert!((mean(&scales) - 1.25).abs() < 0.03 && (mean(&places) - 0.5).abs() < 0.03, "{image:?}");
        }
    }

    #[test]
    fn images_of_one_pixel_and_strips_have_parts_too() {
        for image in [[1, 1], [1, 1000], [1000, 1], [3, 2]] {
            for cut in draws(&Scale::default(), image, [8, 8]) {
                let Region { top, left, height, width } = cut.region;
                assert!(height > 0 && width > 0 && top + height <= image[0] && left + width <= image[1], "{cut:?}");
                assert!(cut.size.iter().all(|side| (1..=8).contains(side)), "{cut:?}");
            }
        }
    }
}
