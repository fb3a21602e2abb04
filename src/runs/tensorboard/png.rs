//! A grey image as a PNG file.

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use std::io::Write;

/// The file of a square image of `side` pixels.
pub(super) fn grey(pixels: &[u8], side: usize) -> Vec<u8> {
    let size = (side as u32).to_be_bytes();
    // 8 bits, grey, and the only methods there are.
    let head = [&size[..], &size, &[8, 0, 0, 0, 0]].concat();
    // Before every row stands its filter: none.
    let rows: Vec<u8> = pixels.chunks(side.max(1)).flat_map(|row| [&[0], row].concat()).collect();
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    // A `Vec` takes everything: there is no error to report.
    let packed = packed.write_all(&rows).and_then(|()| packed.finish()).unwrap_or_default();
    [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &head), &chunk(b"IDAT", &packed), &chunk(b"IEND", &[])].concat()
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(kind);
    crc.update(data);
    [&(data.len() as u32).to_be_bytes()[..], kind, data, &crc.sum().to_be_bytes()].concat()
}
