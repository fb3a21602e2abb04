//! Dialogs in front of the panes.

use super::draw;
use super::footer::value_text;
use super::theme::Theme;
use crate::app::keys::{self, Context};
use crate::app::{PresetDiff, State, title};
use crate::recipe::{Knob, Value};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget};

/// Clears the middle of `area` and frames it; gives the area inside.
pub(crate) fn window(theme: &Theme, buf: &mut Buffer, area: Rect, title: &str, columns: u16, rows: u16) -> Rect {
    let (width, height) = ((columns + 2).min(area.width), (rows + 2).min(area.height));
    let place = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    Clear.render(place, buf);
    buf.set_style(place, theme.text);
    draw::frame(theme, buf, place, title, true, Vec::new())
}

/// The keys of a dialog, a line each.
fn choices(theme: &Theme, context: Context) -> Vec<Line<'static>> {
    let row = |b: &keys::Binding| {
        Line::from(vec![
            Span::styled(format!("  {}  ", b.label), theme.accent),
            Span::styled(b.help.to_string(), theme.text),
        ])
    };
    keys::footer(context).map(row).collect()
}

fn show(theme: &Theme, buf: &mut Buffer, area: Rect, title: &str, lines: &[Line<'_>]) {
    let columns = lines.iter().map(Line::width).max().unwrap_or(0).max(draw::width(title) + 4) as u16 + 2;
    let inner = window(theme, buf, area, title, columns, lines.len() as u16);
    for (y, line) in lines.iter().enumerate() {
        draw::put(buf, inner, 0, y as u16, line);
    }
}

/// How to stop.
pub(crate) fn stop(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let mut lines = choices(theme, Context::Stop);
    if state.run.state == crate::train::State::Starting {
        lines.insert(0, Line::from(Span::styled("  it has not started training yet", theme.dim)));
    }
    show(theme, buf, area, "Stop the run?", &lines);
}

/// The values gathered for a new run.
pub(crate) fn fork(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let mut lines = vec![Line::from(Span::styled(" This run cannot take these values:", theme.dim))];
    lines.extend(state.edits.fork.iter().map(|(k, v)| difference(state, theme, k, v)));
    lines.push(Line::default());
    lines.extend(choices(theme, Context::Fork));
    show(theme, buf, area, "New run?", &lines);
}

/// A changed preset against what runs.
pub(crate) fn preset(state: &State, diff: &PresetDiff, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let rows: Vec<Line> = diff.edits.iter().chain(&diff.forks).map(|(k, v)| difference(state, theme, k, v)).collect();
    let choices = choices(theme, Context::Preset);
    let room = usize::from(area.height).saturating_sub(choices.len() + 4).max(1);
    let first = diff.scroll.min(rows.len().saturating_sub(room));
    let more = rows.len() - rows.len().min(first + room);
    let mut lines: Vec<Line> = rows.into_iter().skip(first).take(room).collect();
    let rest = if more > 0 { format!("  {more} more below") } else { String::new() };
    lines.push(Line::from(Span::styled(rest, theme.dim)));
    lines.extend(choices);
    show(theme, buf, area, &format!("Preset {} changed", diff.name), &lines);
}

/// A knob's old and new value and when the new one applies.
fn difference(state: &State, theme: &Theme, knob: &'static Knob, to: &Value) -> Line<'static> {
    let from = draw::clip_start(&value_text(&state.planned_value(knob)), 14);
    let to = draw::clip_start(&value_text(to), 14);
    Line::from(vec![
        Span::styled(format!("  {:<24}", title(knob)), theme.text),
        Span::styled(format!("{from:>14} → "), theme.dim),
        Span::styled(format!("{to:<14}"), theme.pending),
        Span::styled(format!("  {:<5} ", knob.applies.word()), theme.dim),
    ])
}
