//! Random erasing (Zhong et al. 2017): a rectangle of a normalised image becomes 0, the mean colour, as torchvision's
//! `RandomErasing` does it.

use crate::data::resize::Region;
use crate::random::ChaCha8Rng;
use crate::recipe::settings::Erase;
use rand::Rng;

/// Rectangles that are tried before the image is left as it is.
const TRIES: usize = 10;
/// Least share of the area that goes.
const MIN_AREA: f64 = 0.02;
/// Least and largest aspect ratio, height to width.
const ASPECT: [f64; 2] = [0.3, 3.3];

/// Draws whether the image loses a rectangle, and which: its share of the area is uniform, its aspect ratio
/// log-uniform, its place uniform; one that does not fit is drawn again.
pub(in crate::data) fn draw(s: &Erase, height: usize, width: usize, rng: &mut ChaCha8Rng) -> Option<Region> {
    if !rng.gen_bool(s.probability) {
        return None;
    }
    let [low, high] = ASPECT.map(f64::ln);
    (0..TRIES).find_map(|_| {
        let area = (height * width) as f64 * rng.gen_range(MIN_AREA..=s.max_area);
        let aspect = rng.gen_range(low..=high).exp();
        let (h, w) = ((area * aspect).sqrt().round() as usize, (area / aspect).sqrt().round() as usize);
        ((1..height).contains(&h) && (1..width).contains(&w)).then(|| Region {
            top: rng.gen_range(0..=height - h),
            left: rng.gen_range(0..=width - w),
            height: h,
            width: w,
        })
    })
}

/// Sets the rectangle to 0 in a normalised image of rows of `line` numbers, `channels` to a pixel.
pub(in crate::data) fn erase(hole: Region, line: usize, channels: usize, image: &mut [f32]) {
    for row in image.chunks_exact_mut(line).skip(hole.top).take(hole.height) {
        row[hole.left * channels..][..hole.width * channels].fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, rng};

    fn draws(s: &Erase, n: u64) -> Vec<Option<Region>> {
        (0..n).map(|i| draw(s, 100, 100, &mut rng(3, Purpose::Erase, 0, i))).collect()
    }

    #[test]
    fn the_share_the_areas_and_the_aspects_are_as_asked() {
        let all = draws(&Erase { probability: 0.25, max_area: 0.2, ..Erase::default() }, 20_000);
        let holes: Vec<&Region> = all.iter().flatten().collect();
        assert!((holes.len() as f64 / 20_000.0 - 0.25).abs() < 0.01);
        let areas: Vec<f64> = holes.iter().map(|r| (r.height * r.width) as f64 / 1e4).collect();
        assert!(areas.iter().all(|a| (0.018..=0.205).contains(a)));
        assert!((areas.iter().sum::<f64>() / areas.len() as f64 - 0.11).abs() < 0.002);
        assert!(holes.iter().all(|r| r.top + r.height <= 100 && r.left + r.width <= 100));
        let logs: Vec<f64> = holes.iter().map(|r| (r.height as f64 / r.width as f64).ln()).collect();
        assert!(
            logs.iter().all(|l| (-1.3..1.3).contains(l)) && logs.iter().sum::<f64>().abs() / (logs.len() as f64) < 0.03
        );
        let places: f64 = holes.iter().map(|r| r.top as f64 / (100.0 - r.height as f64)).sum();
        assert!((places / holes.len() as f64 - 0.5).abs() < 0.01);
    }

    #[test]
    fn all_or_none_and_images_too_small_for_a_rectangle() {
        assert!(draws(&Erase { probability: 1.0, ..Erase::default() }, 500).iter().all(Option::is_some));
        assert!(draws(&Erase { probability: 0.0, ..Erase::default() }, 500).iter().all(Option::is_none));
        assert_eq!(
            draw(&Erase { probability: 1.0, ..Erase::default() }, 1, 1, &mut rng(0, Purpose::Erase, 0, 0)),
            None
        );
    }

    #[test]
    fn the_rectangle_and_nothing_else_becomes_0() {
        let mut image = vec![1.0; 4 * 5 * 3];
        erase(Region { top: 1, left: 2, height: 2, width: 3 }, 15, 3, &mut image);
        let zero = |y: usize, x: usize| image[(y * 5 + x) * 3..][..3] == [0.0; 3];
        for y in 0..4 {
            for x in 0..5 {
                assert_eq!(zero(y, x), (1..3).contains(&y) && x >= 2, "{y} {x}");
            }
        }
    }
}
