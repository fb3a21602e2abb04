//! The lines at the top: what is trained, how far it is, how long it takes.

use crate::app::number;
use crate::batch::Outcome;
use crate::suite::Now;
use crate::suite::screen::State;
use crate::train;
use crate::view::draw::{self, LinePart};
use crate::view::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

/// Columns of the bar.
const BAR: usize = 24;

/// Draws the two lines.
pub(super) fn draw(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let area = inside(area);
    let one = |rank, text: String, style| LinePart::new(rank, vec![Span::styled(text, style)]);
    let title = draw::clip(&state.tally.suite.title, usize::from(area.width).saturating_sub(44));
    let left = vec![one(4, "tricktop".into(), theme.accent), one(3, title, theme.text)];
    let mut right = vec![word(state, theme)];
    if state.tally.img_s() > 0.0 {
        let speed = number::thousands(state.tally.img_s().round() as u64);
        right.push(one(2, format!("{speed:>6} img/s"), theme.text));
    }
    right.extend(left_part(state, theme));
    draw::row(buf, area, 0, 2, left, right);

    let (done, count) = (state.tally.done(), state.tally.runs.len());
    let full = done * BAR / count.max(1);
    let bar = vec![Span::styled("━".repeat(full), theme.accent), Span::styled("·".repeat(BAR - full), theme.frame)];
    let mut left = vec![runs(state, theme), LinePart::new(3, bar)];
    if let Some(epochs) = state.tally.table.epochs {
        left.push(one(4, format!("{epochs} epochs a run"), theme.dim));
    }
    draw::row(buf, area, 1, 2, left, troubles(state, theme));
}

/// The most important of it in one line.
pub(super) fn line(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let right = left_part(state, theme).into_iter().collect();
    draw::row(buf, inside(area), 0, 2, vec![word(state, theme), runs(state, theme)], right);
}

fn inside(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

fn runs(state: &State, theme: &Theme) -> LinePart {
    let (done, count) = (state.tally.done(), state.tally.runs.len());
    let done = format!("{done:>width$}/{count}", width = count.to_string().len());
    LinePart::new(1, vec![Span::styled("runs ", theme.dim), Span::styled(done, theme.text)])
}

fn left_part(state: &State, theme: &Theme) -> Option<LinePart> {
    let left = state.tally.left().filter(|left| !left.is_zero() && state.over.is_none())?;
    Some(LinePart::new(2, vec![Span::styled(format!("left {:>7}", number::duration(left)), theme.text)]))
}

/// The state of the suite in the glyphs and words of a run.
fn word(state: &State, theme: &Theme) -> LinePart {
    let mut works = state.tally.live.iter().filter(|run| run.works()).peekable();
    let stands = match state.over {
        Some(Outcome::Done) => train::State::Done,
        Some(Outcome::Interrupted) => train::State::Stopped,
        Some(Outcome::Failed) => train::State::Failed,
        None if works.peek().is_some() && works.all(|run| run.now == Now::Paused) => train::State::Paused,
        None if state.is_held() => train::State::Paused,
        None => train::State::Running,
    };
    let (glyph, word, style) = theme.state(stands);
    LinePart::new(0, vec![Span::styled(format!("{glyph} {word}"), style)])
}

fn troubles(state: &State, theme: &Theme) -> Vec<LinePart> {
    let mut parts = Vec::new();
    let failed = state.tally.live.iter().filter(|run| matches!(run.now, Now::Failed(_))).count();
    for (rank, n, what, style) in
        [(1, failed, "failed", theme.alarm), (2, state.tally.away.len(), "skipped", theme.pending)]
    {
        if n > 0 {
            parts.push(LinePart::new(rank, vec![Span::styled(format!("{n} {what}"), style)]));
        }
    }
    parts
}
