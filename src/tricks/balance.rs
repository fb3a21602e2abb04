//! Weights of the classes in the loss, where classes have uneven numbers of images.

use super::mix::Pair;

/// The weight of every class: n / (K n_c), for n images of K classes of which n_c are of class c, as scikit-learn's
/// `class_weight="balanced"` has it. Classes without images are not counted, and have none.
pub fn class_weights(counts: &[u64]) -> Vec<f64> {
    let (images, classes) = (counts.iter().sum::<u64>() as f64, counts.iter().filter(|n| **n > 0).count() as f64);
    counts.iter().map(|n| if *n == 0 { 0.0 } else { images / (classes * *n as f64) }).collect()
}

/// Weighs the rows of target probabilities `q`, `(N, K)`, so that the mean of the losses becomes their mean weighted by
/// class, sum w_i l_i / sum w_i, as PyTorch's `CrossEntropyLoss(weight=...)` has it. The weight of an image in a pair is the
/// mix of those of both classes, whatever smoothing gives the others.
pub fn weigh(q: &mut [f32], labels: &[usize], pairs: Option<&[Pair]>, weights: &[f64]) {
    let of = |i: usize| match pairs.map(|pairs| pairs[i]) {
        None => weights[labels[i]],
        Some(Pair { partner, share, .. }) => {
            let share = f64::from(share);
            share * weights[labels[i]] + (1.0 - share) * weights[labels[partner]]
        }
    };
    let own: Vec<f64> = (0..labels.len()).map(of).collect();
    let mean = own.iter().sum::<f64>() / labels.len() as f64;
    for (row, own) in q.chunks_exact_mut(weights.len()).zip(own) {
        row.iter_mut().for_each(|q| *q *= (own / mean) as f32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::settings::Smoothing;
    use crate::tricks::targets::targets;

    #[test]
    fn the_weights_are_those_of_scikit_learn() {
        // compute_class_weight("balanced", classes=[0, 1, 2], y=[0] * 6 + [1] * 2 + [2])
        assert_eq!(class_weights(&[6, 2, 1]), [0.5, 1.5, 3.0]);
        assert_eq!(class_weights(&[6, 0, 2]), [8.0 / 12.0, 0.0, 2.0]);
        assert_eq!(class_weights(&[5, 5]), [1.0, 1.0]);
    }

    /// -log softmax(z) of each class.
    fn losses(z: &[f64]) -> Vec<f64> {
        let sum = z.iter().map(|v| v.exp()).sum::<f64>().ln();
        z.iter().map(|v| sum - v).collect()
    }

    #[test]
    fn the_mean_of_the_losses_becomes_the_weighted_one() {
        let (labels, weights) = ([0, 2, 0, 1], class_weights(&[6, 2, 1]));
        let z = [[0.3, -1.0, 0.5], [1.0, 0.2, -2.0], [0.0, 0.1, 0.7], [-0.4, 0.9, 0.2]];
        let pair = |partner, share| Pair { partner, share, region: None };
        let pairs = [pair(1, 0.3), pair(0, 0.75), pair(3, 1.0), pair(2, 0.5)];
        let smoothed = Smoothing { on: true, ..Smoothing::default() };
        for (pairs, smoothing) in [
            (None, &Smoothing::default()),
            (None, &smoothed),
            (Some(&pairs[..]), &Smoothing::default()),
            (Some(&pairs[..]), &smoothed),
        ] {
            let plain = targets(&labels, pairs, 3, smoothing);
            let mut q = plain.clone();
            weigh(&mut q, &labels, pairs, &weights);
            let loss = |q: &[f32], i: usize| -> f64 {
                q[3 * i..][..3].iter().zip(losses(&z[i])).map(|(q, loss)| f64::from(*q) * loss).sum()
            };
            let found = (0..4).map(|i| loss(&q, i)).sum::<f64>() / 4.0;
            let (mut sum, mut all) = (0.0, 0.0);
            for i in 0..4 {
                let (partner, share) = pairs.map_or((i, 1.0), |p| (p[i].partner, f64::from(p[i].share)));
                let weight = share * weights[labels[i]] + (1.0 - share) * weights[labels[partner]];
                sum += weight * loss(&plain, i);
                all += weight;
            }
            assert!((found - sum / all).abs() < 1e-6, "{found} {}", sum / all);
        }
    }
}
