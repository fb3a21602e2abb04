//! The two lines at the bottom: what is going on with the value at hand, and the keys.

use super::draw::{self, Part};
use super::theme::Theme;
use crate::app::keys::{self, Context};
use crate::app::{Editor, Modal, State, title};
use crate::recipe::{Knob, Value};
use crate::train;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// The line about the value at hand: what is typed, what went wrong, what was done, or what the knob means.
pub(crate) fn status(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let plain = |text: &str, style: Style| Line::from(Span::styled(text.to_string(), style));
    let line = match &state.modal {
        Some(Modal::Command(line)) => {
            let mut spans = prompt(":", line.text(), line.cursor(), theme);
            if let Some(problem) = &line.problem {
                spans.push(Span::styled(format!("  {problem}"), theme.alarm));
            }
            Line::from(spans)
        }
        Some(Modal::Filter(line)) => {
            let mut spans = prompt("/", line.text(), line.cursor(), theme);
            let found = state.rows.knobs.len() + state.rows.tricks.len();
            spans.push(Span::styled(format!("  {found} rows"), theme.dim));
            Line::from(spans)
        }
        Some(Modal::Edit(editor)) => editing(state, editor, theme),
        _ => match (&state.alarm, &state.notice, state.selected()) {
            (_, Some(notice), _) => plain(&notice.text, theme.tone(notice.tone)),
            (Some(alarm), ..) => plain(&format!("! {alarm}"), theme.alarm),
            (None, None, Some(knob)) => about(theme, knob),
            (None, None, None) => plain(hint(state), theme.dim),
        },
    };
    let cut = line.width() > usize::from(area.width);
    draw::put(buf, area, 0, 0, &line);
    if cut && area.width > 0 {
        draw::text(buf, area, area.width - 1, 0, "…", theme.dim);
    }
}

fn prompt(mark: &str, text: &str, cursor: usize, theme: &Theme) -> Vec<Span<'static>> {
    let mut spans = vec![Span::styled(mark.to_string(), theme.accent)];
    spans.extend(with_cursor(text, cursor, theme.text, theme));
    spans
}

/// A text with the cell under its cursor reversed.
pub(crate) fn with_cursor(text: &str, cursor: usize, style: Style, theme: &Theme) -> Vec<Span<'static>> {
    let at = text.char_indices().map(|(at, _)| at).find(|at| draw::width(&text[..*at]) >= cursor).unwrap_or(text.len());
    let (before, rest) = text.split_at(at);
    let mut chars = rest.chars();
    let under = chars.next().unwrap_or(' ');
    vec![
        Span::styled(before.to_string(), style),
        Span::styled(under.to_string(), style.patch(theme.cursor)),
        Span::styled(chars.as_str().to_string(), style),
    ]
}

fn editing(state: &State, editor: &Editor, theme: &Theme) -> Line<'static> {
    match &editor.meaning {
        Err(problem) => Line::from(Span::styled(format!("! {problem}"), theme.alarm)),
        Ok((value, when)) => {
            let what = format!("{} → {}", title(editor.knob), state.shown(editor.knob, value));
            let time = state.when_text(editor.knob, *when);
            Line::from(vec![
                Span::styled(format!("{what} {time}"), theme.pending),
                Span::styled(format!("  ·  {}  ·  {}", editor.knob.help, editor.knob.kind), theme.dim),
            ])
        }
    }
}

/// What a knob means, where the paper speaks of it, what it may hold.
fn about(theme: &Theme, knob: &Knob) -> Line<'static> {
    let paper = if knob.paper.is_empty() { String::new() } else { format!(" (paper {})", knob.paper) };
    Line::from(vec![
        Span::styled(title(knob), theme.text),
        Span::styled(format!("  {}{paper}  ·  {}", knob.help, knob.kind), theme.dim),
    ])
}

fn hint(state: &State) -> &'static str {
    match state.focus {
        crate::app::Pane::Loss => "dots: single steps, line: smoothed, ◆: validation  ·  y log  z zoom  x last steps",
        crate::app::Pane::Rate => "line: so far, dots: to come  ·  z zoom",
        crate::app::Pane::Accuracy => "line: top-1, ◆: top-5, on the test set  ·  z zoom",
        crate::app::Pane::Journal => "arrows scroll",
        _ => "",
    }
}

/// The keys in force, as many as there is room for.
pub(crate) fn keys(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let context = state.context();
    let paused = context == Context::Main && state.run.state == train::State::Paused;
    let part = |b: &keys::Binding| {
        let short = if b.action == keys::Action::Pause && paused { "resume" } else { b.short };
        let spans = vec![
            Span::styled(b.label.to_string(), theme.accent),
            Span::raw(" "),
            Span::styled(short.to_string(), theme.dim),
        ];
        Part::new(b.rank, spans)
    };
    draw::row(buf, area, 0, 2, keys::footer(context).map(part).collect(), Vec::new());
}

/// The value of a knob in the words of the screen.
pub(crate) fn value_text(value: &Value) -> String {
    match value {
        Value::Bool(on) => if *on { "on" } else { "off" }.to_string(),
        Value::List(v) => v.iter().map(u64::to_string).collect::<Vec<_>>().join(" "),
        v => v.to_string(),
    }
}
