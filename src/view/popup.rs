//! Dialogs in front of the panes.

use super::draw;
use super::draw::first_row;
use super::theme::Theme;
use crate::app::keys::{BINDINGS, Binding, Context};
use crate::app::{Mistake, PresetDiff, State, number, title, value_text};
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

/// The keys of a dialog and what each is said to do, in lines of at most `columns`.
pub(crate) fn choices<C: PartialEq, A: Copy>(
    theme: &Theme,
    table: &'static [Binding<C, A>],
    context: C,
    says: impl Fn(&Binding<C, A>) -> &'static str,
    columns: u16,
) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for b in Binding::footer(table, context) {
        let indent = draw::width(b.label) + 4;
        for (i, text) in draw::wrap(says(b), usize::from(columns).saturating_sub(indent)).into_iter().enumerate() {
            let label = if i == 0 { format!("  {}  ", b.label) } else { " ".repeat(indent) };
            lines.push(Line::from(vec![Span::styled(label, theme.accent), Span::styled(text, theme.text)]));
        }
    }
    lines
}

pub(crate) fn show(theme: &Theme, buf: &mut Buffer, area: Rect, title: &str, lines: &[Line<'_>]) {
    let columns = lines.iter().map(Line::width).max().unwrap_or(0).max(draw::width(title) + 4) as u16 + 2;
    let inner = window(theme, buf, area, title, columns, lines.len() as u16);
    for (y, line) in lines.iter().enumerate() {
        draw::put(buf, inner, 0, y as u16, line);
    }
}

/// How to stop.
pub(crate) fn stop(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let mut lines = choices(theme, BINDINGS, Context::Stop, |key| state.meaning(key), area.width.saturating_sub(4));
    let last = match state.run.checkpoint {
        Some(step) => format!("  the last checkpoint is of step {}", number::thousands(step)),
        None => "  there is no checkpoint yet".to_string(),
    };
    lines.push(Line::from(Span::styled(last, theme.dim)));
    show(theme, buf, area, "Stop the run?", &lines);
}

/// The values gathered for a new run.
pub(crate) fn fork(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let mut lines = Vec::new();
    if !state.edits.fork.is_empty() {
        lines.push(Line::from(Span::styled("  This run cannot take these values:", theme.dim)));
        lines.extend(differences(state, theme, &state.edits.fork, area.width));
        lines.push(Line::default());
    }
    lines.extend(choices(theme, BINDINGS, Context::Fork, |key| state.meaning(key), area.width.saturating_sub(4)));
    show(theme, buf, area, "Fork?", &lines);
}

/// A changed preset against what runs.
pub(crate) fn preset(state: &State, diff: &PresetDiff, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let all: Vec<_> = diff.lines.iter().map(|line| (line.knob, line.to.clone())).collect();
    let mut rows = differences(state, theme, &all, area.width.saturating_sub(14));
    for ((row, line), i) in rows.iter_mut().zip(&diff.lines).zip(0..) {
        let (at, mark) = (if i == diff.cursor { "▸" } else { " " }, if line.chosen { "[x]" } else { "[ ]" });
        row.spans.splice(0..0, [Span::styled(at, theme.accent), Span::styled(mark, theme.accent)]);
        row.spans.push(Span::styled(if line.kept { "yours " } else { "" }, theme.dim));
    }
    let choices = choices(theme, BINDINGS, Context::Preset, |key| state.meaning(key), area.width.saturating_sub(4));
    let room = usize::from(area.height).saturating_sub(choices.len() + 4).max(1);
    let first = first_row(diff.cursor, rows.len(), room);
    let more = rows.len() - rows.len().min(first + room);
    let mut lines: Vec<Line> = rows.into_iter().skip(first).take(room).collect();
    let rest = match (more, diff.lines.iter().any(|line| line.kept)) {
        (0, false) => String::new(),
        (0, true) => "  yours: this run has another value, and the preset did not change it".into(),
        (more, _) => format!("  {more} more below"),
    };
    lines.push(Line::from(Span::styled(draw::clip(&rest, usize::from(area.width).saturating_sub(4)), theme.dim)));
    lines.extend(choices);
    let title = draw::clip_start(&diff.name, usize::from(area.width).saturating_sub(24));
    show(theme, buf, area, &format!("Preset {title} changed"), &lines);
}

/// An image that was taken for something else.
pub(crate) fn mistake(mistake: &Mistake, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let columns = usize::from(area.width).saturating_sub(6);
    let line = |text: String, style| Line::from(Span::styled(format!("  {text}"), style));
    let mut lines: Vec<Line> = draw::fold(&mistake.name, columns).into_iter().map(|l| line(l, theme.text)).collect();
    lines.extend(draw::wrap(&mistake.about, columns).into_iter().map(|l| line(l, theme.dim)));
    show(theme, buf, area, &format!("Mistake {}", mistake.place), &lines);
}

/// Knobs with their old and new values and when the new ones apply, in columns as wide as they need.
fn differences(state: &State, theme: &Theme, all: &[(&'static Knob, Value)], columns: u16) -> Vec<Line<'static>> {
    let longest = (usize::from(columns).saturating_sub(38) / 2).clamp(6, 24);
    let rows: Vec<[String; 3]> = all
        .iter()
        .map(|(knob, to)| {
            let from = draw::clip_start(&value_text(&state.planned_value(knob)), longest);
            [title(knob), from, draw::clip_start(&value_text(to), longest)]
        })
        .collect();
    let widest = |i: usize| rows.iter().map(|r| draw::width(&r[i])).max().unwrap_or(0);
    let (a, b, c) = (widest(0), widest(1), widest(2));
    rows.iter()
        .zip(all)
        .map(|([name, from, to], (knob, _))| {
            Line::from(vec![
                Span::styled(format!("  {name:<a$}  "), theme.text),
                Span::styled(format!("{from:>b$} → "), theme.dim),
                Span::styled(format!("{to:<c$}"), theme.pending),
                Span::styled(format!("  {:<5} ", knob.applies.word()), theme.dim),
            ])
        })
        .collect()
}
