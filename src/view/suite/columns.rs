//! The columns of the rows: as many as there is room for, the least important left out first.

use crate::suite::screen::{RowStatus, State};
use crate::suite::{Gain, Now, Table};
use crate::view::draw;
use crate::view::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// Columns of a name: of the names together at least, and what no other column takes from them.
const NAME: (usize, usize) = (6, 18);
/// Columns of a curve, at least and at most.
const SPARK: (usize, usize) = (6, 20);
/// Up to so many seeds have a glyph each.
const GLYPHS: usize = 6;

/// What a column shows.
#[derive(Clone, Copy, PartialEq)]
enum What {
    Seeds,
    Spark,
    Score,
    Above,
    Base,
    Paper,
    State,
}

/// The columns beside the name, from left to right, with their widths.
pub(super) struct Columns {
    name: usize,
    shown: Vec<(What, usize)>,
}

impl Columns {
    pub(super) fn new(state: &State, width: u16) -> Columns {
        let (tally, table) = (&state.tally, &state.tally.table);
        let widest = |least: usize, of: &dyn Fn(usize) -> String| {
            (0..table.rows.len()).map(|row| draw::width(&of(row))).fold(least, usize::max)
        };
        // Room for what will come, so that nothing jumps when it does.
        let margin = if tally.suite.seeds > 1 { 7 } else { 0 };
        let longest = tally.runs.iter().map(|run| run.recipe.train.epochs).max().unwrap_or_default();
        // More than have a glyph each are counted: `12/100`.
        let seeds = (tally.suite.seeds as usize).clamp(5, GLYPHS + 1);
        let text = |what| move |row| table_text(table, row, what);
        let mut shown = vec![
            (What::Seeds, seeds),
            (What::Spark, SPARK.0),
            (What::Score, widest(5 + margin, &text(What::Score))),
            (What::Above, widest(7 + margin - 1, &text(What::Above))),
            (What::Base, widest(7 + margin - 1, &text(What::Base))),
            (What::Paper, widest(7, &text(What::Paper))),
            (What::State, 10 + 2 * longest.to_string().len()),
        ];
        let (ladder, paper) = (tally.suite.is_ladder(), table.rows.iter().any(|row| row.paper_gain.is_some()));
        shown.retain(|(what, _)| match what {
            What::Above => ladder,
            What::Paper => paper,
            _ => true,
        });
        let names = widest(NAME.0, &|row| table.rows[row].cell.clone());
        // A mark, two columns before every other, and one at the end.
        let room = usize::from(width).saturating_sub(3);
        let taken = |shown: &[(What, usize)]| shown.iter().map(|(_, width)| width + 2).sum::<usize>();
        let first = [What::Paper].into_iter().chain(ladder.then_some(What::Base));
        for what in first.chain([What::Seeds, What::Spark, What::Above, What::Base, What::Score]) {
            if taken(&shown) + names.min(NAME.1) > room {
                shown.retain(|(other, _)| *other != what);
            }
        }
        let name = names.min(room.saturating_sub(taken(&shown)));
        let spare = room.saturating_sub(taken(&shown) + name);
        if let Some((_, width)) = shown.iter_mut().find(|(what, _)| *what == What::Spark) {
            *width = (*width + spare).min(SPARK.1);
        }
        Columns { name, shown }
    }

    /// Draws the headings.
    pub(super) fn head(&self, state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
        let heads = self.shown.iter().map(|(what, width)| (what.head(state).to_string(), *width, what.is_right()));
        self.put(
            buf,
            area,
            Span::raw("  "),
            Span::raw(""),
            heads.map(|(text, width, right)| (Span::styled(text, theme.dim), width, right)),
        );
    }

    /// Draws a row.
    pub(super) fn row(&self, state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, cell: usize) {
        let chosen = cell == state.cursor;
        let name = draw::clip(&state.tally.suite.cells[cell].name, self.name);
        let name = Span::styled(name, if chosen { theme.accent } else { theme.text });
        let parts = self.shown.iter().map(|(what, width)| {
            let (text, style) = what.cell(state, theme, cell, *width);
            (Span::styled(draw::clip(&text, *width), style), *width, what.is_right())
        });
        self.put(buf, area, Span::styled(if chosen { "▸ " } else { "  " }, theme.accent), name, parts);
    }

    fn put<'a>(
        &self,
        buf: &mut Buffer,
        area: Rect,
        mark: Span<'a>,
        name: Span<'a>,
        parts: impl Iterator<Item = (Span<'a>, usize, bool)>,
    ) {
        let pad = |width: usize| Span::raw(" ".repeat(width));
        let gap = self.name.saturating_sub(name.width());
        let mut spans = vec![mark, name, pad(gap)];
        for (span, width, right) in parts {
            let rest = pad(width.saturating_sub(span.width()));
            spans.push(pad(2));
            spans.extend(if right { [rest, span] } else { [span, rest] });
        }
        draw::put(buf, area, 0, 0, &Line::from(spans));
    }
}

/// What the table says of a row, as the table itself prints it.
fn table_text(table: &Table, row: usize, what: What) -> String {
    let row = &table.rows[row];
    let gain = |gain: Option<Gain>| gain.map_or(String::new(), |gain| gain.to_string());
    match what {
        What::Score => row.score().map_or(String::new(), |score| score.to_string()),
        What::Above => gain(row.above),
        What::Base => gain(row.base),
        What::Paper => row.paper_gain.map_or(String::new(), |gain| format!("{gain:+.2}")),
        What::Seeds | What::Spark | What::State => String::new(),
    }
}

impl What {
    fn head(self, state: &State) -> &'static str {
        match self {
            What::Seeds => "seeds",
            What::Spark => "curve",
            What::Score => state.tally.suite.figures()[0].title(),
            What::Above => "Δ above",
            What::Base => "Δ base",
            What::Paper => "paper Δ",
            What::State => "state",
        }
    }

    fn is_right(self) -> bool {
        matches!(self, What::Score | What::Above | What::Base | What::Paper)
    }

    fn cell(self, state: &State, theme: &Theme, cell: usize, width: usize) -> (String, Style) {
        let row = &state.tally.table.rows[cell];
        let text = || table_text(&state.tally.table, cell, self);
        match self {
            What::Seeds => (seeds(state, cell), theme.text),
            What::Spark => (spark(state, cell, width), theme.curve),
            What::Score => (text(), theme.text),
            What::Above => (text(), gain_style(theme, row.above)),
            What::Base => (text(), gain_style(theme, row.base)),
            What::Paper => (text(), theme.dim),
            What::State => status(state, theme, cell),
        }
    }
}

/// The colour of a gain; without one its sign and `~` say the same.
pub(super) fn gain_style(theme: &Theme, gain: Option<Gain>) -> Style {
    match gain {
        Some(gain) if !gain.is_clear() => theme.dim,
        Some(gain) if gain.mean < 0.0 => theme.alarm,
        _ => theme.good,
    }
}

/// A glyph for the state of a run.
pub(super) fn glyph(now: &Now) -> &'static str {
    match now {
        Now::Done => "●",
        Now::Starts | Now::Works => "▸",
        Now::Paused => "‖",
        Now::Waits | Now::Elsewhere | Now::Queued(_) => "·",
        Now::Out => "○",
        Now::Failed(_) | Now::Edited => "✗",
    }
}

fn seeds(state: &State, cell: usize) -> String {
    let tally = &state.tally;
    if tally.suite.seeds as usize > GLYPHS {
        return format!("{}/{}", tally.table.rows[cell].runs, tally.suite.seeds);
    }
    tally.of(cell).map(|place| glyph(&tally.live[place].now)).collect()
}

/// Top-1 by epoch of the row's run at work, else of its foremost; it fills the columns as the epochs pass.
fn spark(state: &State, cell: usize, width: usize) -> String {
    let Some(place) = state.tally.foremost(cell) else { return String::new() };
    let Some(ran) = &state.tally.results.ran[place] else { return String::new() };
    let epochs = state.tally.runs[place].recipe.train.epochs.max(1) as usize;
    let columns = if epochs <= width { ran.scores.len().min(width) } else { ran.scores.len() * width / epochs };
    let scores: Vec<f64> = ran.scores.iter().map(|(score, _)| *score).collect();
    draw::sparkline(&scores, columns.min(width), None)
}

/// Where a row stands, in a glyph and a word.
fn status(state: &State, theme: &Theme, cell: usize) -> (String, Style) {
    match state.status(cell) {
        RowStatus::Run(place) => {
            let (live, run) = (&state.tally.live[place], &state.tally.runs[place]);
            let epochs = run.recipe.train.epochs;
            let epoch = (live.epoch.floor() as u64 + 1).min(epochs);
            match live.now {
                Now::Starts => ("◌ starting".into(), theme.dim),
                Now::Paused => (format!("‖ paused {epoch}/{epochs}"), theme.pending),
                _ if state.tally.away.contains(&place) => ("■ stopping".into(), theme.pending),
                _ => (format!("▸ epoch {epoch}/{epochs}"), theme.good),
            }
        }
        RowStatus::Waits => ("· waits".into(), theme.dim),
        RowStatus::Skipped => ("■ skipped".into(), theme.pending),
        RowStatus::Queued(None) => ("◌ queued".into(), theme.dim),
        RowStatus::Queued(Some(node)) => (format!("▸ on {node}"), theme.good),
        RowStatus::Elsewhere => ("◌ elsewhere".into(), theme.dim),
        RowStatus::Failed(_) => ("✗ failed".into(), theme.alarm),
        RowStatus::Edited => ("✗ edited".into(), theme.pending),
        RowStatus::Out => ("○ out".into(), theme.dim),
        RowStatus::Done => ("✓ done".into(), theme.good),
    }
}
