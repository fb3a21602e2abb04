//! The panes with curves: loss, learning rate, accuracy.

use super::chart::{self, Axes, Pen, Series};
use super::draw;
use super::theme::Theme;
use crate::app::{Curve, Ghost, Pane, Point, State, Window, number};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

/// Training loss (single steps and smoothed) and validation loss.
pub(crate) fn loss(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let run = &state.run;
    let mut legend = vec![Span::styled(format!("train {}", number::loss(run.loss.value())), theme.curve)];
    if let Some(p) = run.val_loss.last() {
        legend.push(Span::styled(format!("◆ val {}", number::loss(p.y)), theme.second));
    }
    if state.log_scale {
        legend.push(Span::styled("log", theme.dim));
    }
    let inner = pane(state, theme, buf, area, Pane::Loss, if run.step > 0 { legend } else { Vec::new() });
    if run.step == 0 {
        return waiting(state, theme, buf, inner, "waiting for the first step");
    }
    let window = state.window;
    // (an early validation, with running statistics that lag, must not flatten the rest)
    let train = run.smooth.range(window);
    let highest = train.map_or(f64::INFINITY, |(_, high)| 1.5 * high).max(run.val_loss.last().map_or(0.0, |p| p.y));
    let range = both(train, run.val_loss.range(Window::Whole).map(|(low, high)| (low, high.min(highest))));
    let axes =
        Axes { x: state.span(), y: padded(range, state.log_scale), log: state.log_scale, cursor: state.run.crosshair };
    let [behind, behind_val] = ghost(state, theme, |ghost| [&ghost.smooth, &ghost.val_loss], 1.0);
    let series = [
        behind,
        behind_val,
        series(&run.raw, window, theme.faint, Pen::Scatter, 1.0),
        series(&run.val_loss, Window::Whole, theme.second, Pen::Marked, 1.0),
        series(&run.smooth, window, theme.curve, Pen::Line, 1.0),
    ];
    chart::draw(theme, buf, inner, &axes, &series, &run.marks);
}

/// The learning rate: so far, to come, and to come with the value that is being typed.
pub(crate) fn rate(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let run = &state.run;
    let mut legend = Vec::new();
    if run.lr.is_finite() {
        legend.push(Span::styled(format!("now {}", number::rate(run.lr)), theme.curve));
    }
    legend.push(Span::styled(format!("peak {}", number::rate(state.plan.peak)), theme.dim));
    if !state.plan.draft.is_empty() {
        legend.push(Span::styled("as typed", theme.pending));
    }
    let inner = pane(state, theme, buf, area, Pane::Rate, legend);
    let plan = &state.plan;
    let whole = state.window == Window::Whole;
    let to_come = |points: &[Point]| points.iter().fold(0.0, |high: f64, p| high.max(p.y));
    let mut high = run.rate.range(state.window).map_or(0.0, |(_, high)| high);
    if whole {
        high = high.max(to_come(&plan.future)).max(to_come(&plan.draft));
    }
    let axes = Axes { x: state.span(), y: (0.0, high * 1.08), log: false, cursor: state.run.crosshair };
    let future = |points: &[Point], style| Series { points: points.to_vec(), style, pen: Pen::Dotted };
    let [behind] = ghost(state, theme, |ghost| [&ghost.rate], 1.0);
    let series = [
        behind,
        future(&plan.future, theme.dim),
        future(&plan.draft, theme.pending),
        series(&run.rate, state.window, theme.curve, Pen::Line, 1.0),
    ];
    chart::draw(theme, buf, inner, &axes, &series, &run.marks);
}

/// Top-1 and top-5 on the test set, in percent.
pub(crate) fn accuracy(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let run = &state.run;
    let mut legend = Vec::new();
    legend.extend(run.top1.last().map(|p| Span::styled(format!("top-1 {}", number::percent(p.y)), theme.curve)));
    legend.extend(run.top5.last().map(|p| Span::styled(format!("◆ top-5 {}", number::percent(p.y)), theme.second)));
    let inner = pane(state, theme, buf, area, Pane::Accuracy, legend);
    if let Some(best) = run.best {
        draw::foot(buf, area, Span::styled(format!("best {}", best.words()), theme.good));
    }
    let Some(range) = both(run.top1.range(Window::Whole), run.top5.range(Window::Whole)) else {
        return waiting(state, theme, buf, inner, "first evaluation after epoch 1");
    };
    let (low, high) = padded(Some(range), false);
    let axes =
        Axes { x: state.span(), y: (100.0 * low, (100.0 * high).min(101.0)), log: false, cursor: state.run.crosshair };
    let [behind] = ghost(state, theme, |ghost| [&ghost.top1], 100.0);
    let series = [
        behind,
        series(&run.top5, Window::Whole, theme.second, Pen::Marked, 100.0),
        series(&run.top1, Window::Whole, theme.curve, Pen::Line, 100.0),
    ];
    chart::draw(theme, buf, inner, &axes, &series, &run.marks);
}

fn pane(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, pane: Pane, legend: Vec<Span<'_>>) -> Rect {
    let recent = if state.window == Window::Recent { ", last steps" } else { "" };
    draw::frame(theme, buf, area, &format!("{}{recent}", pane.word()), state.focus == pane, legend)
}

fn waiting(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, what: &str) {
    let dots = ".".repeat(1 + (state.clock.as_secs() % 3) as usize);
    let alive = state.run.state == crate::train::State::Starting;
    let text = if alive { format!("{what} {dots}") } else { what.to_string() };
    let x = area.width.saturating_sub(draw::width(what) as u16 + 4) / 2;
    draw::text(buf, area, x, area.height / 2, &text, theme.dim);
}

/// Curves of what was rolled back, or of the run that this one was forked from, to be drawn behind all others.
fn ghost<const N: usize>(state: &State, theme: &Theme, of: fn(&Ghost) -> [&Curve; N], factor: f64) -> [Series; N] {
    let nothing = || Series { points: Vec::new(), style: theme.faint, pen: Pen::Line };
    match &state.run.ghost {
        Some(ghost) => of(ghost).map(|curve| series(curve, state.window, theme.faint, Pen::Line, factor)),
        None => std::array::from_fn(|_| nothing()),
    }
}

fn series(curve: &Curve, window: Window, style: Style, pen: Pen, factor: f64) -> Series {
    let points = curve.points(window).map(|p| Point { y: factor * p.y, ..p }).collect();
    Series { points, style, pen }
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
