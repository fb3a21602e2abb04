//! The run at the cursor.

use super::LETTERS;
use super::list::status;
use crate::app::number;
use crate::browse::{Run, State, best, changes, name, took};
use crate::view::draw;
use crate::view::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Lines that the pane would fill.
pub(super) fn height(state: &State, columns: u16) -> u16 {
    state.selected().map_or(0, |run| about(state, run, usize::from(columns)).len()).min(40) as u16 + 1
}

/// Draws the pane.
pub(super) fn draw(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let run = state.selected();
    let inner = draw::frame(theme, buf, area, run.map_or("", |run| &run.name), false, Vec::new());
    let inner = Rect { x: inner.x + u16::from(inner.width > 0), width: inner.width.saturating_sub(2), ..inner };
    let Some(run) = run else { return };
    let (text, style) = status(theme, run);
    // A part that has no room is left out: half a number would be another one.
    let parts = [best(run, true).map(|best| format!("   {best}")), Some(format!("   {}", took(run)))];
    let mut room = usize::from(inner.width).saturating_sub(draw::width(&text));
    let mut spans = vec![Span::styled(text, style)];
    for part in parts.into_iter().flatten() {
        let Some(left) = room.checked_sub(draw::width(&part)) else { break };
        room = left;
        spans.push(Span::styled(part, theme.text));
    }
    let first = Line::from(spans);
    draw::put(buf, inner, 0, 0, &first);
    for (y, (word, text)) in about(state, run, usize::from(inner.width)).into_iter().enumerate() {
        let line = Line::from(vec![Span::styled(word, theme.dim), Span::styled(text, theme.text)]);
        draw::put(buf, inner, 0, y as u16 + 1, &line);
    }
}

/// What is to be said of a run, in lines: the word before it, and the text.
fn about(state: &State, run: &Run, columns: usize) -> Vec<(String, String)> {
    let brief = &run.brief;
    let mut parts: Vec<(String, String)> = Vec::new();
    let mut say = |word: &str, text: String| {
        if !text.is_empty() {
            parts.push((word.to_string(), text));
        }
    };
    say("note ", brief.notes.note.clone());
    say("tags ", brief.notes.tags.iter().map(|tag| format!("#{tag}")).collect::<Vec<_>>().join(" "));
    let parent = brief.parent.as_deref().and_then(|dir| state.runs.iter().find(|run| run.brief.dir == dir));
    match (&brief.parent, parent) {
        (Some(dir), None) => say("fork of ", format!("{}, which is not here", name(dir, &state.root))),
        (Some(_), Some(parent)) => {
            let differs = changes(Some(&parent.brief), brief);
            let differs = if differs.is_empty() { differs } else { format!(", with {differs}") };
            say("fork of ", format!("{}{differs}", parent.name));
        }
        (None, _) => {}
    }
    match state.marked().first().filter(|(_, marked)| marked.brief.dir != brief.dir) {
        Some((slot, marked)) => {
            let differs = changes(Some(&marked.brief), brief);
            let differs = if differs.is_empty() { "no knob".into() } else { differs };
            say(&format!("differs from {} in ", LETTERS[*slot]), differs);
        }
        None => say("recipe ", changes(None, brief)),
    }
    let edits = match brief.edits.len() {
        0 => String::new(),
        1 => ", 1 edit on the way".into(),
        n => format!(", {n} edits on the way"),
    };
    let step = number::thousands(brief.step);
    say("begun ", format!("{} UTC, step {step}{edits}", number::date(brief.begun)));
    let mut lines = Vec::new();
    for (word, text) in parts {
        let indent = draw::width(&word);
        for (i, part) in draw::wrap(&text, columns.saturating_sub(indent).max(1)).into_iter().enumerate() {
            lines.push((if i == 0 { word.clone() } else { " ".repeat(indent) }, part));
        }
    }
    lines
}
