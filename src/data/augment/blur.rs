//! Gaussian blur of some images, by a random radius.

use crate::random::ChaCha8Rng;
use crate::recipe::settings::Blur;
use rand::Rng;

/// Draws whether an image is blurred, and the standard deviation of the Gaussian in pixels, uniform from 0.
pub(in crate::data) fn draw(s: &Blur, rng: &mut ChaCha8Rng) -> Option<f64> {
    let (on, share) = (rng.gen_bool(s.probability), rng.r#gen::<f64>());
    on.then_some(share * s.radius)
}

/// Blurs a picture (HWC); what lies beyond its border is as the border.
pub(in crate::data) fn blur(pixels: &mut [u8], [height, width, channels]: [usize; 3], radius: f64) {
    let reach = (3.0 * radius).ceil() as usize;
    let weights: Vec<f32> = (0..=reach).map(|i| (-0.5 * (i as f64 / radius).powi(2)).exp() as f32).collect();
    let sum = weights[0] + 2.0 * weights[1..].iter().sum::<f32>();
    if !(radius > 0.0 && weights.iter().all(|weight| weight.is_finite())) {
        return;
    }
    // A sum over the neighbours of one line, which are `step` apart.
    let along = |from: &dyn Fn(usize) -> f32, at: usize, count: usize| {
        let mut total = weights[0] * from(at);
        for (i, weight) in weights.iter().enumerate().skip(1) {
            total += weight * (from(at.saturating_sub(i)) + from((at + i).min(count - 1)));
        }
        total / sum
    };
    let line = width * channels;
    let mut across = vec![0f32; pixels.len()];
    for (row, to) in pixels.chunks_exact(line).zip(across.chunks_exact_mut(line)) {
        for (at, to) in to.iter_mut().enumerate() {
            *to = along(&|x| f32::from(row[x * channels + at % channels]), at / channels, width);
        }
    }
    for (at, to) in pixels.iter_mut().enumerate() {
        *to = along(&|y| across[y * line + at % line], at / line, height).round() as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, rng};

    #[test]
    fn a_point_becomes_a_gaussian_of_that_deviation_in_its_channel() {
        for radius in [0.8, 1.0, 2.5] {
            let mut pixels = vec![0u8; 31 * 31 * 3];
            // A white square, so that rounding to bytes is small beside what is measured.
            for (y, x) in (0..9 * 9).map(|i| (11 + i / 9, 11 + i % 9)) {
                pixels[(y * 31 + x) * 3 + 1] = 255;
            }
            let moments = |pixels: &[u8]| {
                let (mut sum, mut square) = (0.0, 0.0);
                for (at, pixel) in pixels.chunks(3).enumerate() {
                    assert_eq!((pixel[0], pixel[2]), (0, 0));
                    sum += f64::from(pixel[1]);
                    square += f64::from(pixel[1]) * ((at / 31) as f64 - 15.0).powi(2);
                }
                (sum, square / sum)
            };
            let (sum, before) = moments(&pixels);
            blur(&mut pixels, [31, 31, 3], radius);
            let (blurred, after) = moments(&pixels);
            assert!((blurred / sum - 1.0).abs() < 0.01, "{radius}: {blurred} {sum}");
            assert!(
                (after - before - radius * radius).abs() < 0.05 * radius * radius + 0.02,
                "{radius}: {after} {before}"
            );
        }
    }

    #[test]
    fn a_flat_picture_stays_and_a_radius_of_0_changes_nothing() {
        let mut flat = vec![77u8; 5 * 4 * 3];
        blur(&mut flat, [5, 4, 3], 3.0);
        assert_eq!(flat, vec![77u8; 5 * 4 * 3]);
        let noise: Vec<u8> = (0..60).map(|i| (i * 37 % 256) as u8).collect();
        for radius in [0.0, 1e-300] {
            let mut pixels = noise.clone();
            blur(&mut pixels, [5, 4, 3], radius);
            assert_eq!(pixels, noise);
        }
    }

    #[test]
    fn the_share_and_the_radii_are_as_asked() {
        let s = Blur { on: true, probability: 0.25, radius: 2.0 };
        let all: Vec<Option<f64>> = (0..8000).map(|i| draw(&s, &mut rng(1, Purpose::Blur, 0, i))).collect();
        let radii: Vec<f64> = all.iter().flatten().copied().collect();
        assert!((radii.len() as f64 / 8000.0 - 0.25).abs() < 0.02);
        assert!(radii.iter().all(|r| (0.0..2.0).contains(r)));
        assert!((radii.iter().sum::<f64>() / radii.len() as f64 - 1.0).abs() < 0.05);
    }
}
