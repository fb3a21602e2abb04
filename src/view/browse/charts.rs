//! The curves of some runs over one another: each with the colour of its slot, and its letter on the curve.

use super::LETTERS;
use crate::app::{Curve, Ghost, Point, Window};
use crate::browse::{Run, State, figure};
use crate::train::Figure;
use crate::view::axes::{Axes, both, padded};
use crate::view::chart::{self, Pen, Series};
use crate::view::draw::{self, LinePart};
use crate::view::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Span;
use std::collections::VecDeque;

/// Rows of a chart, at least.
const LEAST: u16 = 7;

/// What a chart shows.
#[derive(Clone, Copy, PartialEq)]
enum What {
    Loss,
    Accuracy,
    Rate,
}

/// A run that is drawn.
struct Drawn<'a> {
    slot: Option<usize>,
    run: &'a Run,
    style: Style,
    curves: Option<&'a Ghost>,
}

/// As many charts as there is room for, below one another.
pub(super) fn column(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let whats = [What::Loss, What::Accuracy, What::Rate];
    let count = usize::from(area.height / LEAST).clamp(1, whats.len());
    let areas = Layout::vertical(vec![Constraint::Fill(1); count]).split(area);
    for (what, area) in whats.into_iter().zip(areas.iter()) {
        draw_chart(state, theme, buf, *area, what);
    }
}

/// All charts over the whole area, below the names of the runs.
pub(super) fn over(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let drawn = drawn(state, theme);
    let line = |area: Rect| Rect { x: area.x + 1, width: area.width.saturating_sub(2), height: 1, ..area };
    let lines = if area.height > 2 * LEAST { (drawn.len() as u16).min(6) } else { 1 };
    let [names, charts] = Layout::vertical([Constraint::Length(lines), Constraint::Fill(1)]).areas(area);
    let parts = |of: &Drawn| {
        let top1 =
            of.run.brief.best.map_or(String::new(), |best| format!("{} {:.2}", best.figure.title(), best.percent()));
        let letter = of.slot.map_or(String::new(), |slot| format!("{} ", LETTERS[slot]));
        let name = draw::clip(&of.run.name, usize::from(area.width / 2));
        vec![
            LinePart::new(0, vec![Span::styled(format!("{letter}{name}"), of.style.add_modifier(Modifier::BOLD))]),
            LinePart::new(1, vec![Span::styled(top1, theme.text)]),
            LinePart::new(2, vec![Span::styled(of.run.brief.status.word(), theme.dim)]),
        ]
    };
    for (y, of) in drawn.iter().take(usize::from(lines)).enumerate() {
        draw::row(buf, line(Rect { y: names.y + y as u16, ..names }), 0, 2, parts(of), Vec::new());
    }
    let [loss, below] = Layout::vertical([Constraint::Fill(5), Constraint::Fill(4)]).areas(charts);
    let [rate, accuracy] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(below);
    for (what, area) in [(What::Loss, loss), (What::Rate, rate), (What::Accuracy, accuracy)] {
        draw_chart(state, theme, buf, area, what);
    }
}

fn drawn<'a>(state: &'a State, theme: &Theme) -> Vec<Drawn<'a>> {
    let charted = state.charted().into_iter();
    charted
        .map(|(slot, run)| {
            let curves = state.curves(run).and_then(|loaded| loaded.curves.as_ref().ok()?.as_deref());
            Drawn { slot, run, style: slot.map_or(theme.curve, |slot| theme.runs[slot]), curves }
        })
        .collect()
}

/// Why there is nothing to draw.
fn nothing(state: &State, drawn: &[Drawn]) -> &'static str {
    let loaded = |of: &Drawn| state.curves(of.run).map(|loaded| loaded.curves.is_err());
    match drawn.first().map(loaded) {
        None => "",
        Some(None) => "reading …",
        Some(Some(false)) => "nothing is recorded yet",
        Some(Some(true)) => "its metrics cannot be read",
    }
}

fn draw_chart(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, what: What) {
    let drawn = drawn(state, theme);
    let title = match what {
        What::Loss if state.log_scale => "Loss (line: train, ◆: val), log",
        What::Loss => "Loss (line: train, ◆: val)",
        What::Accuracy => match figure(&state.runs) {
            Some(Figure::Top1) => "Top-1 in %",
            Some(figure) => figure.title(),
            None => "Score in %",
        },
        What::Rate => "Learning rate",
    };
    let letters = drawn.iter().filter_map(|of| Some(Span::styled(LETTERS[of.slot?].to_string(), of.style)));
    let inner = draw::frame(theme, buf, area, title, false, letters.collect());
    let curves = || drawn.iter().filter_map(|of| Some((of, of.curves?)));
    let Some(axes) = axes(curves().map(|(of, curves)| (of.run, curves)), what, state.log_scale) else {
        let text = nothing(state, &drawn);
        let x = inner.width.saturating_sub(draw::width(text) as u16) / 2;
        return draw::text(buf, inner, x, inner.height / 2, text, theme.dim);
    };
    let mut series = Vec::new();
    for (of, curves) in curves() {
        if what == What::Loss {
            series.push(line(&curves.val_loss, of.style, Pen::Marked, 1.0));
        }
    }
    let behind = series.len();
    series.extend(curves().map(|(of, curves)| {
        let (curve, factor) = curve(curves, what);
        line(curve, of.style, Pen::Line, factor)
    }));
    chart::draw(theme, buf, inner, &axes, &series, &VecDeque::new());
    for ((of, _), series) in curves().zip(&series[behind..]) {
        if let Some(slot) = of.slot {
            chart::letter(buf, inner, &axes, series, (slot, LETTERS[slot]));
        }
    }
}

/// The curve of a chart, and what its values are multiplied by.
fn curve(curves: &Ghost, what: What) -> (&Curve, f64) {
    match what {
        What::Loss => (&curves.smooth, 1.0),
        What::Accuracy => (&curves.score, 100.0),
        What::Rate => (&curves.rate, 1.0),
    }
}

fn line(curve: &Curve, style: Style, pen: Pen, factor: f64) -> Series {
    let points = curve.points(Window::Whole).map(|p| Point { y: factor * p.y, ..p }).collect();
    Series { points, style, pen }
}

/// Scales that hold the curves of all runs; none when there is nothing to draw.
fn axes<'a>(runs: impl Iterator<Item = (&'a Run, &'a Ghost)>, what: What, log: bool) -> Option<Axes> {
    let (mut range, mut end) = (None, 0.0_f64);
    for (run, curves) in runs {
        let (main, _) = curve(curves, what);
        let own = main.range(Window::Whole);
        range = both(range, own);
        if let (What::Loss, Some((_, high))) = (what, own) {
            // An early validation, with running statistics that lag, must not flatten the rest.
            let highest = (1.5 * high).max(curves.val_loss.last().map_or(0.0, |p| p.y));
            let val = curves.val_loss.range(Window::Whole);
            range = both(range, val.map(|(low, high)| (low, high.min(highest))));
        }
        end = end.max(run.brief.recipe.train.epochs as f64).max(main.last().map_or(0.0, |p| p.x));
    }
    let range = range?;
    let log = log && what == What::Loss;
    let (low, high) = padded(Some(range), log);
    let y = match what {
        What::Loss => (low, high),
        What::Accuracy => (100.0 * low, (100.0 * high).min(101.0)),
        What::Rate => (0.0, range.1 * 1.08),
    };
    Some(Axes { x: (0.0, end), y, log, cursor: None })
}
