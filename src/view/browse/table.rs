//! The knobs in which runs differ, and only those.

use super::LETTERS;

use crate::app::title;
use crate::browse::{Differences, Run, State, best, figure, shown};
use crate::runs::Course;
use crate::view::draw;
use crate::view::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

/// Columns of a value at most.
const VALUE: usize = 36;

/// Draws the table from row `top` and column `left` on.
pub(super) fn draw(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, (top, left): (usize, usize)) {
    let compared = state.compared();
    let runs: Vec<_> = compared.iter().map(|(_, run)| &*run.brief).collect();
    let knobs = Differences::of(&runs).knobs;
    let inner = draw::frame(theme, buf, area, "Knobs in which they differ", false, Vec::new());
    let inner = Rect { x: inner.x + u16::from(inner.width > 0), width: inner.width.saturating_sub(2), ..inner };
    // A row: its name and the values, each with its style.
    let mut rows: Vec<(String, Vec<(String, Style)>)> = Vec::new();
    let heads = compared.iter().map(|(slot, run)| match slot {
        Some(slot) => (format!("{} {}", LETTERS[*slot], run.name), theme.runs[*slot].add_modifier(Modifier::BOLD)),
        None => (run.name.clone(), theme.accent),
    });
    rows.push((String::new(), heads.collect()));
    let figure = figure(compared.iter().map(|(_, run)| *run));
    let best = |run: &Run| best(run, figure.is_none()).unwrap_or_else(|| "-".into());
    let best_of = figure.map_or("best".into(), |figure| format!("best {}", figure.title()));
    rows.push((best_of, compared.iter().map(|(_, run)| (best(run), theme.dim)).collect()));
    for (knob, courses) in &knobs {
        let style = |course: &Course| if *course == courses[0] { theme.text } else { theme.pending };
        rows.push((title(knob), courses.iter().map(|course| (course.text(shown), style(course))).collect()));
    }
    let names = rows.iter().map(|(name, _)| draw::width(name)).max().unwrap_or(0);
    let width = |column: usize| {
        let widest = rows.iter().map(|(_, values)| draw::width(&values[column].0)).max().unwrap_or(0);
        widest.min(VALUE)
    };
    let widths: Vec<usize> = (0..compared.len()).map(width).collect();
    let left = left.min(compared.len().saturating_sub(1));
    let room = usize::from(inner.height).saturating_sub(3);
    let top = top.min(knobs.len().saturating_sub(room));
    let lines = rows.iter().map(|(name, values)| {
        let mut spans = vec![Span::styled(format!("{name:<names$}"), theme.dim)];
        for ((text, style), width) in values.iter().zip(&widths).skip(left) {
            let text = draw::clip(text, *width);
            let rest = " ".repeat(width.saturating_sub(draw::width(&text)));
            spans.extend([Span::raw("  "), Span::styled(text, *style), Span::raw(rest)]);
        }
        Line::from(spans)
    });
    let body = lines.enumerate().filter(|(row, _)| *row < 2 || *row >= 2 + top).map(|(_, line)| line);
    for (y, line) in body.take(room + 2).enumerate() {
        draw::put(buf, inner, 0, y as u16, &line);
    }
    let last = match knobs.len() {
        0 => "their recipes and edits are the same".to_string(),
        n if n > room => format!("{} to {} of {n} knobs", top + 1, (top + room).min(n)),
        1 => "1 knob; all others are the same".into(),
        n => format!("{n} knobs; all others are the same"),
    };
    draw::text(buf, inner, 0, inner.height.saturating_sub(1), &draw::clip(&last, usize::from(inner.width)), theme.dim);
}
