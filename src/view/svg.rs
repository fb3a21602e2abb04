//! A screen as an SVG picture, for the README.

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Size of a cell in pixels.
const CELL: (u32, u32) = (9, 18);
/// Room around the screen.
const MARGIN: u32 = 14;
const BACKGROUND: &str = "#16181d";
const FOREGROUND: &str = "#d7dae0";

/// The buffer as an SVG picture on a dark ground. Every run of cells of one style is a text of fixed length, so that
/// columns stay aligned whatever font is there.
pub fn svg(buffer: &Buffer) -> String {
    let area = *buffer.area();
    let mut out = head(area, "");
    pieces(buffer).iter().for_each(|piece| out.push_str(piece));
    out + "</g>\n</svg>\n"
}

/// Buffers of one size with the seconds at which they were seen, as an SVG picture that moves and begins again after
/// `length` seconds. What stays is there once.
pub fn film(frames: &[(f64, Buffer)], length: f64) -> String {
    let Some((_, first)) = frames.first() else { return String::new() };
    let area = *first.area();
    let mut shots = Vec::new();
    let mut shown: BTreeMap<String, f64> = BTreeMap::new();
    for (at, buffer) in frames {
        let mut now = BTreeMap::new();
        for piece in pieces(buffer) {
            let since = shown.remove(&piece).unwrap_or(*at);
            now.insert(piece, since);
        }
        shots.extend(std::mem::replace(&mut shown, now).into_iter().map(|(piece, from)| (from, *at, piece)));
    }
    shots.extend(shown.into_iter().map(|(piece, from)| (from, length, piece)));
    // Pieces of one time move together.
    shots.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let (mut style, mut body) = (String::new(), String::new());
    for (number, shot) in shots.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).enumerate() {
        let (from, to) = (100.0 * shot[0].0 / length, 100.0 * shot[0].1 / length);
        let begin = if from > 0.0 { "0%{visibility:hidden}" } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(
            style,
            "@keyframes s{number}{{{begin}{from:.2}%{{visibility:visible}}{to:.2}%{{visibility:hidden}}}}"
        );
        let _ = writeln!(body, "<g style=\"animation-name:s{number}\">");
        shot.iter().for_each(|(_, _, piece)| body.push_str(piece));
        body.push_str("</g>\n");
    }
    let style = format!(
        "g g{{visibility:hidden;animation-duration:{length:.1}s;animation-iteration-count:infinite;\
         animation-timing-function:step-end}}\n{style}"
    );
    head(area, &style) + &body + "</g>\n</svg>\n"
}

fn head(area: Rect, style: &str) -> String {
    let (width, height) = (u32::from(area.width) * CELL.0 + 2 * MARGIN, u32::from(area.height) * CELL.1 + 2 * MARGIN);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} \
         {height}\">\n<style>text{{white-space:pre}}\n{style}</style>\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n<g \
         font-family=\"'DejaVu Sans Mono','JetBrains Mono',Menlo,Consolas,monospace\" font-size=\"14.95\" \
         xml:space=\"preserve\">\n"
    )
}

/// The texts and grounds of a buffer, each run of cells of one style a piece.
fn pieces(buffer: &Buffer) -> Vec<String> {
    let area = *buffer.area();
    let mut pieces = Vec::new();
    for y in 0..area.height {
        let mut x = 0;
        while x < area.width {
            let Some(first) = buffer.cell((area.x + x, area.y + y)) else { break };
            let mut text = String::new();
            let start = x;
            while let Some(cell) = buffer.cell((area.x + x, area.y + y)).filter(|c| x < area.width && same(c, first)) {
                text.push_str(cell.symbol());
                x += 1;
            }
            let mut piece = String::new();
            cells(&mut piece, (start, y, x - start), &text, first);
            pieces.push(piece);
        }
    }
    pieces
}

fn same(a: &Cell, b: &Cell) -> bool {
    a.fg == b.fg && a.bg == b.bg && a.modifier == b.modifier
}

fn cells(out: &mut String, (x, y, n): (u16, u16, u16), text: &str, style: &Cell) {
    let (px, py) = (u32::from(x) * CELL.0 + MARGIN, u32::from(y) * CELL.1 + MARGIN);
    let length = u32::from(n) * CELL.0;
    let reversed = style.modifier.contains(Modifier::REVERSED);
    let (mut fill, mut ground) = (hex(style.fg, FOREGROUND), hex(style.bg, BACKGROUND));
    if reversed {
        std::mem::swap(&mut fill, &mut ground);
    }
    // Writing to a string cannot fail.
    if reversed || style.bg != Color::Reset {
        let _ =
            writeln!(out, "<rect x=\"{px}\" y=\"{py}\" width=\"{length}\" height=\"{}\" fill=\"{ground}\"/>", CELL.1);
    }
    if text.trim().is_empty() {
        return;
    }
    let bold = if style.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let dim = if style.modifier.contains(Modifier::DIM) { " opacity=\"0.6\"" } else { "" };
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let _ = writeln!(
        out,
        "<text x=\"{px}\" y=\"{}\" textLength=\"{length}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{fill}\"{bold}{dim}>{escaped}</text>",
        py + 14
    );
}

fn hex(color: Color, default: &str) -> String {
    let (r, g, b) = match color {
        Color::Indexed(i @ 16..=231) => {
            let level = |v: u8| if v == 0 { 0 } else { 55 + 40 * v };
            let i = i - 16;
            (level(i / 36), level(i / 6 % 6), level(i % 6))
        }
        Color::Indexed(i @ 232..) => {
            let v = 8 + 10 * (i - 232);
            (v, v, v)
        }
        Color::Rgb(r, g, b) => (r, g, b),
        _ => return default.to_string(),
    };
    format!("#{r:02x}{g:02x}{b:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::style::Style;

    #[test]
    fn text_is_escaped_and_coloured() {
        let mut buffer = Buffer::empty(ratatui::layout::Rect::new(0, 0, 6, 1));
        buffer.set_string(0, 0, "a<b", Style::new().fg(Color::Indexed(203)));
        let svg = svg(&buffer);
        assert!(svg.contains("fill=\"#ff5f5f\">a&lt;b</text>"), "{svg}");
        assert!(svg.ends_with("</svg>\n"));
    }

    #[test]
    fn a_film_has_what_stays_once() {
        let frame = |second: &str| Buffer::with_lines(["same", second]);
        let film = film(&[(0.0, frame("one")), (1.0, frame("two")), (2.0, frame("two"))], 4.0);
        let count = |text: &str| film.matches(&format!(">{text}<")).count();
        assert_eq!([count("same"), count("one "), count("two ")], [1, 1, 1], "{film}");
        assert!(film.contains("{0.00%{visibility:visible}25.00%{visibility:hidden}}"), "{film}");
        assert!(film.contains("{0.00%{visibility:visible}100.00%{visibility:hidden}}"), "{film}");
        assert!(film.contains("{0%{visibility:hidden}25.00%{visibility:visible}100.00%{visibility:hidden}}"), "{film}");
    }
}
