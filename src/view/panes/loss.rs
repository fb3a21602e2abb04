//! The pane of the loss: training loss of single steps and smoothed, validation loss.

use super::curves::{frame, ghost, series, waiting};
use super::{Drawing, Summary};
use crate::app::{Pane, State, Window, number};
use crate::view::axes::{Axes, both, padded};
use crate::view::chart::{self, Pen};
use crate::view::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

/// Draws the pane.
pub(crate) struct Loss;

impl Drawing for Loss {
    fn draw(&self, state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
        let run = &state.run;
        let mut legend = vec![Span::styled(format!("train {}", number::loss(run.loss.value())), theme.curve)];
        if let Some(p) = run.val_loss.last() {
            legend.push(Span::styled(format!("◆ val {}", number::loss(p.y)), theme.second));
        }
        if state.log_scale {
            legend.push(Span::styled("log", theme.dim));
        }
        let inner = frame(state, theme, buf, area, Pane::Loss, if run.step > 0 { legend } else { Vec::new() });
        if run.step == 0 {
            return waiting(state, theme, buf, inner, "waiting for the first step");
        }
        let window = state.window;
        // An early validation, with running statistics that lag, must not flatten the rest.
        let train = run.smooth.range(window);
        let highest = train.map_or(f64::INFINITY, |(_, high)| 1.5 * high).max(run.val_loss.last().map_or(0.0, |p| p.y));
        let range = both(train, run.val_loss.range(Window::Whole).map(|(low, high)| (low, high.min(highest))));
        let axes = Axes {
            x: state.span(),
            y: padded(range, state.log_scale),
            log: state.log_scale,
            cursor: state.run.crosshair,
        };
        let [behind, behind_val] = ghost(state, theme, |ghost| [&ghost.smooth, &ghost.val_loss], 1.0);
        let series = [
            behind,
            behind_val,
            series(&run.raw, window, theme.faint, Pen::Scatter, 1.0),
            series(&run.val_loss, Window::Whole, theme.second, Pen::Marked, 1.0),
            series(&run.smooth, window, theme.curve, Pen::Line, 1.0),
        ];
        chart::draw(theme, buf, inner, &axes, &series, &run.marks);
    }

    fn summary(&self, state: &State, columns: usize) -> Option<Summary> {
        Some(Summary::curve("loss", &state.run.smooth, number::loss, columns))
    }
}
