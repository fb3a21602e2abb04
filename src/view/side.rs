//! On a small screen: the panes that are not seen, in a line each, and the newest line of the journal.

use super::theme::Theme;
use super::{draw, header, journal, layout};
use crate::app::{Curve, Pane, State, number};
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
    let shown = layout::shown(state);
    let mut y = 0;
    for (i, pane) in Pane::ALL.into_iter().enumerate() {
        if let Some((name, value, spark)) = summary(state, pane, usize::from(inner.width).saturating_sub(18))
            && pane != shown
        {
            let line = Line::from(vec![
                Span::styled(format!("{} ", i + 1), theme.accent),
                Span::styled(format!("{name:<6}"), theme.dim),
                Span::styled(format!("{value:>7} "), theme.text),
                Span::styled(spark, theme.curve),
            ]);
            draw::put(buf, inner, 0, y, &line);
            y += 1;
        }
    }
    let rest = Rect { y: inner.y + y.min(inner.height), height: inner.height.saturating_sub(y), ..inner };
    if shown != Pane::Journal && rest.height > 0 {
        draw::text(buf, rest, 0, 0, "7", theme.accent);
        let text = Rect { x: rest.x + 2, width: rest.width.saturating_sub(2), ..rest };
        journal::lines(state, theme, buf, text, 0);
    }
}

/// Name, value and curve of a pane in a line.
fn summary(state: &State, pane: Pane, columns: usize) -> Option<(&'static str, String, String)> {
    let run = &state.run;
    let last = |curve: &Curve, show: fn(f64) -> String| curve.last().map_or("-".into(), |p| show(p.y));
    let of = |curve: &Curve| header::spark(curve, columns.min(16));
    Some(match pane {
        Pane::Loss => ("loss", last(&run.smooth, number::loss), of(&run.smooth)),
        Pane::Rate => ("rate", last(&run.rate, number::rate), of(&run.rate)),
        Pane::Accuracy => ("top-1", last(&run.top1, number::percent), of(&run.top1)),
        Pane::Hardware => {
            let hardware = &state.hardware;
            let name = match (hardware.cards().is_empty(), hardware.throttles().is_empty()) {
                (true, _) => "cpu",
                (false, true) => "gpu",
                (false, false) => "gpu !",
            };
            let now = hardware.busy.back().map_or("-".into(), |v| format!("{v:.0} %"));
            (name, now, draw::percents(&hardware.busy, columns.min(16)))
        }
        Pane::Knobs | Pane::Tricks | Pane::Journal | Pane::Images | Pane::Inside => return None,
    })
}
