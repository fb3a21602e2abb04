//! What logits say of one image: ranks of classes, the class that is predicted, the loss.

/// Classes that come before `label`; the lower of two equal logits' classes comes first, NaN comes last.
pub(super) fn rank(z: &[f32], label: usize) -> usize {
    let own = z[label];
    let before = |(i, v): (usize, &f32)| match own.is_nan() {
        true => !v.is_nan() || i < label,
        false => *v > own || (*v == own && i < label),
    };
    z.iter().enumerate().filter(|(i, v)| *i != label && before((*i, *v))).count()
}

/// The class of rank 0.
pub(super) fn predicted(z: &[f32]) -> usize {
    let before = |class: usize, best: usize| z[class] > z[best] || (z[best].is_nan() && !z[class].is_nan());
    (1..z.len()).fold(0, |best, class| if before(class, best) { class } else { best })
}

/// The cross entropy of logits against a label.
pub(super) fn cross_entropy(z: &[f32], label: usize) -> f64 {
    let most = z.iter().fold(f64::NEG_INFINITY, |m, v| m.max(*v as f64));
    let sum: f64 = z.iter().map(|v| (*v as f64 - most).exp()).sum();
    most + sum.ln() - z[label] as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_and_losses() {
        let z = [1.0, 3.0, 3.0, -2.0];
        assert_eq!([0, 1, 2, 3].map(|l| rank(&z, l)), [2, 0, 1, 3]);
        for z in [&z[..], &[f32::NAN, -5.0, -5.0], &[f32::NAN; 3], &[2.0, f32::NAN, 7.0]] {
            assert_eq!(rank(z, predicted(z)), 0, "{z:?}");
        }
        assert_eq!([0, 1].map(|l| rank(&[f32::NAN, -5.0], l)), [1, 0]);
        let uniform = cross_entropy(&[5.0; 10], 3);
        assert!((uniform - 10f64.ln()).abs() < 1e-12);
    }
}
