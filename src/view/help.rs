//! The help: made from the key table and the table of commands.

use super::theme::Theme;
use super::{draw, popup};
use crate::app::commands::COMMANDS;
use crate::app::keys;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Columns of the help.
const COLUMNS: u16 = 76;

/// Draws the help from line `scroll` on, in two columns where there is room.
pub(crate) fn draw(scroll: usize, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let lines = lines(theme, COLUMNS.min(area.width.saturating_sub(2)));
    let columns = if area.width > 2 * COLUMNS { 2 } else { 1 };
    let per_column = lines.len().div_ceil(usize::from(columns));
    let room = usize::from(area.height.saturating_sub(3));
    let first = scroll.min(per_column.saturating_sub(room));
    let height = per_column.min(room) as u16;
    let title = if per_column > room { "Help (arrows scroll, esc closes)" } else { "Help (esc closes)" };
    let inner = popup::window(theme, buf, area, title, columns * COLUMNS, height);
    for (i, part) in lines.chunks(per_column).enumerate() {
        for (y, line) in part.iter().skip(first).take(usize::from(inner.height)).enumerate() {
            draw::put(buf, inner, 1 + i as u16 * COLUMNS, y as u16, line);
        }
    }
}

/// Columns of the keys.
const KEYS: usize = 20;

fn lines(theme: &Theme, columns: u16) -> Vec<Line<'static>> {
    let row = |left: &str, right: &str| {
        let wrapped = draw::wrap(right, usize::from(columns).saturating_sub(KEYS + 2));
        let line = |(i, text): (usize, String)| {
            let left = if i == 0 { left } else { "" };
            let left = format!("  {left:<width$}", width = KEYS - 2);
            Line::from(vec![Span::styled(left, theme.accent), Span::styled(text, theme.text)])
        };
        wrapped.into_iter().enumerate().map(line).collect::<Vec<_>>()
    };
    let heading = |text: &str| Line::from(Span::styled(text.to_string(), theme.good));
    let mut lines = Vec::new();
    for (name, bindings) in keys::help() {
        lines.push(heading(name));
        lines.extend(bindings.iter().flat_map(|b| row(b.label, b.help)));
    }
    lines.push(heading("Command line"));
    lines.extend(row(":lr 0.1", "change a knob by its name; 0.1e and 0.1@500 as above"));
    lines.extend(COMMANDS.iter().flat_map(|c| row(c.usage, c.help)));
    lines.push(heading("When a change applies"));
    lines.extend(row("live", "at the next step"));
    lines.extend(row("epoch", "at the next epoch"));
    lines.extend(row("fork", "only in a new run, which the screen offers"));
    lines.extend(row("wait, ep 5, @500", "on its way; at epoch 5; at step 500"));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_cut() {
        let options = crate::app::Options { theme: crate::app::ThemeName::Dark, color: true, ascii: false };
        for columns in [40, 60, COLUMNS] {
            let lines = lines(&Theme::new(&options), columns);
            let cut = lines.iter().find(|l| l.width() + 2 > usize::from(columns));
            assert!(cut.is_none(), "{cut:?}");
            assert!(lines.len() < keys::HELP_LINES, "{}", lines.len());
        }
    }
}
