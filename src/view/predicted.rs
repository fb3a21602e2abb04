//! What the net makes of a person's own image, in front of the panes.

use super::draw;
use super::panes::images;
use super::popup::window;
use super::theme::Theme;
use crate::app::{State, number};
use crate::train::{Named, Predicted};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Fewest columns beside the picture.
const WORDS: usize = 24;
/// Margins and the gap between picture and words.
const MARGIN: usize = 1;
const GAP: usize = 2;
/// Columns of a bar.
const BAR: usize = 10;

/// Draws it: the picture at the left, as large as there is room for, and the likeliest classes beside it.
pub(crate) fn draw(state: &State, predicted: &Predicted, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let Predicted { path, step, named, .. } = predicted;
    let picture = &images::masked(&predicted.picture, predicted.mask.as_ref());
    let (width, height) = (usize::from(area.width).saturating_sub(4), usize::from(area.height).saturating_sub(4));
    let size = |by: &usize| images::size(picture, *by);
    let fits = |by: &usize| size(by).0 + GAP + WORDS + 2 * MARGIN <= width && size(by).1 <= height;
    let by = (1..=images::SMALLEST).find(fits);
    let (columns, rows) = by.map_or((0, 0), |by| size(&by));
    let left = MARGIN + if by.is_some() { columns + GAP } else { 0 };
    let room = width.saturating_sub(left + MARGIN).max(1);
    let mut lines: Vec<Line> = named.iter().map(|named| line(named, theme, room)).collect();
    lines.push(Line::default());
    let said = format!("as the net sees it after step {}", number::thousands(*step));
    lines.extend(draw::wrap(&said, room).into_iter().map(|text| Line::from(Span::styled(text, theme.dim))));
    let title = draw::clip_middle(&path.display().to_string(), width.saturating_sub(4));
    let widest = lines.iter().map(Line::width).max().unwrap_or(0);
    let columns = (left + widest + MARGIN).max(draw::width(&title) + 4);
    let inner = window(theme, buf, area, &title, columns as u16, rows.max(lines.len()) as u16);
    if let Some(by) = by {
        let place = Rect { x: inner.x + MARGIN as u16, width: inner.width.saturating_sub(MARGIN as u16), ..inner };
        images::picture(&state.options, buf, place.intersection(inner), picture, by);
    }
    for (y, line) in lines.iter().enumerate() {
        draw::put(buf, inner, left as u16, y as u16, line);
    }
}

/// A class with its probability or share, and that as a bar where there is room.
fn line(named: &Named, theme: &Theme, room: usize) -> Line<'static> {
    let (class, share) = named.parts();
    let bar = if room >= WORDS + BAR { (share * BAR as f64).round() as usize } else { 0 };
    let share = format!("{:>8}  ", number::percent(share));
    let class = draw::clip(class, room.saturating_sub(share.len() + BAR + GAP).max(8));
    let mut spans = vec![Span::styled(share, theme.text), Span::styled(class, theme.accent)];
    if bar > 0 {
        spans.push(Span::styled(format!("  {}", "█".repeat(bar)), theme.dim));
    }
    Line::from(spans)
}
