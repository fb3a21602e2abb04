//! Hue, saturation, brightness and PCA noise (section 2.1, steps 4 and 5). Each is linear in RGB and nothing is clipped
//! in between, as in the authors' code, so all of them together are one matrix and one offset an image. The first three
//! commute: turning and scaling in YIQ leaves the luma alone.

use crate::random::ChaCha8Rng;
use crate::recipe::settings::{Augment, Jitter};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use std::f64::consts::PI;

type Matrix = [[f64; 3]; 3];

/// RGB to YIQ, in the numbers of MXNet's `HueJitterAug`.
const YIQ: Matrix = [[0.299, 0.587, 0.114], [0.596, -0.274, -0.321], [0.211, -0.523, 0.311]];

/// Standard deviations of the colours of ImageNet along their principal components, and these as columns (AlexNet).
const EIGENVALUES: [f64; 3] = [55.46, 4.794, 1.148];
const EIGENVECTORS: Matrix = [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]];

/// What happens to the colours of one image: `matrix * rgb + offset`, in values from 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::data) struct Colour {
    pub matrix: Matrix,
    pub offset: [f64; 3],
    /// The coefficient of the brightness alone, for images that are not RGB.
    pub brightness: f64,
}

impl Colour {
    /// Leaves all as it is.
    pub const NONE: Colour =
        Colour { matrix: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], offset: [0.0; 3], brightness: 1.0 };

    /// Draws coefficients uniform in 1 ± strength and noise that is normal; what one switch does changes no other.
    pub fn draw(s: &Augment, colours: &mut ChaCha8Rng, noise: &mut ChaCha8Rng) -> Colour {
        let mut coefficient = |jitter: &Jitter| {
            let u = colours.gen_range(-1.0..=1.0);
            if jitter.on { 1.0 + jitter.strength * u } else { 1.0 }
        };
        let (h, s_, b) = (coefficient(&s.hue), coefficient(&s.saturation), coefficient(&s.brightness));
        let alphas: [f64; 3] = std::array::from_fn(|_| StandardNormal.sample(noise));
        let mut matrix = Colour::NONE.matrix;
        if s.hue.on {
            matrix = product(&hue(h), &matrix);
        }
        if s.saturation.on {
            matrix = product(&saturation(s_), &matrix);
        }
        let mut offset = [0.0; 3];
        if s.pca.on {
            offset = apply(&EIGENVECTORS, std::array::from_fn(|i| alphas[i] * s.pca.std * EIGENVALUES[i]));
        }
        Colour { matrix: matrix.map(|row| row.map(|v| v * b)), offset, brightness: b }
    }
}

/// Turns the colours by (c - 1) * 180 degrees in the plane of I and Q: MXNet scales the hue so, with alpha = c - 1.
pub(in crate::data) fn hue(c: f64) -> Matrix {
    let (sin, cos) = ((c - 1.0) * PI).sin_cos();
    let turn = [[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]];
    product(&inverse(&YIQ), &product(&turn, &YIQ))
}

/// c times the image and 1 - c times its grey.
pub(in crate::data) fn saturation(c: f64) -> Matrix {
    std::array::from_fn(|i| std::array::from_fn(|j| (1.0 - c) * YIQ[0][j] + if i == j { c } else { 0.0 }))
}

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    std::array::from_fn(|i| std::array::from_fn(|j| (0..3).map(|k| a[i][k] * b[k][j]).sum()))
}

fn apply(m: &Matrix, v: [f64; 3]) -> [f64; 3] {
    m.map(|row| row.iter().zip(v).map(|(a, b)| a * b).sum())
}

fn inverse(m: &Matrix) -> Matrix {
    // Indices of cofactors are cyclic.
    let at = |i: usize, j: usize| m[i % 3][j % 3];
    let cofactor = |i: usize, j: usize| at(i + 1, j + 1) * at(i + 2, j + 2) - at(i + 1, j + 2) * at(i + 2, j + 1);
    let determinant: f64 = (0..3).map(|j| m[0][j] * cofactor(0, j)).sum();
    std::array::from_fn(|i| std::array::from_fn(|j| cofactor(j, i) / determinant))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, rng};
    use crate::recipe::settings::Pca;

    const ON: Jitter = Jitter { on: true, strength: 0.4 };

    fn close(a: &Matrix, b: &Matrix, within: f64) {
        for (a, b) in a.as_flattened().iter().zip(b.as_flattened()) {
            assert!((a - b).abs() < within, "{a} {b}");
        }
    }

    fn all() -> Augment {
        Augment { hue: ON, saturation: ON, brightness: ON, pca: Pca { on: true, std: 0.1 }, ..Augment::default() }
    }

    fn draws(s: &Augment, n: u64) -> Vec<Colour> {
        let one = |i| Colour::draw(s, &mut rng(5, Purpose::Colour, 1, i), &mut rng(5, Purpose::Noise, 1, i));
        (0..n).map(one).collect()
    }

    #[test]
    fn a_hue_of_1_and_a_whole_turn_change_nothing_and_grey_stays_grey() {
        close(&hue(1.0), &Colour::NONE.matrix, 1e-12);
        close(&hue(3.0), &Colour::NONE.matrix, 1e-12);
        for c in [0.6, 0.8, 1.3] {
            // The rows of I and Q in these numbers sum to a thousandth, not to nothing.
            assert!(apply(&hue(c), [100.0; 3]).iter().all(|v| (v - 100.0).abs() < 0.5), "{c}");
            assert!(apply(&saturation(c), [100.0; 3]).iter().all(|v| (v - 100.0).abs() < 1e-9), "{c}");
            close(&product(&hue(c), &saturation(0.7)), &product(&saturation(0.7), &hue(c)), 2e-3);
        }
        close(&saturation(0.0), &[YIQ[0]; 3], 1e-12);
    }

    #[test]
    fn coefficients_are_uniform_in_their_range() {
        let s = Augment { brightness: ON, ..Augment::default() };
        let b: Vec<f64> = draws(&s, 20_000).iter().map(|c| c.brightness).collect();
        assert!(b.iter().all(|b| (0.6..=1.4).contains(b)));
        let mean = b.iter().sum::<f64>() / 2e4;
        let variance = b.iter().map(|b| (b - mean).powi(2)).sum::<f64>() / 2e4;
        assert!((mean - 1.0).abs() < 0.005 && (variance - 0.64 / 12.0).abs() < 1e-3, "{mean} {variance}");
    }

    #[test]
    fn noise_has_the_covariance_of_photographs() {
        let s = Augment { pca: Pca { on: true, std: 0.1 }, ..Augment::default() };
        let all = draws(&s, 40_000);
        for (i, a) in EIGENVECTORS.iter().enumerate() {
            assert!(all.iter().map(|c| c.offset[i]).sum::<f64>().abs() / 4e4 < 0.1);
            for (j, b) in EIGENVECTORS.iter().enumerate() {
                let found = all.iter().map(|c| c.offset[i] * c.offset[j]).sum::<f64>() / 4e4;
                let exact: f64 = (0..3).map(|k| a[k] * b[k] * (0.1 * EIGENVALUES[k]).powi(2)).sum();
                assert!((found - exact).abs() < 0.3, "{i} {j}: {found} {exact}");
            }
        }
    }

    #[test]
    fn no_switch_changes_what_another_draws() {
        let both = draws(&all(), 50);
        let dim = draws(&Augment { hue: Jitter::default(), saturation: Jitter::default(), ..all() }, 50);
        let quiet = draws(&Augment { pca: Pca::default(), ..all() }, 50);
        for ((a, b), c) in both.iter().zip(&dim).zip(&quiet) {
            assert_eq!((a.brightness, a.offset), (b.brightness, b.offset));
            assert_eq!((a.matrix, [0.0; 3]), (c.matrix, c.offset));
        }
        assert!(draws(&Augment::default(), 20).iter().all(|c| *c == Colour::NONE));
    }
}
