//! Bilinear upsampling, as PyTorch's `interpolate(mode="bilinear")` does it.

/// Where an output lies between two inputs along an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tap {
    /// The input before it.
    pub low: usize,
    /// The input behind it, or the last one.
    pub high: usize,
    /// Share of that.
    pub share: f64,
}

/// The place of every output among the inputs of an axis. With `corners` the first and last of both are at the same
/// places; without, the edges of all are, and what lies outside the outermost inputs is theirs.
pub fn taps(from: usize, to: usize, corners: bool) -> impl Iterator<Item = Tap> {
    (0..to).map(move |i| {
        let place = match corners {
            true if to > 1 => i as f64 * ((from - 1) as f64 / (to - 1) as f64),
            true => 0.0,
            false => ((i as f64 + 0.5) * (from as f64 / to as f64) - 0.5).max(0.0),
        };
        let low = (place as usize).min(from - 1);
        Tap { low, high: (low + 1).min(from - 1), share: (place - low as f64).min(1.0) }
    })
}
