//! The random resized crop (section 2.1): a rectangle of random area and aspect ratio, as torchvision draws it.

use crate::data::resize::Region;
use crate::random::ChaCha8Rng;
use crate::recipe::settings::Resized;
use rand::Rng;

/// Rectangles that are tried before the middle of the image is taken.
const TRIES: usize = 10;

/// Draws a rectangle of whole pixels: its share of the area is uniform, its aspect ratio log-uniform; one that does not
/// fit is drawn again, and after ten the largest one in the middle whose aspect is allowed is taken.
pub(in crate::data) fn draw(s: &Resized, height: usize, width: usize, rng: &mut ChaCha8Rng) -> Region {
    let (h, w) = (height as f64, width as f64);
    let ln = s.ratio.ln();
    for _ in 0..TRIES {
        let area = h * w * rng.gen_range(s.min_area..=s.max_area);
        let aspect = rng.gen_range(-ln..=ln).exp();
        let (width, height) = ((area * aspect).sqrt().round(), (area / aspect).sqrt().round());
        if (1.0..=w).contains(&width) && (1.0..=h).contains(&height) {
            let top = rng.gen_range(0..=(h - height) as u64) as usize;
            let left = rng.gen_range(0..=(w - width) as u64) as usize;
            return Region { top, left, height: height as usize, width: width as usize };
        }
    }
    let aspect = (w / h).clamp(1.0 / s.ratio, s.ratio);
    let (height, width) = if w / h > aspect { (h, (h * aspect).round()) } else { ((w / aspect).round(), w) };
    let (part_height, part_width) = (height.clamp(1.0, h) as usize, width.clamp(1.0, w) as usize);
    Region {
        top: (h as usize - part_height) / 2,
        left: (w as usize - part_width) / 2,
        height: part_height,
        width: part_width,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, rng};

    fn draws(s: &Resized, height: usize, width: usize, n: u64) -> Vec<Region> {
        (0..n).map(|i| draw(s, height, width, &mut rng(3, Purpose::Resized, 0, i))).collect()
    }

    fn mean(values: impl Iterator<Item = f64>) -> f64 {
        let values: Vec<f64> = values.collect();
        values.iter().sum::<f64>() / values.len() as f64
    }

    #[test]
    fn areas_and_aspects_keep_to_their_ranges() {
        for (h, w) in [(375, 500), (500, 375), (1000, 1000), (64, 64)] {
            for r in draws(&Resized::default(), h, w, 5000) {
                let (area, aspect) = ((r.height * r.width) as f64 / (h * w) as f64, r.width as f64 / r.height as f64);
                assert!((0.075..=1.0).contains(&area), "{r:?}");
                assert!((0.70..=1.43).contains(&aspect), "{r:?}");
                assert!(r.top + r.height <= h && r.left + r.width <= w);
            }
        }
    }

    #[test]
    fn small_areas_are_uniform_aspects_log_uniform_and_places_uniform() {
        // Such crops always fit, so that none is drawn twice.
        let s = Resized { min_area: 0.1, max_area: 0.5, ..Resized::default() };
        let all = draws(&s, 1000, 1000, 20_000);
        let areas = || all.iter().map(|r| (r.height * r.width) as f64 / 1e6);
        assert!((mean(areas()) - 0.3).abs() < 0.003);
        let variance = mean(areas().map(|a| (a - 0.3).powi(2)));
        assert!((variance - 0.4f64.powi(2) / 12.0).abs() < 3e-4, "{variance}");
        let logs = || all.iter().map(|r| (r.width as f64 / r.height as f64).ln());
        assert!(mean(logs()).abs() < 0.005);
        let variance = mean(logs().map(|l| l * l));
        assert!((variance - (2.0 * (4f64 / 3.0).ln()).powi(2) / 12.0).abs() < 1e-3, "{variance}");
        let places = all.iter().map(|r| r.top as f64 / (1000.0 - r.height as f64));
        assert!((mean(places) - 0.5).abs() < 0.01);
    }

    #[test]
    fn an_image_that_no_rectangle_fits_gives_its_middle() {
        let s = Resized { min_area: 1.0, ..Resized::default() };
        let r = draw(&s, 100, 1000, &mut rng(0, Purpose::Resized, 0, 0));
        assert_eq!(r, Region { top: 0, left: 433, height: 100, width: 133 });
        let r = draw(&s, 1000, 100, &mut rng(0, Purpose::Resized, 0, 0));
        assert_eq!((r.height, r.width, r.left), (133, 100, 0));
        assert_eq!(draw(&Resized::default(), 1, 1, &mut rng(0, Purpose::Resized, 0, 0)).height, 1);
    }

    #[test]
    fn the_whole_image_is_a_rectangle_too() {
        let s = Resized { min_area: 1.0, max_area: 1.0, ratio: 1.0, ..Resized::default() };
        let r = draw(&s, 32, 32, &mut rng(0, Purpose::Resized, 0, 0));
        assert_eq!(r, Region { top: 0, left: 0, height: 32, width: 32 });
    }
}
