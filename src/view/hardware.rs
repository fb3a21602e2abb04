//! The machine: graphics cards when there is a driver, else the processor's cores; memory; waiting for data.

use super::draw;
use super::theme::Theme;
use crate::app::hardware::{Gpu, Sample};
use crate::app::{Pane, State, number};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// A gauge of percent.
const SCALE: Option<(f64, f64)> = Some((0.0, 100.0));

/// Draws the pane.
pub(crate) fn draw(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let Some(sample) = &state.hardware.last else {
        let inner = draw::frame(theme, buf, area, Pane::Hardware.word(), state.focus == Pane::Hardware, Vec::new());
        draw::text(buf, inner, 1, 0, "first look in a moment", theme.dim);
        return;
    };
    let kind = if sample.gpus.is_empty() { "CPU" } else { "GPU" };
    let legend = vec![Span::styled(kind, theme.dim)];
    let inner = draw::frame(theme, buf, area, Pane::Hardware.word(), state.focus == Pane::Hardware, legend);
    let columns = usize::from(inner.width.saturating_sub(2));
    let mut lines: Vec<Line> = sample.gpu_note.iter().map(|note| gauge(theme, "GPU", note.clone())).collect();
    for (i, gpu) in sample.gpus.iter().enumerate() {
        let history: Vec<f64> = state.hardware.gpus[i].iter().map(|v| f64::from(*v)).collect();
        lines.extend(card(theme, gpu, &history, columns));
    }
    let below = [
        Some(gauge(theme, "memory", memory(sample))),
        Some(gauge(theme, "process", number::bytes(sample.process_memory))),
        state.run.wait.value().is_finite().then(|| gauge(theme, "data wait", number::percent(state.run.wait.value()))),
    ];
    let below: Vec<Line> = below.into_iter().flatten().collect();
    let room = usize::from(inner.height).saturating_sub(lines.len() + below.len());
    lines.extend(cores(state, theme, sample, columns, room));
    lines.extend(below);
    for (y, line) in lines.iter().enumerate() {
        draw::put(buf, inner, 1, y as u16, line);
    }
}

fn gauge(theme: &Theme, name: &str, value: String) -> Line<'static> {
    Line::from(vec![Span::styled(format!("{name:<10}"), theme.dim), Span::styled(value, theme.text)])
}

fn memory(sample: &Sample) -> String {
    number::bytes_of(sample.memory_used, sample.memory_total)
}

/// Two lines about a card.
fn card(theme: &Theme, gpu: &Gpu, history: &[f64], columns: usize) -> [Line<'static>; 2] {
    let busy = gpu.utilisation.map_or_else(|| "   ? %".to_string(), |u| format!("{u:>4} %"));
    let mut facts = String::new();
    for fact in [gpu.temperature.map(|t| format!("  {t} °C")), gpu.power_w.map(|p| format!("  {p:.0} W"))] {
        facts.push_str(&fact.unwrap_or_default());
    }
    let memory = gpu.memory_used.map_or_else(String::new, |used| number::bytes_of(used, gpu.memory_total));
    let room = columns.saturating_sub(draw::width(&memory) + 9).min(40);
    let name = draw::clip(&gpu.name, columns.saturating_sub(draw::width(&facts)));
    [
        Line::from(vec![Span::styled(name, theme.text), Span::styled(facts, theme.dim)]),
        Line::from(vec![
            Span::styled(busy, theme.text),
            Span::raw(" "),
            Span::styled(draw::sparkline(history, room, SCALE), theme.curve),
            Span::styled(format!("  {memory}"), theme.dim),
        ]),
    ]
}

/// A line a core while there is room, else one bar a core.
fn cores(state: &State, theme: &Theme, sample: &Sample, columns: usize, room: usize) -> Vec<Line<'static>> {
    if sample.cores.is_empty() || room == 0 {
        return Vec::new();
    }
    if sample.cores.len() <= room {
        let row = |(i, history): (usize, &std::collections::VecDeque<f32>)| {
            let values: Vec<f64> = history.iter().map(|v| f64::from(*v)).collect();
            let now = values.last().copied().unwrap_or(0.0);
            Line::from(vec![
                Span::styled(format!("{:<10}", format!("core {i}")), theme.dim),
                Span::styled(format!("{now:>4.0} %"), theme.text),
                Span::raw(" "),
                Span::styled(draw::sparkline(&values, columns.saturating_sub(17).min(40), SCALE), theme.curve),
            ])
        };
        return state.hardware.cores.iter().enumerate().map(row).collect();
    }
    let mean = sample.cores.iter().sum::<f32>() / sample.cores.len() as f32;
    let values: Vec<f64> = sample.cores.iter().map(|v| f64::from(*v)).collect();
    let mut lines = vec![gauge(theme, &format!("{} cores", values.len()), format!("{mean:>4.0} % busy"))];
    for part in values.chunks(columns.max(1)).take(room.saturating_sub(1)) {
        lines.push(Line::from(Span::styled(draw::sparkline(part, part.len(), SCALE), theme.curve)));
    }
    lines
}
