//! Rotation by a random angle about the middle of what the net sees; what comes from outside is padding.

use crate::random::ChaCha8Rng;
use crate::recipe::settings::Rotate;
use rand::Rng;

/// A rotation about the middle of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::data) struct Rotation {
    sin: f64,
    cos: f64,
}

impl Rotation {
    /// Leaves all as it is.
    pub const NONE: Rotation = Rotation { sin: 0.0, cos: 1.0 };

    /// Draws an angle, uniform in ± the largest, in degrees.
    pub fn draw(s: &Rotate, rng: &mut ChaCha8Rng) -> Rotation {
        Rotation::of(rng.gen_range(-1.0..=1.0) * s.degrees)
    }

    /// By this angle in degrees, counterclockwise.
    pub fn of(degrees: f64) -> Rotation {
        let (sin, cos) = degrees.to_radians().sin_cos();
        Rotation { sin, cos }
    }

    /// Whether it leaves all as it is.
    pub fn is_none(&self) -> bool {
        *self == Rotation::NONE
    }

    /// Where a place (row and column) of the turned picture of this height and width lies in the picture; none outside.
    pub fn source(&self, [y, x]: [f64; 2], [height, width]: [usize; 2]) -> Option<[f64; 2]> {
        let (height, width) = (height as f64, width as f64);
        let (down, across) = (y - height / 2.0, x - width / 2.0);
        let y = height / 2.0 + down * self.cos + across * self.sin;
        let x = width / 2.0 + across * self.cos - down * self.sin;
        ((0.0..height).contains(&y) && (0.0..width).contains(&x)).then_some([y, x])
    }

    /// The pixels of a picture (HWC) turned: bilinear, the byte 0 where they come from outside.
    pub fn turned(&self, pixels: &[u8], [height, width, channels]: [usize; 3]) -> Vec<u8> {
        let mut out = vec![0; pixels.len()];
        let axis = |v: f64, most: usize| {
            let v = (v - 0.5).clamp(0.0, (most - 1) as f64);
            let first = v as usize;
            (first, (first + 1).min(most - 1), v - first as f64)
        };
        for (at, to) in out.chunks_exact_mut(channels).enumerate() {
            let place = [(at / width) as f64 + 0.5, (at % width) as f64 + 0.5];
            let Some([y, x]) = self.source(place, [height, width]) else { continue };
            let ((top, bottom, down), (left, right, over)) = (axis(y, height), axis(x, width));
            for (c, to) in to.iter_mut().enumerate() {
                let value = |y: usize, x: usize| f64::from(pixels[(y * width + x) * channels + c]);
                let row = |y: usize| value(y, left) + (value(y, right) - value(y, left)) * over;
                *to = (row(top) + (row(bottom) - row(top)) * down).round() as u8;
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, rng};

    #[test]
    fn quarter_turns_move_every_pixel_counterclockwise() {
        let pixels: Vec<u8> = (0..2 * 9).collect();
        let turned = Rotation::of(90.0).turned(&pixels, [3, 3, 2]);
        // 0 1 2      2 5 8
        // 3 4 5  ->  1 4 7
        // 6 7 8      0 3 6
        let expected: Vec<u8> = [2, 5, 8, 1, 4, 7, 0, 3, 6].into_iter().flat_map(|at| [2 * at, 2 * at + 1]).collect();
        assert_eq!(turned, expected);
        assert_eq!(Rotation::of(180.0).turned(&turned, [3, 3, 2]), Rotation::of(270.0).turned(&pixels, [3, 3, 2]));
        assert_eq!(Rotation::NONE.turned(&pixels, [3, 3, 2]), pixels);
    }

    #[test]
    fn what_comes_from_outside_is_0_and_a_slope_stays_one() {
        let slope: Vec<u8> = (0..40 * 40).map(|at| 50 + (at % 40) as u8 * 2).collect();
        let turned = Rotation::of(30.0).turned(&slope, [40, 40, 1]);
        assert_eq!((turned[0], turned[39], turned[40 * 39]), (0, 0, 0));
        let (sin, cos) = 30f64.to_radians().sin_cos();
        for (y, x) in [(20, 20), (15, 25), (25, 12)] {
            let across = (x as f64 + 0.5 - 20.0) * cos - (y as f64 + 0.5 - 20.0) * sin + 20.0 - 0.5;
            assert!((f64::from(turned[y * 40 + x]) - 50.0 - 2.0 * across).abs() <= 0.51, "{y} {x}");
        }
    }

    #[test]
    fn angles_are_uniform_in_their_range() {
        let s = Rotate { on: true, degrees: 30.0 };
        let angle = |i| {
            let Rotation { sin, cos } = Rotation::draw(&s, &mut rng(1, Purpose::Rotate, 0, i));
            sin.atan2(cos).to_degrees()
        };
        let all: Vec<f64> = (0..8000).map(angle).collect();
        assert!(all.iter().all(|a| a.abs() <= 30.0 + 1e-9));
        let square = all.iter().map(|a| a * a).sum::<f64>() / 8000.0;
        assert!((square / 300.0 - 1.0).abs() < 0.05 && (all.iter().sum::<f64>() / 8000.0).abs() < 0.6, "{square}");
    }
}
