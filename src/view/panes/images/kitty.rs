//! Pictures by kitty's graphics protocol, as placeholders: cells of a character that the terminal replaces by parts of a
//! picture that was sent to it. To all that draws they are text, which may be scrolled, covered and drawn anew.
//!
//! Source: <https://sw.kovidgoyal.net/kitty/graphics-protocol/#unicode-placeholders>.

use crate::data::Thumbnail;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ratatui::buffer::{Buffer, CellDiffOption};
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use std::num::NonZeroU16;

/// The character that stands for a part of a picture; row and column follow as marks above it.
const PLACEHOLDER: char = '\u{10EEEE}';
/// Bytes of base64 in a sequence, at most.
const CHUNK: usize = 4096;
/// The marks for 0 to 63: more than a picture has rows or columns of cells.
const MARKS: [u16; 64] = [
    0x305, 0x30D, 0x30E, 0x310, 0x312, 0x33D, 0x33E, 0x33F, 0x346, 0x34A, 0x34B, 0x34C, 0x350, 0x351, 0x352, 0x357,
    0x35B, 0x363, 0x364, 0x365, 0x366, 0x367, 0x368, 0x369, 0x36A, 0x36B, 0x36C, 0x36D, 0x36E, 0x36F, 0x483, 0x484,
    0x485, 0x486, 0x487, 0x592, 0x593, 0x594, 0x595, 0x597, 0x598, 0x599, 0x59C, 0x59D, 0x59E, 0x59F, 0x5A0, 0x5A1,
    0x5A8, 0x5A9, 0x5AB, 0x5AC, 0x5AF, 0x5C4, 0x610, 0x611, 0x612, 0x613, 0x614, 0x615, 0x616, 0x617, 0x657, 0x658,
];

/// Draws a picture over so many columns and rows of cells at the upper left of `area`. Pictures that are seen at once have
/// different `slot`s; a new one takes the place of the old one in its slot.
pub(super) fn draw(buf: &mut Buffer, area: Rect, picture: &Thumbnail, (columns, rows): (usize, usize), slot: u8) {
    // A terminal tells pictures apart by their colours.
    let [high, middle, low] = [b'T', b'T', slot];
    let id = u32::from_be_bytes([0, high, middle, low]);
    let mut sequence = transmission(picture, id, columns, rows);
    for (y, row) in MARKS.iter().take(rows.min(area.height.into())).enumerate() {
        for (x, column) in MARKS.iter().take(columns.min(area.width.into())).enumerate() {
            let marks = [row, column].into_iter().filter_map(|mark| char::from_u32(u32::from(*mark)));
            sequence.push(PLACEHOLDER);
            sequence.extend(marks);
            if let Some(cell) = buf.cell_mut((area.x + x as u16, area.y + y as u16)) {
                let style = Style::reset().fg(Color::Rgb(high, middle, low));
                cell.set_symbol(&sequence).set_style(style);
                cell.set_diff_option(CellDiffOption::ForcedWidth(NonZeroU16::MIN));
            }
            sequence.clear();
        }
    }
}

/// What sends a picture to the terminal, to be shown by placeholders over so many cells; it answers nothing.
fn transmission(picture: &Thumbnail, id: u32, columns: usize, rows: usize) -> String {
    let (width, height) = (picture.width(), picture.height());
    let pixels = (0..height).flat_map(|y| (0..width).flat_map(move |x| picture.mean(y..y + 1, x..x + 1)));
    let data = STANDARD.encode(pixels.collect::<Vec<u8>>());
    let mut sequence = format!("\x1b_Ga=T,U=1,q=2,i={id},f=24,s={width},v={height},c={columns},r={rows},");
    for start in (0..data.len()).step_by(CHUNK) {
        let end = data.len().min(start + CHUNK);
        let (lead, more) = (if start == 0 { "" } else { "\x1b_G" }, u8::from(end < data.len()));
        sequence += &format!("{lead}m={more};{}\x1b\\", &data[start..end]);
    }
    sequence
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(edge: usize) -> Thumbnail {
        let pixels: Vec<f32> = (0..edge * edge * 3).map(|i| (i % 251) as f32).collect();
        Thumbnail::new(&pixels, [edge, edge, 3], &[0.0; 3], &[1.0; 3]).unwrap()
    }

    #[test]
    fn a_picture_is_sent_whole_in_sequences_of_the_length_allowed() {
        let sequence = transmission(&picture(64), 7, 32, 16);
        let parts: Vec<&str> = sequence.split_terminator("\x1b\\").collect();
        assert_eq!(parts.len(), 4);
        assert!(parts[0].starts_with("\x1b_Ga=T,U=1,q=2,i=7,f=24,s=64,v=64,c=32,r=16,m=1;"));
        assert!(parts[1].starts_with("\x1b_Gm=1;") && parts[3].starts_with("\x1b_Gm=0;"));
        let data: Vec<&str> = parts.iter().map(|part| part.split_once(';').unwrap().1).collect();
        assert!(data.iter().all(|part| part.len() <= CHUNK));
        let pixels = STANDARD.decode(data.concat()).unwrap();
        assert_eq!(pixels.len(), 64 * 64 * 3);
        assert!(pixels.iter().enumerate().all(|(i, v)| usize::from(*v) == i % 251));
    }

    #[test]
    fn every_cell_names_its_part_and_the_first_one_sends_the_picture() {
        let area = Rect::new(2, 1, 3, 2);
        let mut buf = Buffer::empty(Rect::new(0, 0, 8, 4));
        draw(&mut buf, area, &picture(4), (3, 2), 1);
        let first = buf[(2, 1)].symbol();
        assert!(first.starts_with("\x1b_G") && first.ends_with("\x1b\\\u{10EEEE}\u{305}\u{305}"));
        assert_eq!(buf[(4, 2)].symbol(), "\u{10EEEE}\u{30D}\u{30E}");
        assert_eq!(buf[(4, 2)].fg, Color::Rgb(b'T', b'T', 1));
        assert_eq!(buf[(5, 1)].symbol(), " ");
        // The same picture again is nothing to draw.
        assert!(buf.diff(&buf.clone()).is_empty());
    }
}
