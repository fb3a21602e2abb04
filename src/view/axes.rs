//! The scales of a chart, and the ranges that they are made of.

/// The scales of a chart.
pub(crate) struct Axes {
    pub(crate) x: (f64, f64),
    pub(crate) y: (f64, f64),
    pub(crate) log: bool,
    /// Where a line stands upright.
    pub(crate) cursor: Option<f64>,
}

impl Axes {
    /// A value of the y axis, or its logarithm.
    fn height_of(&self, y: f64) -> f64 {
        if self.log { y.max(f64::MIN_POSITIVE).log10() } else { y }
    }

    /// Place of a value on the y axis, 0 at the bottom and 1 at the top.
    pub(super) fn share_y(&self, y: f64) -> f64 {
        let (low, high) = (self.height_of(self.y.0), self.height_of(self.y.1));
        (self.height_of(y) - low) / (high - low)
    }

    /// Place of a value on the x axis, 0 at the left and 1 at the right.
    pub(super) fn share_x(&self, x: f64) -> f64 {
        (x - self.x.0) / (self.x.1 - self.x.0)
    }

    /// Whether something can be drawn between them.
    pub(super) fn usable(&self) -> bool {
        let (low, high) = (self.height_of(self.y.0), self.height_of(self.y.1));
        self.x.1 > self.x.0 && high > low && [self.x.0, self.x.1, low, high].iter().all(|v| v.is_finite())
    }
}

/// The range that holds both.
pub(crate) fn both(a: Option<(f64, f64)>, b: Option<(f64, f64)>) -> Option<(f64, f64)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
        (a, b) => a.or(b),
    }
}

/// A range with a little room above and below, never empty, never below 0.
pub(crate) fn padded(range: Option<(f64, f64)>, log: bool) -> (f64, f64) {
    let (low, high) = range.unwrap_or((0.0, 1.0));
    if log {
        let low = low.max(1e-9);
        return (low / 1.3, high.max(low) * 1.3);
    }
    let room = ((high - low) * 0.08).max(high.abs() * 0.01).max(1e-9);
    ((low - room).max(0.0), high + room)
}
