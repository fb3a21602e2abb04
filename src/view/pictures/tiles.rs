//! Images in rows, each with what there is to say of it.

use super::super::draw;
use super::super::theme::Theme;
use super::blocks::{self, Paint};
use super::kitty;
use super::{class, nothing};
use crate::app::State;
use crate::data::Thumbnail;
use crate::train::{Fed, Missed, MissedImage};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// Fewest columns of an image, for what is said of it.
const NARROW: usize = 12;
/// Images that are to be seen at once, unless they had fewer columns than these.
const SEVERAL: usize = 4;
const SMALL: usize = 14;
/// The same where a picture has more pixels than its cells.
const MANY: usize = 12;
const SMALLER: usize = 6;

/// An image and the two parts of what is said of it.
struct Tile<'a> {
    picture: &'a Thumbnail,
    first: String,
    second: Option<(String, Style)>,
}

/// Images under a heading.
struct Section<'a> {
    heading: String,
    tiles: Vec<Tile<'a>>,
}

/// How large images are drawn.
#[derive(Clone, Copy)]
struct Scale {
    /// How many times smaller than they are.
    by: usize,
    columns: usize,
    rows: usize,
    /// Lines below an image.
    lines: usize,
}

/// The batch that was trained last.
pub(super) fn batch(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, fed: &Fed) {
    let tiles = fed.images.iter().map(|image| {
        let label = class(state, image.label);
        let (first, second) = match image.mixed {
            None => (label, None),
            Some((partner, lambda)) => {
                let other = format!("+ {:.2} {}", 1.0 - lambda, class(state, partner));
                (format!("{lambda:.2} {label}"), Some((other, theme.dim)))
            }
        };
        Tile { picture: &image.picture, first, second }
    });
    let mut heading = format!("{} of {}, as fed", fed.images.len(), fed.batch);
    if let Some(share) = fed.smoothed {
        heading += &format!(", target {share:.2}");
    }
    draw_all(state, theme, buf, area, &[Section { heading, tiles: tiles.collect() }]);
}

/// Test images that were taken for something else.
pub(super) fn mistakes(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, missed: &Missed) {
    let Some(pair) = missed.confused.first() else {
        return nothing(theme, buf, area, "there are no mistakes to show");
    };
    let pair = format!("most often confused: {} → {}", class(state, pair.label), class(state, pair.said));
    let worst = "largest losses: label → said".to_string();
    let sections = [(worst, &missed.worst), (pair, &missed.confused)].map(|(heading, images)| Section {
        heading,
        tiles: images.iter().map(|image| mistake(state, theme, image)).collect(),
    });
    draw_all(state, theme, buf, area, &sections);
}

fn mistake<'a>(state: &State, theme: &Theme, image: &'a MissedImage) -> Tile<'a> {
    let said = format!("→ {:.0} % {}", 100.0 * image.confidence, class(state, image.said));
    Tile { picture: &image.picture, first: class(state, image.label), second: Some((said, theme.alarm)) }
}

/// Draws rows of images from the one that the page is scrolled to, as many as fit.
fn draw_all(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, sections: &[Section<'_>]) {
    let room = Rect { height: area.height.saturating_sub(1), ..area };
    let paint = Paint::new(&state.options);
    let Some(scale) = Scale::fitting(sections, room, paint) else {
        return nothing(theme, buf, area, "no room; z gives this pane the whole area");
    };
    let across = scale.across(area);
    let mut rows = Vec::new();
    for Section { heading, tiles } in sections {
        let heading = |i: usize| (i == 0).then_some(heading);
        rows.extend(tiles.chunks(across).enumerate().map(|(i, tiles)| (heading(i), tiles)));
    }
    let height = |(heading, _): &(Option<&String>, &[Tile<'_>])| scale.height() + u16::from(heading.is_some());
    // (the last rows stay at the bottom)
    let mut below = 0;
    let last = rows.iter().rev().take_while(|row| {
        below += height(row);
        below <= area.height
    });
    let first = state.album.scroll.min(rows.len() - last.count().max(1));
    let (mut y, mut slot) = (0, 0);
    for row in &rows[first..] {
        if y + height(row) > area.height {
            break;
        }
        if let (Some(heading), _) = row {
            draw::text(buf, area, 0, y, heading, theme.dim);
            y += 1;
        }
        for (x, tile) in row.1.iter().enumerate() {
            let x = (x * (scale.columns + 1)) as u16;
            let place = Rect { x: area.x + x, y: area.y + y, width: scale.columns as u16, height: scale.height() };
            tile.draw(theme, (paint, slot), buf, place.intersection(area), scale);
            slot = slot.wrapping_add(1);
        }
        y += scale.height();
    }
}

impl Scale {
    /// The largest at which several images stand in the area, or else two, or one.
    fn fitting(sections: &[Section<'_>], area: Rect, paint: Paint) -> Option<Scale> {
        let tiles = || sections.iter().flat_map(|section| &section.tiles);
        let at = |by: usize| {
            let sizes = || tiles().map(|tile| blocks::size(tile.picture, by));
            let columns = sizes().map(|(columns, _)| columns).max()?.max(NARROW);
            let one_line = tiles().all(|tile| draw::width(&tile.line()) <= columns);
            let lines = if one_line { 1 } else { 2 };
            Some(Scale { by, columns, rows: sizes().map(|(_, rows)| rows).max()?, lines })
        };
        let scales = || (1..=8).filter_map(at);
        let fit = |scale: &Scale| scale.across(area) * usize::from(area.height / scale.height());
        let at_least = |n: usize, columns: usize| {
            let n = n.min(tiles().count());
            scales().find(|scale| fit(scale) >= n && (scale.by == 1 || scale.columns >= columns))
        };
        let (several, small) = if paint == Paint::Kitty { (MANY, SMALLER) } else { (SEVERAL, SMALL) };
        at_least(several, small).or_else(|| at_least(2, 0)).or_else(|| at_least(1, 0))
    }

    /// Images side by side; none where not one fits.
    fn across(&self, area: Rect) -> usize {
        (usize::from(area.width) + 1) / (self.columns + 1)
    }

    /// Rows of cells of an image with what is said of it.
    fn height(&self) -> u16 {
        (self.rows + self.lines) as u16
    }
}

impl Tile<'_> {
    /// What is said of it in one line.
    fn line(&self) -> String {
        self.first.clone() + &self.second.as_ref().map_or(String::new(), |(second, _)| format!(" {second}"))
    }

    fn draw(&self, theme: &Theme, (paint, slot): (Paint, u8), buf: &mut Buffer, area: Rect, scale: Scale) {
        match paint {
            Paint::Kitty => kitty::draw(buf, area, self.picture, blocks::size(self.picture, scale.by), slot),
            _ => blocks::draw(paint, buf, area, self.picture, scale.by),
        }
        let columns = usize::from(area.width);
        let part = |text: &str, style: Style| Span::styled(draw::clip(text, columns), style);
        let mut line = vec![part(&self.first, theme.text)];
        if let Some((second, style)) = &self.second {
            if scale.lines == 1 {
                line.extend([Span::raw(" "), part(second, *style)]);
            } else {
                let below = (scale.rows + 1) as u16;
                draw::put(buf, area, 0, below, &Line::from(part(second, *style)));
            }
        }
        draw::put(buf, area, 0, scale.rows as u16, &Line::from(line));
    }
}
