//! The pane of the accuracy: top-1 and top-5 on the test set, in percent.

use super::curves::{frame, ghost, series, waiting};
use super::{Drawing, Summary};
use crate::app::{Pane, State, Window, number};
use crate::view::axes::{Axes, both, padded};
use crate::view::chart::{self, Pen};
use crate::view::draw::{self, LinePart};
use crate::view::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;

/// Draws the pane.
pub(crate) struct Accuracy;

impl Drawing for Accuracy {
    fn draw(&self, state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
        let run = &state.run;
        let mut legend = Vec::new();
        let of = if state.recipe.optim.ema.on { "EMA top-1" } else { "top-1" };
        legend.extend(run.top1.last().map(|p| Span::styled(format!("{of} {}", number::percent(p.y)), theme.curve)));
        legend.extend(run.top5.last().map(|p| Span::styled(format!("◆ top-5 {}", number::percent(p.y)), theme.second)));
        let inner = frame(state, theme, buf, area, Pane::Accuracy, legend);
        if let Some(best) = run.best {
            draw::foot(buf, area, Span::styled(format!("best {}", best.words()), theme.good));
        }
        let Some(range) = both(run.top1.range(Window::Whole), run.top5.range(Window::Whole)) else {
            return waiting(state, theme, buf, inner, "first evaluation after epoch 1");
        };
        let (low, high) = padded(Some(range), false);
        let axes = Axes {
            x: state.span(),
            y: (100.0 * low, (100.0 * high).min(101.0)),
            log: false,
            cursor: state.run.crosshair,
        };
        let [behind] = ghost(state, theme, |ghost| [&ghost.top1], 100.0);
        let series = [
            behind,
            series(&run.top5, Window::Whole, theme.second, Pen::Marked, 100.0),
            series(&run.top1, Window::Whole, theme.curve, Pen::Line, 100.0),
        ];
        chart::draw(theme, buf, inner, &axes, &series, &run.marks);
    }

    /// Top-5 is spoken of where there is one.
    fn about(&self, state: &State, theme: &Theme) -> Vec<LinePart> {
        let hints = Pane::Accuracy.row().hints.iter();
        let told = hints.filter(|hint| state.run.top5.last().is_some() || !hint.contains("top-5")).copied();
        super::reading_or(state, theme, told)
    }

    fn summary(&self, state: &State, columns: usize) -> Option<Summary> {
        Some(Summary::curve("top-1", &state.run.top1, number::percent, columns))
    }
}
