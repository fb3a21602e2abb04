//! What rows that are written read, laid out for one vector of channels: where rows and taps lie.

use crate::kernels::buffer::Buffer;
use crate::kernels::geometry::ConvGeometry;
use crate::kernels::simd::LINE;
use std::ops::Range;

/// Values of a map that a task goes through, about: all channels of them stay in a core's own cache.
const TASK: usize = 1 << 16;

/// The layout of a field: the few rows that are read now, each in the place of one that no longer is, so that they stay in
/// the innermost cache.
///
/// Rows that are written come in periods: those of one phase find their taps at the same rows, from the first of their
/// period on; so do columns.
#[derive(Clone, Debug)]
pub struct Field {
    /// Height and width of the map that is read.
    pub map: (usize, usize),
    /// Height and width of the map that is written.
    pub out: (usize, usize),
    /// Rows and columns of the field before the map's first pixel.
    before: (isize, isize),
    /// Width in pixels.
    pub width: usize,
    /// Rows: as many as a period reads.
    height: usize,
    /// Rows and columns of a period: the stride for a gradient, else 1.
    pub period: usize,
    /// Rows and columns of the field from one period to the next.
    pub step: usize,
    /// The taps of every phase, rows by columns, by the place that the first row of the period has.
    phases: Vec<Vec<Vec<Tap>>>,
    /// Columns of the map that lie in the field.
    pub columns: Range<usize>,
}

/// For every phase along an axis the indices of its taps, and their places.
type Places = Vec<Vec<(usize, usize)>>;

/// A tap of a phase.
#[derive(Clone, Copy, Debug)]
pub struct Tap {
    /// Its weight.
    pub weight: usize,
    /// Its pixel in the field, for the first column of a period.
    pub place: usize,
}

/// Rows of images that a task writes.
pub struct Task {
    /// Images.
    pub images: Range<usize>,
    /// Rows of each.
    pub rows: Range<usize>,
}

impl Field {
    /// Of the input, for rows of the output: each reads all taps, the stride after the one before.
    pub fn input(g: &ConvGeometry) -> Field {
        let c = &g.conv;
        let before = (c.padding.0 as isize, c.padding.1 as isize);
        let places = |kernel: usize| vec![(0..kernel).map(|k| (k, k * c.dilation)).collect()];
        Field::of((g.h, g.w), (g.oh, g.ow), before, (1, c.stride), (places(c.kernel.0), places(c.kernel.1)))
    }

    /// Of the output's gradient, for rows of the input: each reads the taps that came to it at this stride.
    pub fn gradient(g: &ConvGeometry) -> Field {
        let c = &g.conv;
        let stride = c.stride as isize;
        let from = |phase: usize, k: usize, padding: usize| (phase + padding) as isize - (k * c.dilation) as isize;
        let first = |kernel: usize, padding: usize| from(0, kernel - 1, padding).div_euclid(stride);
        let places = |kernel: usize, padding: usize| {
            let tap = |phase: usize, k: usize| {
                let at = from(phase, k, padding);
                (at.rem_euclid(stride) == 0).then(|| (k, (at / stride - first(kernel, padding)) as usize))
            };
            (0..c.stride).map(|phase| (0..kernel).filter_map(|k| tap(phase, k)).collect()).collect()
        };
        let before = (-first(c.kernel.0, c.padding.0), -first(c.kernel.1, c.padding.1));
        let places = (places(c.kernel.0, c.padding.0), places(c.kernel.1, c.padding.1));
        Field::of((g.oh, g.ow), (g.h, g.w), before, (c.stride, 1), places)
    }

    fn of(
        map: (usize, usize),
        out: (usize, usize),
        before: (isize, isize),
        (period, step): (usize, usize),
        (rows, columns): (Places, Places),
    ) -> Field {
        let reach = |axis: &Places| axis.iter().flatten().map(|(_, place)| *place).max().unwrap_or(0);
        let width = (out.1 - 1) / period * step + reach(&columns) + 1;
        let kernel = columns.iter().map(Vec::len).sum::<usize>();
        let height = reach(&rows) + 1;
        let phase = |first: usize, rows: &[(usize, usize)], columns: &[(usize, usize)]| {
            let taps = rows.iter().flat_map(|row| columns.iter().map(move |column| (row, column)));
            taps.map(|(row, column)| Tap {
                weight: row.0 * kernel + column.0,
                place: (first + row.1) % height * width + column.1,
            })
            .collect()
        };
        let phases = || rows.iter().flat_map(|rows| columns.iter().map(move |columns| (rows, columns)));
        let from = |first: usize| phases().map(|(rows, columns)| phase(first, rows, columns)).collect();
        Field {
            map,
            out,
            before,
            width,
            height,
            period,
            step,
            phases: (0..height).map(from).collect(),
            columns: before.1.max(0) as usize..((before.1 + map.1 as isize).clamp(0, width as isize) as usize),
        }
    }

    /// The taps of row `y` of a period, by the phase of its columns.
    pub fn taps(&self, period: &Period, y: usize) -> &[Vec<Tap>] {
        &self.phases[period.first][(y - period.rows.start) * self.period..][..self.period]
    }

    /// The rows that a period reads and the one before it did not, and the first values of their places, for vectors of
    /// some lanes.
    pub fn read(&self, period: &Period, lanes: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (row, height) = (self.width * lanes, self.height);
        let mut place = period.place;
        period.read.clone().map(move |at| {
            let here = place;
            place = if place + 1 == height { 0 } else { place + 1 };
            (at, here * row)
        })
    }

    /// The row of the map at row `at` of the field.
    pub fn row(&self, at: usize) -> Option<usize> {
        usize::try_from(at as isize - self.before.0).ok().filter(|y| *y < self.map.0)
    }

    /// The column of the map at the first of `columns`.
    pub fn first_column(&self) -> usize {
        (-self.before.1).max(0) as usize
    }

    /// The tasks for `n` maps of `c` channels: several maps, or some rows of one.
    pub fn tasks(&self, n: usize, c: usize) -> Vec<Task> {
        let (h, w) = self.out;
        let rows = (TASK / (w * c)).max(1).next_multiple_of(self.period);
        let images = (rows / h).max(1);
        let parts = |first: usize| {
            let images = first..(first + images).min(n);
            (0..h).step_by(rows).map(move |y| Task { images: images.clone(), rows: y..(y + rows).min(h) })
        };
        (0..n).step_by(images).flat_map(parts).collect()
    }

    /// The periods of a task, in their order.
    pub fn periods(&self, task: &Task) -> Vec<Period> {
        let of = |image: usize| task.rows.clone().step_by(self.period).map(move |y| (image, y));
        let period = |(image, y): (usize, usize)| {
            let first = y / self.period * self.step;
            let kept = if y > task.rows.start { (first - self.step + self.height).max(first) } else { first };
            let rows = y..(y + self.period).min(task.rows.end);
            let read = kept..first + self.height;
            Period { image, rows, first: first % self.height, place: read.start % self.height, read }
        };
        task.images.clone().flat_map(of).map(period).collect()
    }
}

/// Rows of an image that are written together.
pub struct Period {
    /// The image.
    pub image: usize,
    /// The rows.
    pub rows: Range<usize>,
    /// The rows of the field that are read for them, less those that are there.
    read: Range<usize>,
    /// The place of the first that is read.
    place: usize,
    /// The place of the first row that they read.
    first: usize,
}

/// Scratch of a task for one vector of channels.
pub struct Scratch {
    /// The weights by tap.
    pub weights: Buffer,
    /// The field; columns without a pixel of the map stay 0.
    pub field: Buffer,
    /// A row of the input.
    pub row: Buffer,
    /// The sums of the gradient by tap.
    pub sums: Buffer,
}

impl Scratch {
    /// For a field of `taps`.
    pub fn new(field: &Field, taps: usize) -> Scratch {
        Scratch {
            weights: Buffer::take(taps * LINE),
            field: Buffer::zeros(field.height * field.width * LINE),
            row: Buffer::take(field.out.1 * LINE),
            sums: Buffer::take(taps * LINE),
        }
    }
}
