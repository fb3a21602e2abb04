//! The list of runs, in as many columns as there is room for.

use super::LETTERS;
use crate::app::number;
use crate::browse::{Row, Run, State, changes, epochs, figure, score, took};
use crate::runs::RunStatus;
use crate::train::Figure;
use crate::view::draw;
use crate::view::draw::first_row;
use crate::view::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

/// Columns of a name, at least and at most.
const NAME: (usize, usize) = (12, 32);
/// Columns that a difference needs to say something.
const OTHERWISE: usize = 10;

/// What a column shows.
#[derive(Clone, Copy, PartialEq)]
enum What {
    When,
    Score,
    Time,
    State,
    Differs,
}

impl What {
    fn head(self, state: &State) -> &'static str {
        match self {
            What::When => "begun",
            What::Score => figure(&state.runs).map_or("best", Figure::title),
            What::Time => "time",
            What::State => "state",
            What::Differs => "differs in",
        }
    }

    fn is_right(self) -> bool {
        matches!(self, What::When | What::Score | What::Time)
    }
}

/// The columns beside the name, from left to right, with their widths.
struct Columns {
    name: usize,
    shown: Vec<(What, usize)>,
    /// Whether runs are of several tasks, so that every score needs the name of its figure.
    named: bool,
}

impl Columns {
    fn new(state: &State, width: u16) -> Columns {
        let named = figure(&state.runs).is_none();
        let width_of_score = if named { 11 } else { 5 };
        let mut shown = vec![
            (What::When, 6),
            (What::Score, width_of_score),
            (What::Time, 7),
            (What::State, 16),
            (What::Differs, OTHERWISE),
        ];
        // Two for the cursor, two for the letter, two before every column.
        let room = usize::from(width).saturating_sub(5);
        let taken = |shown: &[(What, usize)]| shown.iter().map(|(_, width)| width + 2).sum::<usize>();
        let longest = state.rows.iter().map(|row| draw::width(&row.stem) + draw::width(&state.runs[row.run].name));
        let names = longest.max().unwrap_or(0).clamp(NAME.0, NAME.1);
        for what in [What::Time, What::Differs, What::When, What::State, What::Score] {
            if taken(&shown) + names.min(14) > room {
                shown.retain(|(other, _)| *other != what);
            }
        }
        let name = names.min(room.saturating_sub(taken(&shown)));
        let spare = room.saturating_sub(taken(&shown) + name);
        match shown.last_mut() {
            Some((What::Differs, width)) => *width += spare,
            _ => return Columns { name: name + spare, shown, named },
        }
        Columns { name, shown, named }
    }

    fn put<'a>(&self, buf: &mut Buffer, area: Rect, name: Vec<Span<'a>>, cells: impl Iterator<Item = Span<'a>>) {
        let pad = |width: usize| Span::raw(" ".repeat(width));
        let mut spans = name;
        let taken: usize = spans.iter().map(Span::width).sum();
        spans.push(pad((4 + self.name).saturating_sub(taken)));
        for (cell, (what, width)) in cells.zip(&self.shown) {
            let rest = pad(width.saturating_sub(cell.width()));
            spans.push(pad(2));
            spans.extend(if what.is_right() { [rest, cell] } else { [cell, rest] });
        }
        draw::put(buf, area, 0, 0, &Line::from(spans));
    }

    fn row(&self, state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, (row, chosen): (&Row, bool)) {
        let run = &state.runs[row.run];
        let slot = state.slot(&run.brief.dir);
        let letter = slot.map_or(Span::raw("  "), |slot| {
            Span::styled(format!("{} ", LETTERS[slot]), theme.runs[slot].add_modifier(Modifier::BOLD))
        });
        let stem = draw::clip(&row.stem, self.name / 2);
        let name = draw::clip(&run.name, self.name.saturating_sub(draw::width(&stem)));
        let style = if chosen { theme.accent } else { theme.text };
        let mark = Span::styled(if chosen { "▸ " } else { "  " }, theme.accent);
        let name = vec![mark, letter, Span::styled(stem, theme.frame), Span::styled(name, style)];
        let cells = self.shown.iter().map(|(what, width)| {
            let (text, style) = cell(state, theme, run, (*what, self.named));
            Span::styled(draw::clip(&text, *width), style)
        });
        self.put(buf, area, name, cells);
    }
}

fn cell(state: &State, theme: &Theme, run: &Run, (what, named): (What, bool)) -> (String, Style) {
    let brief = &run.brief;
    match what {
        What::When => (number::age(state.now(), brief.begun), theme.dim),
        What::Score => (brief.best.map_or(String::new(), |best| score(best, named)), theme.text),
        What::Time => (took(run), theme.dim),
        What::State => status(theme, run),
        What::Differs => match state.selected() {
            Some(at) if at.brief.dir != brief.dir => (changes(Some(&at.brief), brief), theme.text),
            _ => (String::new(), theme.dim),
        },
    }
}

/// Where a run stands, in a glyph and words.
pub(super) fn status(theme: &Theme, run: &Run) -> (String, Style) {
    let (glyph, style) = match run.brief.status {
        RunStatus::AtWork => ("▸", theme.good),
        RunStatus::Done => ("✓", theme.good),
        RunStatus::Stopped => ("■", theme.pending),
        RunStatus::Failed => ("✗", theme.alarm),
        RunStatus::Killed => ("✗", theme.pending),
    };
    let word = run.brief.status.word();
    match run.brief.status {
        RunStatus::Done => (format!("{glyph} {word}"), style),
        _ => (format!("{glyph} {word} {}", epochs(run)), style),
    }
}

/// Draws the list in a frame.
pub(super) fn draw(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let (count, room) = (state.rows.len(), usize::from(area.height.saturating_sub(3)));
    let first = first_row(state.cursor, count, room);
    let mut legend = Vec::new();
    if count > room {
        let (up, down) = (if first > 0 { "↑" } else { " " }, if first + room < count { "↓" } else { " " });
        legend.push(Span::styled(format!("{} of {count} {up}{down}", state.cursor + 1), theme.dim));
    }
    let title = format!("Runs in {}", state.root.display());
    let inner = draw::frame(theme, buf, area, &title, false, legend);
    let columns = Columns::new(state, inner.width);
    let heads = columns.shown.iter().map(|(what, width)| Span::styled(draw::clip(what.head(state), *width), theme.dim));
    columns.put(buf, inner, Vec::new(), heads);
    let body = Rect { y: inner.y + inner.height.min(1), height: inner.height.saturating_sub(1), ..inner };
    rows(state, theme, buf, body, &columns);
}

/// Draws the list without a frame.
pub(super) fn plain(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    rows(state, theme, buf, area, &Columns::new(state, area.width));
}

fn rows(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, columns: &Columns) {
    if state.rows.is_empty() && state.read {
        let text = match state.runs.is_empty() {
            true => format!("no runs in {}: `tricktop` begins one", state.root.display()),
            false => "no run matches; esc shows all again".into(),
        };
        let area = Rect { x: area.x + area.width.min(1), width: area.width.saturating_sub(2), ..area };
        for (y, line) in draw::wrap(&text, usize::from(area.width)).iter().enumerate() {
            draw::text(buf, area, 0, y as u16, line, theme.dim);
        }
    }
    let room = usize::from(area.height);
    let first = first_row(state.cursor, state.rows.len(), room);
    for (y, (place, row)) in state.rows.iter().enumerate().skip(first).take(room).enumerate() {
        let line = Rect { y: area.y + y as u16, height: 1, ..area };
        columns.row(state, theme, buf, line, (row, place == state.cursor));
    }
}
