//! Where everything stands.

use crate::app::panes::{PANES, Place};
use crate::app::{Pane, State};
use crate::recipe::KNOBS;
use crate::recipe::knobs::Group;
use ratatui::layout::{Constraint, Layout as Split, Rect};

/// Below this there are plain lines only.
const SMALLEST: (u16, u16) = (60, 16);
/// From this on all panes are seen at once.
const WIDE: (u16, u16) = (100, 30);
/// From this on the charts stand in two columns.
const DOUBLE: u16 = 190;

/// Panes that stand at the right of a wide screen: those of the table with [`Place::Right`], in its order.
const STANDING: usize = 5;

fn standing() -> impl Iterator<Item = Pane> {
    PANES.iter().filter(|row| row.place == Place::Right).map(|row| row.pane)
}

/// The areas of a screen.
pub(crate) struct Layout {
    pub(crate) header: Rect,
    pub(crate) panes: Vec<(Pane, Rect)>,
    /// The panes that are not seen, in a line each.
    pub(crate) side: Option<Rect>,
    pub(crate) status: Rect,
    pub(crate) footer: Rect,
}

impl Layout {
    /// Divides `area`; none when it is too small for frames.
    pub(crate) fn new(state: &State, area: Rect) -> Option<Layout> {
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            return None;
        }
        let [header, body, status, footer] =
            Split::vertical([Constraint::Length(2), Constraint::Fill(1), Constraint::Length(1), Constraint::Length(1)])
                .areas(area);
        let mut layout = Layout { header, panes: Vec::new(), side: None, status, footer };
        if state.zoom {
            layout.panes.push((state.focus, body));
        } else if area.width >= WIDE.0 && area.height >= WIDE.1 {
            layout.wide(state, body);
        } else {
            layout.compact(state, body);
        }
        Some(layout)
    }

    fn wide(&mut self, state: &State, body: Rect) {
        let left_width = (body.width * 35 / 100).clamp(42, 48);
        let [left, right] = Split::horizontal([Constraint::Length(left_width), Constraint::Fill(1)]).areas(body);
        let knobs = KNOBS.iter().filter(|k| k.group == Group::Knob).count() as u16 + 2;
        let knobs_height = knobs.min(body.height / 2);
        let [knobs, tricks] = Split::vertical([Constraint::Length(knobs_height), Constraint::Fill(1)]).areas(left);
        self.panes.extend([(Pane::Knobs, knobs), (Pane::Tricks, tricks)]);
        if body.width >= DOUBLE {
            let [top, middle, journal] =
                Split::vertical([Constraint::Fill(9), Constraint::Fill(7), Constraint::Fill(4)]).areas(right);
            let halves = |area| Split::horizontal([Constraint::Fill(3), Constraint::Fill(2)]).areas(area);
            let ([loss, accuracy], [rate, hardware]) = (halves(top), halves(middle));
            self.right(state, [loss, rate, accuracy, hardware, journal]);
        } else {
            // Many GPUs take rows from the charts above them.
            let height =
                (state.panes.hardware.gpus().len() as u16 + 3).clamp(body.height.div_ceil(4), body.height * 3 / 8);
            let [loss, rate, pair, journal] = Split::vertical([
                Constraint::Fill(11),
                Constraint::Fill(8),
                Constraint::Length(height),
                Constraint::Fill(5),
            ])
            .areas(right);
            let [accuracy, hardware] =
                Split::horizontal([Constraint::Fill(1), Constraint::Length(right.width.min(84) / 2)]).areas(pair);
            self.right(state, [loss, rate, accuracy, hardware, journal]);
        }
    }

    /// The panes at the right in their areas. One that is chosen and has no area of its own covers others.
    fn right(&mut self, state: &State, areas: [Rect; STANDING]) {
        let mut panes: Vec<(Pane, Rect)> = standing().zip(areas).collect();
        let shown = state.shown();
        if let Place::Over(covered) = shown.row().place {
            let below = panes.iter().filter(|(pane, _)| covered.contains(pane)).map(|(_, area)| *area);
            if let Some(area) = below.reduce(Rect::union) {
                panes.retain(|(_, other)| !other.intersects(area));
                panes.push((shown, area));
            }
        }
        self.panes.extend(panes);
    }

    fn compact(&mut self, state: &State, body: Rect) {
        let left_width = (body.width / 2).clamp(36, 42);
        let [left, right] = Split::horizontal([Constraint::Length(left_width), Constraint::Fill(1)]).areas(body);
        let tricks = KNOBS.iter().filter(|k| k.group == Group::Trick).count() as u16 + 2;
        let tricks_height = tricks.max(body.height / 2).min(body.height - body.height / 3);
        let [knobs, tricks] = Split::vertical([Constraint::Fill(1), Constraint::Length(tricks_height)]).areas(left);
        let side_height = if body.height >= 16 { 7 } else { 5 };
        let [chart, side] = Split::vertical([Constraint::Fill(1), Constraint::Length(side_height)]).areas(right);
        self.panes.extend([(Pane::Knobs, knobs), (Pane::Tricks, tricks)]);
        self.side = Some(side);
        self.panes.push((state.shown(), chart));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pane_at_the_right_has_an_area() {
        assert_eq!(standing().count(), STANDING);
        assert_eq!(standing().next(), Some(Pane::Loss));
    }
}
