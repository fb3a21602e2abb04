//! The machine: GPUs where there is a driver, the cores of the CPU, memory, waiting for data.

use super::gauge::{NAME, curve, gauge};
use super::{Drawing, Summary, gpus};
use crate::app::hardware::{Past, Sample};
use crate::app::{Pane, State, number};
use crate::view::draw;
use crate::view::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Draws the pane.
pub(crate) struct Hardware;

impl Drawing for Hardware {
    fn draw(&self, state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
        let focused = state.focus == Pane::Hardware;
        let Some(sample) = &state.panes.hardware.last else {
            let inner = draw::frame(theme, buf, area, Pane::Hardware.row().title, focused, Vec::new());
            draw::text(buf, inner, 1, 0, "first look in a moment", theme.dim);
            return;
        };
        let inner = draw::frame(theme, buf, area, Pane::Hardware.row().title, focused, legend(state, theme));
        let (columns, rows) = (usize::from(inner.width.saturating_sub(2)), usize::from(inner.height));
        let mut below = below(state, theme, sample, columns);
        let count = sample.gpus.len();
        let mut room = rows.saturating_sub(below.len()).max(count.min(rows.saturating_sub(1)));
        if room > 2 * count {
            // The cores have the last one.
            room -= 1;
        }
        let gpus = gpus::lines(state, theme, columns, room);
        let mut lines: Vec<Line> =
            sample.gpu_note.iter().map(|note| gauge(theme, "GPU", format!("{note}: CPU shown"))).collect();
        room = rows.saturating_sub(gpus.len() + lines.len());
        below.drain(..below.len().saturating_sub(room));
        lines.extend(cores(state, theme, sample, columns, room - below.len()));
        lines.extend(below);
        // The lines of the GPUs begin with a column for a mark.
        let all = gpus.iter().map(|line| (0, line)).chain(lines.iter().map(|line| (1, line)));
        for (y, (x, line)) in all.enumerate() {
            draw::put(buf, inner, x, y as u16, line);
        }
    }

    fn summary(&self, state: &State, columns: usize) -> Option<Summary> {
        let hardware = &state.panes.hardware;
        let name = match (hardware.gpus().is_empty(), hardware.throttles().is_empty()) {
            (true, _) => "cpu",
            (false, true) => "gpu",
            (false, false) => "gpu !",
        };
        let value = hardware.busy.back().map_or("-".into(), |v| format!("{v:.0} %"));
        Some(Summary { name, value, spark: draw::percents(&hardware.busy, columns.min(Summary::SPARK)) })
    }
}

/// What throttles the GPUs, and what is shown.
fn legend(state: &State, theme: &Theme) -> Vec<Span<'static>> {
    let kind = match state.panes.hardware.gpus().len() {
        0 => "CPU".to_string(),
        1 => "GPU".to_string(),
        n => format!("{n} GPUs"),
    };
    let mut legend: Vec<Span> =
        state.panes.hardware.throttles().iter().map(|word| Span::styled(format!("! {word}"), theme.pending)).collect();
    legend.push(Span::styled(kind, theme.dim));
    legend
}

/// The lines below GPUs and cores, what counts most last.
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
        return state.panes.hardware.cores.iter().enumerate().map(row).collect();
    }
    let count = sample.cores.len();
    let mean = sample.cores.iter().sum::<f32>() / count as f32;
    let mut lines = vec![gauge(theme, &format!("{count} cores"), format!("{mean:>4.0} % busy"))];
    for part in sample.cores.chunks(columns.max(1)).take(room - 1) {
        lines.push(Line::from(Span::styled(draw::percents(part, part.len()), theme.curve)));
    }
    lines
}
