//! What happened, the newest line last; after the end, the result and the command that makes the run again.

use super::draw;
use super::theme::Theme;
use crate::app::{Entry, Pane, State, number};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

/// Draws the pane.
pub(crate) fn draw(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let mut legend = Vec::new();
    if state.scrolled > 0 {
        legend.push(Span::styled(format!("{} newer below", state.scrolled), theme.pending));
    }
    let inner = draw::frame(theme, buf, area, Pane::Journal.word(), state.focus == Pane::Journal, legend);
    let inner = Rect { x: inner.x + u16::from(inner.width > 0), width: inner.width.saturating_sub(2), ..inner };
    lines(state, theme, buf, inner, state.scrolled);
}

/// Draws the last lines before `skip` newer ones, as many as there is room for, long ones wrapped.
pub(crate) fn lines(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, skip: usize) {
    let digits = state.journal.iter().map(|e| number::thousands(e.step).len()).max().unwrap_or(1);
    let columns = usize::from(area.width).saturating_sub(digits + 2);
    let mut bottom = area.height;
    for entry in state.journal.iter().rev().skip(skip) {
        let wrapped = draw::wrap(&entry.text, columns);
        let n = wrapped.len() as u16;
        if n > bottom && bottom < area.height {
            break;
        }
        bottom = bottom.saturating_sub(n);
        draw_entry(theme, buf, area, bottom, digits, entry, &wrapped);
        if bottom == 0 {
            break;
        }
    }
    // A short journal starts at the top.
    if bottom > 0 && bottom < area.height {
        shift_up(buf, area, bottom);
    }
}

fn draw_entry(theme: &Theme, buf: &mut Buffer, area: Rect, y: u16, digits: usize, entry: &Entry, wrapped: &[String]) {
    let step = number::thousands(entry.step);
    draw::text(buf, area, 0, y, &format!("{step:>digits$}"), theme.dim);
    for (i, line) in wrapped.iter().enumerate() {
        draw::text(buf, area, digits as u16 + 2, y + i as u16, line, theme.tone(entry.tone));
    }
}

fn shift_up(buf: &mut Buffer, area: Rect, by: u16) {
    for y in 0..area.height {
        for x in area.left()..area.right() {
            let from = buf.cell((x, area.y + y + by)).filter(|_| y + by < area.height).cloned().unwrap_or_default();
            if let Some(to) = buf.cell_mut((x, area.y + y)) {
                *to = from;
            }
        }
    }
}
