//! Terminals too small for frames: plain lines, the most important first, and everything still steers.

use super::panes::rows;
use super::theme::Theme;
use super::{draw, footer};
use crate::app::{Pane, State, number};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Draws the lines.
pub(crate) fn draw(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let run = &state.run;
    let (glyph, word, style) = theme.state(run.state);
    let total = number::thousands(run.total_steps(&state.recipe));
    let place =
        format!("epoch {:.1}/{}  step {}/{total}", run.epoch, state.recipe.train.epochs, number::thousands(run.step));
    let mut lines = vec![Line::from(vec![
        Span::styled(format!("{glyph} {word}"), style),
        Span::raw("  "),
        Span::styled(place, theme.text),
    ])];
    let mut figures = Vec::new();
    if run.step > 0 {
        figures.push(format!("loss {}", number::loss(run.loss.value())));
        figures.push(format!("lr {}", number::rate(run.lr)));
    }
    figures.extend(run.score.last().map(|p| format!("{} {}", run.titles()[0], number::percent(p.y))));
    figures.extend(run.left(&state.recipe).map(|left| format!("left {}", number::duration(left))));
    let (mut figures, best) = (figures.join("  "), run.best.map(|best| format!("best {}", best.words())));
    match best {
        Some(best) if draw::width(&figures) + draw::width(&best) + 2 <= usize::from(area.width) => {
            figures += &format!("  {best}");
            lines.push(Line::from(figures));
        }
        best => lines.extend(std::iter::once(figures).chain(best).map(Line::from)),
    }
    let alarm = state.alarm.iter().flat_map(|a| draw::wrap(&format!("! {a}"), usize::from(area.width)));
    lines.extend(alarm.map(|l| Line::from(Span::styled(l, theme.alarm))));
    lines.extend(state.closing_lines().into_iter().skip(1).map(Line::from));
    let rows_of_keys = 3;
    let room = usize::from(area.height).saturating_sub(rows_of_keys).max(1);
    for (y, line) in lines.iter().take(room).enumerate() {
        draw::put(buf, area, 0, y as u16, line);
    }
    let from = lines.len().min(room) as u16;
    list(state, theme, buf, area, from);
    for (i, draw_line) in [footer::status, footer::keys].into_iter().enumerate() {
        let y = (area.height + i as u16).saturating_sub(2);
        if y >= from.max(1) && y < area.height {
            draw_line(state, theme, buf, Rect { y: area.y + y, height: 1, ..area });
        }
    }
}

/// The rows around the cursor, between the figures and the keys.
fn list(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, from: u16) {
    let room = usize::from(area.height.saturating_sub(from + 2));
    let list = if state.focus == Pane::Tricks { &state.rows.tricks } else { &state.rows.knobs };
    let at = list.iter().position(|k| state.selected() == Some(k)).unwrap_or(0);
    let first = draw::first_row(at, list.len(), room);
    for (i, knob) in list.iter().skip(first).take(room).enumerate() {
        let line = Rect { y: area.y + from + i as u16, height: 1, ..area };
        rows::draw_row(state, theme, buf, line, knob, state.selected() == Some(*knob));
    }
}
