//! The pane of the accuracy: the task's figures on the test set, in percent.

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
        let [score, second] = run.titles();
        let of = if state.recipe.optim.ema.on { "EMA " } else { "" };
        legend.extend(
            run.score.last().map(|p| Span::styled(format!("{of}{score} {}", number::percent(p.y)), theme.curve)),
        );
        let second = |y| Span::styled(format!("◆ {second} {}", number::percent(y)), theme.second);
        legend.extend(run.second.last().map(|p| second(p.y)));
        let inner = frame(state, theme, buf, area, Pane::Accuracy, legend);
        if let Some(best) = run.best {
            draw::foot(buf, area, Span::styled(format!("best {}", best.words()), theme.good));
        }
        let Some(range) = both(run.score.range(Window::Whole), run.second.range(Window::Whole)) else {
            return waiting(state, theme, buf, inner, "first evaluation after epoch 1");
        };
        let (low, high) = padded(Some(range), false);
        let axes = Axes {
            x: state.span(),
            y: (100.0 * low, (100.0 * high).min(101.0)),
            log: false,
            cursor: state.run.crosshair,
        };
        let [behind] = ghost(state, theme, |ghost| [&ghost.score], 100.0);
        let series = [
            behind,
            series(&run.second, Window::Whole, theme.second, Pen::Marked, 100.0),
            series(&run.score, Window::Whole, theme.curve, Pen::Line, 100.0),
        ];
        chart::draw(theme, buf, inner, &axes, &series, &run.marks);
    }

    /// Top-5 is spoken of where there is one.
    fn about(&self, state: &State, theme: &Theme) -> Vec<LinePart> {
        let hints = Pane::Accuracy.row().hints.iter();
        let told = hints.filter(|hint| state.run.second.last().is_some() || !hint.contains("top-5")).copied();
        super::reading_or(state, theme, told)
    }

    fn summary(&self, state: &State, columns: usize) -> Option<Summary> {
        Some(Summary::curve(state.run.titles()[0], &state.run.score, number::percent, columns))
    }
}
