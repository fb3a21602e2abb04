//! Where the rows of a map lie that the rows being written read, for one vector of channels: a ring of rows.
//!
//! ```text
//! field [row of the ring][column][lanes]      as many rows as a kernel reads, with the padding's columns
//!
//!   row 0   row 3 of the map     <- took the place of row 0, which no tap reads any more
//!   row 1   row 1                <- the first row that the output row reads
//!   row 2   row 2
//! ```

use crate::kernels::buffer::Buffer;
use crate::kernels::geometry::ConvGeometry;
use crate::kernels::simd::LINE;
use std::ops::Range;

/// Values of a map that a task goes through, about: 256 KiB. A task goes through its rows once for every vector of
/// channels; with AVX2 each cache line holds two of them, so the rows should stay in the core's second-level cache,
/// beside those that are written.
const TASK: usize = 1 << 16;

/// The layout of a field: the few rows that are read now. A new row takes the place of one that is no longer read, so
/// that the field stays in the first-level cache and no row is moved.
///
/// Rows that are written come in *periods*. For an output, a period is one row. For the gradient of an input it is as
/// many rows as the stride: its rows differ in which taps reach them, and the rows of one *phase*, one place in the
/// period, have the same taps at the same distance. The same holds for columns.
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
    /// The taps of every phase, by the place that the first row of the period has in the ring, then by phase of the row
    /// and of the column.
    phases: Vec<Vec<Vec<Tap>>>,
    /// Columns of the map that lie in the field.
    pub columns: Range<usize>,
}

/// For every phase along an axis its taps: the index in the kernel, and the place counted from the period's first.
type Places = Vec<Vec<(usize, usize)>>;

/// A tap of a phase.
#[derive(Clone, Copy, Debug)]
pub struct Tap {
    /// Index of its weight.
    pub weight: usize,
    /// Its pixel in the field, for the first column of a period.
    pub place: usize,
}

/// What a task writes: some rows of some images.
pub struct Task {
    /// Images.
    pub images: Range<usize>,
    /// Rows of each.
    pub rows: Range<usize>,
}

impl Field {
    /// The field of the input, for rows of the output: each row reads all taps, `stride` rows after the one before.
    pub fn input(g: &ConvGeometry) -> Field {
        let c = &g.conv;
        let before = (c.padding.0 as isize, c.padding.1 as isize);
        let places = |kernel: usize| vec![(0..kernel).map(|k| (k, k * c.dilation)).collect()];
        Field::of((g.h, g.w), (g.oh, g.ow), before, (1, c.stride), (places(c.kernel.0), places(c.kernel.1)))
    }

    /// The field of the output's gradient, for rows of the input: each row reads the taps that read it with this
    /// stride.
    pub fn output_grad(g: &ConvGeometry) -> Field {
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

    /// The rows that a period reads and the one before it did not, each with the index of its first value in the field,
    /// for vectors of `lanes` lanes.
    pub fn read(&self, period: &Period, lanes: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (row, height) = (self.width * lanes, self.height);
        let mut place = period.place;
        period.read.clone().map(move |at| {
            let here = place;
            place = if place + 1 == height { 0 } else { place + 1 };
            (at, here * row)
        })
    }

    /// The row of the map at row `at` of the field, which is none in the padding.
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
    /// The rows of the field that are to be read for them: those that are not there yet.
    read: Range<usize>,
    /// The place in the ring of the first row that is to be read.
    place: usize,
    /// The place in the ring of the first row that their taps read.
    first: usize,
}

/// Scratch of a task for one vector of channels.
pub struct Scratch {
    /// The weights by tap.
    pub weights: Buffer,
    /// The field. Columns without a pixel of the map stay 0.
    pub field: Buffer,
    /// A row of the input.
    pub row: Buffer,
    /// The sums of the gradient by tap.
    pub sums: Buffer,
}

impl Scratch {
    /// For a field and the `taps` of a kernel.
    pub fn new(field: &Field, taps: usize) -> Scratch {
        Scratch {
            weights: Buffer::take(taps * LINE),
            field: Buffer::zeros(field.height * field.width * LINE),
            row: Buffer::take(field.out.1 * LINE),
            sums: Buffer::take(taps * LINE),
        }
    }
}
