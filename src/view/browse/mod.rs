//! The browser of runs: the list, the run at the cursor, curves over one another, and the table of differences.

mod charts;
mod detail;
mod list;
mod table;

use super::draw::{self, LinePart};
use super::theme::Theme;
use super::typing::prompt;
use super::{footer, help, popup};
use crate::app::Tone;
use crate::browse::keys::{Action, Context};
use crate::browse::{Field, Modal, State, View};
use crate::runs::{RunStatus, TRASH};
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// Below this there are plain lines only.
const SMALLEST: (u16, u16) = (60, 16);
/// From this on the charts stand beside the list.
const WIDE: (u16, u16) = (100, 30);
/// The letters of the slots.
const LETTERS: [char; 6] = ['A', 'B', 'C', 'D', 'E', 'F'];

/// Draws the whole screen.
pub fn render(state: &State, buf: &mut Buffer, area: Rect) {
    let Some((theme, area)) = Theme::ground(&state.options, buf, area) else { return };
    let [top, body, status, keys] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1), Constraint::Length(1)])
            .areas(area);
    header(state, &theme, buf, top);
    body_of(state, &theme, buf, body, area);
    draw_status(state, &theme, buf, status);
    draw_keys(state, &theme, buf, keys);
    match &state.modal {
        Some(Modal::Help(scroll)) => {
            help::draw_lines(*scroll, |columns| help_lines(state, &theme, columns), &theme, buf, area)
        }
        Some(Modal::Delete) => delete(state, &theme, buf, area),
        Some(Modal::Type(..)) | None => {}
    }
    if state.options.ascii {
        draw::to_ascii(buf, area);
    }
}

fn body_of(state: &State, theme: &Theme, buf: &mut Buffer, body: Rect, area: Rect) {
    let framed = area.width >= SMALLEST.0 && area.height >= SMALLEST.1;
    match state.view {
        View::Charts => charts::over(state, theme, buf, body),
        View::Table(top, left) => table::draw(state, theme, buf, body, (top, left)),
        View::List if !framed => list::plain(state, theme, buf, body),
        View::List if area.width >= WIDE.0 && area.height >= WIDE.1 => {
            let left = (body.width * 55 / 100).min(body.width.saturating_sub(48)).max(54);
            let [left, right] = Layout::horizontal([Constraint::Length(left), Constraint::Fill(1)]).areas(body);
            let wanted = detail::height(state, right.width.saturating_sub(4)) + 2;
            let [detail, charts] =
                Layout::vertical([Constraint::Length(wanted.min(body.height / 3)), Constraint::Fill(1)]).areas(right);
            list::draw(state, theme, buf, left);
            detail::draw(state, theme, buf, detail);
            charts::column(state, theme, buf, charts);
        }
        View::List => {
            let wanted = detail::height(state, body.width.saturating_sub(4)) + 2;
            let height = wanted.min(body.height * 2 / 5);
            let [list, detail] = Layout::vertical([Constraint::Fill(1), Constraint::Length(height)]).areas(body);
            list::draw(state, theme, buf, list);
            detail::draw(state, theme, buf, detail);
        }
    }
}

/// What is shown, and of how many.
fn header(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let one = |rank, text: String, style| LinePart::new(rank, vec![Span::styled(text, style)]);
    let count = |what: RunStatus| state.runs.iter().filter(|run| run.brief.status == what).count();
    let all = match (state.read, state.runs.len(), state.rows.len()) {
        (false, ..) => "reading …".to_string(),
        (true, 1, 1) => "1 run".into(),
        (true, all, shown) if all == shown => format!("{all} runs"),
        (true, all, shown) => format!("{shown} of {all} runs"),
    };
    let mut left = vec![one(4, "tricktop".into(), theme.accent), one(0, all, theme.text)];
    for (rank, n, what, style) in [
        (2, count(RunStatus::AtWork), "running", theme.good),
        (3, count(RunStatus::Failed), "failed", theme.alarm),
        (3, state.left_out.len(), "left out", theme.pending),
    ] {
        if n > 0 {
            left.push(one(rank, format!("{n} {what}"), style));
        }
    }
    let mut right = Vec::new();
    if !state.filter.is_empty() {
        right.push(one(1, format!("/{}", draw::clip(&state.filter, 30)), theme.pending));
    }
    let how = if state.tree { "tree, by" } else { "by" };
    right.push(one(5, format!("{how} {}", state.order.word()), theme.dim));
    draw::row(buf, inside(area), 0, 2, left, right);
}

fn inside(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

/// What is typed, was done or went wrong, or what the run at the cursor failed of.
fn draw_status(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let area = inside(area);
    if let Some(Modal::Type(field, line)) = &state.modal {
        let mark = match field {
            Field::Filter => "/",
            Field::Name => "name ",
            Field::Note => "note ",
            Field::Tags => "tags ",
        };
        let mut spans = prompt(mark, line.text(), line.cursor(), theme);
        match (&line.problem, field) {
            (Some(problem), _) => spans.push(Span::styled(format!("  {problem}"), theme.alarm)),
            (None, Field::Filter) => spans.push(Span::styled("  name, tag, note, state, knob=value", theme.dim)),
            (None, _) => {}
        }
        return draw::put(buf, area, 0, 0, &Line::from(spans));
    }
    let failed = state.selected().and_then(|run| run.brief.error.as_ref());
    let (text, style): (String, Style) = match (state.notice(), state.left_out.first(), failed) {
        (Some((text, tone)), ..) => (text.into(), theme.tone(tone)),
        (None, _, Some(why)) => (format!("failed: {why}"), theme.alarm),
        (None, Some(first), None) => (format!("left out: {first}"), theme.tone(Tone::Warn)),
        (None, None, None) => {
            (format!("d: differences  c: charts  t: lineage  trash: {}", state.root.join(TRASH).display()), theme.dim)
        }
    };
    draw::text(buf, area, 0, 0, &draw::clip(&text, usize::from(area.width)), style);
}

fn draw_keys(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let marked = state.selected().is_some_and(|run| state.slot(&run.brief.dir).is_some());
    let word = |b: &crate::app::keys::Binding<Context, Action>| match (b.action, state.view) {
        (Action::Mark, _) if marked => "unmark",
        (Action::Tree, _) if state.tree => "list",
        (Action::Charts, View::Charts) | (Action::Differ, View::Table(..)) => "list",
        _ => b.short,
    };
    footer::keys_of(state.keys, state.context(), word, theme, buf, area);
}

fn delete(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let mut lines = popup::choices(theme, state.keys, Context::Delete, |key| key.help, area.width.saturating_sub(4));
    let name = state.selected().map_or("", |run| run.name.as_str());
    let trash = format!("  its files stay in {}", state.root.join(TRASH).display());
    lines.push(Line::from(Span::styled(trash, theme.dim)));
    let title = format!("Delete {}?", draw::clip(name, usize::from(area.width).saturating_sub(16)));
    popup::show(theme, buf, area, &title, &lines);
}

fn help_lines(state: &State, theme: &Theme, columns: u16) -> Vec<Line<'static>> {
    let words = [
        ("mixup=on lr=0.1", "runs whose recipe has these values"),
        ("stopped paper", "runs with these words in name, tags, note or state"),
    ];
    let marks = [
        ("A to F", "the marked runs, on the list and on every chart"),
        ("time", "of the last start"),
        ("differs in", "the values in which a run differs from the one at the cursor"),
        ("├ └", "forked from the run above"),
    ];
    let mut lines = help::keys(theme, columns, state.keys);
    lines.extend(help::block(theme, columns, "Filter", words));
    lines.extend(help::block(theme, columns, "List", marks));
    lines
}
