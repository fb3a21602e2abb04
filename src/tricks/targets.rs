//! Target probabilities: one-hot, smoothed (section 5.2), mixed (section 5.4).

use super::mix::Pair;
use crate::recipe::settings::{Smoothing, SmoothingForm};

/// The probability of the label and that of every other class.
///
/// Paper (equation 5): 1 - eps and eps / (K - 1). Uniform: 1 - eps + eps / K and eps / K.
pub fn on_and_off(smoothing: &Smoothing, classes: usize) -> (f32, f32) {
    if !smoothing.on || classes < 2 {
        return (1.0, 0.0);
    }
    let (eps, k) = (smoothing.epsilon, classes as f64);
    let (on, off) = match smoothing.form {
        SmoothingForm::Paper => (1.0 - eps, eps / (k - 1.0)),
        SmoothingForm::Uniform => (1.0 - eps + eps / k, eps / k),
    };
    (on as f32, off as f32)
}

/// Adds `share` of the target probabilities of `label` to a row of K.
pub fn add_target(row: &mut [f32], label: usize, share: f32, smoothing: &Smoothing) {
    let (on, off) = on_and_off(smoothing, row.len());
    for (class, q) in row.iter_mut().enumerate() {
        *q += share * if class == label { on } else { off };
    }
}

/// Target probabilities `(N, K)` of labels; of images in pairs, each label with its share of the image.
pub fn targets(labels: &[usize], pairs: Option<&[Pair]>, classes: usize, smoothing: &Smoothing) -> Vec<f32> {
    let mut q = vec![0.0; labels.len() * classes];
    for (i, row) in q.chunks_exact_mut(classes).enumerate() {
        match pairs.map(|pairs| pairs[i]) {
            None => add_target(row, labels[i], 1.0, smoothing),
            Some(Pair { partner, share, .. }) => {
                add_target(row, labels[i], share, smoothing);
                add_target(row, labels[partner], 1.0 - share, smoothing);
            }
        }
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_sums_to_one() {
        for form in [SmoothingForm::Paper, SmoothingForm::Uniform] {
            let smoothing = Smoothing { on: true, epsilon: 0.1, form };
            let pair = |partner, share| Pair { partner, share, region: None };
            let q = targets(&[3, 0], Some(&[pair(1, 0.3), pair(0, 1.0)]), 10, &smoothing);
            for row in q.chunks(10) {
                assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn the_paper_spreads_epsilon_over_the_other_classes() {
        let smoothing = Smoothing { on: true, epsilon: 0.1, form: SmoothingForm::Paper };
        let q = targets(&[2], None, 5, &smoothing);
        assert_eq!(q, [0.025, 0.025, 0.9, 0.025, 0.025]);
        assert_eq!(targets(&[1], None, 3, &Smoothing::default()), [0.0, 1.0, 0.0]);
    }
}
