//! What the panes with curves draw with.

use crate::app::{Curve, Ghost, Pane, Point, State, Window};
use crate::view::chart::{Pen, Series};
use crate::view::draw;
use crate::view::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

/// Draws the frame of a pane with curves; gives the area inside.
pub(super) fn frame(
    state: &State,
    theme: &Theme,
    buf: &mut Buffer,
    area: Rect,
    pane: Pane,
    legend: Vec<Span<'_>>,
) -> Rect {
    let recent = if state.window == Window::Recent { ", last steps" } else { "" };
    draw::frame(theme, buf, area, &format!("{}{recent}", pane.row().title), state.focus == pane, legend)
}

/// Says what a pane waits for.
pub(super) fn waiting(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, what: &str) {
    let dots = ".".repeat(1 + (state.clock.as_secs() % 3) as usize);
    let alive = state.run.state == crate::train::State::Starting;
    let text = if alive { format!("{what} {dots}") } else { what.to_string() };
    let x = area.width.saturating_sub(draw::width(what) as u16 + 4) / 2;
    draw::text(buf, area, x, area.height / 2, &text, theme.dim);
}

/// Curves of what was rolled back, or of the run that this one was forked from, to be drawn behind all others.
pub(super) fn ghost<const N: usize>(
    state: &State,
    theme: &Theme,
    of: fn(&Ghost) -> [&Curve; N],
    factor: f64,
) -> [Series; N] {
    let nothing = || Series { points: Vec::new(), style: theme.faint, pen: Pen::Line };
    match &state.run.ghost {
        Some(ghost) => of(ghost).map(|curve| series(curve, state.window, theme.faint, Pen::Line, factor)),
        None => std::array::from_fn(|_| nothing()),
    }
}

/// A curve in a window of the run, its values times a factor.
pub(super) fn series(curve: &Curve, window: Window, style: Style, pen: Pen, factor: f64) -> Series {
    let points = curve.points(window).map(|p| Point { y: factor * p.y, ..p }).collect();
    Series { points, style, pen }
}
