//! The rows that steer: knobs with units, values and when they apply; tricks as switches with their values.

use super::Drawing;
use crate::app::{Modal, Pane, State, value_text, values_of};
use crate::recipe::knobs::Group;
use crate::recipe::{Applies, Knob, Value};
use crate::train::When;
use crate::view::draw::{self, first_row};
use crate::view::theme::Theme;
use crate::view::typing::with_cursor;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

/// Columns of the word that says when a change applies.
const APPLIES: u16 = 5;
/// Columns of the unit.
const UNIT: u16 = 6;

/// Draws one of the two panes.
pub(crate) struct Rows(pub(crate) Pane);

impl Drawing for Rows {
    fn draw(&self, state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
        let pane = self.0;
        let rows = if pane == Pane::Tricks { &state.rows.tricks } else { &state.rows.knobs };
        let focused = state.focus == pane;
        let selected = state.rows.selected(pane);
        let at = rows.iter().position(|k| Some(*k) == selected).unwrap_or(0);
        let room = usize::from(area.height.saturating_sub(2));
        let first = first_row(at, rows.len(), room);
        let mut legend = Vec::new();
        if !state.rows.filter.is_empty() {
            legend.push(Span::styled(format!("/{}", state.rows.filter), theme.pending));
        }
        if rows.len() > room {
            let (up, down) = (if first > 0 { "↑" } else { " " }, if first + room < rows.len() { "↓" } else { " " });
            legend.push(Span::styled(format!("{:>2} of {} {up}{down}", at + 1, rows.len()), theme.dim));
        }
        let inner = draw::frame(theme, buf, area, pane.row().title, focused, legend);
        for (y, knob) in rows.iter().skip(first).take(usize::from(inner.height)).enumerate() {
            let line = Rect { y: inner.y + y as u16, height: 1, ..inner };
            draw_row(state, theme, buf, line, knob, focused && Some(*knob) == selected);
        }
    }
}

/// Draws the row of one knob.
pub(crate) fn draw_row(
    state: &State,
    theme: &Theme,
    buf: &mut Buffer,
    area: Rect,
    knob: &'static Knob,
    selected: bool,
) {
    let planned = state.planned_value(knob);
    let name_style = match (selected, &planned) {
        (true, _) => theme.accent.add_modifier(Modifier::BOLD),
        (false, Value::Bool(true)) => theme.text.add_modifier(Modifier::BOLD),
        (false, Value::Bool(false)) => theme.dim,
        _ => theme.text,
    };
    if selected {
        draw::text(buf, area, 0, 0, "▸", theme.accent);
    }
    let name_x = if knob.group == Group::Knob { 2 } else { 6 };
    if knob.group == Group::Trick {
        let on = planned == Value::Bool(true);
        let (mark, style) = if on { ("[x]", theme.good) } else { ("[ ]", theme.dim) };
        draw::text(buf, area, 2, 0, mark, style);
    }
    draw::text(buf, area, name_x, 0, knob.name, name_style);
    let free = name_x + draw::width(knob.name) as u16 + 1;
    let zone = Zone { from: free, applies: area.width.saturating_sub(APPLIES) };
    let inline = state.rows.inline(knob);
    if let Some(Modal::Edit(editor)) = &state.modal
        && (editor.knob == knob || Some(editor.knob) == inline)
    {
        let style = if editor.meaning.is_ok() { theme.pending } else { theme.alarm };
        let before = format!("{} → ", value_text(&editor.before));
        let shown = if editor.fresh() { style.add_modifier(Modifier::UNDERLINED) } else { style };
        let mut spans = with_cursor(editor.text(), editor.cursor(), shown, theme);
        spans.insert(0, Span::styled(before, theme.dim));
        let line = Line::from(spans);
        let room = usize::from(area.width.saturating_sub(free));
        let over = line.width().saturating_sub(room) as u16;
        if over > 0 {
            let typed = with_cursor(editor.text(), editor.cursor(), style, theme);
            draw::put_right(buf, area, area.width, 0, &Line::from(typed));
        } else {
            draw::put(buf, area, free.max(area.width.saturating_sub(line.width() as u16 + 1)), 0, &line);
        }
        return;
    }
    let values = inline.into_iter().flat_map(|_| values_of(knob));
    if let Some((text, word)) = change(state, knob).or_else(|| values.into_iter().find_map(|v| change(state, v))) {
        let text = draw::clip_start(&text, zone.width());
        draw::put_right(buf, area, zone.applies.saturating_sub(1), 0, &Line::from(Span::styled(text, theme.pending)));
        draw::text(buf, area, zone.applies, 0, &word, theme.pending);
        return;
    }
    let faint = knob.applies == Applies::Fork;
    let style = if faint { theme.dim } else { theme.text };
    match knob.group {
        Group::Trick => {
            if let Some(value) = inline {
                zone.value(buf, area, value, &state.recipe.get(value), theme.dim, theme.dim);
            }
        }
        _ => zone.value(buf, area, knob, &planned, style, theme.dim),
    }
    draw::text(buf, area, zone.applies, 0, knob.applies.word(), if faint { theme.dim } else { theme.faint });
}

/// The columns between a row's name and the word at its end.
struct Zone {
    from: u16,
    applies: u16,
}

impl Zone {
    fn width(&self) -> usize {
        usize::from(self.applies.saturating_sub(self.from + 1))
    }

    /// Writes a value, right-aligned before its unit; a long one takes the unit's columns too.
    fn value(&self, buf: &mut Buffer, area: Rect, knob: &Knob, value: &Value, style: Style, unit: Style) {
        let text = value_text(value);
        let unit_x = self.applies.saturating_sub(UNIT + 1);
        let end = unit_x.saturating_sub(1);
        let fits = draw::width(&text) <= usize::from(end.saturating_sub(self.from));
        if fits && (!knob.unit.is_empty() || !matches!(value, Value::Word(_) | Value::List(_))) {
            draw::put_right(buf, area, end, 0, &Line::from(Span::styled(text, style)));
            draw::text(buf, area, unit_x, 0, knob.unit, unit);
        } else {
            let text = draw::clip_start(&text, self.width());
            draw::put_right(buf, area, self.applies.saturating_sub(1), 0, &Line::from(Span::styled(text, style)));
        }
    }
}

/// What is on its way for a knob, and when it comes.
fn change(state: &State, knob: &'static Knob) -> Option<(String, String)> {
    // An edit and its undo, both waiting, come to nothing.
    let pending = state.edits.of(knob).filter(|p| p.to != state.recipe.get(knob));
    let (to, word) = match (pending, state.edits.forked(knob)) {
        (Some(pending), _) => {
            let word = match (pending.scheduled, pending.asked) {
                (None, _) => "wait".to_string(),
                (Some(When::NextEpoch), _) => format!("ep {}", state.run.epoch.ceil() as u64 + 1),
                (Some(When::Step(n) | When::EpochFrom(n)), _) => format!("@{n}"),
                (Some(When::Now), _) => "next".to_string(),
            };
            (pending.to.clone(), word)
        }
        (None, Some(to)) => (to.clone(), "fork".to_string()),
        (None, None) => return None,
    };
    Some((format!("{} → {}", value_text(&state.recipe.get(knob)), value_text(&to)), word))
}
