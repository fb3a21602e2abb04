//! Small things that every pane draws with. Nothing here writes outside the area it is given.

use super::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// Writes a line at (x, y) of `area`, cut at its edge.
pub(crate) fn put(buf: &mut Buffer, area: Rect, x: u16, y: u16, line: &Line<'_>) {
    if y < area.height && x < area.width {
        buf.set_line(area.x + x, area.y + y, line, area.width - x);
    }
}

/// Writes a text at (x, y) of `area`, cut at its edge.
pub(crate) fn text(buf: &mut Buffer, area: Rect, x: u16, y: u16, text: &str, style: Style) {
    put(buf, area, x, y, &Line::from(Span::styled(text, style)));
}

/// Writes a line that ends before column `end` of `area`.
pub(crate) fn put_right(buf: &mut Buffer, area: Rect, end: u16, y: u16, line: &Line<'_>) {
    put(buf, area, end.saturating_sub(line.width() as u16), y, line);
}

/// Columns of a text.
pub(crate) fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// The text cut to `columns` with an ellipsis at its end.
pub(crate) fn clip(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_string();
    }
    let mut out = String::new();
    for c in text.chars() {
        if width(&out) + width(c.encode_utf8(&mut [0; 4])) + 1 > columns {
            break;
        }
        out.push(c);
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// The text cut to `columns` with an ellipsis at its start.
pub(crate) fn clip_start(text: &str, columns: usize) -> String {
    let mut rest = text;
    while width(rest) + usize::from(rest.len() < text.len()) > columns {
        let mut chars = rest.chars();
        if chars.next().is_none() {
            return String::new();
        }
        rest = chars.as_str();
    }
    if rest.len() < text.len() { format!("…{rest}") } else { rest.to_string() }
}

/// The text cut to `columns` with an ellipsis in its middle: more of its end is kept than of its start, as of a path.
pub(crate) fn clip_middle(text: &str, columns: usize) -> String {
    if width(text) <= columns || columns < 5 {
        return clip_start(text, columns);
    }
    let start = clip(text, columns / 3 + 1);
    let end = clip_start(text, columns + 1 - width(&start));
    start.trim_end_matches('…').to_string() + &end
}

/// The text in lines of at most `columns`, broken anywhere.
pub(crate) fn fold(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for c in text.chars() {
        if let Some(line) = lines.last_mut()
            && (line.is_empty() || width(line) + width(c.encode_utf8(&mut [0; 4])) <= columns)
        {
            line.push(c);
        } else {
            lines.push(c.to_string());
        }
    }
    lines
}

/// Words broken into lines of at most `columns`; a number stays with its unit, and a word that is too long for a line
/// is broken where it must be.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match words.last_mut() {
            Some(number) if word.len() <= 2 && number.ends_with(|c: char| c.is_ascii_digit()) => {
                number.push(' ');
                number.push_str(word);
            }
            _ => words.push(word.to_string()),
        }
    }
    let mut lines = vec![String::new()];
    for mut word in words {
        let last = lines.last().map_or(0, |l| width(l));
        if last > 0 && last + 1 + width(&word) > columns {
            lines.push(String::new());
        }
        while columns > 0 && width(&word) > columns {
            let cut = word.char_indices().nth(columns).map_or(word.len(), |(at, _)| at);
            let rest = word.split_off(cut);
            if let Some(line) = lines.last_mut() {
                line.push_str(&word);
            }
            lines.push(String::new());
            word = rest;
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
    }
    lines
}

/// Draws a frame with a title and, at the right of its upper edge, a legend (as many parts of it as there is room for);
/// gives the area inside.
pub(crate) fn frame(
    theme: &Theme,
    buf: &mut Buffer,
    area: Rect,
    title: &str,
    focused: bool,
    legend: Vec<Span<'_>>,
) -> Rect {
    if area.width < 2 || area.height < 2 {
        return Rect { width: 0, height: 0, ..area };
    }
    let style = if focused { theme.accent } else { theme.frame };
    let bar = "─".repeat(usize::from(area.width) - 2);
    text(buf, area, 0, 0, &format!("┌{bar}┐"), style);
    text(buf, area, 0, area.height - 1, &format!("└{bar}┘"), style);
    for y in 1..area.height - 1 {
        text(buf, area, 0, y, "│", style);
        text(buf, area, area.width - 1, y, "│", style);
    }
    let title_style = if focused { theme.accent } else { theme.text };
    let mark = if focused { "▸" } else { " " };
    let head = clip(title, usize::from(area.width).saturating_sub(5));
    text(buf, area, 1, 0, &format!("{mark}{head} "), title_style);
    let room = usize::from(area.width).saturating_sub(width(&head) + 6);
    let mut spans = vec![Span::raw(" ")];
    for part in legend {
        let gap = Span::raw(if spans.len() > 1 { "  " } else { "" });
        if spans.iter().chain([&gap, &part]).map(Span::width).sum::<usize>() + 1 > room {
            break;
        }
        spans.extend([gap, part]);
    }
    spans.push(Span::raw(" "));
    if spans.len() > 2 {
        put_right(buf, area, area.width - 2, 0, &Line::from(spans));
    }
    Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 2 }
}

/// Writes a few words at the right of the lower edge of a frame, where there is room for them.
pub(crate) fn foot(buf: &mut Buffer, area: Rect, words: Span<'_>) {
    if words.width() + 6 <= usize::from(area.width) && area.height > 2 {
        let line = Line::from(vec![Span::raw(" "), words, Span::raw(" ")]);
        put_right(buf, area, area.width - 2, area.height - 1, &line);
    }
}

/// The first visible row of a list, so that the cursor stands in the middle when it can.
pub(crate) fn first_row(at: usize, rows: usize, room: usize) -> usize {
    at.saturating_sub(room / 2).min(rows.saturating_sub(room))
}

/// A part of a line that is left out as a whole when there is no room; rank 0 goes last.
pub(crate) struct LinePart {
    pub(crate) rank: u8,
    pub(crate) spans: Vec<Span<'static>>,
}

impl LinePart {
    pub(crate) fn new(rank: u8, spans: Vec<Span<'static>>) -> LinePart {
        LinePart { rank, spans }
    }

    pub(crate) fn width(&self) -> usize {
        self.spans.iter().map(Span::width).sum()
    }
}

/// Writes parts at the left and at the right of a row, leaving out those of the highest ranks until all fit.
pub(crate) fn row(buf: &mut Buffer, area: Rect, y: u16, gap: usize, mut left: Vec<LinePart>, mut right: Vec<LinePart>) {
    let total = |parts: &[LinePart]| parts.iter().map(|p| p.width() + gap).sum::<usize>();
    while total(&left) + total(&right) > usize::from(area.width) + gap {
        let worst = left.iter().chain(&right).map(|p| p.rank).max().unwrap_or(0);
        if left.len() + right.len() <= 1 {
            break;
        }
        if let Some(at) = right.iter().rposition(|p| p.rank == worst) {
            right.remove(at);
        } else if let Some(at) = left.iter().rposition(|p| p.rank == worst) {
            left.remove(at);
        }
    }
    let join = |parts: Vec<LinePart>| {
        let mut spans = Vec::new();
        for (i, part) in parts.into_iter().enumerate() {
            if i > 0 {
                spans.push(Span::raw(" ".repeat(gap)));
            }
            spans.extend(part.spans);
        }
        Line::from(spans)
    };
    put(buf, area, 0, y, &join(left));
    put_right(buf, area, area.width, y, &join(right));
}

const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// A curve in one row of text. `range` is its scale; without one it is the curve's own.
pub(crate) fn sparkline(values: &[f64], columns: usize, range: Option<(f64, f64)>) -> String {
    if values.is_empty() || columns == 0 {
        return " ".repeat(columns);
    }
    let own = values.iter().fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(*v), b.max(*v)));
    let (low, high) = range.unwrap_or(own);
    let bar = |v: f64| {
        let share = if high > low { (v - low) / (high - low) } else { 0.0 };
        BARS[((share * 7.0).round().clamp(0.0, 7.0)) as usize]
    };
    let used = columns.min(values.len());
    let mut out = " ".repeat(columns - used);
    for i in 0..used {
        let (from, to) = (i * values.len() / used, (i + 1) * values.len() / used);
        let part = &values[from..to.max(from + 1)];
        out.push_str(bar(part.iter().sum::<f64>() / part.len() as f64));
    }
    out
}

/// A curve of percents in one row of text, from 0 to 100.
pub(crate) fn percents<'a>(values: impl IntoIterator<Item = &'a f32>, columns: usize) -> String {
    let values: Vec<f64> = values.into_iter().map(|v| f64::from(*v)).collect();
    sparkline(&values, columns, Some((0.0, 100.0)))
}

/// Replaces every glyph by one of ASCII.
pub(crate) fn to_ascii(buf: &mut Buffer, area: Rect) {
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            if let Some(cell) = buf.cell_mut((x, y))
                && !cell.symbol().is_ascii()
            {
                let plain = ascii(cell.symbol());
                cell.set_symbol(plain);
            }
        }
    }
}

fn ascii(glyph: &str) -> &'static str {
    match glyph {
        "─" | "━" | "▃" => "-",
        "│" | "┆" | "‖" => "|",
        "┌" | "┐" | "└" | "┘" | "├" | "┤" | "┴" | "┬" | "▅" | "✓" => "+",
        "→" | "▸" => ">",
        "←" => "<",
        "·" | "▂" => ".",
        "…" => "~",
        "▁" => "_",
        "▄" => "=",
        "▆" => "x",
        "▇" | "●" => "*",
        "█" | "■" => "#",
        "◌" | "◆" => "o",
        "✗" => "X",
        "↑" => "^",
        "↓" => "v",
        "±" => "/",
        "Δ" => "d",
        "²" => "2",
        "§" => "s",
        "°" => " ",
        _ => "?",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_and_wrapped_by_columns() {
        assert_eq!(clip("warmup", 6), "warmup");
        assert_eq!(clip("warmup", 4), "war…");
        assert_eq!(clip("warmup", 0), "");
        assert_eq!(clip("日本語", 4), "日…");
        assert_eq!(clip_start("/data/images", 7), "…images");
        assert_eq!(clip_start("abc", 0), "");
        assert_eq!(clip_middle("/data/photos/val/audi/IMG_2034.jpg", 21), "/data/p…/IMG_2034.jpg");
        assert_eq!(clip_middle("IMG.jpg", 7), "IMG.jpg");
        assert_eq!(clip_middle("日本語日本語", 8), "日…本語");
        assert_eq!(clip_middle("abcdef", 3), "…ef");
        assert_eq!(fold("a  bcd", 3), ["a  ", "bcd"]);
        assert_eq!(fold("日本語", 3), ["日", "本", "語"]);
        assert_eq!(wrap("the run is over", 8), ["the run", "is over"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("x", 0), ["x"]);
        assert_eq!(wrap("best top-1 92.1 %, 2:32", 15), ["best top-1", "92.1 %, 2:32"]);
        assert_eq!(wrap("日本語", 2), ["日本", "語"]);
    }

    #[test]
    fn a_sparkline_is_as_wide_as_asked_and_shows_the_shape() {
        assert_eq!(sparkline(&[0.0, 1.0, 2.0, 3.0], 4, None), "▁▃▆█");
        assert_eq!(sparkline(&[5.0], 3, None), "  ▁");
        assert_eq!(sparkline(&[], 3, None), "   ");
        assert_eq!(percents(&[0.0, 100.0, 50.0], 3), "▁█▅");
        let many: Vec<f64> = (0..1000).map(f64::from).collect();
        assert_eq!(sparkline(&many, 8, None), "▁▂▃▄▅▆▇█");
    }
}
