//! The two lines at the bottom: what is going on with the value at hand, and the keys.

use super::draw::{self, LinePart};
use super::panes;
use super::theme::Theme;
use super::typing::prompt;
use crate::app::keys::Binding;
use crate::app::{Editor, Modal, State, title, value_shown, values_of};
use crate::recipe::Knob;
use crate::recipe::knobs::Group;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

/// The line about the value at hand: what is typed, what went wrong, what was done, or what the knob means.
pub(crate) fn status(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let one = |text: &str, style: Style| vec![LinePart::new(0, vec![Span::styled(text.to_string(), style)])];
    let parts = match &state.modal {
        Some(Modal::Command(line)) => {
            let mut spans = prompt(":", line.text(), line.cursor(), theme);
            if let Some(problem) = &line.problem {
                spans.push(Span::styled(format!("  {problem}"), theme.alarm));
            }
            if let Some(hint) = &line.hint {
                spans.push(Span::styled(format!("  {hint}"), theme.dim));
            }
            vec![LinePart::new(0, spans)]
        }
        Some(Modal::Help(help)) if help.typing => {
            vec![LinePart::new(0, prompt("/", help.search.text(), help.search.cursor(), theme))]
        }
        Some(Modal::Filter(line)) => {
            let mut spans = prompt("/", line.text(), line.cursor(), theme);
            let found = state.rows.knobs.len() + state.rows.tricks.len();
            spans.push(Span::styled(format!("  {found} rows"), theme.dim));
            vec![LinePart::new(0, spans)]
        }
        Some(Modal::Edit(editor)) => editing(state, editor, theme),
        _ => match (&state.alarm, &state.notice, state.selected()) {
            (_, Some(notice), _) => one(&notice.text, theme.tone(notice.tone)),
            (Some(alarm), ..) => one(&format!("! {alarm}"), theme.alarm),
            (None, None, Some(knob)) => about(theme, knob),
            (None, None, None) => panes::drawing(state.focus).about(state, theme),
        },
    };
    let cut = matches!(&parts[..], [one] if one.width() > usize::from(area.width));
    draw::row(buf, area, 0, 2, parts, Vec::new());
    if cut && area.width > 0 {
        draw::text(buf, area, area.width - 1, 0, "…", theme.dim);
    }
}

fn editing(state: &State, editor: &Editor, theme: &Theme) -> Vec<LinePart> {
    let dim = |rank, text: String| LinePart::new(rank, vec![Span::styled(text, theme.dim)]);
    match &editor.meaning {
        Err(problem) => vec![LinePart::new(0, vec![Span::styled(format!("! {problem}"), theme.alarm)])],
        Ok((value, when)) => {
            let what = format!("{} → {}", title(editor.knob), value_shown(editor.knob, value));
            let what = format!("{what} {}", state.when_text(editor.knob, *when));
            vec![
                LinePart::new(0, vec![Span::styled(what, theme.pending)]),
                dim(1, editor.knob.kind.to_string()),
                dim(2, editor.knob.help.to_string()),
            ]
        }
    }
}

/// What a knob means, where the paper speaks of it, what it may hold.
fn about(theme: &Theme, knob: &Knob) -> Vec<LinePart> {
    let dim = |rank, text: String| LinePart::new(rank, vec![Span::styled(text, theme.dim)]);
    let mut parts = vec![LinePart::new(0, vec![Span::styled(title(knob), theme.text)]), dim(1, knob.help.to_string())];
    if !knob.paper.is_empty() {
        parts.push(dim(2, format!("paper {}", knob.paper)));
    }
    let values: Vec<&str> = values_of(knob).map(|v| v.name).collect();
    match knob.group {
        Group::Trick if values.is_empty() => {}
        Group::Trick => parts.push(dim(3, format!("values: {}", values.join(", ")))),
        _ => parts.push(dim(3, knob.kind.to_string())),
    }
    parts
}

/// The keys in force, as many as there is room for.
pub(crate) fn keys(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    keys_of(state.options.keys, state.context(), |key| state.word(key), theme, buf, area);
}

/// The keys of a table that are in force, each with a word; those without one are left out.
pub(crate) fn keys_of<C: PartialEq, A: Copy>(
    table: &'static [Binding<C, A>],
    context: C,
    word: impl Fn(&Binding<C, A>) -> &'static str,
    theme: &Theme,
    buf: &mut Buffer,
    area: Rect,
) {
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let part = |b: &Binding<C, A>| {
        let spans = vec![
            Span::styled(b.label.to_string(), theme.accent),
            Span::raw(" "),
            Span::styled(word(b).to_string(), theme.dim),
        ];
        LinePart::new(b.rank, spans)
    };
    let keys = Binding::footer(table, context).filter(|key| !word(key).is_empty());
    draw::row(buf, area, 0, 2, keys.map(part).collect(), Vec::new());
}
