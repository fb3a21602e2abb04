//! Round values along an axis.

use super::axes::Axes;

/// A round step of at least `least`: 1, 2 or 5 times a power of ten.
pub(super) fn nice(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= least * 0.999).unwrap_or(10.0 * power)
}

/// Round values of the y axis of a chart of so many rows.
pub(super) fn ticks_y(axes: &Axes, rows: u16) -> Vec<f64> {
    let (low, high) = axes.y;
    let wanted = (f64::from(rows) / if rows < 12 { 2.0 } else { 3.0 }).max(1.0);
    if axes.log {
        let decades = (low.log10().floor() as i32..=high.log10().ceil() as i32).map(|d| 10f64.powi(d));
        let multiples: &[f64] = if (high / low).log10() > wanted { &[1.0] } else { &[1.0, 2.0, 5.0] };
        return decades
            .flat_map(|d| multiples.iter().map(move |m| d * m))
            .filter(|v| *v >= low && *v <= high)
            .collect();
    }
    let step = nice(0.8 * (high - low) / wanted);
    let first = (low / step).ceil();
    (0..64).map(|i| (first + f64::from(i)) * step).take_while(|v| *v <= high + step * 1e-6).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_an_axis_are_round() {
        for (least, want) in [(0.3, 0.5), (1.0, 1.0), (1.5, 2.0), (6.0, 10.0), (0.012, 0.02)] {
            assert!((nice(least) - want).abs() < 1e-12, "{least}: {}", nice(least));
        }
    }

    #[test]
    fn ticks_lie_inside_and_are_few() {
        let axes = |y, log| Axes { x: (0.0, 1.0), y, log, cursor: None };
        let plain = ticks_y(&axes((0.13, 2.4), false), 9);
        assert_eq!(plain, [0.5, 1.0, 1.5, 2.0]);
        let log = ticks_y(&axes((0.13, 2.4), true), 9);
        assert_eq!(log, [0.2, 0.5, 1.0, 2.0]);
        assert!(ticks_y(&axes((1e-9, 1e9), true), 6).len() < 20);
    }
}
