//! Inside the net: gradients, updates and outputs of every layer, a row each.

use super::Drawing;
use crate::app::{Pane, State, number};
use crate::train::{LayerStats, Output};
use crate::view::draw::{self, LinePart, first_row};
use crate::view::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

/// Columns of the longest name, and those that a name has at least.
const NAME: (usize, usize) = (30, 10);
/// Columns of a bar beside a number, and of a level where there is less room.
const BAR: usize = 8;
const LEVEL: usize = 1;

/// A column: its heading, its width, and whether a graph may follow it. Those at the end go first when there is no room.
struct Column {
    head: &'static str,
    width: usize,
    cell: fn(&LayerStats) -> (String, Mark),
    /// Where the value lies on the scale of the graph, 0 to 1; none where none is drawn.
    share: Option<fn(&LayerStats, f32) -> f64>,
}

/// What a value is.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Usual,
    /// Outside of what is healthy.
    Odd,
    /// Of a layer that is dead.
    Dead,
}

/// The columns, what matters most first.
const COLUMNS: &[Column] = &[
    Column { head: "gradient", width: 8, cell: gradient, share: Some(gradient_share) },
    Column { head: "update", width: 8, cell: update, share: Some(|l, _| decades(l.update, -5.0, 0.0)) },
    Column { head: "zeros", width: 6, cell: zeros, share: Some(|l, _| l.output.map_or(0.0, |o| o.zeros.into())) },
    Column { head: "mean", width: 8, cell: |l| usual(of(l, |o| signed(o.mean))), share: None },
    Column { head: "std", width: 8, cell: |l| usual(of(l, |o| size(o.std))), share: None },
    Column { head: "weights", width: 8, cell: |l| usual(size(l.weight)), share: None },
];

fn usual(text: String) -> (String, Mark) {
    (text, Mark::Usual)
}

/// What is frozen has none.
fn gradient(layer: &LayerStats) -> (String, Mark) {
    usual(if layer.frozen { "-".into() } else { size(layer.gradient) })
}

/// A number that is not negative, in three digits.
fn size(v: f32) -> String {
    number::rate(v.into())
}

fn signed(v: f32) -> String {
    if v < 0.0 { format!("-{}", size(-v)) } else { size(v) }
}

fn of(layer: &LayerStats, text: impl Fn(Output) -> String) -> String {
    layer.output.map_or("-".into(), text)
}

/// The update, with an arrow when it is outside of its bounds.
fn update(layer: &LayerStats) -> (String, Mark) {
    let (least, most) = LayerStats::UPDATES;
    match layer.update {
        _ if layer.frozen => ("frozen ".into(), Mark::Usual),
        // What is no number is not in bounds.
        v if (least..=most).contains(&v) => (format!("{} ", exponent(v)), Mark::Usual),
        v if v < least => (format!("{}↓", exponent(v)), Mark::Odd),
        v => (format!("{}↑", exponent(v)), Mark::Odd),
    }
}

fn exponent(v: f32) -> String {
    if v == 0.0 || !v.is_finite() { v.to_string() } else { format!("{v:.1e}") }
}

fn zeros(layer: &LayerStats) -> (String, Mark) {
    let Some(output) = layer.output else { return usual("-".into()) };
    let text = format!("{:.0} %", 100.0 * output.zeros);
    if output.is_dead() { (format!("!{text}"), Mark::Dead) } else { usual(text) }
}

/// Where a number lies between two powers of ten, 0 to 1.
fn decades(v: f32, low: f64, high: f64) -> f64 {
    ((f64::from(v).log10() - low) / (high - low)).clamp(0.0, 1.0)
}

/// A share as a bar of so many columns, or as a level in one.
fn graph(share: f64, columns: usize) -> String {
    if columns == LEVEL {
        return draw::sparkline(&[share], columns, Some((0.0, 1.0)));
    }
    let filled = (share * columns as f64).round() as usize;
    format!("{}{}", "▄".repeat(filled), " ".repeat(columns.saturating_sub(filled)))
}

/// Over the four decades below the largest.
fn gradient_share(layer: &LayerStats, largest: f32) -> f64 {
    if largest > 0.0 { decades(layer.gradient / largest, -4.0, 0.0) } else { 0.0 }
}

/// Draws the pane.
pub(crate) struct Inside;

impl Drawing for Inside {
    fn draw(&self, state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
        let focused = state.focus == Pane::Inside;
        let Some(seen) = &state.panes.inside.last else {
            let inner = draw::frame(theme, buf, area, Pane::Inside.row().title, focused, Vec::new());
            let text = if state.run.state.ended() { "the run is over" } else { "looks at the next step" };
            draw::text(buf, inner, 1, 0, text, theme.dim);
            return;
        };
        let mut legend = vec![Span::styled(format!("gradient {}", number::rate(seen.gradient)), theme.curve)];
        let clip = state.recipe.optim.clip_norm;
        if clip > 0.0 && seen.gradient > clip {
            legend.push(Span::styled(format!("clipped to {}", number::rate(clip)), theme.pending));
        }
        legend.push(Span::styled(format!("step {}", number::thousands(seen.step)), theme.dim));
        let room = usize::from(area.height).saturating_sub(3);
        if seen.layers.len() > room {
            legend.push(Span::styled(format!("{} of {}", state.panes.inside.row + 1, seen.layers.len()), theme.dim));
        }
        let inner = draw::frame(theme, buf, area, Pane::Inside.row().title, focused, legend);
        let inner = Rect { width: inner.width.saturating_sub(1), ..inner };
        let table = Table::new(&seen.layers, usize::from(inner.width));
        draw::put(buf, inner, 0, 0, &table.heading(theme));
        let first = first_row(state.panes.inside.row, seen.layers.len(), room);
        for (y, (i, layer)) in seen.layers.iter().enumerate().skip(first).take(room).enumerate() {
            let at_cursor = focused && i == state.panes.inside.row;
            draw::put(buf, inner, 0, y as u16 + 1, &table.row(theme, layer, at_cursor));
        }
    }

    /// The layer at the cursor with all its values.
    fn about(&self, state: &State, theme: &Theme) -> Vec<LinePart> {
        let dim = |rank, text: String| LinePart::new(rank, vec![Span::styled(text, theme.dim)]);
        let Some(layer) = state.panes.inside.at_cursor() else { return vec![dim(0, "z zoom".into())] };
        let (least, most) = LayerStats::UPDATES;
        let mut parts = vec![
            LinePart::new(0, vec![Span::styled(layer.name.clone(), theme.text)]),
            dim(2, format!("weights {}", size(layer.weight))),
        ];
        match layer.output {
            Some(o) => parts.push(dim(1, format!("output {} ± {}", signed(o.mean), size(o.std)))),
            None => parts.push(dim(1, "no output: only training asks for it".into())),
        }
        match layer.output.filter(Output::is_dead) {
            Some(_) => parts.push(LinePart::new(1, vec![Span::styled("! dead: nothing but zeros", theme.alarm)])),
            None if layer.frozen => parts.push(dim(1, "frozen: it has no gradient and no update".into())),
            None => parts.push(dim(3, format!("update: {} to {}, best about 1e-3", exponent(least), exponent(most)))),
        }
        parts
    }
}

/// The columns that there is room for.
struct Table {
    name: usize,
    columns: &'static [Column],
    /// Columns of a graph beside a number, or 0.
    graph: usize,
    /// The largest gradient of a layer.
    largest: f32,
}

impl Table {
    fn new(layers: &[LayerStats], width: usize) -> Table {
        let longest = layers.iter().map(|l| draw::width(&l.name)).max().unwrap_or(0).clamp(NAME.1, NAME.0);
        let needed = |name: usize, columns: &[Column], graph: usize| {
            let beside = |c: &Column| if graph > 0 && c.share.is_some() { graph + 1 } else { 0 };
            2 + name + columns.iter().map(|c| c.width + 1 + beside(c)).sum::<usize>()
        };
        let mut columns = COLUMNS;
        while columns.len() > 1 && needed(longest.min(NAME.1), columns, 0) > width {
            columns = &columns[..columns.len() - 1];
        }
        let fits = |(graph, name)| (needed(name, columns, graph) <= width).then_some(graph);
        let graph = [(BAR, longest), (LEVEL, longest.min(NAME.1 + 4))].into_iter().find_map(fits).unwrap_or(0);
        let name = longest.min(width.saturating_sub(needed(0, columns, graph))).max(1);
        let largest = layers.iter().map(|l| l.gradient).filter(|g| g.is_finite()).fold(0.0, f32::max);
        Table { name, columns, graph, largest }
    }

    fn heading(&self, theme: &Theme) -> Line<'static> {
        let mut text = format!("  {:<1$}", "layer", self.name);
        for Column { head, width, share, .. } in self.columns {
            text += &format!(" {head:>width$}");
            if self.graph > 0 && share.is_some() {
                text += &" ".repeat(self.graph + 1);
            }
        }
        Line::from(Span::styled(text, theme.dim))
    }

    fn row(&self, theme: &Theme, layer: &LayerStats, at_cursor: bool) -> Line<'static> {
        let name = draw::clip_start(&layer.name, self.name);
        let style = if at_cursor { theme.accent.add_modifier(Modifier::BOLD) } else { theme.text };
        let mut spans = vec![
            Span::styled(if at_cursor { "▸ " } else { "  " }, theme.accent),
            Span::styled(format!("{name}{}", " ".repeat(self.name.saturating_sub(draw::width(&name)))), style),
        ];
        for Column { width, cell, share, .. } in self.columns {
            let (text, mark) = cell(layer);
            spans.push(Span::styled(format!(" {text:>width$}"), marked(theme, mark)));
            if let Some(share) = share.filter(|_| self.graph > 0) {
                let style = if mark == Mark::Usual { theme.curve } else { marked(theme, mark) };
                spans.push(Span::styled(format!(" {}", graph(share(layer, self.largest), self.graph)), style));
            }
        }
        Line::from(spans)
    }
}

fn marked(theme: &Theme, mark: Mark) -> Style {
    match mark {
        Mark::Usual => theme.text,
        Mark::Odd => theme.pending,
        Mark::Dead => theme.alarm,
    }
}
