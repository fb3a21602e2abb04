//! A picture in half blocks: a cell is one column and two rows of pixels.

use crate::app::{Kitty, Options};
use crate::data::Thumbnail;
use crate::view::draw;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};

/// From black to white, in characters of ever more ink.
const RAMP: &[u8; 10] = b" .:-=+*#%@";

/// How the colours of a picture become those of a terminal.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Paint {
    /// True colours.
    True,
    /// The palette of 256 colours: its greys where a picture is grey.
    Palette,
    /// Those of the picture itself, by kitty's protocol.
    Kitty,
    /// Characters; on a light ground ink is dark.
    Ramp { light: bool },
}

impl Paint {
    pub(super) fn new(options: &Options) -> Paint {
        match (options.color && !options.ascii, options.truecolor) {
            (false, _) => Paint::Ramp { light: options.light() },
            _ if options.kitty == Kitty::On => Paint::Kitty,
            (true, true) => Paint::True,
            (true, false) => Paint::Palette,
        }
    }

    fn color(self, [r, g, b]: [u8; 3]) -> Color {
        match self {
            Paint::True => Color::Rgb(r, g, b),
            _ => Color::Indexed(indexed([r, g, b])),
        }
    }
}

/// The nearest colour of the palette, of a grey the nearest of its 26 greys.
fn indexed([r, g, b]: [u8; 3]) -> u8 {
    if r == g && g == b {
        return match r {
            0..4 => 16,
            247.. => 231,
            v => 232 + ((v.saturating_sub(3)) / 10).min(23),
        };
    }
    // Its levels are 0, 95, 135, 175, 215, 255.
    let level = |v: u8| [48, 115, 155, 195, 235].into_iter().filter(|from| v >= *from).count() as u8;
    16 + 36 * level(r) + 6 * level(g) + level(b)
}

/// Columns and rows of cells of a picture that is made `by` times smaller.
pub(super) fn size(picture: &Thumbnail, by: usize) -> (usize, usize) {
    (picture.width().div_ceil(by), picture.height().div_ceil(2 * by))
}

/// Draws a picture, made `by` times smaller, at the upper left of `area`.
pub(super) fn draw(paint: Paint, buf: &mut Buffer, area: Rect, picture: &Thumbnail, by: usize) {
    let (columns, rows) = size(picture, by);
    for y in 0..rows {
        for x in 0..columns {
            let across = x * by..(x + 1) * by;
            let part = |row: usize| picture.mean(row * by..(row + 1) * by, across.clone());
            let (symbol, style) = match paint {
                Paint::Ramp { light } => {
                    (ink(picture.mean(2 * y * by..2 * (y + 1) * by, across.clone()), light), Style::new())
                }
                // An odd row is the last one: below it is the ground.
                _ if (2 * y + 1) * by >= picture.height() => ("▀", Style::new().fg(paint.color(part(2 * y)))),
                _ => ("▀", Style::new().fg(paint.color(part(2 * y))).bg(paint.color(part(2 * y + 1)))),
            };
            draw::text(buf, area, x as u16, y as u16, symbol, style);
        }
    }
}

fn ink([r, g, b]: [u8; 3], light: bool) -> &'static str {
    let brightness = (299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b)) / 1000;
    let at = brightness as usize * RAMP.len() / 256;
    let at = if light { RAMP.len() - 1 - at } else { at };
    std::str::from_utf8(&RAMP[at..=at]).unwrap_or(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(index: u8) -> [i32; 3] {
        let cube = |v: u8| if v == 0 { 0 } else { 55 + 40 * i32::from(v) };
        match index {
            16..=231 => [cube((index - 16) / 36), cube((index - 16) / 6 % 6), cube((index - 16) % 6)],
            _ => [8 + 10 * (i32::from(index) - 232); 3],
        }
    }

    #[test]
    fn the_palette_is_met_as_near_as_it_can_be() {
        for v in 0..=255u8 {
            let grey = levels(indexed([v; 3]));
            assert!(grey[0] == grey[1] && (grey[0] - i32::from(v)).abs() <= 8, "{v} became {grey:?}");
            let [red, ..] = levels(indexed([v, 0, 255]));
            let nearest = [0, 95, 135, 175, 215, 255].into_iter().min_by_key(|l| (l - i32::from(v)).abs()).unwrap();
            assert!((red - i32::from(v)).abs() <= (nearest - i32::from(v)).abs() + 1, "{v} became {red}");
        }
    }

    #[test]
    fn ink_follows_the_brightness_and_the_ground() {
        assert_eq!([0, 130, 255].map(|v| ink([v; 3], false)), [" ", "+", "@"]);
        assert_eq!([0, 130, 255].map(|v| ink([v; 3], true)), ["@", "=", " "]);
    }
}
