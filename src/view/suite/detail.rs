//! The row at the cursor: what it changes, what it gains, and its runs seed by seed.

use super::columns::{gain_style, glyph};
use crate::app::{number, title, value_text};
use crate::suite::Now;
use crate::suite::screen::State;
use crate::train::Figure;
use crate::view::draw;
use crate::view::draw::first_row;
use crate::view::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// What the row at the cursor changes, against the row that it is compared with.
pub(super) fn about(state: &State) -> String {
    let suite = &state.tally.suite;
    let cell = &suite.cells[state.cursor];
    let over = &suite.cells[cell.over];
    if cell.over == state.cursor {
        let changes: Vec<String> =
            cell.changes.iter().map(|(k, v)| format!("{} {}", title(k), value_text(v))).collect();
        let preset = cell.preset.display();
        return if changes.is_empty() {
            format!("base: {preset}")
        } else {
            format!("base: {preset} with {}", changes.join(", "))
        };
    }
    let change = |(knob, to): &(&'static crate::recipe::Knob, crate::recipe::Value)| {
        format!("{} {} → {}", title(knob), value_text(&over.recipe.get(knob)), value_text(to))
    };
    let changes: Vec<String> =
        over.recipe.changes_to(&cell.recipe).iter().filter(|(knob, _)| knob.path != "name").map(change).collect();
    format!("against {}: {}", over.name, changes.join(", "))
}

/// Lines that it would fill.
pub(super) fn height(state: &State, columns: u16) -> u16 {
    let about = draw::wrap(&about(state), usize::from(columns)).len();
    (about + 1 + state.tally.suite.seeds as usize).min(40) as u16
}

/// Draws the pane.
pub(super) fn draw(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let inner = draw::frame(theme, buf, area, &state.tally.suite.cells[state.cursor].name, false, Vec::new());
    let inner = Rect { x: inner.x + u16::from(inner.width > 0), width: inner.width.saturating_sub(2), ..inner };
    let places: Vec<usize> = state.tally.of(state.cursor).collect();
    let about = draw::wrap(&about(state), usize::from(inner.width));
    // The runs keep half of the room at least.
    let most = usize::from(inner.height).saturating_sub(1 + places.len().min(usize::from(inner.height) / 2)).max(1);
    let mut lines: Vec<Line> =
        about.into_iter().take(most).map(|text| Line::from(Span::styled(text, theme.dim))).collect();
    lines.push(gains(state, theme));
    let room = usize::from(inner.height).saturating_sub(lines.len());
    let at = state.tally.at_work(state.cursor).next().and_then(|place| places.iter().position(|p| *p == place));
    let first = first_row(at.unwrap_or(0), places.len(), room);
    lines.extend(
        places.into_iter().skip(first).take(room).map(|place| run(state, theme, place, usize::from(inner.width))),
    );
    for (y, line) in lines.iter().enumerate() {
        draw::put(buf, inner, 0, y as u16, line);
    }
}

/// What it gains, also where the rows have no room for it.
fn gains(state: &State, theme: &Theme) -> Line<'static> {
    let (row, figures) = (&state.tally.table.rows[state.cursor], state.tally.suite.figures());
    let mut parts = Vec::new();
    if let Some(score) = row.score() {
        parts.push((figures[0].title(), score.to_string(), theme.text));
    }
    for (name, gain) in [("Δ above", row.above), ("Δ base", row.base)] {
        parts.extend(gain.map(|of| (name, of.to_string(), gain_style(theme, gain))));
    }
    if let Some((top1, top5)) = row.paper {
        let gain = row.paper_gain.map_or(String::new(), |gain| format!(", {gain:+.2}"));
        parts.push(("paper", format!("{top1:.2} / {top5:.2}{gain}"), theme.text));
    }
    if row.runs == 0 {
        parts.push(("none of its runs is done yet", String::new(), theme.dim));
    }
    let spans = |(name, text, style): (&str, String, Style)| {
        [Span::styled(format!("{name} "), theme.dim), Span::styled(format!("{text}   "), style)]
    };
    Line::from(parts.into_iter().flat_map(spans).collect::<Vec<_>>())
}

fn run(state: &State, theme: &Theme, place: usize, columns: usize) -> Line<'static> {
    let (run, live) = (&state.tally.runs[place], &state.tally.live[place]);
    let ran = state.tally.results.ran[place].as_ref();
    let epochs = run.recipe.train.epochs;
    let (what, style) = match &live.now {
        Now::Edited => ("edited: left out".into(), theme.pending),
        Now::Done => ("done".into(), theme.good),
        Now::Out => (format!("out after {}", live.epoch), theme.dim),
        Now::Failed(why) => (format!("failed: {why}"), theme.alarm),
        Now::Elsewhere => ("at work elsewhere".into(), theme.dim),
        Now::Queued(task) => (task.clone(), theme.dim),
        Now::Starts => ("starting".into(), theme.dim),
        Now::Paused => (format!("paused at epoch {:.1}/{epochs}", live.epoch), theme.pending),
        Now::Works => (format!("epoch {:.1}/{epochs}", live.epoch), theme.good),
        Now::Waits if live.epoch > 0.0 => (format!("waits at epoch {:.1}/{epochs}", live.epoch), theme.dim),
        Now::Waits => ("waits".into(), theme.dim),
    };
    let mut spans = vec![
        Span::styled(format!("{} seed {:<3}", glyph(&live.now), run.seed), theme.text),
        Span::styled(format!("{what:<16}"), style),
    ];
    if let Some((ran, (score, second))) = ran.and_then(|ran| Some((ran, ran.scores.last()?))) {
        let figures = state.tally.suite.figures();
        let [title, other] = figures.map(Figure::title);
        let second = if ran.second_tells(figures) { format!("  {other} {second:.2}") } else { String::new() };
        spans.push(Span::styled(format!("  {title} {score:.2}{second}"), theme.text));
    }
    if live.now == Now::Works && live.img_s > 0.0 {
        let speed = number::thousands(live.img_s.round() as u64);
        spans.push(Span::styled(format!("  {speed} img/s"), theme.text));
    }
    if let Some(ran) = ran {
        let room = columns.saturating_sub(spans.iter().map(Span::width).sum::<usize>() + 2);
        let dir = draw::clip_start(&ran.dir.display().to_string(), room);
        spans.push(Span::styled(format!("  {dir}"), theme.dim));
    }
    Line::from(spans)
}
