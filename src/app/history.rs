//! Curves of bounded size: the recent past at full resolution, the whole run at a reduced one.

use std::collections::VecDeque;

/// Points kept at full resolution.
const RECENT: usize = 1024;
/// Buckets of the whole run; when they are full, neighbours merge and each bucket holds twice as many points.
const WHOLE: usize = 2048;

/// A point of a curve; x counts epochs done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Epochs done.
    pub x: f64,
    /// The value.
    pub y: f64,
}

/// What part of a run the charts show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// From the first step to the planned last one.
    Whole,
    /// The last steps.
    Recent,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    x: f64,
    sum: f64,
    n: u32,
}

/// A curve that takes any number of points and keeps a bounded number.
#[derive(Clone, Debug)]
pub struct Curve {
    recent: VecDeque<Point>,
    whole: Vec<Bucket>,
    per_bucket: u32,
    range: Option<(f64, f64)>,
    recent_range: Option<(f64, f64)>,
}

impl Default for Curve {
    fn default() -> Self {
        Curve { recent: VecDeque::new(), whole: Vec::new(), per_bucket: 1, range: None, recent_range: None }
    }
}

impl Curve {
    /// Adds a point to the right; one that is not finite leaves a gap.
    pub fn push(&mut self, x: f64, y: f64) {
        if !x.is_finite() || !y.is_finite() {
            return;
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(Point { x, y });
        self.range = Some(widen(self.range, y));
        match self.whole.last_mut() {
            Some(last) if last.n < self.per_bucket => *last = Bucket { x, sum: last.sum + y, n: last.n + 1 },
            _ => self.whole.push(Bucket { x, sum: y, n: 1 }),
        }
        if self.whole.len() == WHOLE {
            self.whole = self.whole.chunks(2).map(merge).collect();
            self.per_bucket = self.per_bucket.saturating_mul(2);
        }
    }

    /// Brings the range of the recent points up to date, once after a batch of points.
    pub fn settle(&mut self) {
        self.recent_range = self.recent.iter().fold(None, |range, p| Some(widen(range, p.y)));
    }

    /// Takes away the points to the right of `x`.
    pub fn cut(&mut self, x: f64) {
        self.recent.retain(|p| p.x <= x);
        self.whole.retain(|b| b.x <= x);
        let means = self.points(Window::Whole).chain(self.points(Window::Recent));
        self.range = means.fold(None, |range, p| Some(widen(range, p.y)));
        self.settle();
    }

    /// The points of a window, from left to right.
    pub fn points(&self, window: Window) -> impl Iterator<Item = Point> + '_ {
        let (whole, recent) = match window {
            Window::Whole => (self.whole.as_slice(), None),
            Window::Recent => (&[][..], Some(self.recent.iter().copied())),
        };
        let mean = |b: &Bucket| Point { x: b.x, y: b.sum / f64::from(b.n) };
        whole.iter().map(mean).chain(recent.into_iter().flatten())
    }

    /// Smallest and largest value in a window.
    pub fn range(&self, window: Window) -> Option<(f64, f64)> {
        match window {
            Window::Whole => self.range,
            Window::Recent => self.recent_range,
        }
    }

    /// The last point of a window up to `x`.
    pub fn at(&self, window: Window, x: f64) -> Option<Point> {
        self.points(window).take_while(|p| p.x <= x).last()
    }

    /// The newest point.
    pub fn last(&self) -> Option<Point> {
        self.recent.back().copied()
    }

    /// The oldest point still at full resolution.
    pub fn first_recent(&self) -> Option<Point> {
        self.recent.front().copied()
    }
}

fn merge(pair: &[Bucket]) -> Bucket {
    let last = pair[pair.len() - 1];
    Bucket { x: last.x, sum: pair.iter().map(|b| b.sum).sum(), n: pair.iter().map(|b| b.n).sum() }
}

fn widen(range: Option<(f64, f64)>, y: f64) -> (f64, f64) {
    range.map_or((y, y), |(low, high)| (low.min(y), high.max(y)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_run_keeps_a_bounded_number_of_points_and_its_shape() {
        let mut curve = Curve::default();
        let n = 300_000;
        for i in 0..n {
            curve.push(f64::from(i), f64::from(i) * 2.0);
        }
        curve.settle();
        let whole: Vec<_> = curve.points(Window::Whole).collect();
        assert!(whole.len() <= WHOLE, "{}", whole.len());
        assert!(whole.len() >= WHOLE / 2, "{}", whole.len());
        assert!(whole.windows(2).all(|w| w[0].x < w[1].x && w[0].y < w[1].y));
        assert_eq!(curve.range(Window::Whole), Some((0.0, 2.0 * 299_999.0)));
        assert_eq!(curve.points(Window::Recent).count(), RECENT);
        assert_eq!(curve.range(Window::Recent), Some((2.0 * f64::from(n - 1024), 2.0 * 299_999.0)));
        let mean = whole.iter().map(|p| p.y).sum::<f64>() / whole.len() as f64;
        assert!((mean / 299_999.0 - 1.0).abs() < 0.01, "{mean}");
    }

    #[test]
    fn a_cut_leaves_what_is_to_its_left_and_goes_on_from_there() {
        let mut curve = Curve::default();
        (0..5000).for_each(|i| curve.push(f64::from(i), f64::from(i)));
        curve.cut(4500.0);
        assert_eq!(curve.last(), Some(Point { x: 4500.0, y: 4500.0 }));
        assert_eq!(curve.range(Window::Whole).map(|(_, high)| high), Some(4500.0));
        curve.push(4501.0, 1.0);
        assert!(curve.points(Window::Whole).is_sorted_by_key(|p| p.x));
        curve.cut(-1.0);
        assert_eq!((curve.last(), curve.range(Window::Whole)), (None, None));
    }

    #[test]
    fn values_that_are_not_finite_leave_a_gap() {
        let mut curve = Curve::default();
        curve.push(1.0, f64::NAN);
        curve.push(2.0, f64::INFINITY);
        assert_eq!(curve.last(), None);
        assert_eq!(curve.range(Window::Whole), None);
    }
}
