//! What happened, the newest line last; after the end, the result and the command that makes the run again.

use super::Drawing;
use crate::app::{Pane, State, number};
use crate::view::draw;
use crate::view::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

/// Draws the pane.
pub(crate) struct Journal;

impl Drawing for Journal {
    fn draw(&self, state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
        let mut legend = Vec::new();
        if state.panes.journal.scrolled > 0 {
            legend.push(Span::styled(format!("{} newer below", state.panes.journal.scrolled), theme.pending));
        }
        let inner = draw::frame(theme, buf, area, Pane::Journal.row().title, state.focus == Pane::Journal, legend);
        let inner = Rect { x: inner.x + u16::from(inner.width > 0), width: inner.width.saturating_sub(2), ..inner };
        lines(state, theme, buf, inner, state.panes.journal.scrolled);
    }
}

/// Draws the last lines before `skip` newer ones, as many as there is room for, long ones wrapped.
pub(crate) fn lines(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, skip: usize) {
    let digits = state.panes.journal.lines.iter().map(|e| number::thousands(e.step).len()).max().unwrap_or(1);
    let columns = usize::from(area.width).saturating_sub(digits + 2);
    let room = usize::from(area.height);
    let mut shown: Vec<(String, String, Style)> = Vec::new();
    for entry in state.panes.journal.lines.iter().rev().skip(skip) {
        let wrapped = draw::wrap(&entry.text, columns);
        if !shown.is_empty() && shown.len() + wrapped.len() > room {
            break;
        }
        for (i, line) in wrapped.into_iter().enumerate().rev() {
            let step = if i == 0 { number::thousands(entry.step) } else { String::new() };
            shown.push((step, line, theme.tone(entry.tone)));
        }
    }
    for (y, (step, line, style)) in shown.iter().rev().enumerate() {
        draw::text(buf, area, 0, y as u16, &format!("{step:>digits$}"), theme.dim);
        draw::text(buf, area, digits as u16 + 2, y as u16, line, *style);
    }
}
