//! What teacher and student say of the training images while distilling.

use super::nothing;
use crate::app::{Curve, Point, State, Window, number};
use crate::view::axes::Axes;
use crate::view::chart::{self, Pen, Series};
use crate::view::draw;
use crate::view::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use std::collections::VecDeque;

/// Draws shares and their curves.
pub(super) fn draw(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let taught = &state.panes.images.taught;
    let Some(last) = taught.last else {
        let what = if state.recipe.tricks.distill.on {
            "teacher and student are compared from the next step on"
        } else {
            "distillation is off: there is no teacher"
        };
        return nothing(theme, buf, area, what);
    };
    let share = |n: u64| number::percent(n as f64 / last.images as f64);
    let rows = [
        ("─ both predict the same", last.same, theme.curve),
        ("· teacher is right", last.teacher, theme.faint),
        ("◆ student is right", last.student, theme.second),
    ];
    for (y, (what, n, style)) in rows.into_iter().enumerate() {
        let spans =
            vec![Span::styled(format!("{what:<23}"), style), Span::styled(format!("{:>8}", share(n)), theme.text)];
        draw::put(buf, area, 0, y as u16, &Line::from(spans));
    }
    let of = format!("of the last {} training images", number::thousands(last.images));
    draw::text(buf, area, 0, 3, &of, theme.dim);
    let [same, teacher, student] = &taught.curves;
    let below = Rect { y: area.y + area.height.min(4), height: area.height.saturating_sub(4), ..area };
    let series = [
        series(teacher, theme.faint, Pen::Dotted),
        series(student, theme.second, Pen::Marked),
        series(same, theme.curve, Pen::Line),
    ];
    chart::draw(theme, buf, below, &axes(state, &taught.curves), &series, &VecDeque::new());
}

fn series(curve: &Curve, style: ratatui::style::Style, pen: Pen) -> Series {
    Series { points: curve.points(Window::Whole).map(|p| Point { y: 100.0 * p.y, ..p }).collect(), style, pen }
}

/// From the first point on, with a little room above and below.
fn axes(state: &State, curves: &[Curve; 3]) -> Axes {
    let ranges = curves.iter().filter_map(|curve| curve.range(Window::Whole));
    let (low, high) = ranges.fold((1.0, 0.0), |(low, high): (f64, f64), (a, b)| (low.min(a), high.max(b)));
    let first = curves[0].points(Window::Whole).next().map_or(0.0, |p| p.x);
    let room = ((high - low) * 0.08).max(0.01);
    let y = (100.0 * (low - room).max(0.0), (100.0 * (high + room)).min(101.0));
    Axes { x: (first, state.run.epoch.max(first + 1e-3)), y, log: false, cursor: None }
}
