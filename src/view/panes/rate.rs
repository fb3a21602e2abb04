//! The pane of the learning rate: so far, to come, and to come with the value that is being typed.

use super::curves::{frame, ghost, series};
use super::{Drawing, Summary};
use crate::app::{Pane, Point, State, Window, number};
use crate::view::axes::Axes;
use crate::view::chart::{self, Pen, Series};
use crate::view::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

/// Draws the pane.
pub(crate) struct Rate;

impl Drawing for Rate {
    fn draw(&self, state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
        let run = &state.run;
        let mut legend = Vec::new();
        if run.lr.is_finite() {
            legend.push(Span::styled(format!("now {}", number::rate(run.lr)), theme.curve));
        }
        legend.push(Span::styled(format!("peak {}", number::rate(state.plan.peak)), theme.dim));
        if !state.plan.draft.is_empty() {
            legend.push(Span::styled("as typed", theme.pending));
        }
        let inner = frame(state, theme, buf, area, Pane::Rate, legend);
        let plan = &state.plan;
        let whole = state.window == Window::Whole;
        let to_come = |points: &[Point]| points.iter().fold(0.0, |high: f64, p| high.max(p.y));
        let mut high = run.rate.range(state.window).map_or(0.0, |(_, high)| high);
        if whole {
            high = high.max(to_come(&plan.future)).max(to_come(&plan.draft));
        }
        let axes = Axes { x: state.span(), y: (0.0, high * 1.08), log: false, cursor: state.run.crosshair };
        let future = |points: &[Point], style| Series { points: points.to_vec(), style, pen: Pen::Dotted };
        let [behind] = ghost(state, theme, |ghost| [&ghost.rate], 1.0);
        let series = [
            behind,
            future(&plan.future, theme.dim),
            future(&plan.draft, theme.pending),
            series(&run.rate, state.window, theme.curve, Pen::Line, 1.0),
        ];
        chart::draw(theme, buf, inner, &axes, &series, &run.marks);
    }

    fn summary(&self, state: &State, columns: usize) -> Option<Summary> {
        Some(Summary::curve("lr", &state.run.rate, number::rate, columns))
    }
}
