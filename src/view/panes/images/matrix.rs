//! The confusion matrix as a heat map: a row for each label, a column for what was predicted.

use super::{first, fixed, mark};
use crate::app::panes::images::Tested;
use crate::app::{State, number};
use crate::view::draw;
use crate::view::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

/// Most columns of a cell, and fewest and most of a label.
const CELL: usize = 6;
const LABEL: (usize, usize) = (8, 16);

/// Grounds of cells as indices of the 256-colour palette, from few to all: of what is right, and of what is wrong.
const RIGHT: [u8; 6] = [16, 17, 18, 24, 25, 26];
const WRONG: [u8; 6] = [52, 52, 88, 124, 160, 196];

/// Draws the matrix; where it has no room, the pairs that were confused most often.
pub(super) fn draw(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, tested: &Tested) {
    let columns = usize::from(area.width);
    let Some(rows) = tested.matrix.as_ref().filter(|rows| LABEL.0 + rows.len() <= columns) else {
        return pairs(state, theme, buf, area, tested);
    };
    let n = rows.len();
    let cell = ((columns - LABEL.0) / n).min(CELL);
    let numbers = (n - 1).to_string().len();
    let names = (0..n).map(|label| draw::width(&state.class(label))).max().unwrap_or(0) + numbers + 1;
    let label = (columns - n * cell).min(names + 1).min(LABEL.1);
    for predicted in 0..n {
        let x = (label + predicted * cell) as u16;
        let text = format!("{predicted:>cell$}");
        // With one column to a class the last digit has to do.
        let text = &text[text.len() - cell..];
        draw::text(buf, area, x, 0, text, theme.dim);
    }
    let room = usize::from(area.height.saturating_sub(1));
    let first = first(state, n, room);
    for (y, (of, row)) in rows.iter().enumerate().skip(first).take(room).enumerate() {
        let y = y as u16 + 1;
        mark(state, theme, buf, area, y, of, n);
        let name = format!("{of:>numbers$} {}", state.class(of));
        draw::text(buf, area, 0, y, &fixed(&name, label.saturating_sub(1)), theme.text);
        let images: u64 = row.iter().sum();
        let widest = row.iter().max().map_or(0, |n| n.to_string().len());
        for (predicted, &n) in row.iter().enumerate() {
            let text = if widest < cell { number_or_blank(n, cell) } else { share(n, images, cell) };
            let style = ground(state, of == predicted, n, images);
            draw::text(buf, area, (label + predicted * cell) as u16, y, &text, style);
        }
    }
}

fn number_or_blank(n: u64, cell: usize) -> String {
    if n == 0 { " ".repeat(cell) } else { format!("{n:>cell$}") }
}

/// The share of a row: percent, or with one column tenths; a dot is less than half of one.
fn share(n: u64, of: u64, cell: usize) -> String {
    let most = if cell == 1 { 10 } else { 100 };
    let part = ((n * most * 2 + of) / of.max(1) / 2).min(most);
    let text = match part {
        0 if n == 0 => String::new(),
        0 => "·".to_string(),
        part if part == most && cell <= 2 => "■".to_string(),
        part => part.to_string(),
    };
    format!("{text:>cell$}")
}

/// How a cell stands out; shares of mistakes are magnified, because they are few.
fn ground(state: &State, right: bool, n: u64, of: u64) -> Style {
    let share = n as f64 / of.max(1) as f64;
    if n == 0 {
        return Style::new();
    }
    if !state.options.color {
        return if right { Style::new().add_modifier(Modifier::BOLD) } else { Style::new() };
    }
    let (ramp, depth) = if right { (RIGHT, share) } else { (WRONG, share.sqrt()) };
    let at = (depth * ramp.len() as f64) as usize;
    Style::new().fg(Color::Indexed(231)).bg(Color::Indexed(ramp[at.min(ramp.len() - 1)]))
}

/// The most frequent confusions.
fn pairs(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, tested: &Tested) {
    draw::text(buf, area, 0, 0, "confused most often: label → predicted", theme.dim);
    let room = usize::from(area.height.saturating_sub(1));
    let (count, first) = (tested.pairs.len(), first(state, tested.pairs.len(), room));
    let name = (usize::from(area.width).saturating_sub(18) / 2).max(4);
    for (at, [label, predicted, n]) in tested.pairs.iter().enumerate().skip(first).take(room) {
        let y = (at - first) as u16 + 1;
        mark(state, theme, buf, area, y, at, count);
        let [label_name, predicted] = [label, predicted].map(|class| state.class(*class as usize));
        let share = number::percent(*n as f64 / tested.images(*label).max(1) as f64);
        let text = format!("{n:>5} {share:>7}  {} → {}", fixed(&label_name, name), draw::clip(&predicted, name));
        draw::text(buf, area, 0, y, &text, theme.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_fit_their_cells() {
        let of = |cell| [0, 1, 30, 199, 200].map(|n| share(n, 200, cell));
        assert_eq!(of(1), [" ", "·", "2", "■", "■"]);
        assert_eq!(of(2), ["  ", " 1", "15", " ■", " ■"]);
        assert_eq!(of(4), ["    ", "   1", "  15", " 100", " 100"]);
        assert_eq!(share(3, 0, 2), " ■");
    }
}
