//! Mean and variance of channels from the sums of parts.

/// The sums over a part of the pixels.
pub struct PartialSums {
    /// Pixels of the part.
    pub rows: usize,
    /// Two sums for every channel, `(2, len / 2)`: of [`Moments`](super::lanes::Moments) those of values less the pivot
    /// and of their squares, of [`NormSums`](super::lanes::NormSums) those of g and g * (y - mean).
    pub sums: Vec<f32>,
}

/// The two sums of every channel over all parts, in the order of the parts.
pub fn totals(parts: &[PartialSums], c: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut first, mut second) = (vec![0f64; c], vec![0f64; c]);
    for part in parts {
        let (own_first, own_second) = part.sums.split_at(part.sums.len() / 2);
        first.iter_mut().zip(own_first).for_each(|(a, b)| *a += *b as f64);
        second.iter_mut().zip(own_second).for_each(|(a, b)| *a += *b as f64);
    }
    (first, second)
}

/// Mean and biased variance of every channel, from the sums of parts, in their order, whose values had `pivot`
/// subtracted.
///
/// Parts are joined in f64 by the pairwise formula of Chan, Golub and LeVeque, "Algorithms for Computing the Sample
/// Variance", The American Statistician 37(3), 1983: with counts n and m and means that differ by delta, the sums of
/// squared deviations add up with delta^2 * n * m / (n + m).
pub fn moments(parts: &[PartialSums], pivot: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let c = pivot.len();
    let (mut count, mut mean, mut squares) = (0f64, vec![0f64; c], vec![0f64; c]);
    for part in parts {
        let (rows, stride) = (part.rows as f64, part.sums.len() / 2);
        let total = count + rows;
        for i in 0..c {
            let (sum, square) = (part.sums[i] as f64, part.sums[stride + i] as f64);
            let delta = sum / rows - mean[i];
            mean[i] += delta * rows / total;
            squares[i] += (square - sum * sum / rows).max(0.0) + delta * delta * count * rows / total;
        }
        count = total;
    }
    let mean = mean.into_iter().zip(pivot).map(|(m, p)| (m + *p as f64) as f32).collect();
    (mean, squares.into_iter().map(|v| (v / count) as f32).collect())
}
