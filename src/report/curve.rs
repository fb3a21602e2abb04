//! Points and axes: what is drawn of a curve, and where.

/// Points that are drawn of a curve at most.
pub(super) const MOST: usize = 600;

/// A place in a chart.
pub(super) type Point = (f64, f64);

/// At most `most` of the points, without those that are not finite. Of every stretch of a curve that is too long the
/// lowest and the highest stay, so that no peak is lost, and so do its ends.
pub(super) fn thin(points: &[Point], most: usize) -> Vec<Point> {
    let finite: Vec<Point> = points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    let (Some(first), Some(last)) = (finite.first(), finite.last()) else { return Vec::new() };
    if finite.len() <= most {
        return finite;
    }
    let inner = &finite[1..finite.len() - 1];
    let stretch = inner.len().div_ceil((most / 2).saturating_sub(1).max(1));
    let mut kept = vec![*first];
    for points in inner.chunks(stretch) {
        let place = |best: fn(f64, f64) -> bool| {
            (1..points.len()).fold(0, |kept, i| if best(points[i].1, points[kept].1) { i } else { kept })
        };
        let (low, high) = (place(|a, b| a < b), place(|a, b| a > b));
        kept.push(points[low.min(high)]);
        if low != high {
            kept.push(points[low.max(high)]);
        }
    }
    kept.push(*last);
    kept
}

/// An axis from its least to its greatest value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    log: bool,
}

impl Axis {
    /// Holds all values, and ends at round ones.
    pub(super) fn linear(values: impl Iterator<Item = f64>) -> Axis {
        let (low, high) = ends(values).unwrap_or((0.0, 1.0));
        let room = if high > low { high - low } else { high.abs().max(1e-3) };
        let step = round_up(room / 5.0);
        Axis { low: (low / step).floor() * step, high: ((high / step).ceil() * step).max(low + step), log: false }
    }

    /// From exactly `low` to exactly `high`.
    pub(super) fn exact(low: f64, high: f64) -> Axis {
        Axis { low, high: if high > low { high } else { low + 1.0 }, log: false }
    }

    /// Logarithmic where the values are positive and reach over more than a decade, else linear.
    pub(super) fn wide(values: impl Iterator<Item = f64> + Clone) -> Axis {
        match ends(values.clone()) {
            Some((low, high)) if low > 0.0 && high > 10.0 * low => Axis { low: low / 1.1, high: high * 1.1, log: true },
            _ => Axis::linear(values),
        }
    }

    /// Where a value lies, from 0 at the low end to 1.
    pub(super) fn place(&self, value: f64) -> f64 {
        if self.log {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    /// Round values to be written beside it, some six.
    pub(super) fn ticks(&self) -> Vec<f64> {
        if self.log {
            let decades = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
            let within = |v: &f64| (self.low..=self.high).contains(v);
            let of = |factors: &[f64]| -> Vec<f64> {
                decades.clone().flat_map(|d| factors.iter().map(move |f| f * 10f64.powi(d))).filter(within).collect()
            };
            let fine = of(&[1.0, 2.0, 5.0]);
            return if fine.len() <= 7 { fine } else { of(&[1.0]) };
        }
        let step = round_up((self.high - self.low) / 6.0);
        let first = (self.low / step - 1e-9).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        (first..=last).map(|i| i as f64 * step).collect()
    }
}

fn ends(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values
        .filter(|v| v.is_finite())
        .fold(None, |ends, v| Some(ends.map_or((v, v), |(low, high): (f64, f64)| (low.min(v), high.max(v)))))
}

/// The next number of the form 1, 2 or 5 times a power of ten.
fn round_up(least: f64) -> f64 {
    let unit = 10f64.powf(least.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|f| f * unit >= least * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * unit
}

/// A number of an axis, without the noise of its last bits.
pub(super) fn tick(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let digits = (2 - value.abs().log10().floor() as i32).clamp(0, 12) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_curve_keeps_its_ends_its_peaks_and_its_order() {
        let mut points: Vec<Point> = (0..100_000).map(|i| (f64::from(i), f64::from(i % 7))).collect();
        points[54_321].1 = 99.0;
        points[77_777].1 = -99.0;
        points[3].1 = f64::NAN;
        let thinned = thin(&points, MOST);
        assert!((MOST / 2..=MOST).contains(&thinned.len()), "{}", thinned.len());
        assert!(thinned.windows(2).all(|w| w[0].0 < w[1].0));
        assert_eq!((thinned[0], *thinned.last().unwrap()), (points[0], points[99_999]));
        for peak in [points[54_321], points[77_777]] {
            assert!(thinned.contains(&peak), "{peak:?}");
        }
        assert_eq!(thin(&points[..4], MOST), points[..3]);
        assert!(thin(&[], MOST).is_empty());
        for most in 0..9 {
            assert!(thin(&points, most).len() <= most.max(4), "{most}");
        }
    }

    #[test]
    fn axes_hold_their_values_and_have_few_round_ticks() {
        let cases: [(&[f64], &[f64]); 6] = [
            (&[0.13, 2.31], &[0.0, 0.5, 1.0, 1.5, 2.0, 2.5]),
            (&[76.4, 91.2], &[75.0, 80.0, 85.0, 90.0, 95.0]),
            (&[5.0, 5.0], &[5.0, 5.2, 5.4, 5.6, 5.8, 6.0]),
            (&[], &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
            (&[f64::NAN, 1.0, 3.0], &[1.0, 1.5, 2.0, 2.5, 3.0]),
            (&[-0.4, 0.9], &[-0.5, 0.0, 0.5, 1.0]),
        ];
        for (values, ticks) in cases {
            let axis = Axis::linear(values.iter().copied());
            let found = axis.ticks();
            assert!(
                found.len() == ticks.len() && found.iter().zip(ticks).all(|(a, b)| (a - b).abs() < 1e-9),
                "{values:?} {found:?}"
            );
            let inside = |v: &f64| (-1e-9..=1.0 + 1e-9).contains(&axis.place(*v));
            assert!(values.iter().filter(|v| v.is_finite()).all(inside), "{values:?}");
        }
        let log = Axis::wide([0.02, 2.4].into_iter());
        assert!(log.log && log.ticks() == [0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0], "{:?}", log.ticks());
        assert!((log.place(0.02) + log.place(2.4) - 1.0).abs() < 1e-9);
        assert!(!Axis::wide([0.0, 2.4].into_iter()).log && !Axis::wide([0.5, 2.4].into_iter()).log);
        assert!(Axis::wide([1e-9, 1e9].into_iter()).ticks().len() < 25);
    }

    #[test]
    fn ticks_are_written_short() {
        for (value, text) in
            [(0.30000000000000004, "0.3"), (75.0, "75"), (1200.0, "1200"), (2e-5, "0.00002"), (0.0, "0")]
        {
            assert_eq!(tick(value), text);
        }
    }
}
