//! Drawing: pure functions from state to a buffer of cells.

mod axes;
pub mod browse;
mod candidates;
mod chart;
mod draw;
mod finder;
mod footer;
mod header;
mod help;
mod layout;
mod panes;
mod plain;
mod popup;
mod predicted;
mod side;
pub mod suite;
pub mod svg;
mod theme;
mod ticks;
mod typing;

use crate::app::{Modal, State};
use layout::Layout;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use theme::Theme;

/// Draws the whole screen.
pub fn render(state: &State, buf: &mut Buffer, area: Rect) {
    let Some((theme, area)) = Theme::ground(&state.options, buf, area) else { return };
    match Layout::new(state, area) {
        None => plain::draw(state, &theme, buf, area),
        Some(layout) => {
            header::draw(state, &theme, buf, layout.header);
            for (pane, area) in &layout.panes {
                panes::drawing(*pane).draw(state, &theme, buf, *area);
            }
            if let Some(area) = layout.side {
                side::draw(state, &theme, buf, area);
            }
            footer::status(state, &theme, buf, layout.status);
            footer::keys(state, &theme, buf, layout.footer);
        }
    }
    match &state.modal {
        Some(Modal::Help(help)) => help::draw(state.options.keys, help, &theme, buf, area),
        Some(Modal::Stop) => popup::stop(state, &theme, buf, area),
        Some(Modal::Fork) => popup::fork(state, &theme, buf, area),
        Some(Modal::Mistake(mistake)) => popup::mistake(mistake, &theme, buf, area),
        Some(Modal::Finder(search)) => finder::draw(state, search, &theme, buf, area),
        Some(Modal::Predicted(predicted)) => predicted::draw(state, predicted, &theme, buf, area),
        Some(Modal::Preset(diff)) => popup::preset(state, diff, &theme, buf, area),
        Some(Modal::Command(line)) => candidates::draw(line, &theme, buf, area),
        Some(Modal::Edit(_) | Modal::Filter(_)) | None => {}
    }
    if state.options.ascii {
        draw::to_ascii(buf, area);
    }
}
