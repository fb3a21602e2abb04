//! Above the command line: what may stand in the place of a word, or what is to be said where the line has no room for it.

use super::draw;
use super::theme::Theme;
use crate::app::Line;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Clear, Widget};

/// Rows of words, at most.
const ROWS: usize = 6;

/// Draws it above the last two rows of `area`, which have the line and its keys.
pub(crate) fn draw(line: &Line, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let columns = usize::from(area.width).saturating_sub(4);
    if !line.offers.is_empty() {
        return words(&line.offers, columns, theme, buf, area);
    }
    let said =
        line.problem.iter().map(|text| (text, theme.alarm)).chain(line.hint.iter().map(|text| (text, theme.dim)));
    for (text, style) in said {
        // Mark, line, cursor, two columns between, and a margin.
        if draw::width(line.text()) + draw::width(text) + 6 > usize::from(area.width) {
            let lines = draw::wrap(text, columns.max(1));
            let inner = window(lines.len(), "", theme, buf, area);
            write(&lines, 0, style, buf, inner);
        }
    }
}

fn words(words: &[String], columns: usize, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let room = usize::from(area.height).saturating_sub(4).min(ROWS);
    let widest = words.iter().map(|word| draw::width(word)).max().unwrap_or(0).clamp(1, columns.max(1));
    let across = ((columns + 2) / (widest + 2)).max(1);
    let rows = words.len().div_ceil(across).min(room);
    let shown = words.len().min(rows * across);
    let title = match words.len() - shown {
        0 => "tab: one of these".to_string(),
        more => format!("tab: one of these and {more} more"),
    };
    let inner = window(rows, &title, theme, buf, area);
    for (column, words) in words[..shown].chunks(rows.max(1)).enumerate() {
        write(words, (column * (widest + 2)) as u16, theme.text, buf, inner);
    }
}

/// Clears and frames so many rows; gives the area inside.
fn window(rows: usize, title: &str, theme: &Theme, buf: &mut Buffer, area: Rect) -> Rect {
    let height = (rows as u16 + 2).min(area.height.saturating_sub(2));
    let place = Rect { y: area.bottom().saturating_sub(2 + height), height, ..area }.intersection(area);
    Clear.render(place, buf);
    buf.set_style(place, theme.text);
    draw::frame(theme, buf, place, title, false, Vec::new())
}

fn write(lines: &[String], x: u16, style: Style, buf: &mut Buffer, inner: Rect) {
    for (y, line) in lines.iter().enumerate() {
        draw::text(buf, inner, 1 + x, y as u16, line, style);
    }
}
