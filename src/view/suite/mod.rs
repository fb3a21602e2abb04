//! The screen of a suite: a row a cell, what the row at the cursor is about, and the keys.

mod columns;
mod detail;
mod header;

use super::draw::{self, LinePart};
use super::theme::Theme;
use super::{footer, help, popup};
use crate::app::Tone;
use crate::suite::Now;
use crate::suite::screen::keys::{Action, Context};
use crate::suite::screen::{Modal, RowStatus, State};
use columns::Columns;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};

/// Below this there are plain lines only.
const SMALLEST: (u16, u16) = (60, 16);

/// What the figures mean.
fn legend(state: &State) -> String {
    let score = state.tally.suite.figures()[0].title();
    format!("{score} in percent: mean ± deviation; gains: ± 95 % interval, ~ within the noise")
}

/// Draws the whole screen.
pub fn render(state: &State, buf: &mut Buffer, area: Rect) {
    let Some((theme, area)) = Theme::ground(&state.options, buf, area) else { return };
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        plain(state, &theme, buf, area);
    } else {
        framed(state, &theme, buf, area);
    }
    match state.modal {
        Some(Modal::Help(scroll)) => {
            help::draw_lines(scroll, |columns| help_lines(state, &theme, columns), &theme, buf, area)
        }
        Some(Modal::Stop) => {
            let lines = popup::choices(&theme, state.keys, Context::Stop, |key| key.help, area.width.saturating_sub(4));
            popup::show(&theme, buf, area, "Stop the suite?", &lines);
        }
        None => {}
    }
    if state.options.ascii {
        draw::to_ascii(buf, area);
    }
}

fn help_lines(state: &State, theme: &Theme, columns: u16) -> Vec<Line<'static>> {
    let marks = [
        ("seeds", "● done  ▸ at work  ‖ paused  · waits  ✗ failed"),
        ("curve", "the score after every epoch of the run at work, else of the best"),
        (
            state.tally.suite.figures()[0].title(),
            "in percent after the last epoch: mean ± deviation over the seeds that are done",
        ),
        (
            "Δ above, Δ base",
            "what it gains over the row it is compared with, and over the base, with the 95 % interval",
        ),
        ("~", "within its noise: the interval holds 0, or there is one seed"),
    ];
    let mut lines = help::keys(theme, columns, state.keys);
    lines.extend(help::block(theme, columns, "Columns", marks));
    lines
}

fn framed(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let wanted = detail::height(state, area.width.saturating_sub(4)) + 2;
    let [top, cells, below, status, keys] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Fill(1),
        Constraint::Length(wanted.min(area.height * 2 / 5)),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(area);
    header::draw(state, theme, buf, top);
    let count = state.tally.suite.cells.len();
    let room = usize::from(cells.height.saturating_sub(3));
    let first = draw::first_row(state.cursor, count, room);
    let mut legend = Vec::new();
    if count > room {
        let (up, down) = (if first > 0 { "↑" } else { " " }, if first + room < count { "↓" } else { " " });
        legend.push(Span::styled(format!("{:>2} of {count} {up}{down}", state.cursor + 1), theme.dim));
    }
    let inner = draw::frame(theme, buf, cells, &format!("Suite {}", state.tally.suite.name), false, legend);
    let columns = Columns::new(state, inner.width);
    columns.head(state, theme, buf, inner);
    let body = Rect { y: inner.y + inner.height.min(1), height: inner.height.saturating_sub(1), ..inner };
    list(state, theme, buf, body, &columns);
    detail::draw(state, theme, buf, below);
    draw_status(state, theme, buf, status, true);
    draw_keys(state, theme, buf, keys);
}

/// The rows around the cursor.
fn list(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, columns: &Columns) {
    let (count, room) = (state.tally.suite.cells.len(), usize::from(area.height));
    let first = draw::first_row(state.cursor, count, room);
    for (y, cell) in (first..count).take(room).enumerate() {
        columns.row(state, theme, buf, Rect { y: area.y + y as u16, height: 1, ..area }, cell);
    }
}

/// Plain lines: how far it is, the rows, the row at the cursor, the keys.
fn plain(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    header::line(state, theme, buf, Rect { height: 1, ..area });
    let below = area.height.saturating_sub(1).min(2);
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1 + below), ..area };
    list(state, theme, buf, body, &Columns::new(state, area.width));
    if below == 2 {
        draw_status(state, theme, buf, Rect { y: area.bottom() - 2, height: 1, ..area }, false);
    }
    if below > 0 {
        draw_keys(state, theme, buf, Rect { y: area.bottom() - 1, height: 1, ..area });
    }
}

/// What was done or went wrong, else what the figures mean, or what the row at the cursor is about when no pane says so.
fn draw_status(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, framed: bool) {
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let (text, style) = match state.notice() {
        Some((text, tone)) => (text.to_string(), theme.tone(tone)),
        None if state.is_held() => {
            ("what is left is skipped: x puts the row back, q leaves".into(), theme.tone(Tone::Warn))
        }
        None => match state.status(state.cursor) {
            RowStatus::Failed(why) => (format!("failed: {why}"), theme.alarm),
            _ if framed => (legend(state), theme.dim),
            _ => (detail::about(state), theme.dim),
        },
    };
    let text = draw::clip(&text, usize::from(area.width));
    draw::row(buf, area, 0, 2, vec![LinePart::new(0, vec![Span::styled(text, style)])], Vec::new());
}

fn draw_keys(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let tally = &state.tally;
    let mut at_work = tally.at_work(state.cursor).peekable();
    let paused = at_work.peek().is_some() && at_work.all(|place| tally.live[place].now == Now::Paused);
    let away = tally.open(state.cursor).any(|place| tally.away.contains(&place));
    let word = |b: &crate::app::keys::Binding<Context, Action>| match b.action {
        Action::Pause if paused => "resume",
        Action::Skip if away => "put back",
        _ => b.short,
    };
    footer::keys_of(state.keys, state.context(), word, theme, buf, area);
}
