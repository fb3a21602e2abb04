//! Mixup (section 5.4): x = λ x_i + (1 - λ) x_j, and the targets likewise; λ ~ Beta(α, α).

use super::Pair;
use crate::random::{Purpose, rng};
use crate::recipe::settings::{Mixup, MixupPer};
use rand::seq::SliceRandom;
use rand_distr::{Beta, Distribution};

/// Draws the pairs of one batch; none when mixup is off or over: its last epochs, `off_epochs`, go without.
pub(super) fn pairs(mixup: &Mixup, epochs: u64, (seed, epoch, batch): (u64, u64, u64), n: usize) -> Option<Vec<Pair>> {
    if !mixup.on || epoch + mixup.off_epochs >= epochs {
        return None;
    }
    let beta = Beta::new(mixup.alpha, mixup.alpha).ok()?;
    let mut rng = rng(seed, Purpose::Mixup, epoch, batch);
    let mut partners: Vec<usize> = (0..n).collect();
    partners.shuffle(&mut rng);
    let first = beta.sample(&mut rng) as f32;
    let share = |i: usize| match mixup.per {
        MixupPer::Pair if i > 0 => beta.sample(&mut rng) as f32,
        _ => first,
    };
    let shares: Vec<f32> = (0..n).map(share).collect();
    Some(partners.into_iter().zip(shares).map(|(partner, share)| Pair { partner, share, region: None }).collect())
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
            let pairs = pairs(&on(alpha, MixupPer::Pair), 9, (1, 0, 0), 20_000).unwrap();
            let n = pairs.len() as f64;
            let mean = pairs.iter().map(|pair| pair.share as f64).sum::<f64>() / n;
            let var = pairs.iter().map(|pair| (pair.share as f64 - mean).powi(2)).sum::<f64>() / n;
            let expected = 0.25 / (2.0 * alpha + 1.0);
            assert!((mean - 0.5).abs() < 0.012, "mean {mean} at alpha {alpha}");
            assert!((var / expected - 1.0).abs() < 0.05, "variance {var}, expected {expected}");
        }
    }

    #[test]
    fn one_lambda_a_batch_and_none_in_the_last_epochs() {
        let mixup = on(0.2, MixupPer::Batch);
        let at = |epoch, batch| pairs(&mixup, 9, (1, epoch, batch), 64);
        let first = at(6, 0).unwrap();
        assert!(first.iter().all(|pair| pair.share == first[0].share));
        let mut partners: Vec<usize> = first.iter().map(|pair| pair.partner).collect();
        partners.sort();
        assert_eq!(partners, (0..64).collect::<Vec<_>>());
        assert_ne!(at(6, 1), Some(first.clone()));
        assert_eq!(at(6, 0), Some(first));
        assert_eq!(at(7, 0), None);
    }
}
