//! The window of the search for a learning rate: losses over the logarithm of the rate.

use super::axes::{Axes, padded};
use super::chart::{self, Pen, Series};
use super::draw;
use super::popup::{choices, window};
use super::theme::Theme;
use crate::app::keys::{BINDINGS, Context};
use crate::app::{Finder, State};
use crate::tricks::finder::RATES;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Size of the window, where there is room.
const SIZE: (u16, u16) = (76, 20);

/// Draws it.
pub(crate) fn draw(state: &State, finder: &Finder, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let columns = SIZE.0.min(area.width.saturating_sub(4));
    let inner = window(theme, buf, area, "Find a learning rate", columns, SIZE.1.min(area.height.saturating_sub(2)));
    let wide = usize::from(columns).saturating_sub(4);
    let said = finder.said.iter().flat_map(|text| draw::wrap(text, wide));
    let mut lines: Vec<Line> = said.map(|text| Line::from(Span::styled(format!("  {text}"), theme.text))).collect();
    // While it goes on there is nothing to take.
    let keys = choices(theme, BINDINGS, Context::Finder, |key| state.meaning(key), columns);
    lines.extend(keys.into_iter().skip(usize::from(finder.at.is_none())));
    let below = (lines.len() as u16).min(inner.height);
    let plot = Rect { height: inner.height - below, ..inner };
    chart(finder, theme, buf, plot);
    for (line, y) in lines.iter().zip(plot.height..inner.height) {
        draw::put(buf, inner, 0, y, line);
    }
}

fn chart(finder: &Finder, theme: &Theme, buf: &mut Buffer, area: Rect) {
    // Where the loss diverges, the curve leaves the chart.
    let most = finder.smooth.first().map_or(f64::NAN, |first| 1.5 * first.y);
    let heights = || finder.smooth.iter().map(|p| p.y.min(most));
    let range = (heights().fold(f64::INFINITY, f64::min), heights().fold(0.0, f64::max));
    let axes =
        Axes { x: (RATES.0.log10(), RATES.1.log10()), y: padded(Some(range), false), log: false, cursor: finder.at };
    let series = |points: &[_], style, pen| Series { points: points.to_vec(), style, pen };
    let both = [series(&finder.raw, theme.dim, Pen::Scatter), series(&finder.smooth, theme.curve, Pen::Line)];
    chart::draw_over_powers(theme, buf, area, &axes, &both, "rate");
}
