//! How every class was recognised, the worst first.

use super::{first, fixed, mark};
use crate::app::panes::images::{Class, Tested};
use crate::app::{State, number};
use crate::train::Figure;
use crate::view::draw;
use crate::view::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Most columns of a name, and of a bar; columns of share and change, and of the number of images where there is room.
const NAME: usize = 24;
const BAR: usize = 50;
const FIGURES: usize = 16;
const IMAGES: usize = 8;
const PIXELS: usize = 12;
const ROOM: usize = 50;

/// Columns of a line.
#[derive(Clone, Copy)]
struct Columns {
    name: usize,
    images: usize,
    bar: usize,
}

/// Draws a line for each class.
pub(super) fn draw(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, tested: &Tested) {
    let width = usize::from(area.width);
    let pixels = state.run.figures[0] == Figure::Miou;
    let images = match pixels {
        _ if width < ROOM => 0,
        true => PIXELS,
        false => IMAGES,
    };
    let longest = tested.classes.iter().map(|of| draw::width(&state.class(of.label))).max().unwrap_or(0);
    let name = longest.clamp(5, NAME).min(width.saturating_sub(FIGURES + images) * 2 / 3);
    let bar = width.saturating_sub(name + FIGURES + images).min(BAR);
    let columns = Columns { name, images, bar };
    let counted = if images > 0 { state.run.figures[0].counted() } else { "" };
    let (count, share) = (format!("{counted:>images$}"), if pixels { "IoU" } else { "correct" });
    let head = format!("{} {:>7}{count} {:bar$}{:>7}", fixed("class", name), share, "", "change");
    draw::text(buf, area, 0, 0, &head, theme.dim);
    let room = usize::from(area.height.saturating_sub(1));
    let (count, first) = (tested.classes.len(), first(state, tested.classes.len(), room));
    for (at, of) in tested.classes.iter().enumerate().skip(first).take(room) {
        let y = (at - first) as u16 + 1;
        draw::put(buf, area, 0, y, &line(state, theme, of, columns));
        mark(state, theme, buf, area, y, at, count);
    }
}

fn line(state: &State, theme: &Theme, of: &Class, Columns { name, images, bar }: Columns) -> Line<'static> {
    let filled = (of.share * bar as f64).round() as usize;
    let (change, style) = match of.change.map(|change| (1000.0 * change).round() / 10.0) {
        None => (String::new(), theme.dim),
        Some(change) if change > 0.0 => (format!("+{change:.1}"), theme.good),
        Some(change) if change < 0.0 => (format!("{change:.1}"), theme.alarm),
        Some(_) => ("=".into(), theme.dim),
    };
    let count = if images > 0 { format!("{:>images$}", of.images) } else { String::new() };
    Line::from(vec![
        Span::styled(fixed(&state.class(of.label), name), theme.text),
        Span::styled(format!(" {:>7}", number::percent(of.share)), theme.text),
        Span::styled(count, theme.dim),
        Span::raw(" "),
        Span::styled("█".repeat(filled), theme.curve),
        Span::styled("·".repeat(bar.saturating_sub(filled)), theme.faint),
        Span::styled(format!(" {change:>6}"), style),
    ])
}
