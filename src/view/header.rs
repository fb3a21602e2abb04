//! The two lines at the top: what runs, how far it is, how it does.

use super::draw::{self, LinePart};
use super::theme::Theme;
use crate::app::{Curve, State, Window, frozen_text, number};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

/// Columns of a sparkline.
const SPARK: usize = 10;

/// Draws the header.
pub(crate) fn draw(state: &State, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let (left, right) = identity(state, theme);
    draw::row(buf, area, 0, 2, left, right);
    let (left, right) = figures(state, theme, area.width);
    draw::row(buf, area, 1, 2, left, right);
}

fn identity(state: &State, theme: &Theme) -> (Vec<LinePart>, Vec<LinePart>) {
    let one = |rank, text: String, style| LinePart::new(rank, vec![Span::styled(text, style)]);
    let mut left = vec![one(7, "tricktop".into(), theme.accent)];
    if let Some(info) = &state.run.info {
        left.push(one(1, info.name.clone(), theme.text));
        let net = format!("{} {}", info.net, number::large(info.parameters as u64));
        left.push(one(3, net, theme.dim));
        left.push(one(4, info.data.clone(), theme.dim));
        left.push(one(5, info.device.clone(), theme.dim));
    } else {
        left.push(one(1, state.recipe.name.clone(), theme.text));
    }
    // What counts is the epoch of the next step.
    let frozen = frozen_text(&state.recipe, state.run.epoch as u64);
    left.extend(frozen.filter(|_| !state.run.state.ended()).map(|text| one(2, text, theme.pending)));
    let (glyph, word, style) = theme.state(state.run.state);
    let mut right = vec![one(0, format!("{glyph} {word}"), style)];
    let speed = state.run.speed.value();
    if speed.is_finite() {
        right.push(one(2, format!("{:>6} img/s", number::thousands(speed.round() as u64)), theme.text));
    }
    match (state.run.left(&state.recipe), &state.run.summary) {
        (Some(left), _) => right.push(one(2, format!("left {:>6}", number::duration(left)), theme.text)),
        (None, Some(summary)) => {
            let took = std::time::Duration::try_from_secs_f64(summary.seconds).unwrap_or_default();
            right.push(one(2, format!("took {:>6}", number::duration(took)), theme.text));
        }
        _ => {}
    }
    (left, right)
}

fn figures(state: &State, theme: &Theme, width: u16) -> (Vec<LinePart>, Vec<LinePart>) {
    let run = &state.run;
    let epochs = state.recipe.train.epochs;
    let total = number::thousands(run.total_steps(&state.recipe));
    let step = number::thousands(run.step);
    let epoch = (run.epoch.ceil() as u64).clamp(1, epochs.max(1));
    let digits = epochs.to_string().len();
    let label = |text: &str| Span::styled(text.to_string(), theme.dim);
    let plain = |text: String| Span::styled(text, theme.text);
    let mut left = vec![LinePart::new(0, vec![label("epoch "), plain(format!("{epoch:>digits$}/{epochs}"))])];
    if run.info.is_some() {
        left.push(LinePart::new(
            1,
            vec![label("step "), plain(format!("{step:>w$}/{total}", w = total.chars().count()))],
        ));
    }
    let bar = if width >= 150 { 30 } else { 16 };
    let done = (run.epoch / epochs as f64).clamp(0.0, 1.0);
    let full = (done * bar as f64).round() as usize;
    let progress =
        vec![Span::styled("━".repeat(full), theme.accent), Span::styled("·".repeat(bar - full), theme.frame)];
    left.push(LinePart::new(5, progress));
    let mut right = Vec::new();
    if run.step > 0 {
        let value = number::loss(run.loss.value());
        right.push(figure(theme, 2, "loss", format!("{value:>6}"), theme.curve, &run.smooth));
        right.push(figure(theme, 3, "lr", format!("{:>6}", number::rate(run.lr)), theme.curve, &run.rate));
    }
    if let Some(score) = run.score.last() {
        let title = Span::styled(format!("{} ", run.titles()[0]), theme.dim);
        right.push(LinePart::new(4, vec![title, plain(format!("{:>6}", number::percent(score.y)))]));
    }
    if let Some(waited) = run.waited(&state.recipe) {
        let of = format!("{waited}/{}", state.recipe.train.patience);
        right.push(LinePart::new(4, vec![label("patience "), plain(of)]));
    }
    if let Some(best) = run.best {
        right.push(LinePart::new(6, vec![label("best "), plain(best.words())]));
    }
    (left, right)
}

fn figure(theme: &Theme, rank: u8, name: &str, value: String, style: Style, curve: &Curve) -> LinePart {
    LinePart::new(
        rank,
        vec![
            Span::styled(format!("{name} "), theme.dim),
            Span::styled(value, theme.text),
            Span::raw(" "),
            Span::styled(spark(curve, SPARK), style),
        ],
    )
}

/// A curve of the whole run in one row.
pub(crate) fn spark(curve: &Curve, columns: usize) -> String {
    let values: Vec<f64> = curve.points(Window::Whole).map(|p| p.y).collect();
    draw::sparkline(&values, columns, None)
}
