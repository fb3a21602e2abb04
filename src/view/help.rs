//! The help: made from the key table and the table of commands.

use super::theme::Theme;
use super::{draw, popup};
use crate::app::commands::COMMANDS;
use crate::app::keys::{BINDINGS, Binding};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Columns of the help.
const COLUMNS: u16 = 76;

/// Draws the help of a run's screen from line `scroll` on.
pub(crate) fn draw(scroll: usize, theme: &Theme, buf: &mut Buffer, area: Rect) {
    draw_lines(scroll, |columns| lines(theme, columns), theme, buf, area);
}

/// Draws a help, whose lines are made for a number of columns, from line `scroll` on, in two columns where there is room.
pub(crate) fn draw_lines(
    scroll: usize,
    lines: impl Fn(u16) -> Vec<Line<'static>>,
    theme: &Theme,
    buf: &mut Buffer,
    area: Rect,
) {
    let lines = lines(COLUMNS.min(area.width.saturating_sub(2)));
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

fn row(theme: &Theme, columns: u16, left: &str, right: &str) -> Vec<Line<'static>> {
    let wrapped = draw::wrap(right, usize::from(columns).saturating_sub(KEYS + 2));
    let line = |(i, text): (usize, String)| {
        let left = if i == 0 { left } else { "" };
        let left = format!("  {left:<width$}", width = KEYS - 2);
        Line::from(vec![Span::styled(left, theme.accent), Span::styled(text, theme.text)])
    };
    wrapped.into_iter().enumerate().map(line).collect()
}

/// A block of the help: its heading and its rows.
pub(crate) fn block<'a>(
    theme: &Theme,
    columns: u16,
    name: &str,
    rows: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Vec<Line<'static>> {
    let heading = Line::from(Span::styled(name.to_string(), theme.good));
    let rows = rows.into_iter().flat_map(|(left, right)| row(theme, columns, left, right));
    std::iter::once(heading).chain(rows).collect()
}

/// The blocks of a key table.
pub(crate) fn keys<C: PartialEq, A: Copy>(
    theme: &Theme,
    columns: u16,
    table: &'static [Binding<C, A>],
) -> Vec<Line<'static>> {
    let blocks = Binding::help(table).into_iter();
    blocks.flat_map(|(name, rows)| block(theme, columns, name, rows.iter().map(|b| (b.label, b.help)))).collect()
}

fn lines(theme: &Theme, columns: u16) -> Vec<Line<'static>> {
    let first = (":lr 0.1", "change a knob by its name; 0.1e and 0.1@500 as above");
    let commands = std::iter::once(first).chain(COMMANDS.iter().map(|c| (c.usage, c.help)));
    let times = [
        ("live", "at the next step"),
        ("epoch", "at the next epoch"),
        ("fork", "only in a new run, which the screen offers"),
        ("wait, ep 5, @500", "on its way; at epoch 5; at step 500"),
    ];
    let mut lines = keys(theme, columns, BINDINGS);
    lines.extend(block(theme, columns, "Command line", commands));
    lines.extend(block(theme, columns, "When a change applies", times));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_cut() {
        let options =
            crate::app::Options { theme: crate::app::ThemeName::Dark, color: true, truecolor: true, ascii: false };
        for columns in [40, 60, COLUMNS] {
            let lines = lines(&Theme::new(&options), columns);
            let cut = lines.iter().find(|l| l.width() + 2 > usize::from(columns));
            assert!(cut.is_none(), "{cut:?}");
            assert!(lines.len() < crate::app::keys::HELP_LINES, "{}", lines.len());
        }
    }
}
