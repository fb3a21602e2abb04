//! What may stand in the place of a word of the command line: a list above the line.

use super::draw;
use super::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget};

/// Rows of words, at most.
const ROWS: usize = 6;

/// Draws the words in columns above the last two rows of `area`, which has the line and its keys.
pub(crate) fn draw(words: &[String], theme: &Theme, buf: &mut Buffer, area: Rect) {
    let room = usize::from(area.height).saturating_sub(4).min(ROWS);
    let columns = usize::from(area.width).saturating_sub(4);
    let widest = words.iter().map(|word| draw::width(word)).max().unwrap_or(0).clamp(1, columns.max(1));
    let across = ((columns + 2) / (widest + 2)).max(1);
    let rows = words.len().div_ceil(across).min(room);
    if rows == 0 {
        return;
    }
    let height = rows as u16 + 2;
    let place = Rect { y: area.bottom() - 2 - height, height, ..area };
    Clear.render(place, buf);
    buf.set_style(place, theme.text);
    let shown = words.len().min(rows * across);
    let title = match words.len() - shown {
        0 => "tab: one of these".to_string(),
        more => format!("tab: one of these and {more} more"),
    };
    let inner = draw::frame(theme, buf, place, &title, false, Vec::new());
    for (i, word) in words.iter().take(shown).enumerate() {
        let x = 1 + (i / rows * (widest + 2)) as u16;
        draw::text(buf, inner, x, (i % rows) as u16, &draw::clip(word, widest), theme.text);
    }
}
