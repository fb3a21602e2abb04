//! A line of the hardware: a name, a value, and the past of it.

use crate::app::hardware::Past;
use crate::view::draw;
use crate::view::theme::Theme;
use ratatui::text::{Line, Span};

/// Columns of a gauge's name.
pub(super) const NAME: usize = 10;

/// A name and a value.
pub(super) fn gauge(theme: &Theme, name: &str, value: String) -> Line<'static> {
    Line::from(vec![Span::styled(format!("{name:<NAME$}"), theme.dim), Span::styled(value, theme.text)])
}

/// A name, a value and the past of it.
pub(super) fn curve(theme: &Theme, name: &str, value: String, past: &Past, columns: usize) -> Line<'static> {
    let room = columns.saturating_sub(NAME + draw::width(&value) + 1).min(40);
    let mut line = gauge(theme, name, value);
    line.spans.extend([Span::raw(" "), Span::styled(draw::percents(past, room), theme.curve)]);
    line
}
