//! A screen as an SVG picture, for the README.

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
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
    (0..area.height).for_each(|y| row(&mut out, buffer, y));
    out + "</g>\n</svg>\n"
}

/// Buffers of one size with the seconds at which they were seen, as an SVG picture that moves and begins again after
/// `length` seconds. A row that stays is there once.
pub fn film(frames: &[(f64, Buffer)], length: f64) -> String {
    let Some((_, first)) = frames.first() else { return String::new() };
    let area = *first.area();
    let (mut style, mut rows) = (String::new(), String::new());
    let mut shots = 0;
    for y in 0..area.height {
        let mut seen: Vec<(f64, String)> = Vec::new();
        for (at, buffer) in frames {
            let mut text = String::new();
            row(&mut text, buffer, y);
            if seen.last().is_none_or(|(_, last)| *last != text) {
                seen.push((*at, text));
            }
        }
        let ends = seen.iter().skip(1).map(|(at, _)| *at).chain([length]).collect::<Vec<_>>();
        for ((from, text), to) in seen.iter().zip(ends).filter(|((_, text), _)| !text.is_empty()) {
            let (from, to) = (100.0 * from / length, 100.0 * to / length);
            // (writing to a string cannot fail)
            let _ = match (from <= 0.0, to >= 100.0) {
                (true, true) => write!(rows, "{text}"),
                (start, _) => {
                    shots += 1;
                    let begin = if start { "" } else { "0%{visibility:hidden}" };
                    let _ = writeln!(
                        style,
                        "@keyframes s{shots}{{{begin}{from:.2}%{{visibility:visible}}{to:.2}%{{visibility:hidden}}}}"
                    );
                    writeln!(rows, "<g style=\"animation-name:s{shots}\">\n{text}</g>")
                }
            };
        }
    }
    let style = format!(
        "<style>g g{{visibility:hidden;animation-duration:{length:.1}s;animation-iteration-count:infinite;\
         animation-timing-function:step-end}}\n{style}</style>\n"
    );
    head(area, &style) + &rows + "</g>\n</svg>\n"
}

fn head(area: Rect, style: &str) -> String {
    let (width, height) = (u32::from(area.width) * CELL.0 + 2 * MARGIN, u32::from(area.height) * CELL.1 + 2 * MARGIN);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} \
         {height}\">\n{style}<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n<g \
         font-family=\"'DejaVu Sans Mono','JetBrains Mono',Menlo,Consolas,monospace\" font-size=\"14.95\" \
         xml:space=\"preserve\">\n"
    )
}

/// The cells of row `y`.
fn row(out: &mut String, buffer: &Buffer, y: u16) {
    let area = buffer.area();
    let mut x = 0;
    while x < area.width {
        let Some(first) = buffer.cell((area.x + x, area.y + y)) else { break };
        let mut text = String::new();
        let start = x;
        while let Some(cell) = buffer.cell((area.x + x, area.y + y)).filter(|c| x < area.width && same(c, first)) {
            text.push_str(cell.symbol());
            x += 1;
        }
        cells(out, (start, y, x - start), &text, first);
    }
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
    fn a_film_has_every_row_once_for_as_long_as_it_stays() {
        let frame = |second: &str| Buffer::with_lines(["same", second]);
        let film = film(&[(0.0, frame("one")), (1.0, frame("two")), (2.0, frame("two"))], 4.0);
        let count = |text: &str| film.matches(&format!(">{text}<")).count();
        assert_eq!([count("same"), count("one "), count("two ")], [1, 1, 1], "{film}");
        assert!(film.contains("s1{0.00%{visibility:visible}25.00%{visibility:hidden}}"), "{film}");
        assert!(
            film.contains("s2{0%{visibility:hidden}25.00%{visibility:visible}100.00%{visibility:hidden}}"),
            "{film}"
        );
    }
}
