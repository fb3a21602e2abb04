//! Charts: curves in braille (eight dots a cell), or in ASCII.

use super::axes::Axes;
use super::draw;
use super::theme::Theme;
use super::ticks::{nice, ticks_y};
use crate::app::{Mark, Point, number};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use std::collections::VecDeque;

/// Columns for the labels of the y axis.
const LABELS: u16 = 6;

/// How a series is drawn.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Pen {
    /// Dots alone.
    Scatter,
    /// A line through all points.
    Line,
    /// A line of separate dots.
    Dotted,
    /// A line with a mark at every point, as long as they stand apart.
    Marked,
}

/// A curve of a chart.
pub(crate) struct Series {
    pub(crate) points: Vec<Point>,
    pub(crate) style: Style,
    pub(crate) pen: Pen,
}

#[derive(Clone, Copy, Default)]
struct Cell {
    dots: u8,
    /// 1 and up: the series that owns the cell.
    owner: usize,
    style: Style,
}

/// The dots of a plot. A later series takes over the cells it touches, so that lines stay thin.
struct Plot {
    width: usize,
    height: usize,
    /// Dots a cell holds, across and down.
    dots: (usize, usize),
    cells: Vec<Cell>,
}

/// Bits of the braille block by row and column.
const BRAILLE: [[u8; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

impl Plot {
    fn new(area: Rect, ascii: bool) -> Plot {
        let (width, height) = (usize::from(area.width), usize::from(area.height));
        let dots = if ascii { (1, 2) } else { (2, 4) };
        Plot { width, height, dots, cells: vec![Cell::default(); width * height] }
    }

    /// A point in dots, from the upper left; it may lie outside.
    fn place(&self, axes: &Axes, p: Point) -> (f64, f64) {
        let (w, h) = (self.width * self.dots.0, self.height * self.dots.1);
        (axes.share_x(p.x) * (w - 1) as f64, (1.0 - axes.share_y(p.y)) * (h - 1) as f64)
    }

    fn set(&mut self, x: f64, y: f64, owner: usize, style: Style) {
        let (x, y) = (x.round(), y.round());
        if !(x >= 0.0 && y >= 0.0) {
            return;
        }
        let (x, y) = (x as usize, y as usize);
        let (column, row) = (x / self.dots.0, y / self.dots.1);
        if column >= self.width || row >= self.height {
            return;
        }
        let cell = &mut self.cells[row * self.width + column];
        if cell.owner != owner {
            *cell = Cell { dots: 0, owner, style };
        }
        let bit = if self.dots.0 == 2 { BRAILLE[y % 4][x % 2] } else { 1 << (y % 2) };
        cell.dots |= bit;
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), owner: usize, style: Style) {
        let limit = ((self.width * self.dots.0) + (self.height * self.dots.1)) as f64 * 4.0;
        let steps = (to.0 - from.0).abs().max((to.1 - from.1).abs()).ceil().clamp(1.0, limit) as usize;
        for i in 0..=steps {
            let t = i as f64 / steps as f64;
            self.set(from.0 + t * (to.0 - from.0), from.1 + t * (to.1 - from.1), owner, style);
        }
    }

    fn series(&mut self, axes: &Axes, series: &Series, owner: usize) {
        let places = series.points.iter().map(|p| self.place(axes, *p)).collect::<Vec<_>>();
        match series.pen {
            Pen::Scatter => places.iter().for_each(|(x, y)| self.set(*x, *y, owner, series.style)),
            Pen::Dotted => {
                let apart = 2.0 * self.dots.0 as f64;
                let mut next = f64::MIN;
                for (x, y) in places {
                    if x >= next {
                        self.set(x, y, owner, series.style);
                        next = (x / apart).floor() * apart + apart;
                    }
                }
            }
            Pen::Line | Pen::Marked => {
                if let [(x, y)] = places[..] {
                    self.set(x, y, owner, series.style);
                }
                places.windows(2).for_each(|w| self.line(w[0], w[1], owner, series.style));
            }
        }
    }

    fn symbol(&self, cell: &Cell) -> char {
        match (self.dots.0, cell.dots) {
            (2, dots) => char::from_u32(0x2800 + u32::from(dots)).unwrap_or(' '),
            (_, 1) => '\'',
            (_, 2) => '.',
            _ => ':',
        }
    }
}

/// What the x axis has.
#[derive(Clone, Copy)]
enum Ruler {
    Epochs,
    /// Logarithms to the base ten of what is called so.
    Powers(&'static str),
}

impl Ruler {
    fn label(self, v: f64) -> String {
        match self {
            Ruler::Epochs => number::tick(v),
            Ruler::Powers(_) => format!("1e{v:.0}"),
        }
    }
}

/// Draws axes, series (later ones in front) and the marks of edits.
pub(crate) fn draw(
    theme: &Theme,
    buf: &mut Buffer,
    area: Rect,
    axes: &Axes,
    series: &[Series],
    marks: &VecDeque<Mark>,
) {
    draw_on(theme, buf, area, (axes, Ruler::Epochs), series, marks);
}

/// The same over the logarithms (to the base ten) of something that is called so, without marks.
pub(crate) fn draw_over_powers(
    theme: &Theme,
    buf: &mut Buffer,
    area: Rect,
    axes: &Axes,
    series: &[Series],
    of: &'static str,
) {
    draw_on(theme, buf, area, (axes, Ruler::Powers(of)), series, &VecDeque::new());
}

fn draw_on(
    theme: &Theme,
    buf: &mut Buffer,
    area: Rect,
    (axes, ruler): (&Axes, Ruler),
    series: &[Series],
    marks: &VecDeque<Mark>,
) {
    if area.width <= LABELS + 4 || area.height < 3 || !axes.usable() {
        return;
    }
    let plot_area = Rect { x: area.x + LABELS, width: area.width - LABELS, height: area.height - 1, ..area };
    y_axis(theme, buf, area, plot_area, axes);
    x_axis(theme, buf, area, plot_area, (axes, ruler));
    let mut plot = Plot::new(plot_area, theme.ascii);
    for (i, s) in series.iter().enumerate() {
        plot.series(axes, s, i + 1);
    }
    for (i, cell) in plot.cells.iter().enumerate().filter(|(_, c)| c.owner > 0) {
        let (x, y) = ((i % plot.width) as u16, (i / plot.width) as u16);
        draw::text(buf, plot_area, x, y, plot.symbol(cell).encode_utf8(&mut [0; 4]), cell.style);
    }
    for s in series.iter().filter(|s| s.pen == Pen::Marked) {
        markers(theme, buf, plot_area, &plot, axes, s);
    }
    draw_marks(theme, buf, plot_area, axes, marks);
    if let Some(x) = axes.cursor.and_then(|x| column(axes, plot_area, x)) {
        for y in 0..plot_area.height {
            draw::text(buf, plot_area, x, y, "┃", theme.accent);
        }
    }
}

/// The column of a plot that a place on the x axis is in.
fn column(axes: &Axes, area: Rect, x: f64) -> Option<u16> {
    let x = axes.share_x(x) * f64::from(area.width.saturating_sub(1));
    (0.0..f64::from(area.width)).contains(&x).then(|| x.round() as u16)
}

/// Writes a letter on a curve: at a place of its own for every slot, so that letters do not cover one another.
pub(crate) fn letter(buf: &mut Buffer, area: Rect, axes: &Axes, series: &Series, (slot, letter): (usize, char)) {
    if area.width <= LABELS + 4 || area.height < 3 || !axes.usable() || series.points.is_empty() {
        return;
    }
    let plot = Rect { x: area.x + LABELS, width: area.width - LABELS, height: area.height - 1, ..area };
    let point = series.points[(2 * (slot % 6) + 1) * series.points.len() / 12];
    let (x, y) = (axes.share_x(point.x), 1.0 - axes.share_y(point.y));
    if (0.0..=1.0).contains(&x) && (0.0..=1.0).contains(&y) {
        let cell = |share: f64, cells: u16| (share * f64::from(cells.saturating_sub(1))).round() as u16;
        let (x, y) = (cell(x, plot.width), cell(y, plot.height));
        draw::text(buf, plot, x, y, letter.encode_utf8(&mut [0; 4]), series.style.add_modifier(Modifier::BOLD));
    }
}

/// A mark at every point, as long as they stand at least three cells apart.
fn markers(theme: &Theme, buf: &mut Buffer, area: Rect, plot: &Plot, axes: &Axes, series: &Series) {
    let cells = |p: &Point| {
        let (x, y) = plot.place(axes, *p);
        (x / plot.dots.0 as f64, y / plot.dots.1 as f64)
    };
    let [first, .., last] = &series.points[..] else {
        if let [one] = &series.points[..] {
            marker(theme, buf, area, cells(one), series.style);
        }
        return;
    };
    if (cells(last).0 - cells(first).0) / (series.points.len() - 1) as f64 >= 3.0 {
        series.points.iter().for_each(|p| marker(theme, buf, area, cells(p), series.style));
    }
}

fn marker(theme: &Theme, buf: &mut Buffer, area: Rect, (x, y): (f64, f64), style: Style) {
    if x >= 0.0 && y >= 0.0 && x < f64::from(area.width) && y < f64::from(area.height) {
        draw::text(buf, area, x as u16, y as u16, if theme.ascii { "o" } else { "◆" }, style);
    }
}

/// Edits: a broken line down the plot, and what changed where there is room for it.
fn draw_marks(theme: &Theme, buf: &mut Buffer, area: Rect, axes: &Axes, marks: &VecDeque<Mark>) {
    let free = |buf: &Buffer, x: u16, y: u16, n: u16| {
        x + n <= area.width && (x..x + n).all(|x| buf.cell((area.x + x, area.y + y)).is_some_and(|c| c.symbol() == " "))
    };
    for mark in marks.iter().rev() {
        let Some(x) = column(axes, area, mark.epoch) else { continue };
        for y in (0..area.height).filter(|y| y % 2 == 0 || area.height < 6) {
            if free(buf, x, y, 1) {
                draw::text(buf, area, x, y, "┆", theme.pending);
            }
        }
        let label = draw::clip(&mark.label, 18);
        let n = draw::width(&label) as u16;
        let place = (0..area.height.min(3)).find_map(|y| {
            let right = free(buf, x + 1, y, n + 1).then_some((x + 1, y));
            right.or_else(|| (x > n && free(buf, x - n - 1, y, n + 1)).then(|| (x - n, y)))
        });
        if let Some((x, y)) = place {
            draw::text(buf, area, x, y, &label, theme.pending);
        }
    }
}

fn y_axis(theme: &Theme, buf: &mut Buffer, area: Rect, plot: Rect, axes: &Axes) {
    for y in 0..plot.height {
        draw::text(buf, area, LABELS - 1, y, "│", theme.frame);
    }
    let mut last = None;
    for v in ticks_y(axes, plot.height) {
        let y = ((1.0 - axes.share_y(v)) * f64::from(plot.height) - 0.5).round();
        if !(0.0..f64::from(plot.height)).contains(&y) || last.is_some_and(|l: f64| (l - y).abs() < 2.0) {
            continue;
        }
        last = Some(y);
        let label = number::tick(v);
        let start = (LABELS - 1).saturating_sub(draw::width(&label) as u16);
        draw::text(buf, area, start, y as u16, &label, theme.dim);
        draw::text(buf, area, LABELS - 1, y as u16, "┤", theme.frame);
    }
}

fn x_axis(theme: &Theme, buf: &mut Buffer, area: Rect, plot: Rect, (axes, ruler): (&Axes, Ruler)) {
    let y = area.height - 1;
    let bar = "─".repeat(usize::from(plot.width));
    draw::text(buf, area, LABELS - 1, y, &format!("└{bar}"), theme.frame);
    let step = nice((axes.x.1 - axes.x.0) / (f64::from(plot.width) / 10.0).max(1.0));
    let (step, word) = match ruler {
        Ruler::Epochs => (step, format!("epoch {}", number::tick((axes.x.1 * 100.0).round() / 100.0))),
        Ruler::Powers(of) => (step.max(1.0), of.to_string()),
    };
    draw::text(buf, area, area.width.saturating_sub(word.len() as u16), y, &word, theme.dim);
    let room = plot.width.saturating_sub(word.len() as u16 + 1);
    let mut v = (axes.x.0 / step).ceil() * step;
    while v <= axes.x.1 + step * 1e-6 {
        let label = ruler.label(v);
        let n = draw::width(&label) as u16;
        let middle = (axes.share_x(v) * f64::from(plot.width - 1)).round() as u16;
        let x = middle.saturating_sub(n / 2);
        if x + n <= room {
            draw::text(buf, area, LABELS + x, y, &label, theme.dim);
        }
        v += step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_from_corner_to_corner_touches_both() {
        let area = Rect::new(0, 0, 10, 4);
        let axes = Axes { x: (0.0, 1.0), y: (0.0, 1.0), log: false, cursor: None };
        let points = vec![Point { x: 0.0, y: 0.0 }, Point { x: 1.0, y: 1.0 }];
        let series = Series { points, style: Style::new(), pen: Pen::Line };
        let mut plot = Plot::new(area, false);
        plot.series(&axes, &series, 1);
        assert_eq!(plot.symbol(&plot.cells[9]), '⠊');
        assert_eq!(plot.symbol(&plot.cells[30]), '⡠');
    }
}
