//! On a small screen: the panes that are not seen, in a line each, and the newest line of the journal.

use super::draw;
use super::panes::{self, Summary};
use super::theme::Theme;
use crate::app::keys::label_of;
use crate::app::{PANES, Pane, State};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Draws the lines.
pub(crate) fn draw(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let title = if state.run.summary.is_some() { "Result" } else { "More" };
    let inner = draw::frame(theme, buf, area, title, false, Vec::new());
    let inner = Rect { x: inner.x + u16::from(inner.width > 0), width: inner.width.saturating_sub(2), ..inner };
    if state.run.summary.is_some() {
        let all = state.closing_lines();
        let lines = all.iter().flat_map(|l| draw::wrap(l, usize::from(inner.width)));
        for (y, line) in lines.enumerate() {
            draw::text(buf, inner, 0, y as u16, &line, if y == 0 { theme.good } else { theme.text });
        }
        return;
    }
    let shown = state.shown();
    let columns = usize::from(inner.width).saturating_sub(18);
    let mut y = 0;
    for pane in PANES.iter().map(|row| row.pane).filter(|pane| *pane != shown) {
        let Some(Summary { name, value, spark }) = panes::drawing(pane).summary(state, columns) else { continue };
        let line = Line::from(vec![
            Span::styled(format!("{} ", label_of(state.options.keys, pane)), theme.accent),
            Span::styled(format!("{name:<6}"), theme.dim),
            Span::styled(format!("{value:>7} "), theme.text),
            Span::styled(spark, theme.curve),
        ]);
        draw::put(buf, inner, 0, y, &line);
        y += 1;
    }
    let rest = Rect { y: inner.y + y.min(inner.height), height: inner.height.saturating_sub(y), ..inner };
    if shown != Pane::Journal && rest.height > 0 {
        let label = label_of(state.options.keys, Pane::Journal);
        draw::text(buf, rest, 0, 0, label, theme.accent);
        let beside = (draw::width(label) as u16 + 1).min(rest.width);
        let text = Rect { x: rest.x + beside, width: rest.width - beside, ..rest };
        panes::journal::lines(state, theme, buf, text, 0);
    }
}
