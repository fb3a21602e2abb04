//! Mean and variance of columns from the sums of parts.

/// What a part of the rows adds up to.
pub struct Part {
    /// Rows.
    pub rows: usize,
    /// For every column the sum of values less the pivot, then for every column that of their squares, lines of
    /// `len / 2`.
    pub sums: Vec<f32>,
}

/// The two sums of every column over all parts.
pub fn totals(parts: &[Part], c: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut first, mut second) = (vec![0f64; c], vec![0f64; c]);
    for part in parts {
        let (own_first, own_second) = part.sums.split_at(part.sums.len() / 2);
        first.iter_mut().zip(own_first).for_each(|(a, b)| *a += *b as f64);
        second.iter_mut().zip(own_second).for_each(|(a, b)| *a += *b as f64);
    }
    (first, second)
}

/// Mean and variance (biased) of every column, from parts in order, whose values had `pivot` taken away.
pub fn moments(parts: &[Part], pivot: &[f32]) -> (Vec<f32>, Vec<f32>) {
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
