//! The pane with images: batches as they are fed, mistakes, confusion, classes, the teacher.

mod blocks;
mod classes;
mod kitty;
mod matrix;
mod teacher;
mod tiles;

use super::{Drawing, words};
use crate::app::{Kitty, Options, Page, Pane, State, number};
use crate::data::Thumbnail;
use crate::recipe::settings::Task;
use crate::train;
use crate::view::draw::{self, LinePart, first_row};
use crate::view::theme::Theme;
use blocks::Paint;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
pub(crate) use tiles::masked;

/// How many times smaller a picture is drawn at most.
pub(crate) const SMALLEST: usize = 8;
/// The slot of a picture that stands alone, apart from those of the pane.
const ALONE: u8 = u8::MAX;

/// Draws the pane.
pub(crate) struct Images;

impl Drawing for Images {
    fn draw(&self, state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
        let (album, page) = (&state.panes.images, state.panes.images.page);
        let step = match page {
            Page::Batch => album.fed.as_ref().map(|fed| fed.step),
            Page::Mistakes => album.missed.as_ref().map(|missed| missed.step),
            Page::Confusion | Page::Classes => album.tested.as_ref().map(|tested| tested.step),
            Page::Teacher => None,
        };
        let mut legend = vec![Span::styled(format!("{}/{} ← →", page.place() + 1, Page::ALL.len()), theme.dim)];
        legend.extend(step.map(|step| Span::styled(format!("step {}", number::thousands(step)), theme.text)));
        if state.recipe.task == Task::Segment && matches!(page, Page::Batch | Page::Mistakes) {
            legend.push(Span::styled(format!("o: {}", album.overlay.word()), theme.text));
        }
        if state.options.kitty == Kitty::Refused && matches!(page, Page::Batch | Page::Mistakes) {
            legend.push(Span::styled("half blocks: no kitty here", theme.pending));
        }
        let title = format!("{}: {}", Pane::Images.row().title, page.word());
        let inner = draw::frame(theme, buf, area, &title, state.focus == Pane::Images, legend);
        if page == Page::Confusion && album.tested.is_some() {
            let long = "rows: labels, columns: predicted";
            let words = if draw::width(long) + 6 <= usize::from(area.width) { long } else { "label, predicted" };
            draw::foot(buf, area, Span::styled(words, theme.dim));
        }
        let inner = Rect { x: inner.x + u16::from(inner.width > 0), width: inner.width.saturating_sub(2), ..inner };
        match (page, &album.fed, &album.missed, &album.tested) {
            (Page::Batch, Some(fed), ..) => tiles::batch(state, theme, buf, inner, fed),
            (Page::Mistakes, _, Some(missed), _) => tiles::mistakes(state, theme, buf, inner, missed),
            (Page::Confusion, .., Some(tested)) => matrix::draw(state, theme, buf, inner, tested),
            (Page::Classes, .., Some(tested)) => classes::draw(state, theme, buf, inner, tested),
            (Page::Teacher, ..) => teacher::draw(state, theme, buf, inner),
            _ => nothing(theme, buf, inner, missing(state, page)),
        }
    }

    /// The mistake at the cursor, or what the arrows do.
    fn about(&self, state: &State, theme: &Theme) -> Vec<LinePart> {
        match state.mistake() {
            Some(mistake) => {
                let name = draw::clip_middle(&mistake.name, 40);
                words([name, mistake.about, "enter: the whole name".into(), "left and right: pages".into()], theme.dim)
            }
            None => words(Pane::Images.row().hints.iter().map(ToString::to_string), theme.dim),
        }
    }
}

/// Columns and rows of a picture that is made `by` times smaller.
pub(crate) fn size(picture: &Thumbnail, by: usize) -> (usize, usize) {
    blocks::size(picture, by)
}

/// Draws a picture, made `by` times smaller, at the upper left of `area`, as the pane draws its own.
pub(crate) fn picture(options: &Options, buf: &mut Buffer, area: Rect, picture: &Thumbnail, by: usize) {
    match Paint::new(options) {
        Paint::Kitty => kitty::draw(buf, area, picture, blocks::size(picture, by), ALONE),
        paint => blocks::draw(paint, buf, area, picture, by),
    }
}

/// Why a page is empty, and what fills it.
fn missing(state: &State, page: Page) -> &'static str {
    match (page, state.run.state) {
        (Page::Batch | Page::Mistakes, state) if state.ended() => "the run is over; its images are not kept",
        (Page::Batch, train::State::Paused) => "paused: s makes a step, and its images come here",
        (Page::Batch, _) => "the images of the next step come here",
        (Page::Mistakes, _) => "they come with the next evaluation; E evaluates now",
        _ => "nothing was evaluated yet; E evaluates now",
    }
}

fn nothing(theme: &Theme, buf: &mut Buffer, area: Rect, what: &str) {
    let lines = draw::wrap(what, usize::from(area.width));
    let top = area.height.saturating_sub(lines.len() as u16) / 2;
    for (y, line) in lines.iter().enumerate() {
        let x = area.width.saturating_sub(draw::width(line) as u16) / 2;
        draw::text(buf, area, x, top + y as u16, line, theme.dim);
    }
}

/// Marks a line or a picture in the column before it, when the cursor is there and can be moved.
fn mark(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect, y: u16, at: usize, count: usize) {
    let cursor = state.panes.images.cursor.min(count.saturating_sub(1));
    if state.focus == Pane::Images && at == cursor && area.x > 0 && y < area.height {
        let before = Rect { x: area.x - 1, width: 1, ..area };
        draw::text(buf, before, 0, y, "▸", theme.accent);
    }
}

/// The first of the lines that are seen, so that the one at the cursor is among them.
fn first(state: &State, count: usize, room: usize) -> usize {
    first_row(state.panes.images.cursor.min(count.saturating_sub(1)), count, room)
}

/// A text cut or filled up to a number of columns.
fn fixed(text: &str, columns: usize) -> String {
    let text = draw::clip(text, columns);
    let rest = columns.saturating_sub(draw::width(&text));
    text + &" ".repeat(rest)
}
