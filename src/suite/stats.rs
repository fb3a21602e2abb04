//! Means over seeds, and gains that are compared seed by seed.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};
use std::fmt::{self, Display, Formatter};

/// Probability that an interval holds what it estimates.
const CONFIDENCE: f64 = 0.95;

/// Marks a gain that may be none.
pub(super) const NOISE: &str = "~";

/// The values of several seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Values.
    pub n: usize,
    /// Their mean.
    pub mean: f64,
    /// Their sample standard deviation, which divides by n - 1; none for a single value.
    pub deviation: Option<f64>,
}

impl Spread {
    /// Summarises values, when there are any.
    pub fn of(values: &[f64]) -> Option<Spread> {
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        (n > 0).then(|| Spread { n, mean, deviation: (n > 1).then(|| (squares / (n - 1) as f64).sqrt()) })
    }
}

impl Display for Spread {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2}", self.mean)?;
        self.deviation.map_or(Ok(()), |deviation| write!(f, " ± {deviation:.2}"))
    }
}

/// What something gains over something else, in pairs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Gain {
    /// Pairs.
    pub n: usize,
    /// Mean difference.
    pub mean: f64,
    /// Half the width of its 95 % interval, by Student's paired t; none for a single pair.
    pub margin: Option<f64>,
}

impl Gain {
    /// Summarises differences, when there are any.
    pub fn of(differences: &[f64]) -> Option<Gain> {
        let Spread { n, mean, deviation } = Spread::of(differences)?;
        let t = StudentsT::new(0.0, 1.0, n.saturating_sub(1) as f64).ok();
        let quantile = t.map(|t| t.inverse_cdf(0.5 + CONFIDENCE / 2.0));
        let margin = deviation.zip(quantile).map(|(deviation, t)| t * deviation / (n as f64).sqrt());
        Some(Gain { n, mean, margin })
    }

    /// Whether it is more than noise: its interval does not contain zero.
    pub fn is_clear(&self) -> bool {
        self.margin.is_some_and(|margin| self.mean.abs() > margin)
    }
}

impl Display for Gain {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{:+.2}", self.mean)?;
        self.margin.map_or(Ok(()), |margin| write!(f, " ± {margin:.2}"))?;
        f.write_str(if self.is_clear() { "" } else { NOISE })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: Option<f64>, b: f64) {
        assert!(a.is_some_and(|a| (a - b).abs() < 1e-9), "{a:?} {b}");
    }

    /// `scipy.stats.ttest_rel(a, b).confidence_interval(0.95)` and `numpy.std(a, ddof=1)` of scipy 1.17.
    #[test]
    fn means_and_intervals_are_those_of_scipy() {
        let cases: [(&[f64], &[f64], [f64; 5]); 2] = [
            (
                &[91.2, 90.7, 91.9],
                &[90.4, 90.5, 91.0],
                [91.26666666666667, 0.6027713773341723, 0.6333333333333352, -0.3071460255584071, 1.5738126922250775],
            ),
            (
                &[75.3, 76.1, 75.9, 76.4, 75.2],
                &[75.0, 76.3, 75.1, 75.9, 75.5],
                [75.78, 0.5167204273105536, 0.2200000000000017, -0.3584075536526777, 0.7984075536526811],
            ),
        ];
        for (a, b, [mean, deviation, gain, low, high]) in cases {
            let spread = Spread::of(a).unwrap();
            near(Some(spread.mean), mean);
            near(spread.deviation, deviation);
            let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| a - b).collect();
            let found = Gain::of(&differences).unwrap();
            near(Some(found.mean), gain);
            near(found.margin.map(|margin| found.mean - margin), low);
            near(found.margin.map(|margin| found.mean + margin), high);
            assert!(!found.is_clear());
        }
    }

    #[test]
    fn one_seed_has_no_interval_and_is_never_clear() {
        let one = Gain::of(&[3.0]).unwrap();
        assert_eq!((one.mean, one.margin, one.is_clear()), (3.0, None, false));
        assert_eq!(Spread::of(&[]), None);
        assert!(Gain::of(&[1.0, 1.1, 0.9]).unwrap().is_clear());
        assert!(Gain::of(&[-1.0, -1.1, -0.9]).unwrap().is_clear());
    }
}
