//! The machine: graphics cards when there is a driver, else the processor's cores; memory; waiting for data.

use super::theme::Theme;
use super::{cards, draw};
use crate::app::hardware::{Past, Sample};
use crate::app::{Pane, State, number};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Columns of a gauge's name.
pub(super) const NAME: usize = 10;

/// Draws the pane.
pub(crate) fn draw(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let focused = state.focus == Pane::Hardware;
    let Some(sample) = &state.hardware.last else {
        let inner = draw::frame(theme, buf, area, Pane::Hardware.word(), focused, Vec::new());
        draw::text(buf, inner, 1, 0, "first look in a moment", theme.dim);
        return;
    };
    let inner = draw::frame(theme, buf, area, Pane::Hardware.word(), focused, legend(state, theme));
    let (columns, rows) = (usize::from(inner.width.saturating_sub(2)), usize::from(inner.height));
    let mut below = below(state, theme, sample, columns);
    let count = sample.gpus.len();
    let mut room = rows.saturating_sub(below.len()).max(count.min(rows.saturating_sub(1)));
    if room > 2 * count {
        // (for the cores)
        room -= 1;
    }
    let cards = cards::lines(state, theme, columns, room);
    let mut lines: Vec<Line> =
        sample.gpu_note.iter().map(|note| gauge(theme, "GPU", format!("{note}: CPU shown"))).collect();
    room = rows.saturating_sub(cards.len() + lines.len());
    below.drain(..below.len().saturating_sub(room));
    lines.extend(cores(state, theme, sample, columns, room - below.len()));
    lines.extend(below);
    // (the lines of the cards begin with a column for a mark)
    let all = cards.iter().map(|line| (0, line)).chain(lines.iter().map(|line| (1, line)));
    for (y, (x, line)) in all.enumerate() {
        draw::put(buf, inner, x, y as u16, line);
    }
}

/// What holds a card back, and what is shown.
fn legend(state: &State, theme: &Theme) -> Vec<Span<'static>> {
    let kind = match state.hardware.cards().len() {
        0 => "CPU".to_string(),
        1 => "GPU".to_string(),
        n => format!("{n} GPUs"),
    };
    let mut legend: Vec<Span> =
        state.hardware.throttles().iter().map(|word| Span::styled(format!("! {word}"), theme.pending)).collect();
    legend.push(Span::styled(kind, theme.dim));
    legend
}

/// The lines below cards and cores, what counts most last.
fn below(state: &State, theme: &Theme, sample: &Sample, columns: usize) -> Vec<Line<'static>> {
    let (used, total, wait) = (sample.memory_used, sample.memory_total, state.run.wait.value());
    let mut memory = number::bytes_of(used, total);
    if draw::width(&memory) + NAME > columns {
        memory = number::bytes_of_short(used, total);
    }
    let mut lines = vec![gauge(theme, "memory", memory)];
    if sample.process_memory > 0 {
        lines.push(gauge(theme, "process", number::bytes(sample.process_memory)));
    }
    if let Some(scaling) = state.run.scaling {
        let emulated = state.run.info.as_ref().is_some_and(|info| info.device.starts_with("cpu"));
        let of = format!("f16 x {}, {} overflows", number::thousands(scaling.loss_scale as u64), scaling.overflows);
        lines.push(gauge(theme, if emulated { "emulated" } else { "mixed" }, of));
    }
    if wait.is_finite() {
        lines.push(gauge(theme, "data wait", number::percent(wait)));
    }
    lines
}

/// A name and a value.
pub(super) fn gauge(theme: &Theme, name: &str, value: String) -> Line<'static> {
    Line::from(vec![Span::styled(format!("{name:<NAME$}"), theme.dim), Span::styled(value, theme.text)])
}

/// A name, a value and the past of it.
pub(super) fn curve(theme: &Theme, name: &str, value: String, past: &Past, columns: usize) -> Line<'static> {
    let room = columns.saturating_sub(NAME + draw::width(&value) + 1).min(40);
    let mut line = gauge(theme, name, value);
    line.spans.extend([Span::raw(" "), Span::styled(draw::percents(past, room), theme.curve)]);
    line
}

/// A line a core while there is room, else one bar a core.
fn cores(state: &State, theme: &Theme, sample: &Sample, columns: usize, room: usize) -> Vec<Line<'static>> {
    if sample.cores.is_empty() || room == 0 {
        return Vec::new();
    }
    if sample.cores.len() <= room {
        let row = |(i, past): (usize, &Past)| {
            let now = past.back().copied().unwrap_or(0.0);
            curve(theme, &format!("core {i}"), format!("{now:>4.0} %"), past, columns)
        };
        return state.hardware.cores.iter().enumerate().map(row).collect();
    }
    let count = sample.cores.len();
    let mean = sample.cores.iter().sum::<f32>() / count as f32;
    let mut lines = vec![gauge(theme, &format!("{count} cores"), format!("{mean:>4.0} % busy"))];
    for part in sample.cores.chunks(columns.max(1)).take(room - 1) {
        lines.push(Line::from(Span::styled(draw::percents(part, part.len()), theme.curve)));
    }
    lines
}
