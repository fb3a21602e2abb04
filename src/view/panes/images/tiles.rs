//! Images in rows, each with what there is to say of it.

use super::blocks::{self, Paint};
use super::kitty;
use super::{mark, nothing};
use crate::app::panes::images::Overlay;
use crate::app::{State, number};
use crate::data::{IGNORED, Thumbnail, palette};
use crate::train::{BatchPreview, Missed, MissedImage, Taken};
use crate::view::draw;
use crate::view::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use std::borrow::Cow;

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
    picture: Cow<'a, Thumbnail>,
    first: String,
    second: Option<(String, Style)>,
    /// What it is called.
    name: &'a str,
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
    /// Lines below an image, of what is said of it and of its name.
    lines: usize,
    named: bool,
}

/// The batch that was trained last.
pub(super) fn batch(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, fed: &BatchPreview) {
    let tiles = fed.images.iter().map(|image| {
        let mask = image.mask.as_ref();
        let label = mask.map_or_else(|| state.class(image.label), |mask| state.classes_of(mask).join(", "));
        let (first, second) = match image.mixed {
            None => (label, None),
            Some((_, lambda)) if mask.is_some() => (format!("{lambda:.2} {label}"), None),
            Some((partner, lambda)) => {
                let other = format!("+ {:.2} {}", 1.0 - lambda, state.class(partner));
                (format!("{lambda:.2} {label}"), Some((other, theme.dim)))
            }
        };
        // A batch has no predictions: its labels are seen, or nothing.
        let shown = state.panes.images.overlay != Overlay::Image;
        let picture = masked(&image.picture, mask.filter(|_| shown));
        Tile { picture, first, second, name: "" }
    });
    let mut heading = format!("{} of {}, as fed", fed.images.len(), fed.batch);
    if let Some(share) = fed.smoothed {
        heading += &format!(", target {share:.2}");
    }
    draw_all(state, theme, buf, area, &[Section { heading, tiles: tiles.collect() }]);
}

/// Test images that were taken for something else.
pub(super) fn mistakes(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, missed: &Missed) {
    if missed.worst.is_empty() {
        return nothing(theme, buf, area, "there are no mistakes to show");
    }
    let worst = match missed.worst[0].taken {
        Taken::Class { .. } => "largest losses: label → predicted".to_string(),
        Taken::Mask { .. } => format!("fewest pixels recognised; o: {}", state.panes.images.overlay.word()),
    };
    let pair = missed.confused.first().and_then(|image| match image.taken {
        Taken::Class { label, predicted, .. } => Some((label, predicted)),
        Taken::Mask { .. } => None,
    });
    let pair = pair
        .map(|(label, predicted)| format!("most often confused: {} → {}", state.class(label), state.class(predicted)));
    let sections =
        [(Some(worst), &missed.worst), (pair, &missed.confused)].into_iter().filter_map(|(heading, images)| {
            Some(Section {
                heading: heading?,
                tiles: images.iter().map(|image| mistake(state, theme, image)).collect(),
            })
        });
    draw_all(state, theme, buf, area, &sections.collect::<Vec<_>>());
}

fn mistake<'a>(state: &State, theme: &Theme, image: &'a MissedImage) -> Tile<'a> {
    let picture = &image.picture;
    let (first, second, picture) = match &image.taken {
        Taken::Class { label, predicted, confidence } => {
            let predicted = format!("→ {:.0} % {}", 100.0 * confidence, state.class(*predicted));
            (state.class(*label), Some((predicted, theme.alarm)), Cow::Borrowed(picture))
        }
        Taken::Mask { mask, taken, accuracy } => {
            let picture = match state.panes.images.overlay {
                Overlay::Image => Cow::Borrowed(picture),
                Overlay::Label => masked(picture, Some(mask)),
                Overlay::Predicted => masked(picture, Some(taken)),
                Overlay::Error => Cow::Owned(errors(picture, mask, taken)),
            };
            (number::percent(f64::from(*accuracy)), None, picture)
        }
    };
    Tile { picture, first, second, name: &image.name }
}

/// An image under the colours of its pixels' classes, where it has a mask: the first class, mostly the background, leaves it
/// as it is.
pub(crate) fn masked<'a>(picture: &'a Thumbnail, mask: Option<&Thumbnail>) -> Cow<'a, Thumbnail> {
    let Some(mask) = mask else { return Cow::Borrowed(picture) };
    let (classes, colours) = (mask.values(), palette());
    let class = |i: usize| classes.get(i).copied().filter(|class| *class != 0);
    Cow::Owned(picture.coloured(|i| class(i).map(|class| colours[usize::from(class)])))
}

/// An image with red where its pixels were taken for something else, and grey where they do not count.
fn errors(picture: &Thumbnail, mask: &Thumbnail, taken: &Thumbnail) -> Thumbnail {
    let (labels, taken) = (mask.values(), taken.values());
    picture.coloured(|i| match (labels.get(i), taken.get(i)) {
        (Some(&IGNORED), _) => Some([128; 3]),
        (label, taken) => (label != taken).then_some([255, 0, 0]),
    })
}

/// Draws rows of images, as many as fit: the first ones, or those up to the one that has the cursor.
fn draw_all(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, sections: &[Section<'_>]) {
    let room = Rect { height: area.height.saturating_sub(1), ..area };
    let paint = Paint::new(&state.options);
    let Some(scale) = Scale::fitting(sections, room, paint) else {
        return nothing(theme, buf, area, "no room; z gives this pane the whole area");
    };
    let across = scale.across(area);
    let mut rows = Vec::new();
    let mut count = 0;
    for Section { heading, tiles } in sections {
        for (i, tiles) in tiles.chunks(across).enumerate() {
            rows.push(Row { heading: (i == 0).then_some(heading.as_str()), tiles, first: count });
            count += tiles.len();
        }
    }
    let cursor = state.panes.images.cursor.min(count.saturating_sub(1));
    let at = rows.iter().rposition(|row| row.first <= cursor).unwrap_or(0);
    let mut above = 0;
    let seen = rows[..=at].iter().rev().take_while(|row| {
        above += row.height(scale);
        above <= area.height
    });
    let first = at + 1 - seen.count().max(1);
    let mut y = 0;
    for row in &rows[first..] {
        if y + row.height(scale) > area.height {
            break;
        }
        if let Some(heading) = row.heading {
            draw::text(buf, area, 0, y, heading, theme.dim);
            y += 1;
        }
        for (i, tile) in row.tiles.iter().enumerate() {
            let x = (i * (scale.columns + 1)) as u16;
            let place = Rect { x: area.x + x, y: area.y + y, width: scale.columns as u16, height: scale.height() };
            let place = place.intersection(area);
            let slot = row.first + i - rows[first].first;
            tile.draw(theme, (paint, slot as u8), buf, place, scale);
            mark(state, theme, buf, place, scale.rows as u16, row.first + i, count);
        }
        y += scale.height();
    }
}

/// Images side by side.
struct Row<'a> {
    heading: Option<&'a str>,
    tiles: &'a [Tile<'a>],
    /// The place of its first image among all.
    first: usize,
}

impl Row<'_> {
    fn height(&self, scale: Scale) -> u16 {
        scale.height() + u16::from(self.heading.is_some())
    }
}

impl Scale {
    /// The largest at which several images stand in the area, or else two, or one.
    fn fitting(sections: &[Section<'_>], area: Rect, paint: Paint) -> Option<Scale> {
        let tiles = || sections.iter().flat_map(|section| &section.tiles);
        let named = tiles().any(|tile| !tile.name.is_empty());
        let at = |by: usize| {
            let sizes = || tiles().map(|tile| blocks::size(&tile.picture, by));
            let columns = sizes().map(|(columns, _)| columns).max()?.max(NARROW);
            let one_line = tiles().all(|tile| draw::width(&tile.line()) <= columns);
            let lines = if one_line { 1 } else { 2 };
            Some(Scale { by, columns, rows: sizes().map(|(_, rows)| rows).max()?, lines, named })
        };
        let scales = || (1..=super::SMALLEST).filter_map(at);
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
        (self.rows + self.lines + usize::from(self.named)) as u16
    }
}

/// The name of an image in so many columns: of a path at least the file, as far as there is room.
fn short(name: &str, columns: usize) -> String {
    let file = name.rsplit('/').next().unwrap_or(name);
    let path = draw::clip_middle(name, columns);
    if path.ends_with(file) { path } else { draw::clip_middle(file, columns) }
}

impl Tile<'_> {
    /// What is said of it in one line.
    fn line(&self) -> String {
        self.first.clone() + &self.second.as_ref().map_or(String::new(), |(second, _)| format!(" {second}"))
    }

    fn draw(&self, theme: &Theme, (paint, slot): (Paint, u8), buf: &mut Buffer, area: Rect, scale: Scale) {
        match paint {
            Paint::Kitty => kitty::draw(buf, area, &self.picture, blocks::size(&self.picture, scale.by), slot),
            _ => blocks::draw(paint, buf, area, &self.picture, scale.by),
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
        let name = short(self.name, columns);
        draw::text(buf, area, 0, (scale.rows + scale.lines) as u16, &name, theme.dim);
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn of_a_path_the_file_is_seen() {
        let path = "/data/photos/val/audi/IMG_2034.jpg";
        assert_eq!(short(path, 40), path);
        assert_eq!(short(path, 21), "/data/p…/IMG_2034.jpg");
        assert_eq!(short(path, 14), "IMG_2034.jpg");
        assert_eq!(short(path, 10), "IMG…34.jpg");
        assert_eq!(short("image 1169", 14), "image 1169");
    }
}
