//! A line that is being typed.

use super::draw;
use super::theme::Theme;
use ratatui::style::Style;
use ratatui::text::Span;

/// A line that is being typed, after a mark.
pub(crate) fn prompt(mark: &str, text: &str, cursor: usize, theme: &Theme) -> Vec<Span<'static>> {
    let mut spans = vec![Span::styled(mark.to_string(), theme.accent)];
    spans.extend(with_cursor(text, cursor, theme.text, theme));
    spans
}

/// A text with the cell under its cursor reversed.
pub(crate) fn with_cursor(text: &str, cursor: usize, style: Style, theme: &Theme) -> Vec<Span<'static>> {
    let at = text.char_indices().map(|(at, _)| at).find(|at| draw::width(&text[..*at]) >= cursor).unwrap_or(text.len());
    let (before, rest) = text.split_at(at);
    let mut chars = rest.chars();
    let under = chars.next().unwrap_or(' ');
    vec![
        Span::styled(before.to_string(), style),
        Span::styled(under.to_string(), style.patch(theme.cursor)),
        Span::styled(chars.as_str().to_string(), style),
    ]
}
