//! How every class was recognised, the worst first.

use super::super::draw;
use super::super::theme::Theme;
use super::{class, fixed};
use crate::app::pictures::{Class, Tested};
use crate::app::{State, number};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Most columns of a name, and of a bar; columns of share, images and change.
const NAME: usize = 24;
const BAR: usize = 50;
const FIGURES: usize = 25;

/// Draws a line for each class.
pub(super) fn draw(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, tested: &Tested) {
    let columns = usize::from(area.width);
    let longest = tested.classes.iter().map(|of| draw::width(&class(state, of.label))).max().unwrap_or(0);
    let name = longest.min(NAME).min(columns.saturating_sub(FIGURES) * 2 / 3);
    let bar = columns.saturating_sub(name + FIGURES).min(BAR);
    let head = format!("{} correct  of images {}  change", fixed("class", name), " ".repeat(bar));
    draw::text(buf, area, 0, 0, &head, theme.dim);
    let room = usize::from(area.height.saturating_sub(1));
    let first = state.album.scroll.min(tested.classes.len().saturating_sub(room));
    for (y, of) in tested.classes.iter().skip(first).take(room).enumerate() {
        draw::put(buf, area, 0, y as u16 + 1, &line(state, theme, of, name, bar));
    }
}

fn line(state: &State, theme: &Theme, of: &Class, name: usize, bar: usize) -> Line<'static> {
    let filled = (of.recall * bar as f64).round() as usize;
    let (change, style) = match of.change.map(|change| (1000.0 * change).round() / 10.0) {
        None => (String::new(), theme.dim),
        Some(change) if change > 0.0 => (format!("+{change:.1}"), theme.good),
        Some(change) if change < 0.0 => (format!("{change:.1}"), theme.alarm),
        Some(_) => ("=".into(), theme.dim),
    };
    Line::from(vec![
        Span::styled(fixed(&class(state, of.label), name), theme.text),
        Span::styled(format!(" {:>7}", number::percent(of.recall)), theme.text),
        Span::styled(format!(" {:>7} ", of.images), theme.dim),
        Span::styled("█".repeat(filled), theme.curve),
        Span::styled("·".repeat(bar - filled.min(bar)), theme.faint),
        Span::styled(format!(" {change:>6}"), style),
    ])
}
