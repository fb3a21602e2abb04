//! Mixup (section 5.4): x = lam x_i + (1 - lam) x_j, and the targets likewise; lam ~ Beta(alpha, alpha).

use crate::random::{Purpose, rng};
use crate::recipe::settings::{Mixup, MixupPer};
use rand::seq::SliceRandom;
use rand_distr::{Beta, Distribution};

/// Who is mixed with whom, and how much of each stays.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Partner j of every image i of the batch.
    pub partners: Vec<usize>,
    /// Ratio of every image.
    pub lambdas: Vec<f32>,
}

/// Draws the plan of one batch, or none when mixup is off or over (its last epochs, `off_epochs`, go without).
pub fn plan(mixup: &Mixup, epochs: u64, (seed, epoch, batch): (u64, u64, u64), n: usize) -> Option<Plan> {
    if !mixup.on || epoch + mixup.off_epochs >= epochs {
        return None;
    }
    let beta = Beta::new(mixup.alpha, mixup.alpha).ok()?;
    let mut rng = rng(seed, Purpose::Mixup, epoch, batch);
    let mut partners: Vec<usize> = (0..n).collect();
    partners.shuffle(&mut rng);
    let first = beta.sample(&mut rng) as f32;
    let lambdas = match mixup.per {
        MixupPer::Batch => vec![first; n],
        MixupPer::Pair => std::iter::once(first).chain((1..n).map(|_| beta.sample(&mut rng) as f32)).collect(),
    };
    Some(Plan { partners, lambdas })
}

/// Mixes images of `len` values each.
pub fn mix(plan: &Plan, pixels: &[f32], len: usize) -> Vec<f32> {
    let mut mixed = Vec::with_capacity(pixels.len());
    for (i, (&j, &lam)) in plan.partners.iter().zip(&plan.lambdas).enumerate() {
        let (own, other) = (&pixels[i * len..][..len], &pixels[j * len..][..len]);
        mixed.extend(own.iter().zip(other).map(|(a, b)| lam * a + (1.0 - lam) * b));
    }
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(alpha: f64, per: MixupPer) -> Mixup {
        Mixup { on: true, alpha, per, off_epochs: 2 }
    }

    #[test]
    fn lambda_has_the_mean_and_variance_of_beta() {
        for alpha in [0.2, 1.0, 4.0] {
            let plan = plan(&on(alpha, MixupPer::Pair), 9, (1, 0, 0), 20_000).unwrap();
            let n = plan.lambdas.len() as f64;
            let mean = plan.lambdas.iter().map(|l| *l as f64).sum::<f64>() / n;
            let var = plan.lambdas.iter().map(|l| (*l as f64 - mean).powi(2)).sum::<f64>() / n;
            let expected = 0.25 / (2.0 * alpha + 1.0);
            assert!((mean - 0.5).abs() < 0.012, "mean {mean} at alpha {alpha}");
            assert!((var / expected - 1.0).abs() < 0.05, "variance {var}, expected {expected}");
        }
    }

    #[test]
    fn one_lambda_a_batch_and_none_in_the_last_epochs() {
        let mixup = on(0.2, MixupPer::Batch);
        let at = |epoch, batch| plan(&mixup, 9, (1, epoch, batch), 64);
        let first = at(6, 0).unwrap();
        assert!(first.lambdas.iter().all(|l| *l == first.lambdas[0]));
        let mut sorted = first.partners.clone();
        sorted.sort();
        assert_eq!(sorted, (0..64).collect::<Vec<_>>());
        assert_ne!(at(6, 1), Some(first.clone()));
        assert_eq!(at(6, 0), Some(first));
        assert_eq!(at(7, 0), None);
    }

    #[test]
    fn mixes_each_image_with_its_partner() {
        let plan = Plan { partners: vec![1, 0], lambdas: vec![0.25, 1.0] };
        assert_eq!(mix(&plan, &[4.0, 8.0, 0.0, 0.0], 2), [1.0, 2.0, 0.0, 0.0]);
    }
}
