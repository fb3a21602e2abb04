//! The panes: a file for the drawing of each, and one list of them.

mod accuracy;
mod curves;
mod gauge;
mod gpus;
mod hardware;
pub(crate) mod images;
mod inside;
pub(crate) mod journal;
mod loss;
mod rate;
pub(crate) mod rows;

use super::draw::LinePart;
use super::header;
use super::theme::Theme;
use crate::app::{Curve, Pane, State};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

/// How a pane is drawn. What else is known of it stands in the table of panes, `app::PANES`.
pub(crate) trait Drawing {
    /// Draws the pane with its frame.
    fn draw(&self, state: &State, theme: &Theme, buf: &mut Buffer, area: Rect);

    /// The line above the keys while the pane has the focus and there is nothing else to say: what the curves say at
    /// the crosshair, or the hints of the table.
    fn about(&self, state: &State, theme: &Theme) -> Vec<LinePart> {
        reading_or(state, theme, state.focus.row().hints.iter().copied())
    }

    /// The pane in a line, for a screen on which it is not seen; none where a line says nothing.
    fn summary(&self, _state: &State, _columns: usize) -> Option<Summary> {
        None
    }
}

/// A pane in a line: a word, a value, and a curve in a row of text.
pub(crate) struct Summary {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    pub(crate) spark: String,
}

impl Summary {
    /// Columns of the longest curve.
    const SPARK: usize = 16;

    /// The last value of a curve, and the whole of it.
    fn curve(name: &'static str, curve: &Curve, show: fn(f64) -> String, columns: usize) -> Summary {
        let value = curve.last().map_or("-".into(), |p| show(p.y));
        Summary { name, value, spark: header::spark(curve, columns.min(Summary::SPARK)) }
    }
}

/// How each pane is drawn.
pub(crate) fn drawing(pane: Pane) -> &'static dyn Drawing {
    match pane {
        Pane::Knobs => &rows::Rows(Pane::Knobs),
        Pane::Tricks => &rows::Rows(Pane::Tricks),
        Pane::Loss => &loss::Loss,
        Pane::Rate => &rate::Rate,
        Pane::Accuracy => &accuracy::Accuracy,
        Pane::Hardware => &hardware::Hardware,
        Pane::Journal => &journal::Journal,
        Pane::Images => &images::Images,
        Pane::Inside => &inside::Inside,
    }
}

/// What the curves say at the crosshair; hints where there is none.
fn reading_or<'a>(state: &State, theme: &Theme, hints: impl Iterator<Item = &'a str>) -> Vec<LinePart> {
    match state.reading() {
        Some(reading) => words(reading.words(), theme.text),
        None => words(hints.map(String::from), theme.dim),
    }
}

/// Words beside one another, those at the end to be left out first.
fn words(words: impl IntoIterator<Item = String>, style: Style) -> Vec<LinePart> {
    words.into_iter().enumerate().map(|(i, word)| LinePart::new(i as u8, vec![Span::styled(word, style)])).collect()
}
